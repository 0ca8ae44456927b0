/* The element types of the simulated libraries. */
#ifndef TESTS_NN_SIMULATED_CUDA_NUMBERS_H
#define TESTS_NN_SIMULATED_CUDA_NUMBERS_H

#include <cstddef>
#include <cstdint>
#include <cstring>

enum number_type { NUMBER_FLOAT, NUMBER_BFLOAT16 };

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

/* To the nearest number with that many bits of the fraction fewer, ties to even; NaN stays NaN. */
static inline float rounded(float x, int fewer)
{
    uint32_t bits = bits_of(x), half = (1U << (fewer - 1)) - 1, odd = bits >> fewer & 1;
    if (x != x) return x;
    return float_of((bits + half + odd) >> fewer << fewer);
}

enum { BFLOAT16_FEWER = 16, TF32_FEWER = 13 };

static inline double number_at(const void *x, number_type type, size_t i)
{
    if (type == NUMBER_FLOAT) return static_cast<const float *>(x)[i];
    return float_of(static_cast<uint32_t>(static_cast<const uint16_t *>(x)[i]) << 16);
}

static inline void set_number(void *x, number_type type, size_t i, double value)
{
    float single = static_cast<float>(value);
    if (type == NUMBER_FLOAT)
        static_cast<float *>(x)[i] = single;
    else
        static_cast<uint16_t *>(x)[i] = static_cast<uint16_t>(bits_of(rounded(single, BFLOAT16_FEWER)) >> 16);
}

static inline size_t number_bytes(number_type type)
{
    return type == NUMBER_FLOAT ? sizeof(float) : sizeof(uint16_t);
}

#endif
