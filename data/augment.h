/* Classical training-time augmentation of X-rays: what a careful baseline uses, so that synthetic images are
 * not compared with a weak one. An affine draw as torchvision's RandomAffine makes, then light and noise; no
 * horizontal flip, which would move the heart to the right side. */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include <stdint.h>

typedef struct augment_opts {
    float degrees;    /* rotation U(-degrees, degrees) */
    float translate;  /* shift U(-translate, translate) of the side, each axis */
    float scale;      /* zoom exp(U(-scale, scale)) */
    float brightness; /* + U(-brightness, brightness) on pixels in [-1,1] */
    float contrast;   /* around the image's mean, times exp(U(-contrast, contrast)) */
    float noise;      /* + N(0, U(0,noise)^2) per pixel */
} augment_opts;

/* The defaults of the real+classic arm. Shift and zoom are those of torchxrayvision's training script (.15,
 * .15); its rotation of 45 degrees is cut to 15, because films are taken of upright or lying patients and
 * then turned upright. */
extern const augment_opts augment_classic;

/* Augments one image (size,size) of pixels in [-1,1] from `in` to `out` (not the same memory); bilinear,
 * outside is the nearest edge pixel, result clipped to [-1,1]. Turn and zoom are about the centre of the
 * image, the shift comes after them. size is at most 32768. The draw is keyed by (seed, draw) and nothing
 * else: safe in parallel loops. */
void augment_image(const float *in, float *out, int size, const augment_opts *o, uint64_t seed,
                   uint64_t draw);

#endif
