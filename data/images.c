#include "data/images.h"

#include "base/files.h"
#include "data/decode.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const size_t side_limit = 20000;
static const size_t file_limit = (size_t)1 << 30;

err gray_image_open(const char *path, size_t width, size_t height, size_t most, gray_image *out)
{
    *out = (gray_image){0};
    if (width < 1 || height < 1 || width > side_limit || height > side_limit)
        return err_set(ERR_DATA, "%s: is %zu x %zu pixels; 1 x 1 to %zu x %zu are read", path, width, height,
                       side_limit, side_limit);
    if (width * height > most)
        return err_set(ERR_DATA,
                       "%s: the %zu x %zu pixels cannot be in so short a file; it is truncated or damaged",
                       path, width, height);
    out->pixels = malloc(width * height * sizeof *out->pixels);
    if (!out->pixels)
        return err_set(ERR_SYSTEM, "%s: out of memory for %zu x %zu pixels", path, width, height);
    out->width = (int)width;
    out->height = (int)height;
    return OK;
}

static bool begins_with(const char *bytes, size_t n, const char *signature, size_t length)
{
    return n >= length && memcmp(bytes, signature, length) == 0;
}

err image_read(const char *path, gray_image *out)
{
    char *bytes;
    size_t n;
    *out = (gray_image){0};
    TRY(file_read(path, file_limit, &bytes, &n));
    err error;
    if (begins_with(bytes, n, "\x89PNG\r\n\x1a\n", 8))
        error = png_decode(path, bytes, n, out);
    else if (begins_with(bytes, n, "\xff\xd8\xff", 3))
        error = jpeg_decode(path, bytes, n, out);
    else if (n > 132 && memcmp(bytes + 128, "DICM", 4) == 0)
        error = err_set(
            ERR_DATA,
            "%s: is a DICOM file; convert it first, with DCMTK: dcmj2pnm --write-png FILE.dcm FILE.png",
            path);
    else
        error = err_set(ERR_DATA, "%s: is %s, not a PNG or JPEG image", path,
                        n == 0 ? "empty" : "another kind of file");
    free(bytes);
    return error;
}

/* Columns between images of a sheet and its empty places are mid-gray: black and white both occur at X-rays'
 * edges. */
static const int sheet_gap = 2;
static const uint8_t sheet_gray = 128;

err image_write_sheet(const char *path, const uint8_t *images, int n, int size, int columns, int zoom)
{
    if (n < 1 || size < 1 || columns < 1 || zoom < 1)
        return err_set(ERR_USAGE,
                       "%s: a sheet of %d images of %d pixels in %d columns, zoomed %d times, is empty", path,
                       n, size, columns, zoom);
    if (columns > n) columns = n;
    int64_t pitch = (int64_t)(size + sheet_gap) * zoom, rows = (n - 1) / columns + 1;
    int64_t width = pitch * columns - (int64_t)sheet_gap * zoom,
            height = pitch * rows - (int64_t)sheet_gap * zoom;
    if (width > (int64_t)side_limit || height > (int64_t)side_limit)
        return err_set(ERR_USAGE,
                       "%s: the sheet would have %lld x %lld pixels; at most %zu x %zu are written", path,
                       (long long)width, (long long)height, side_limit, side_limit);
    uint8_t *sheet = malloc((size_t)(width * height));
    if (!sheet) return err_set(ERR_SYSTEM, "%s: out of memory for the sheet", path);
    memset(sheet, sheet_gray, (size_t)(width * height));
    for (int i = 0; i < n; i++) {
        const uint8_t *image = images + (size_t)i * (size_t)size * (size_t)size;
        uint8_t *corner = sheet + (i / columns) * pitch * width + (i % columns) * pitch;
        for (int y = 0; y < size * zoom; y++)
            for (int x = 0; x < size * zoom; x++) corner[y * width + x] = image[y / zoom * size + x / zoom];
    }
    err error = image_write_png(path, sheet, (int)width, (int)height);
    free(sheet);
    return error;
}
