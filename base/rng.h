/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). A draw depends only on (seed, purpose, index, position), never on what was drawn before it
 * elsewhere: so arms of one seed share their draws, and a resumed run draws what the uninterrupted one would
 * have drawn. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* One Philox block: 128 random bits from a 64-bit key and a 128-bit counter (high, low). */
void philox(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4]);

/* The key of a purpose ("split", "G/z", ...) under a seed. Different purposes give independent keys. */
uint64_t rng_key(uint64_t seed, const char *purpose);

/* A sequential stream: block counter (index, 0), (index, 1), ... under `key`. Copying it copies its position.
 */
typedef struct rng {
    uint64_t key, index, block;
    uint32_t words[4];
    int left;
} rng;

rng rng_open(uint64_t seed, const char *purpose, uint64_t index); /* nothing to close */
uint32_t rng_u32(rng *r);
double rng_uniform(rng *r);                          /* in [0, 1), 32 bits */
double rng_between(rng *r, double low, double high); /* in [low, high) */
double rng_normal(rng *r);                           /* mean 0, variance 1 (Box-Muller, in double) */
int rng_below(rng *r, int n);                        /* 0..n-1, n >= 1, unbiased */
void rng_shuffle(rng *r, int *values, int n);        /* Fisher-Yates */

/* Bulk fills under (key, index): element i comes from word i%4 of block i/4, for any number of threads.
 * Uniform in [0, 1); normal by Box-Muller on the two pairs of a block, in float (base/normal.h): at most 6.67
 * from 0, within 2^-22 of a pair's radius from the exact values, and the same bits on every processor. */
void rng_fill_uniform(uint64_t key, uint64_t index, float *out, size_t n);
void rng_fill_normal(uint64_t key, uint64_t index, float *out, size_t n);

/* The n elements from `first` on of a longer fill. */
void rng_fill_uniform_from(uint64_t key, uint64_t index, size_t first, float *out, size_t n);
void rng_fill_normal_from(uint64_t key, uint64_t index, size_t first, float *out, size_t n);

#endif
