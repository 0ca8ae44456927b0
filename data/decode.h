/* The decoders behind image_read. Private to data/. */
#ifndef DATA_DECODE_H
#define DATA_DECODE_H

#include "data/images.h"

#include <stdbool.h>
#include <stddef.h>

/* Decode n bytes that begin with the format's signature. `path` is for messages. ERR_DATA, ERR_SYSTEM. */
err png_decode(const char *path, const char *bytes, size_t n, gray_image *out);
err jpeg_decode(const char *path, const char *bytes, size_t n, gray_image *out);

/* The two behind png_decode: a fast one for most X-rays, which gives false and an empty image where the file
 * is not for it (and may leave a message), and libpng, which reads or refuses every file. */
bool png_decode_gray(const char *path, const char *bytes, size_t n, gray_image *out);
err png_decode_any(const char *path, const char *bytes, size_t n, gray_image *out);

/* Deflate makes at most so many bytes out of one (RFC 1951: 258 bytes by a length and a distance of one bit
 * each). */
enum { PNG_EXPANSION = 1032 };

/* A row of gray or RGB samples of 8 or 16 bits (wide), big-endian, as gray from 0 to 255. */
void png_convert_row(const uint8_t *row, float *out, int width, size_t channels, bool wide);

/* Checks the limits, then allocates the pixels of *out. `most`: the pixels that a file of this length can
 * hold at all, so that a few bytes cannot ask for much memory. ERR_DATA for a side of 0 or above 20000, or
 * for more than `most`; ERR_SYSTEM. */
err gray_image_open(const char *path, size_t width, size_t height, size_t most, gray_image *out);

#endif
