/* One element of an activation, fp32 or bfloat16 (the upper half of a float's bits). Loops that take `half`
 * as a constant become loops for one of the two; arithmetic is fp32 in both. */
#ifndef NN_CPU_CELLS_H
#define NN_CPU_CELLS_H

#include "nn/cpu/cpu.h"

#include <string.h>

CPU_INLINE float cell_load(const void *x, size_t i, bool half)
{
    if (!half) return ((const float *)x)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)x)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To the nearest, ties to even; NaN stays NaN. Both results are computed, so that no branch is needed. */
CPU_INLINE void cell_store(void *x, size_t i, float value, bool half)
{
    if (!half) {
        ((float *)x)[i] = value;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t nearest = bits + 0x7FFFU + (bits >> 16 & 1U), quiet = bits | 0x400000U;
    ((uint16_t *)x)[i] = (uint16_t)((value != value ? quiet : nearest) >> 16);
}

/* Calls function(..., width, half) with constant width and half, for the channels of a pixel in groups of 16,
 * 8 and 1: `first` counts through the groups' first channels and may be used in the arguments. */
#define CELL_GROUPS(lanes, is_half, first, function, ...)                                                    \
    do {                                                                                                     \
        int first = 0;                                                                                       \
        for (; first + 16 <= (lanes); first += 16) CELL_WIDTH(is_half, function, 16, __VA_ARGS__);           \
        for (; first + 8 <= (lanes); first += 8) CELL_WIDTH(is_half, function, 8, __VA_ARGS__);              \
        for (; first < (lanes); first++) CELL_WIDTH(is_half, function, 1, __VA_ARGS__);                      \
    } while (0)

#define CELL_WIDTH(is_half, function, width, ...)                                                            \
    ((is_half) ? function(__VA_ARGS__, width, true) : function(__VA_ARGS__, width, false))

#endif
