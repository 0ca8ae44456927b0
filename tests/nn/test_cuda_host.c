/* The index arithmetic of the CUDA kernels, on the host: it is the same source. Runs where there is no GPU.
 */
#include "base/rng.h"
#include "nn/cuda/index.h"

#include <criterion/criterion.h>
#include <string.h>

Test(cuda_host, layouts_are_those_of_their_names)
{
    enum { N = 2, C = 3, H = 4, W = 5 };
    cuda_view v = {N, C, H, W, H * W, true}, plain = {N, C, H, W, H * W, false};
    uint32_t i = 0;
    for (uint32_t n = 0; n < N; n++)
        for (uint32_t c = 0; c < C; c++)
            for (uint32_t y = 0; y < H; y++)
                for (uint32_t x = 0; x < W; x++, i++) {
                    uint32_t expected = ((n * H + y) * W + x) * C + c;
                    cr_assert_eq(view_offset(v, i), expected);
                    cr_assert_eq(view_index(v, expected), i);
                    cr_assert_eq(view_offset(plain, i), i);
                    cr_assert_eq(view_index(plain, i), i);
                }
}

Test(cuda_host, random_words_are_those_of_the_host)
{
    for (uint64_t k = 0; k < 100; k++) {
        uint64_t key = k * 0x9E3779B97F4A7C15U, high = k % 3 ? k << 31 : k, low = ~k << (k % 40);
        uint32_t expected[4];
        philox(key, high, low, expected);
        philox_words words = philox_block(key, high, low);
        cr_assert_arr_eq(words.word, expected, sizeof expected);
    }
}

Test(cuda_host, uniforms_are_bit_equal)
{
    enum { COUNT = 4096 };
    static float expected[COUNT];
    rng_fill_uniform(42, 7, expected, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        float x = uniform_of(philox_block(42, 7, i / 4).word[i % 4]);
        cr_assert_eq(memcmp(&x, &expected[i], sizeof x), 0, "element %u: %a is not %a", i, (double)x,
                     (double)expected[i]);
    }
    cr_expect_eq(uniform_of(0), 0.0F);
    cr_expect_lt(uniform_of(UINT32_MAX), 1.0F);
}

Test(cuda_host, normals_are_bit_equal)
{
    enum { COUNT = 4096 };
    static float expected[COUNT];
    rng_fill_normal(42, 7, expected, COUNT);
    for (uint32_t i = 0; i < COUNT; i += 2) {
        philox_words w = philox_block(42, 7, i / 4);
        normal_pair pair = normal_of_words(w.word[i % 4], w.word[i % 4 + 1]);
        cr_assert_eq(memcmp(&pair, &expected[i], sizeof pair), 0, "elements %u and %u", i, i + 1);
    }
}

/* An output looks at an input exactly when the input, in backward, looks at the output. */
Test(cuda_host, pooling_windows_agree_in_both_directions)
{
    for (int k = 1; k <= 5; k++)
        for (int stride = 1; stride <= 4; stride++)
            for (int pad = 0; 2 * pad <= k; pad++)
                for (int size = k; size <= 12; size++) {
                    int outputs = (size + 2 * pad - k) / stride + 1;
                    for (int i = 0; i < size; i++) {
                        int low, high;
                        outputs_over(k, stride, pad, outputs, i, &low, &high);
                        for (int o = 0; o < outputs; o++) {
                            int first, end, tap = i - (o * stride - pad);
                            taps_inside(k, stride, pad, size, o, &first, &end);
                            cr_assert_lt(first, end);
                            cr_assert_eq(tap >= first && tap < end, o >= low && o < high,
                                         "k %d stride %d pad %d size %d: input %d, output %d", k, stride, pad,
                                         size, i, o);
                        }
                    }
                }
}

/* In one axis: three taps over what is upsampled twice, and four taps of a transposed convolution of
 * stride 2. */
Test(cuda_host, four_taps_do_what_three_do_to_an_upsampled_row)
{
    enum { N = 5 };
    const int x[N] = {3, -1, 4, 1, -5}, w[3] = {2, 7, -3};
    int expected[2 * N] = {0}, row[2 * N] = {0}, w4[4] = {0};
    for (int y = 0; y < 2 * N; y++)
        for (int k = 0; k < 3; k++)
            if (y + k - 1 >= 0 && y + k - 1 < 2 * N) expected[y] += w[k] * x[(y + k - 1) / 2];
    for (int t = 0; t < 4; t++) {
        int first, end;
        small_taps(t, &first, &end);
        cr_assert(first >= 0 && first < end && end <= 3);
        for (int k = first; k < end; k++) w4[t] += w[k];
    }
    for (int i = 0; i < N; i++)
        for (int t = 0; t < 4; t++)
            if (2 * i + t - 1 >= 0 && 2 * i + t - 1 < 2 * N) row[2 * i + t - 1] += w4[t] * x[i];
    cr_expect_arr_eq(row, expected, sizeof row);
}

Test(cuda_host, a_turn_is_undone_by_its_inverse)
{
    enum { SIDE = 5 };
    for (uint32_t quarters = 0; quarters < 4; quarters++)
        for (uint32_t y = 0; y < SIDE; y++)
            for (uint32_t x = 0; x < SIDE; x++) {
                uint32_t there = turned_from(quarters, SIDE, y, x);
                cr_expect_eq(turned_from((4 - quarters) % 4, SIDE, there / SIDE, there % SIDE), y * SIDE + x);
                if (quarters == 1) cr_expect_eq(there, x * SIDE + (SIDE - 1 - y));
            }
    for (uint32_t i = 0, p = 0; i < SIDE * SIDE; i++, p = i) { /* two quarters are a half */
        uint32_t once = turned_from(1, SIDE, p / SIDE, p % SIDE);
        cr_expect_eq(turned_from(1, SIDE, once / SIDE, once % SIDE),
                     turned_from(2, SIDE, p / SIDE, p % SIDE));
    }
}

Test(cuda_host, draws_of_diff_augment_mean_what_backend_h_says)
{
    const float lowest[AUGMENT_DRAWS] = {0}, middle[AUGMENT_DRAWS] = {0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F};
    augment_flags all = {true, true, true, true}, none = {false, false, false, false};
    augment_draw d = augment_draw_of(lowest, all, 16, 16);
    cr_expect_eq(d.brightness, -0.5F);
    cr_expect_eq(d.contrast, 0.5F);
    cr_expect(d.right == -2 && d.down == -2);
    cr_expect(d.cut_top == -4 && d.cut_bottom == 4 && d.cut_left == -4 && d.cut_right == 4);
    cr_expect(!augment_shown(d, 16, 16, 3, 3)); /* cut */
    cr_expect(augment_shown(d, 16, 16, 4, 3));
    cr_expect(!augment_shown(d, 16, 16, 14, 0)); /* its source is below the image */
    d = augment_draw_of(middle, all, 16, 16);
    cr_expect(d.brightness == 0 && d.contrast == 1 && d.right == 0 && d.down == 0);
    cr_expect(d.cut_top == 4 && d.cut_bottom == 12);
    d = augment_draw_of(lowest, none, 16, 16);
    int shown = 0;
    for (int i = 0; i < 18 * 18; i++) shown += augment_shown(d, 16, 16, i / 18 - 1, i % 18 - 1);
    cr_expect(shown == 16 * 16 && d.contrast == 1 && d.brightness == 0);
}
