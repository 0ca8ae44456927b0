/* Functions of one number that a loop over many can be vectorised with: no calls, no branches. */
#ifndef NN_CPU_ELEMENTWISE_H
#define NN_CPU_ELEMENTWISE_H

#include "nn/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* e^x to 2 units in the last place for -87 <= x <= 0, clamped below; NaN stays NaN. A call to expf would keep
 * the loop from being vectorised. x = k ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts (Cody & Waite
 * 1980), and e^r by its series. 2^k is made from the bits of `shifted`, whose low ones are k. */
CPU_INLINE float exponential(float x)
{
    const float shift = 12582912.0F; /* 1.5 * 2^23: adding it rounds to an integer; its bits are 0x4B400000 */
    x = x < -87.0F ? -87.0F : x;
    float shifted = x * 1.44269504F + shift;
    float k = shifted - shift;
    float r = (x - k * 0.693359375F) + k * 2.12194440e-4F;
    float p = 1.0F / 5040;
    p = p * r + 1.0F / 720;
    p = p * r + 1.0F / 120;
    p = p * r + 1.0F / 24;
    p = p * r + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000U + 127U) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* NaN must come out as NaN, so that a diverged net is noticed. Both sides of a choice are computed first: a
 * branch would keep the loop from being vectorised. */
CPU_INLINE float activated(nn_act act, float x)
{
    float leaked = 0.2F * x, t;
    switch (act) {
    case ACT_RELU:
        return x < 0 ? 0 : x;
    case ACT_LEAKY_RELU:
        return x < 0 ? leaked : x;
    case ACT_TANH:
        t = exponential(-2 * fabsf(x));
        return copysignf((1 - t) / (1 + t), x);
    case ACT_SIGMOID:
        t = exponential(-fabsf(x));
        return (x < 0 ? t : 1) / (1 + t);
    default:
        return x;
    }
}

#endif
