#include "data/decode.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h> /* before jpeglib.h, which needs FILE */
#include <stdlib.h>
/* libjpeg's headers want this order. */
#include <jerror.h>
#include <jpeglib.h>

/* All that lives on both sides of the longjmp out of libjpeg is in here, not in local variables. `manager` is
 * first: libjpeg hands back a pointer to it. */
typedef struct jpeg_job {
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    const char *path;
    struct jpeg_decompress_struct jpeg;
    JSAMPLE *row;
    gray_image image;
} jpeg_job;

static void fail(j_common_ptr jpeg)
{
    jpeg_job *job = (jpeg_job *)jpeg->err;
    char reason[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, reason);
    (void)err_set(ERR_DATA, "%s: the JPEG image cannot be decoded; it may be truncated or damaged (%s)",
                  job->path, reason);
    longjmp(job->escape, 1);
}

/* libjpeg fills what a truncated or damaged file lacks with gray and only warns. The warnings let through
 * here are about files that decode completely. */
static void judge_warning(j_common_ptr jpeg, int level)
{
    if (level >= 0) return; /* a trace message */
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA: /* bytes between two markers */
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_NOT_SEQUENTIAL:
        break;
    default:
        fail(jpeg);
    }
}

/* Every scan goes over all blocks, and an empty one needs a few bytes only: cameras and archives write ten.
 */
static void judge_progress(j_common_ptr jpeg)
{
    enum { MOST_SCANS = 500 };
    jpeg_job *job = (jpeg_job *)jpeg->err;
    if (((j_decompress_ptr)jpeg)->input_scan_number <= MOST_SCANS) return;
    (void)err_set(ERR_DATA, "%s: is a JPEG image of more than %d scans", job->path, MOST_SCANS);
    longjmp(job->escape, 1);
}

/* The largest component has a block for each 8 x 8 pixels, and in each a Huffman code of its mean: one bit or
 * more. */
static size_t most_pixels(size_t file_bytes)
{
    return file_bytes * 8 * 64;
}

static err run_reader(jpeg_job *job, const char *bytes, size_t n)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    if (setjmp(job->escape)) return ERR_DATA; /* the message is set */
    jpeg_create_decompress(jpeg);
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, (const unsigned char *)bytes, (unsigned long)n);
    (void)jpeg_read_header(jpeg, TRUE);
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
        return err_set(ERR_DATA, "%s: is a CMYK image; convert it to gray or RGB", job->path);
    if (jpeg->arith_code)
        return err_set(ERR_DATA,
                       "%s: is an arithmetic-coded JPEG image; save it with Huffman codes, as nearly all are",
                       job->path);
    TRY(gray_image_open(job->path, jpeg->image_width, jpeg->image_height, most_pixels(n), &job->image));
    jpeg->out_color_space = JCS_GRAYSCALE; /* the luma channel, which JFIF defines by BT.601 */
    jpeg->dct_method = JDCT_ISLOW;         /* the same result with and without SIMD */
    (void)jpeg_start_decompress(jpeg);
    job->row = malloc(jpeg->output_width);
    if (!job->row) return err_set(ERR_SYSTEM, "%s: out of memory for a row of pixels", job->path);
    for (float *out = job->image.pixels; jpeg->output_scanline < jpeg->output_height;
         out += jpeg->output_width) {
        (void)jpeg_read_scanlines(jpeg, &job->row, 1);
        for (JDIMENSION x = 0; x < jpeg->output_width; x++) out[x] = (float)job->row[x];
    }
    (void)jpeg_finish_decompress(jpeg); /* reads on to the end-of-image marker */
    return OK;
}

err jpeg_decode(const char *path, const char *bytes, size_t n, gray_image *out)
{
    jpeg_job job = {.path = path};
    job.jpeg.err = jpeg_std_error(&job.manager);
    job.manager.error_exit = fail;
    job.manager.emit_message = judge_warning;
    job.progress.progress_monitor = judge_progress;
    err error = run_reader(&job, bytes, n);
    jpeg_destroy_decompress(&job.jpeg);
    free(job.row);
    if (error != OK) {
        free(job.image.pixels);
        job.image = (gray_image){0};
    }
    *out = job.image;
    return error;
}
