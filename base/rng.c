#include "base/rng.h"

#include "base/normal.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

static const double two_pi = 6.283185307179586;

/* The largest float below 1: rounding 32 random bits to a float's 24 must not reach 1 itself. */
static const float below_one = 0x1.fffffep-1F;

/* Unrolled, so that a loop around it can be vectorised. */
CPU_INLINE void ten_rounds(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)low, c1 = (uint32_t)(low >> 32);
    uint32_t c2 = (uint32_t)high, c3 = (uint32_t)(high >> 32);
#pragma GCC unroll 10
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

void philox(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4])
{
    ten_rounds(key, high, low, out);
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

/* Box-Muller in double: sqrt(-2 ln u) cos(2 pi v), with u in (0, 1]. */
double rng_normal(rng *r)
{
    double u = (rng_u32(r) + 1.0) * 0x1p-32;
    return sqrt(-2.0 * log(u)) * cos(two_pi * rng_u32(r) * 0x1p-32);
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

/* ---- fills: whole groups of blocks at once, a block to each lane of the vectors ---- */

enum { LANES = 16, GROUP = 4 * LANES, PARALLEL_FROM = 65536 };

/* The GROUP elements of the blocks from `block` on. */
typedef void (*group_filler)(uint64_t key, uint64_t index, uint64_t block, float *restrict out);

CPU_INLINE void group_words(uint64_t key, uint64_t index, uint64_t block, uint32_t words[restrict 4][LANES])
{
    for (uint64_t lane = 0; lane < LANES; lane++) {
        uint32_t w[4];
        ten_rounds(key, index, block + lane, w);
        for (int k = 0; k < 4; k++) words[k][lane] = w[k];
    }
}

CPU_KERNEL static void fill_uniforms(uint64_t key, uint64_t index, uint64_t block, float *restrict out)
{
    uint32_t words[4][LANES];
    group_words(key, index, block, words);
    for (int lane = 0; lane < LANES; lane++)
        for (int k = 0; k < 4; k++) {
            float x = (float)words[k][lane] * 0x1p-32F;
            out[4 * lane + k] = x < below_one ? x : below_one;
        }
}

CPU_KERNEL static void fill_normals(uint64_t key, uint64_t index, uint64_t block, float *restrict out)
{
    uint32_t words[4][LANES];
    group_words(key, index, block, words);
    for (int lane = 0; lane < LANES; lane++) {
        normal_pair a = normal_of_words(words[0][lane], words[1][lane]);
        normal_pair b = normal_of_words(words[2][lane], words[3][lane]);
        out[4 * lane] = a.cosine;
        out[4 * lane + 1] = a.sine;
        out[4 * lane + 2] = b.cosine;
        out[4 * lane + 3] = b.sine;
    }
}

/* What of group g lies in first..end. */
static void fill_group(group_filler filler, uint64_t key, uint64_t index, size_t g, size_t first, size_t end,
                       float *out)
{
    float all[GROUP];
    size_t start = g * GROUP, from = start > first ? start : first;
    size_t to = start + GROUP < end ? start + GROUP : end;
    if (to - from == GROUP) {
        filler(key, index, g * LANES, out + (start - first));
        return;
    }
    filler(key, index, g * LANES, all);
    memcpy(out + (from - first), all + (from - start), (to - from) * sizeof *out);
}

static void fill(group_filler filler, uint64_t key, uint64_t index, size_t first, float *out, size_t n)
{
    size_t end = first + n, groups = (end + GROUP - 1) / GROUP;
    if (n <= PARALLEL_FROM) {
        for (size_t g = first / GROUP; g < groups; g++) fill_group(filler, key, index, g, first, end, out);
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t g = first / GROUP; g < groups; g++) fill_group(filler, key, index, g, first, end, out);
}

void rng_fill_uniform_from(uint64_t key, uint64_t index, size_t first, float *out, size_t n)
{
    fill(fill_uniforms, key, index, first, out, n);
}

void rng_fill_normal_from(uint64_t key, uint64_t index, size_t first, float *out, size_t n)
{
    fill(fill_normals, key, index, first, out, n);
}

void rng_fill_uniform(uint64_t key, uint64_t index, float *out, size_t n)
{
    rng_fill_uniform_from(key, index, 0, out, n);
}

void rng_fill_normal(uint64_t key, uint64_t index, float *out, size_t n)
{
    rng_fill_normal_from(key, index, 0, out, n);
}
