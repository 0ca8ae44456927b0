/* The two ways through a PNG against what was written, and against each other. */
#include "base/rng.h"
#include "data/decode.h"

#include <criterion/criterion.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 67, ROW_MAX = 2 * SIDE_MAX };

/* A gray image as it is to be written. */
typedef struct gray_file {
    int width, height, depth, filters, colour, interlace;
    size_t piece; /* bytes of an IDAT */
    uint8_t samples[SIDE_MAX][ROW_MAX];
} gray_file;

static void append(png_structp png, png_bytep bytes, size_t n)
{
    text_bytes(png_get_io_ptr(png), bytes, n);
}

static void nothing(png_structp png)
{
    (void)png;
}

/* Smooth with some noise, so that every filter has something to foretell. */
static void fill_samples(gray_file *f)
{
    rng draw = rng_open(3, "test/png", (uint64_t)(f->width * 1000 + f->height));
    for (int y = 0; y < f->height; y++)
        for (int i = 0; i < f->width * f->depth / 8; i++)
            f->samples[y][i] = (uint8_t)(3 * y + 2 * i + rng_below(&draw, 40));
}

static text written(gray_file *f)
{
    text out = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_text note = {
        .compression = PNG_TEXT_COMPRESSION_NONE, .key = (char[]){"Title"}, .text = (char[]){"X-ray"}};
    png_set_write_fn(png, &out, append, nothing);
    png_set_compression_buffer_size(png, f->piece);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, f->filters);
    png_set_IHDR(png, info, (png_uint_32)f->width, (png_uint_32)f->height, f->depth, f->colour, f->interlace,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(png, info, &note, 1);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < f->height; y++) png_write_row(png, f->samples[y]);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    cr_assert_eq(text_check(&out), OK);
    return out;
}

static void expect_samples(const gray_file *f, gray_image *image)
{
    cr_assert(image->width == f->width && image->height == f->height);
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            const uint8_t *s = f->samples[y] + x * f->depth / 8;
            float want = f->depth == 8 ? (float)s[0] : (float)(s[0] << 8 | s[1]) / 257.0F;
            cr_assert_eq(image->pixels[y * f->width + x], want, "%d x %d, filters %d: %d, %d", f->width,
                         f->height, f->filters, y, x);
        }
    free(image->pixels);
}

static void check_both(gray_file *f)
{
    gray_image image;
    fill_samples(f);
    text file = written(f);
    cr_assert(png_decode_gray("a.png", file.data, file.length, &image), "%d x %d, depth %d, filters %d",
              f->width, f->height, f->depth, f->filters);
    expect_samples(f, &image);
    cr_assert_eq(png_decode_any("a.png", file.data, file.length, &image), OK);
    expect_samples(f, &image);
    text_close(&file);
}

Test(png, every_filter_and_size)
{
    static const int filters[] = {PNG_FILTER_NONE, PNG_FILTER_SUB,   PNG_FILTER_UP,
                                  PNG_FILTER_AVG,  PNG_FILTER_PAETH, PNG_ALL_FILTERS};
    static const int sides[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {33, 20}, {SIDE_MAX, SIDE_MAX}};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        for (size_t k = 0; k < sizeof sides / sizeof *sides; k++)
            for (int depth = 8; depth <= 16; depth += 8) {
                gray_file f = {.width = sides[k][0],
                               .height = sides[k][1],
                               .depth = depth,
                               .filters = filters[i],
                               .colour = PNG_COLOR_TYPE_GRAY,
                               .piece = k % 2 ? 64 : 8192};
                check_both(&f);
            }
}

static gray_file small_file(void)
{
    gray_file f = {.width = 9, .height = 7, .depth = 8, .filters = PNG_ALL_FILTERS, .piece = 40};
    f.colour = PNG_COLOR_TYPE_GRAY;
    fill_samples(&f);
    return f;
}

/* Every part of a file has a checksum: what libpng may forgive is left to it. */
Test(png, a_damaged_file_is_not_for_the_fast_way)
{
    gray_file f = small_file();
    text file = written(&f);
    gray_image image;
    for (size_t i = 0; i < file.length; i++)
        for (int bit = 0; bit < 8; bit++) {
            file.data[i] = (char)(file.data[i] ^ 1 << bit);
            cr_expect_not(png_decode_gray("a.png", file.data, file.length, &image), "byte %zu", i);
            file.data[i] = (char)(file.data[i] ^ 1 << bit);
        }
    cr_assert(png_decode_gray("a.png", file.data, file.length, &image));
    expect_samples(&f, &image);
    text_close(&file);
}

Test(png, what_ends_too_early_is_not_for_the_fast_way)
{
    gray_file f = small_file();
    text file = written(&f);
    gray_image image;
    for (size_t n = 0; n < file.length; n++) {
        char *part = malloc(n + 1); /* of its own length, for sanitizers */
        memcpy(part, file.data, n);
        cr_expect_not(png_decode_gray("a.png", part, n, &image));
        cr_expect_null(image.pixels);
        free(part);
    }
    text_close(&file);
}

Test(png, other_kinds_are_not_for_the_fast_way)
{
    gray_file interlaced = small_file(), colour = small_file();
    interlaced.interlace = PNG_INTERLACE_ADAM7;
    colour.colour = PNG_COLOR_TYPE_RGB;
    gray_file *files[] = {&interlaced, &colour};
    for (int i = 0; i < 2; i++) {
        text file = written(files[i]);
        gray_image image;
        cr_expect_not(png_decode_gray("a.png", file.data, file.length, &image));
        cr_assert_eq(png_decode_any("a.png", file.data, file.length, &image), OK);
        free(image.pixels);
        text_close(&file);
    }
}
