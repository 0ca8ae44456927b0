#include "base/files.h"
#include "base/text.h"
#include "data/decode.h"

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Luma of ITU-R BT.601, section 2.5.1: Y = 0.299 R + 0.587 G + 0.114 B. */
static const float luma[3] = {0.299F, 0.587F, 0.114F};

/* All that lives on both sides of the longjmp out of libpng is in here, not in local variables. */
typedef struct png_job {
    jmp_buf escape;
    err code;
    const char *path;
    png_structp png;
    png_infop info;
    const char *bytes; /* what is left of the file to read */
    size_t left;
    text *written;
    bool plain; /* do not compress what is written */
    png_bytep rows;
    gray_image image;
} png_job;

static void fail(png_structp png, png_const_charp reason)
{
    png_job *job = png_get_error_ptr(png);
    if (job->code == OK)
        job->code =
            err_set(ERR_DATA, "%s: the PNG image cannot be decoded; it may be truncated or damaged (%s)",
                    job->path, reason);
    longjmp(job->escape, 1);
}

static void ignore_warning(png_structp png, png_const_charp reason)
{
    (void)png;
    (void)reason;
}

static void read_bytes(png_structp png, png_bytep out, size_t n)
{
    png_job *job = png_get_io_ptr(png);
    if (n > job->left) png_error(png, "the file ends too early");
    memcpy(out, job->bytes, n);
    job->bytes += n;
    job->left -= n;
}

/* Asks libpng for gray or RGB rows of 8 or 16 bits without alpha. */
static void choose_layout(png_job *job)
{
    int colour = png_get_color_type(job->png, job->info);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(job->png);
    if (colour == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(job->png, job->info) < 8)
        png_set_expand_gray_1_2_4_to_8(job->png);
    png_set_strip_alpha(job->png);
    (void)png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
}

static float sample_at(png_const_bytep row, size_t i, bool wide)
{
    /* 65535 / 257 = 255: the same white in both depths. */
    return wide ? (float)(row[2 * i] << 8 | row[2 * i + 1]) / 257.0F : (float)row[i];
}

void png_convert_row(const uint8_t *row, float *out, int width, size_t channels, bool wide)
{
    if (channels == 1 && !wide) { /* most X-rays: a loop that compilers turn into vectors */
        for (int x = 0; x < width; x++) out[x] = (float)row[x];
        return;
    }
    for (int x = 0; x < width; x++) {
        size_t i = (size_t)x * channels;
        out[x] = channels == 1 ? sample_at(row, i, wide)
                               : luma[0] * sample_at(row, i, wide) + luma[1] * sample_at(row, i + 1, wide) +
                                     luma[2] * sample_at(row, i + 2, wide);
    }
}

/* Interlaced images come in 7 passes over all rows, so those are kept; others need one row at a time. */
static void read_rows(png_job *job)
{
    bool interlaced = png_get_interlace_type(job->png, job->info) != PNG_INTERLACE_NONE;
    int passes = interlaced ? 7 : 1, width = job->image.width, height = job->image.height;
    size_t channels = png_get_channels(job->png, job->info),
           row_bytes = png_get_rowbytes(job->png, job->info);
    bool wide = png_get_bit_depth(job->png, job->info) == 16;
    job->rows = calloc(interlaced ? (size_t)height : 1, row_bytes);
    if (!job->rows) {
        job->code = err_set(ERR_SYSTEM, "%s: out of memory for %d x %d pixels", job->path, width, height);
        longjmp(job->escape, 1);
    }
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++) {
            png_bytep row = job->rows + (interlaced ? (size_t)y * row_bytes : 0);
            png_read_row(job->png, row, NULL);
            if (pass == passes - 1)
                png_convert_row(row, job->image.pixels + (size_t)y * (size_t)width, width, channels, wide);
        }
}

static size_t most_pixels(png_job *job, size_t file_bytes)
{
    size_t bits = (size_t)png_get_bit_depth(job->png, job->info) * png_get_channels(job->png, job->info);
    return file_bytes * PNG_EXPANSION * 8 / (bits ? bits : 1);
}

static err run_reader(png_job *job)
{
    if (setjmp(job->escape)) return job->code;
    size_t file_bytes = job->left;
    png_set_read_fn(job->png, job, read_bytes);
    png_read_info(job->png, job->info);
    TRY(gray_image_open(job->path, png_get_image_width(job->png, job->info),
                        png_get_image_height(job->png, job->info), most_pixels(job, file_bytes),
                        &job->image));
    choose_layout(job);
    read_rows(job);
    png_read_end(job->png, NULL); /* a file cut off behind the last row is truncated as well */
    return OK;
}

err png_decode(const char *path, const char *bytes, size_t n, gray_image *out)
{
    return png_decode_gray(path, bytes, n, out) ? OK : png_decode_any(path, bytes, n, out);
}

err png_decode_any(const char *path, const char *bytes, size_t n, gray_image *out)
{
    png_job job = {.path = path, .bytes = bytes, .left = n};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, fail, ignore_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    err error =
        job.info ? run_reader(&job) : err_set(ERR_SYSTEM, "%s: out of memory for the PNG reader", path);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    if (error != OK) {
        free(job.image.pixels);
        job.image = (gray_image){0};
    }
    *out = job.image;
    return error;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t n)
{
    png_job *job = png_get_io_ptr(png);
    text_bytes(job->written, bytes, n);
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static err run_writer(png_job *job, const uint8_t *pixels, png_uint_32 width, png_uint_32 height)
{
    if (setjmp(job->escape)) return job->code;
    png_set_write_fn(job->png, job, write_bytes, flush_nothing);
    png_set_IHDR(job->png, job->info, width, height, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (job->plain) {
        png_set_compression_level(job->png, 0);
        png_set_filter(job->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
    }
    png_write_info(job->png, job->info);
    for (png_uint_32 y = 0; y < height; y++) png_write_row(job->png, pixels + (size_t)y * width);
    png_write_end(job->png, NULL);
    return OK;
}

static err png_encode(const char *path, const uint8_t *pixels, int width, int height, bool plain, text *out)
{
    if (width < 1 || height < 1)
        return err_set(ERR_USAGE, "%s: an image of %d x %d pixels is empty", path, width, height);
    png_job job = {.path = path, .written = out, .plain = plain};
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, fail, ignore_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    err error = job.info ? run_writer(&job, pixels, (png_uint_32)width, (png_uint_32)height)
                         : err_set(ERR_SYSTEM, "%s: out of memory for the PNG writer", path);
    png_destroy_write_struct(&job.png, &job.info);
    return error == OK ? text_check(out) : error;
}

err image_png(const uint8_t *pixels, int width, int height, text *out)
{
    return png_encode("a PNG in memory", pixels, width, height, false, out);
}

err image_png_plain(const uint8_t *pixels, int width, int height, text *out)
{
    return png_encode("a PNG in memory", pixels, width, height, true, out);
}

err image_write_png(const char *path, const uint8_t *pixels, int width, int height)
{
    text written = {0};
    err error = png_encode(path, pixels, width, height, false, &written);
    if (error == OK) error = text_save(&written, path);
    text_close(&written);
    return error;
}

static err write_plainly(const char *path, const text *content)
{
    FILE *file = fopen(path, "wbe");
    if (!file) return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be written", path);
    bool good = fwrite(content->data, 1, content->length, file) == content->length;
    good = fclose(file) == 0 && good;
    return good ? OK : err_set_errno(ERR_IO, "%s: writing failed", path);
}

err image_write_png_unsynced(const char *path, const uint8_t *pixels, int width, int height)
{
    text written = {0};
    err error = png_encode(path, pixels, width, height, false, &written);
    if (error == OK) error = write_plainly(path, &written);
    text_close(&written);
    return error;
}
