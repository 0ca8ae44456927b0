#include "data/images.h"
#include "data/npy.h"
#include "scratch.h"

#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <zlib.h>

TestSuite(images, .init = scratch_make, .fini = scratch_drop);

enum { WIDTH = 13, HEIGHT = 11 }; /* odd: every pass of Adam7 has ragged ends */

/* One kind of PNG, its samples, and what a reader must make of them. */
typedef struct variant {
    int colour, depth, interlace, channels;
    unsigned samples[HEIGHT][WIDTH][4];
    float want[HEIGHT][WIDTH];
    png_color palette[256];
} variant;

static double luma_of(double r, double g, double b)
{
    return 0.299 * r + 0.587 * g + 0.114 * b;
}

static void fill_variant(variant *v)
{
    unsigned most = (1U << v->depth) - 1;
    for (int i = 0; i < 256; i++)
        v->palette[i] = (png_color){(png_byte)(255 - i), (png_byte)(i * 5), (png_byte)(i ^ 85)};
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            unsigned *s = v->samples[y][x];
            for (int c = 0; c < 4; c++) s[c] = ((unsigned)(y * 40503 + x * 30011 + c * 20011) >> 3) & most;
            double scale = 255.0 / most;
            if (v->colour == PNG_COLOR_TYPE_PALETTE) {
                png_color p = v->palette[s[0]];
                v->want[y][x] = (float)luma_of(p.red, p.green, p.blue);
            } else if (v->colour & PNG_COLOR_MASK_COLOR)
                v->want[y][x] = (float)luma_of(s[0] * scale, s[1] * scale, s[2] * scale);
            else
                v->want[y][x] = (float)(s[0] * scale);
        }
}

static void pack_row(const variant *v, int y, png_bytep row)
{
    memset(row, 0, WIDTH * 8);
    for (int x = 0; x < WIDTH; x++)
        for (int c = 0; c < v->channels; c++) {
            int bit = (x * v->channels + c) * v->depth;
            unsigned s = v->samples[y][x][c];
            if (v->depth == 16) {
                row[bit / 8] = (png_byte)(s >> 8);
                row[bit / 8 + 1] = (png_byte)s;
            } else
                row[bit / 8] |= (png_byte)(s << (8 - v->depth - bit % 8));
        }
}

static void write_variant(const variant *v, const char *path, bool transparent)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_byte rows[HEIGHT][WIDTH * 8];
    png_bytep pointers[HEIGHT];
    for (int y = 0; y < HEIGHT; y++) pack_row(v, y, pointers[y] = rows[y]);
    png_init_io(png, file);
    png_set_IHDR(png, info, WIDTH, HEIGHT, v->depth, v->colour, v->interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (v->colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, v->palette, 1 << v->depth);
    png_byte alpha[2] = {0, 100};
    png_color_16 key = {.gray = (png_uint_16)v->samples[0][0][0]};
    if (transparent) png_set_tRNS(png, info, alpha, 2, &key);
    png_write_info(png, info);
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    (void)fclose(file);
}

static void expect_pixels(const gray_image *image, const variant *v)
{
    cr_assert(image->width == WIDTH && image->height == HEIGHT);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            float got = image->pixels[y * WIDTH + x], want = v->want[y][x];
            cr_expect(fabsf(got - want) < 1e-3F, "colour %d, depth %d, interlace %d, (%d,%d): %g, want %g",
                      v->colour, v->depth, v->interlace, x, y, (double)got, (double)want);
        }
}

static const struct {
    int colour, channels, depths[5];
} kinds[] = {{PNG_COLOR_TYPE_GRAY, 1, {1, 2, 4, 8, 16}},
             {PNG_COLOR_TYPE_PALETTE, 1, {1, 2, 4, 8}},
             {PNG_COLOR_TYPE_GRAY_ALPHA, 2, {8, 16}},
             {PNG_COLOR_TYPE_RGB, 3, {8, 16}},
             {PNG_COLOR_TYPE_RGB_ALPHA, 4, {8, 16}}};

static void check_variant(size_t kind, int depth, int interlace, bool transparent)
{
    static variant v;
    gray_image image;
    v = (variant){.colour = kinds[kind].colour,
                  .channels = kinds[kind].channels,
                  .depth = depth,
                  .interlace = interlace};
    fill_variant(&v);
    write_variant(&v, in_scratch("v.png"), transparent);
    ASSERT_OK(image_read(in_scratch("v.png"), &image));
    expect_pixels(&image, &v);
    free(image.pixels);
}

Test(images, every_kind_of_png)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int d = 0; d < 5 && kinds[k].depths[d]; d++)
            for (int interlace = PNG_INTERLACE_NONE; interlace <= PNG_INTERLACE_ADAM7; interlace++)
                check_variant(k, kinds[k].depths[d], interlace, false);
}

Test(images, transparency_is_not_applied)
{
    for (size_t k = 0; k < 2; k++)
        for (int d = 0; d < 5 && kinds[k].depths[d]; d++)
            for (int interlace = PNG_INTERLACE_NONE; interlace <= PNG_INTERLACE_ADAM7; interlace++)
                check_variant(k, kinds[k].depths[d], interlace, true);
}

static void expect_like(const char *jpeg, const char *wanted, float tolerance)
{
    gray_image image;
    npy want;
    ASSERT_OK(image_read(in_golden(jpeg), &image));
    ASSERT_OK(npy_open(in_golden(wanted), &want));
    cr_assert(image.height == want.shape[0] && image.width == want.shape[1]);
    for (int i = 0; i < image.width * image.height; i++) {
        float got = image.pixels[i], expected = ((const float *)want.data)[i];
        cr_expect(fabsf(got - expected) <= tolerance, "%s, pixel %d: %g, want %g", jpeg, i, (double)got,
                  (double)expected);
    }
    npy_close(&want);
    free(image.pixels);
}

Test(images, jpegs_as_pillow_reads_them)
{
    expect_like("data_gray.jpg", "data_gray_jpg.npy", 1);
    /* Pillow's RGB was rounded to 8 bits in each channel before the luma was taken from it again. */
    expect_like("data_colour.jpg", "data_colour_jpg.npy", 1.5F);
}

static void expect_no_prefix_opens(const char *path)
{
    size_t n;
    char *bytes = bytes_of(path, &n);
    for (size_t length = 0; length < n; length++) {
        gray_image image;
        (void)put_bytes("cut", bytes, length);
        EXPECT_ERROR(image_read(in_scratch("cut"), &image), ERR_DATA, "cut");
        cr_expect_null(image.pixels);
    }
    free(bytes);
}

Test(images, a_truncated_png_is_an_error)
{
    uint8_t pixels[64];
    for (int i = 0; i < 64; i++) pixels[i] = (uint8_t)(i * 37);
    ASSERT_OK(image_write_png(in_scratch("a.png"), pixels, 8, 8));
    expect_no_prefix_opens(in_scratch("a.png"));
}

Test(images, a_truncated_jpeg_is_an_error)
{
    expect_no_prefix_opens(in_golden("data_gray.jpg"));
    expect_no_prefix_opens(in_golden("data_colour.jpg"));
}

Test(images, a_damaged_png_is_an_error)
{
    uint8_t pixels[64] = {9};
    size_t n;
    gray_image image;
    ASSERT_OK(image_write_png(in_scratch("a.png"), pixels, 8, 8));
    char *bytes = bytes_of(in_scratch("a.png"), &n);
    bytes[n - 20] ^= 1; /* in the CRC-protected pixels, before the 12 bytes of IEND */
    (void)put_bytes("a.png", bytes, n);
    EXPECT_ERROR(image_read(in_scratch("a.png"), &image), ERR_DATA, "a.png");
    free(bytes);
}

/* Whatever bytes a file has, reading ends in an image or in ERR_DATA: the sanitizers watch the rest. */
Test(images, no_flipped_byte_does_harm)
{
    static const char *const names[] = {"data_gray.jpg", "data_colour.jpg"};
    for (size_t f = 0; f < 2; f++) {
        size_t n;
        char *bytes = bytes_of(in_golden(names[f]), &n);
        for (size_t i = 0; i < n; i++) {
            gray_image image;
            bytes[i] = (char)~bytes[i];
            (void)put_bytes("flip", bytes, n);
            err got = image_read(in_scratch("flip"), &image);
            cr_expect(got == OK || got == ERR_DATA, "byte %zu: %d, %s", i, got, err_message());
            free(image.pixels);
            bytes[i] = (char)~bytes[i];
        }
        free(bytes);
    }
}

Test(images, the_name_does_not_matter)
{
    uint8_t pixels[6] = {0, 50, 100, 150, 200, 255};
    gray_image image;
    ASSERT_OK(image_write_png(in_scratch("really.jpg"), pixels, 3, 2));
    ASSERT_OK(image_read(in_scratch("really.jpg"), &image));
    cr_assert(image.width == 3 && image.height == 2);
    for (int i = 0; i < 6; i++) cr_expect_eq(image.pixels[i], (float)pixels[i]);
    free(image.pixels);
}

Test(images, files_that_are_no_images)
{
    gray_image image;
    put_text("text.png", "GIF89a, or anything else");
    put_text("empty.png", "");
    EXPECT_ERROR(image_read(in_scratch("text.png"), &image), ERR_DATA, "text.png");
    EXPECT_ERROR(image_read(in_scratch("empty.png"), &image), ERR_DATA, "empty");
    EXPECT_ERROR(image_read(in_scratch("none.png"), &image), ERR_NO_INPUT, "none.png");
    EXPECT_ERROR(image_read(scratch, &image), ERR_NO_INPUT, scratch);
    EXPECT_ERROR(image_read(in_golden("data_bad_cmyk.jpg"), &image), ERR_DATA, "CMYK");
    char dicom[200] = "";
    memcpy(dicom + 128, "DICM", 4);
    (void)put_bytes("1.dcm", dicom, sizeof dicom);
    EXPECT_ERROR(image_read(in_scratch("1.dcm"), &image), ERR_DATA, "dcmj2pnm --write-png");
}

Test(images, sizes_have_a_limit)
{
    static uint8_t row[20001];
    gray_image image;
    ASSERT_OK(image_write_png(in_scratch("wide.png"), row, 20000, 1));
    ASSERT_OK(image_read(in_scratch("wide.png"), &image));
    free(image.pixels);
    ASSERT_OK(image_write_png(in_scratch("wide.png"), row, 20001, 1));
    EXPECT_ERROR(image_read(in_scratch("wide.png"), &image), ERR_DATA, "20001 x 1");
    ASSERT_OK(image_write_png(in_scratch("tall.png"), row, 1, 20001));
    EXPECT_ERROR(image_read(in_scratch("tall.png"), &image), ERR_DATA, "1 x 20001");
    size_t n; /* 60000 x 60000 pixels are announced and nothing must be allocated for them */
    char *bytes = bytes_of(in_golden("data_gray.jpg"), &n);
    size_t frame = 2; /* the SOF0 marker, ff c0; its length, then height and width are 5 bytes on */
    while (frame + 9 < n && memcmp(bytes + frame, "\xff\xc0", 2) != 0) frame++;
    memcpy(bytes + frame + 5, "\xea\x60\xea\x60", 4);
    (void)put_bytes("huge.jpg", bytes, n);
    EXPECT_ERROR(image_read(in_scratch("huge.jpg"), &image), ERR_DATA, "60000 x 60000");
    free(bytes);
}

/* What a file announces must be possible for its length before memory is taken for it: fuzzing found 1.6 GB
 * for these. */
Test(images, a_small_file_cannot_claim_a_large_image)
{
    gray_image image;
    size_t n;
    uint8_t pixels[64] = {9};
    ASSERT_OK(image_write_png(in_scratch("a.png"), pixels, 8, 8));
    char *bytes = bytes_of(in_scratch("a.png"), &n);
    memcpy(bytes + 16, "\0\0\x4e\x20\0\0\x4e\x20", 8); /* IHDR's width and height: 20000 */
    uint32_t crc = (uint32_t)crc32(0, (const Bytef *)bytes + 12, 17);
    for (int i = 0; i < 4; i++) bytes[29 + i] = (char)(crc >> (24 - 8 * i));
    (void)put_bytes("vast.png", bytes, n);
    EXPECT_ERROR(image_read(in_scratch("vast.png"), &image), ERR_DATA, "20000 x 20000 pixels cannot be in");
    free(bytes);
    static const char vast[] = PROJECT_ROOT "/tests/fuzz/corpus/jpeg/vast.jpg";
    EXPECT_ERROR(image_read(vast, &image), ERR_DATA, "20000 x 20000 pixels cannot be in");
}

/* A flat image needs the fewest bytes. */
Test(images, flat_images_are_whole)
{
    gray_image image;
    uint8_t *pixels = calloc(1000, 1000);
    cr_assert_not_null(pixels);
    ASSERT_OK(image_write_png(in_scratch("flat.png"), pixels, 1000, 1000));
    free(pixels);
    ASSERT_OK(image_read(in_scratch("flat.png"), &image));
    free(image.pixels);
    size_t n;
    char *bytes = bytes_of(PROJECT_ROOT "/tests/data/flat.jpg", &n); /* 2000 x 2000, progressive, gray 128 */
    cr_expect_lt(n, (size_t)2000 * 2000 / 250);
    free(bytes);
    ASSERT_OK(image_read(PROJECT_ROOT "/tests/data/flat.jpg", &image));
    cr_expect(image.width == 2000 && image.pixels[0] == 128);
    free(image.pixels);
}

/* Each scan goes over the whole image: a file of many empty ones would take hours. */
Test(images, jpegs_have_a_limit_of_scans)
{
    gray_image image;
    size_t n;
    char *bytes = bytes_of(PROJECT_ROOT "/tests/fuzz/corpus/jpeg/scans.jpg", &n);
    ASSERT_OK(image_read(PROJECT_ROOT "/tests/fuzz/corpus/jpeg/scans.jpg", &image));
    free(image.pixels);
    size_t scan = n - 2; /* the last scan: from its SOS, ff da, to EOI, the last two bytes */
    while (scan > 0 && memcmp(bytes + scan, "\xff\xda", 2) != 0) scan--;
    text many = {0};
    text_bytes(&many, bytes, scan);
    for (int k = 0; k < 600; k++) text_bytes(&many, bytes + scan, n - 2 - scan);
    text_bytes(&many, "\xff\xd9", 2);
    (void)put_bytes("many.jpg", many.data, many.length);
    EXPECT_ERROR(image_read(in_scratch("many.jpg"), &image), ERR_DATA, "more than 500 scans");
    text_close(&many);
    free(bytes);
}

Test(images, writing_fails_with_the_path)
{
    uint8_t pixel = 0;
    EXPECT_ERROR(image_write_png(in_scratch("none/a.png"), &pixel, 1, 1), ERR_CANNOT_CREATE, "none/a.png");
    EXPECT_ERROR(image_write_png(in_scratch("a.png"), &pixel, 0, 1), ERR_USAGE, "a.png");
    EXPECT_ERROR(image_write_sheet(in_scratch("a.png"), &pixel, 1, 1, 1, 30000), ERR_USAGE, "a.png");
    EXPECT_ERROR(image_write_sheet(in_scratch("a.png"), &pixel, 1, 1, 0, 1), ERR_USAGE, "a.png");
}

Test(images, sheet_places_images_in_rows)
{
    uint8_t images[3 * 4] = {1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24};
    gray_image sheet;
    ASSERT_OK(image_write_sheet(in_scratch("s.png"), images, 3, 2, 2, 3));
    ASSERT_OK(image_read(in_scratch("s.png"), &sheet));
    cr_assert(sheet.width == 18 && sheet.height == 18, "(2 + 2 + 2) * 3 pixels");
    for (int y = 0; y < 18; y++)
        for (int x = 0; x < 18; x++) {
            int cx = x / 3, cy = y / 3, image = cy / 4 * 2 + cx / 4; /* a cell is 2 pixels and a gap of 2 */
            bool gap = cx % 4 >= 2 || cy % 4 >= 2 || image > 2;
            float want = gap ? 128.0F : (float)images[image * 4 + cy % 4 * 2 + cx % 4];
            cr_expect_eq(sheet.pixels[y * 18 + x], want, "(%d,%d)", x, y);
        }
    free(sheet.pixels);
}

Test(images, a_png_in_memory_is_the_one_that_is_written)
{
    static const uint8_t pixels[6] = {0, 50, 100, 150, 200, 255};
    text png = {0};
    char *bytes;
    size_t n;
    ASSERT_OK(image_png(pixels, 3, 2, &png));
    ASSERT_OK(image_write_png(in_scratch("same.png"), pixels, 3, 2));
    ASSERT_OK(file_read(in_scratch("same.png"), 1 << 20, &bytes, &n));
    cr_assert_eq(n, png.length);
    cr_expect_arr_eq(bytes, png.data, n);
    free(bytes);
    text_close(&png);
    EXPECT_ERROR(image_png(pixels, 0, 2, &png), ERR_USAGE, "0 x 2");
}

/* Noise, which no compression makes shorter, and one gray have as many bytes, and are what they were. */
Test(images, plain_png_is_as_long_for_every_image)
{
    enum { W = 13, H = 7 };
    uint8_t noise[W * H], flat[W * H];
    text a = {0}, b = {0};
    gray_image read;
    for (int i = 0; i < W * H; i++) {
        noise[i] = (uint8_t)((unsigned)i * 2654435761U >> 24);
        flat[i] = 9;
    }
    ASSERT_OK(image_png_plain(noise, W, H, &a));
    ASSERT_OK(image_png_plain(flat, W, H, &b));
    cr_expect_eq(a.length, b.length);
    ASSERT_OK(file_write(in_scratch("plain.png"), a.data, a.length));
    ASSERT_OK(image_read(in_scratch("plain.png"), &read));
    cr_assert(read.width == W && read.height == H);
    for (int i = 0; i < W * H; i++) cr_expect_eq(read.pixels[i], (float)noise[i]);
    free(read.pixels);
    text_close(&a);
    text_close(&b);
}
