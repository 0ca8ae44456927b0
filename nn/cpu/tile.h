/* Products of bf16 tiles (AMX), for the convolutions that oneDNN leaves at a few percent of what the tiles
 * can do. A tile has 16 rows of 64 bytes; c += a b takes a (16,32) as rows of 32 bf16, b (32,16) as 16 rows
 * of 16 pairs of bf16 (k, k + 1), and c (16,16) as fp32 (Intel SDM, TDPBF16PS). Only for processors where
 * backend.interleaved is true: oneDNN has asked the kernel for the tiles by then.
 *
 * Pixels. So that 16 neighbours can be a tile's rows wherever they lie, images are laid one after another in
 * a string of pixels with one zero pixel before every row and one zero row before every image and after the
 * last: a tap of a kernel is then an offset in the string. Places that belong to no pixel are computed, too,
 * and thrown away. */
#ifndef NN_CPU_TILE_H
#define NN_CPU_TILE_H

#include "nn/cpu/onednn.h"

#if defined(__x86_64__) && defined(__GNUC__) && (__GNUC__ >= 11 || defined(__clang__))
#include <immintrin.h>
#include <stdatomic.h>
#define TILE_AVAILABLE 1
/* A GNU extension, for the same reason as CPU_KERNEL. */
#define TILE_KERNEL                                                                                          \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma,bmi2")))
#else
#define TILE_AVAILABLE 0
#endif

enum { TILE_ROWS = 16, TILE_DEPTH = 32, TILE_CELLS = TILE_ROWS * TILE_DEPTH /* of bf16 */ };

/* The string of `images` images of height x width. */
typedef struct tile_string {
    int images, height, width;
} tile_string;

static inline size_t tile_row(const tile_string *t) /* places from one row to the next */
{
    return (size_t)t->width + 1;
}

static inline size_t tile_image(const tile_string *t)
{
    return tile_row(t) * ((size_t)t->height + 1);
}

/* Where pixel (y, x) of an image lies. */
static inline size_t tile_place(const tile_string *t, int image, int y, int x)
{
    return (size_t)image * tile_image(t) + (size_t)(y + 1) * tile_row(t) + (size_t)x + 1;
}

/* tile_spread.c: the transpose of a convolution of 4x4, stride 2, pad 1: big (n,h,w,c) from small
 * (n,oh,ow,o), all bf16, stored or added; w (o,c,4,4) in fp32. */
bool tile_spread_suits(const backend *b, const conv_shape *s);
size_t tile_spread_bytes(const conv_shape *s, int threads);
void tile_spread(const conv_shape *s, const void *small, const float *w, void *big, bool add, int threads,
                 void *scratch);

/* tile_weights.c: the gradient of the weight (o,c,k,k), stored or added, from x (n,h,w,c) and dz (n,oh,ow,o),
 * both bf16. It does not depend on the number of threads. */
bool tile_weights_suits(const backend *b, const conv_shape *s);
size_t tile_weights_bytes(const conv_shape *s, int threads);
void tile_weights(const conv_shape *s, const void *x, const void *dz, float *dw, bool add, int threads,
                  void *scratch);

#if TILE_AVAILABLE

/* All eight tiles whole. Of the calling thread, until tile_end. The compiler's intrinsics do not tell it all
 * that they read: so this is a constant in memory, and tile_fence stands between writing what tiles are
 * loaded from and loading it. */
TILE_KERNEL static inline void tile_begin(void)
{
    static const struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } whole = {.palette = 1,
               .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
               .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
}

static inline void tile_fence(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

TILE_KERNEL static inline void tile_end(void)
{
    _tile_release();
}

/* 16 fp32 as bf16, in the order of their lanes. */
TILE_KERNEL static inline __m256i tile_rounded(__m512 x)
{
    return (__m256i)_mm512_cvtneps_pbh(x);
}

/* The 16x16 words at `from`, row by row, to columns: row i of the result goes to to + i * pitch bytes. */
TILE_KERNEL static inline void tile_transpose(const void *from, void *to, size_t pitch)
{
    const __m512i rows = _mm512_mullo_epi32(
        _mm512_set1_epi32(TILE_ROWS), _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    for (int i = 0; i < TILE_ROWS; i++)
        _mm512_storeu_si512((char *)to + (size_t)i * pitch,
                            _mm512_i32gather_epi32(rows, (const int *)from + i, 4));
}

#endif
#endif
