/* The arithmetic behind rng_fill_normal (base/rng.h): Box-Muller on two random words, in float. Additions,
 * multiplications, one division and one square root, each rounded as IEEE 754 says, and no function of a
 * library: so compiled without contraction into fused operations (-ffp-contract=off), and a whole loop of it
 * vectorised, it has the same bits on every processor. nn/cuda compiles it for the GPU, too. */
#ifndef BASE_NORMAL_H
#define BASE_NORMAL_H

#include "base/kernel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* How the functions are declared; whoever needs another way defines it first. */
#ifndef NORMAL_FUNCTION
#define NORMAL_FUNCTION CPU_INLINE
#endif

NORMAL_FUNCTION float normal_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

NORMAL_FUNCTION uint32_t normal_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* -ln u for u = (word + 1) 2^-32, with a relative error below 2^-22 also where u is close to 1.
 *
 * word + 1 = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2). f is rounded only once, because the two halves of
 * the word are floats, and the upper half less 2^e is one. With s = f / (2 + f), ln(1 + f) = 2 artanh s
 * = 2s + s R, R = 2s^2/3 + 2s^4/5 + 2s^6/7 + 2s^8/9 + ..., of which the rest is below 2^-28 of the sum; and
 * 2s = f - (f^2/2 - s f^2/2), so that the large term, f, is exact. */
NORMAL_FUNCTION float normal_minus_log(uint32_t word)
{
    const uint32_t one = 0x3F800000, root_of_half = 0x3F3504F3; /* 1 and sqrt(1/2) as floats */
    float high = (float)(int32_t)(word >> 16) * 0x1p16F, low = (float)(int32_t)((word & 0xFFFF) + 1);
    uint32_t exponent = (normal_bits_of(high + low) + (one - root_of_half)) >> 23; /* e + 127 */
    float power = normal_float_of(exponent << 23), inverse = normal_float_of((254 - exponent) << 23);
    float f = ((high - power) + low) * inverse, s = f / (2.0F + f), z = s * s, half_square = 0.5F * f * f;
    float series = z * (2.0F / 3 + z * (2.0F / 5 + z * (2.0F / 7 + z * (2.0F / 9))));
    float minus_log = (half_square - s * (half_square + series)) - f;
    return (float)(127 + 32 - (int32_t)exponent) * 0.693147180559945309F + minus_log;
}

typedef struct normal_pair {
    float cosine, sine;
} normal_pair;

/* cos and sin of 2 pi v 2^-32, by their power series within 1/8 turn of the nearest quarter turn; what is
 * left out is below 2^-28. */
NORMAL_FUNCTION normal_pair normal_direction(uint32_t v)
{
    uint32_t quarters = (v + 0x20000000U) >> 30, odd = 0U - (quarters & 1);
    float x = (float)(int32_t)(v - (quarters << 30)) * (6.28318530717958648F * 0x1p-32F), z = x * x;
    float sine = x + x * (z * (-1.0F / 6 + z * (1.0F / 120 + z * (-1.0F / 5040 + z * (1.0F / 362880)))));
    float cosine =
        1.0F + z * (-0.5F + z * (1.0F / 24 + z * (-1.0F / 720 + z * (1.0F / 40320 + z * (-1.0F / 3628800)))));
    uint32_t s = normal_bits_of(sine), c = normal_bits_of(cosine);
    normal_pair out = {normal_float_of(((s & odd) | (c & ~odd)) ^ ((quarters + 1) >> 1 << 31)),
                       normal_float_of(((c & odd) | (s & ~odd)) ^ (quarters >> 1 << 31))};
    return out;
}

/* sqrt(-2 ln u) times cos and sin of 2 pi v 2^-32, with u = (word + 1) 2^-32: at most 6.67 from 0, and within
 * 2^-22 of the radius from the exact values. */
NORMAL_FUNCTION normal_pair normal_of_words(uint32_t word, uint32_t v)
{
    float radius = sqrtf(2.0F * normal_minus_log(word));
    normal_pair out = normal_direction(v);
    out.cosine *= radius;
    out.sine *= radius;
    return out;
}

#endif
