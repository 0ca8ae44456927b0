/* What parts of images look like, in few numbers: for telling whether one image was cut out of another.
 * Private to data/. */
#ifndef DATA_WINDOWS_H
#define DATA_WINDOWS_H

#include "data/dataset.h"

enum { LOOK_SIDE = 16, LOOK = LOOK_SIDE * LOOK_SIDE };

/* A part of an image, in units of its side: 0 <= top, top + height <= 1, and so on. */
typedef struct window {
    float top, left, height, width;
} window;

/* The sums of an image's pixels above and left of each corner, (size + 1)^2. */
typedef struct pixel_sums {
    int size;
    uint32_t *sums;
} pixel_sums;

err pixel_sums_open(int size, pixel_sums *out); /* for images up to 4096 x 4096; ERR_SYSTEM */
void pixel_sums_close(pixel_sums *p);
void pixel_sums_of(pixel_sums *p, const dataset *set, int sample);

/* The look of a part: its mean gray in LOOK_SIDE x LOOK_SIDE cells, less their mean and scaled to length 1,
 * so that the inner product of two looks is their correlation; 0 for a part of one gray. */
void window_look(const pixel_sums *p, window w, float out[LOOK]);

/* How far the details of two parts agree, -1 to 1. Details are what each of 32x32 cells differs from the mean
 * of the 5x5 cells around it: chests are alike in the large, and their looks agree; their ribs do not.
 * Details are correlated in each of 4x4 blocks, and the median is what counts: edges of the film and letters
 * on it, which many images share, are in few blocks. A block of one gray agrees with nothing. */
double window_agreement(const pixel_sums *a, window wa, const pixel_sums *b, window wb);

#endif
