/* The two decoders behind image_read. Private to data/. */
#ifndef DATA_DECODE_H
#define DATA_DECODE_H

#include "data/images.h"

#include <stddef.h>

/* Decode n bytes that begin with the format's signature. `path` is for messages. ERR_DATA, ERR_SYSTEM. */
err png_decode(const char *path, const char *bytes, size_t n, gray_image *out);
err jpeg_decode(const char *path, const char *bytes, size_t n, gray_image *out);

/* Checks the limits, then allocates the pixels of *out. `most`: the pixels that a file of this length can
 * hold at all, so that a few bytes cannot ask for much memory. ERR_DATA for a side of 0 or above 20000, or
 * for more than `most`; ERR_SYSTEM. */
err gray_image_open(const char *path, size_t width, size_t height, size_t most, gray_image *out);

#endif
