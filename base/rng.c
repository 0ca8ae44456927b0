#include "base/rng.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

static const double two_pi = 6.283185307179586;

/* The largest float below 1: rounding 32 random bits to a float's 24 must not reach 1 itself. */
static const float below_one = 0x1.fffffep-1F;

void philox(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)low, c1 = (uint32_t)(low >> 32);
    uint32_t c2 = (uint32_t)high, c3 = (uint32_t)(high >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53U * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57U * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t rng_key(uint64_t seed, const char *purpose)
{
    return XXH3_64bits_withSeed(purpose, strlen(purpose), seed);
}

rng rng_open(uint64_t seed, const char *purpose, uint64_t index)
{
    return (rng){.key = rng_key(seed, purpose), .index = index};
}

uint32_t rng_u32(rng *r)
{
    if (r->left == 0) {
        philox(r->key, r->index, r->block++, r->words);
        r->left = 4;
    }
    return r->words[4 - r->left--];
}

double rng_uniform(rng *r)
{
    return rng_u32(r) * 0x1p-32;
}

double rng_between(rng *r, double low, double high)
{
    return low + (high - low) * rng_uniform(r);
}

/* Box-Muller: sqrt(-2 ln u) cos(2 pi v), with u in (0, 1]. */
static double normal_of(uint32_t u, uint32_t v, double *second)
{
    double radius = sqrt(-2.0 * log((u + 1.0) * 0x1p-32));
    double angle = two_pi * v * 0x1p-32;
    if (second) *second = radius * sin(angle);
    return radius * cos(angle);
}

double rng_normal(rng *r)
{
    uint32_t u = rng_u32(r);
    return normal_of(u, rng_u32(r), NULL);
}

int rng_below(rng *r, int n)
{
    uint32_t range = (uint32_t)n;
    uint32_t limit =
        UINT32_MAX - UINT32_MAX % range; /* a multiple of n: below it, every remainder is equally likely */
    uint32_t draw = rng_u32(r);
    while (draw >= limit) draw = rng_u32(r);
    return (int)(draw % range);
}

void rng_shuffle(rng *r, int *values, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = rng_below(r, i + 1);
        int swapped = values[i];
        values[i] = values[j];
        values[j] = swapped;
    }
}

/* The elements of block `block` that lie in first..end. */
static size_t block_first(size_t block, size_t first)
{
    return block * 4 > first ? block * 4 : first;
}

static size_t block_end(size_t block, size_t end)
{
    return block * 4 + 4 < end ? block * 4 + 4 : end;
}

void rng_fill_uniform_from(uint64_t key, uint64_t index, size_t first, float *out, size_t n)
{
    size_t end = first + n;
#pragma omp parallel for schedule(static) if (n > 65536)
    for (size_t block = first / 4; block < (end + 3) / 4; block++) {
        uint32_t words[4];
        philox(key, index, block, words);
        for (size_t i = block_first(block, first); i < block_end(block, end); i++)
            out[i - first] = fminf((float)words[i % 4] * 0x1p-32F, below_one);
    }
}

void rng_fill_normal_from(uint64_t key, uint64_t index, size_t first, float *out, size_t n)
{
    size_t end = first + n;
#pragma omp parallel for schedule(static) if (n > 65536)
    for (size_t block = first / 4; block < (end + 3) / 4; block++) {
        uint32_t words[4];
        double normals[4];
        philox(key, index, block, words);
        normals[0] = normal_of(words[0], words[1], &normals[1]);
        normals[2] = normal_of(words[2], words[3], &normals[3]);
        for (size_t i = block_first(block, first); i < block_end(block, end); i++)
            out[i - first] = (float)normals[i % 4];
    }
}

void rng_fill_uniform(uint64_t key, uint64_t index, float *out, size_t n)
{
    rng_fill_uniform_from(key, index, 0, out, n);
}

void rng_fill_normal(uint64_t key, uint64_t index, float *out, size_t n)
{
    rng_fill_normal_from(key, index, 0, out, n);
}
