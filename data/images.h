/* PNG and JPEG files to 8-bit gray and back. */
#ifndef DATA_IMAGES_H
#define DATA_IMAGES_H

#include "base/text.h"

#include <stdint.h>

typedef struct gray_image {
    int width, height;
    float *pixels; /* (H,W), 0..255, row-major; free() it */
} gray_image;

/* Reads a PNG or JPEG (told apart by content) of any size up to 20000 x 20000 pixels and 1 GiB: 1 to 16 bit,
 * gray, palette, colour (luma by ITU-R BT.601), interlaced or progressive. Alpha, gamma and a JPEG's EXIF
 * orientation are not applied; the full range of 16 bit becomes 0..255. ERR_NO_INPUT; ERR_DATA naming the
 * file if it is truncated, too large, CMYK or not an image, or DICOM: of the libraries that read DICOM,
 * Debian has only those in C++ (DCMTK, GDCM, VTK), so that is left to their programs. *out owns nothing after
 * a failure. */
err image_read(const char *path, gray_image *out);

/* Centre crop to a square, then resize to (size,size) by area-weighted averaging when shrinking (each output
 * pixel is the exact mean over its footprint) and bilinear when enlarging; rounded to 8 bits. */
err image_square(const gray_image *image, int size, uint8_t *out);

/* Appends an 8-bit gray PNG of (height,width). ERR_USAGE for an empty image, ERR_SYSTEM. */
err image_png(const uint8_t *pixels, int width, int height, text *out);

/* The same without compression: as many bytes for every image of one size, which then tell nothing of it. */
err image_png_plain(const uint8_t *pixels, int width, int height, text *out);

/* Writes an 8-bit gray PNG of (height,width), atomically. ERR_CANNOT_CREATE, ERR_IO. */
err image_write_png(const char *path, const uint8_t *pixels, int width, int height);

/* The same in place and without waiting for the disk: for one of many files in a folder that is not there
 * before it is whole. */
err image_write_png_unsynced(const char *path, const uint8_t *pixels, int width, int height);

/* Writes n images (n,size,size) as one sheet of `columns` columns with a 2-pixel gap, scaled up `zoom` times.
 */
err image_write_sheet(const char *path, const uint8_t *images, int n, int size, int columns, int zoom);

#endif
