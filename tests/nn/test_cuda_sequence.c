/* The index arithmetic of the CUDA kernels on sequences, on the host: it is the same source. */
#include "nn/cuda/index.h"

#include <criterion/criterion.h>
#include <string.h>

Test(cuda_sequence, bands_fill_their_part_of_a_wider_row)
{
    enum { ROWS = 3, WHOLE = 7, FIRST = 2, WIDTH = 4 };
    cuda_band s = {ROWS, WIDTH, WHOLE, FIRST};
    for (uint32_t r = 0, i = 0; r < ROWS; r++)
        for (uint32_t k = 0; k < WIDTH; k++, i++) cr_assert_eq(band_offset(s, i), r * WHOLE + FIRST + k);
}

Test(cuda_sequence, repeated_elements_come_from_their_row)
{
    enum { OUTER = 3, TIMES = 4, INNER = 5 };
    for (uint32_t o = 0, i = 0; o < OUTER; o++)
        for (uint32_t t = 0; t < TIMES; t++)
            for (uint32_t k = 0; k < INNER; k++, i++)
                cr_assert_eq(repeated_from(i, TIMES, INNER), o * INNER + k);
}

Test(cuda_sequence, ids_outside_the_table_name_no_row)
{
    cr_expect_eq(row_of_id(0, 5), 0);
    cr_expect_eq(row_of_id(4, 5), 4);
    cr_expect_eq(row_of_id(5, 5), 5);
    cr_expect_eq(row_of_id(-1, 5), 5);
    cr_expect_eq(row_of_id(NAN, 5), 5);
}

Test(cuda_sequence, gumbel_noise_is_finite)
{
    cr_expect_float_eq(gumbel_of(0.5F), 0.36651292F, 1e-6);
    cr_expect(isfinite(gumbel_of(0)) && gumbel_of(0) < -3);
    cr_expect(isfinite(gumbel_of(0x1.fffffep-1F)) && gumbel_of(0x1.fffffep-1F) > 16);
}

Test(cuda_sequence, of_equal_logits_the_first_is_the_largest)
{
    largest_logit none = {-INFINITY, 9}, a = {1, 4}, b = {1, 2}, c = {2, 7}, bad = {NAN, 1};
    cr_expect_eq(larger_logit(none, a).at, 4);
    cr_expect_eq(larger_logit(a, b).at, 2);
    cr_expect_eq(larger_logit(b, a).at, 2);
    cr_expect_eq(larger_logit(b, c).at, 7);
    cr_expect_eq(larger_logit(a, bad).at, 4);
}

Test(cuda_sequence, the_slope_of_gelu_is_that_of_its_values)
{
    for (int i = -40; i <= 40; i++) {
        float x = 0.1F * (float)i, h = 0.01F;
        float difference =
            ((x + h) * normal_distribution(x + h) - (x - h) * normal_distribution(x - h)) / (2 * h);
        cr_expect_float_eq(gelu_slope(x), difference, 1e-3, "at %g", (double)x);
    }
}

Test(cuda_sequence, lengths_are_cut_to_what_there_is)
{
    cr_expect_eq(known_length(3, 5), 3);
    cr_expect_eq(known_length(7, 5), 5);
    cr_expect_eq(known_length(-1, 5), 0);
    cr_expect_eq(known_length(NAN, 5), 0);
}

Test(cuda_sequence, rows_of_heads_cover_a_tensor_once)
{
    enum { BATCH = 2, ROWS = 3, HEADS = 2, WIDTH = 5, COUNT = BATCH * ROWS * HEADS * WIDTH };
    int used[COUNT] = {0};
    for (uint32_t i = 0; i < BATCH * HEADS * ROWS; i++) {
        attention_row r = attention_row_of(ROWS, HEADS, i);
        cr_assert(r.b < BATCH && r.h < HEADS && r.t < ROWS);
        for (uint32_t e = 0; e < WIDTH; e++) used[attention_offset(HEADS, ROWS, WIDTH, r) + e]++;
    }
    for (int i = 0; i < COUNT; i++) cr_expect_eq(used[i], 1);
}

Test(cuda_sequence, queries_see_known_keys_up_to_their_own_time)
{
    cr_expect_eq(keys_seen(4, false, 0), 4);
    cr_expect_eq(keys_seen(4, true, 0), 1);
    cr_expect_eq(keys_seen(4, true, 2), 3);
    cr_expect_eq(keys_seen(2, true, 3), 2);
    cr_expect_eq(keys_seen(0, true, 3), 0);
}

Test(cuda_sequence, times_run_forwards_or_backwards)
{
    lstm_sizes s = {2, 3, 4, 5};
    for (uint32_t k = 0; k < 3; k++) {
        cr_expect_eq(lstm_time(s, false, k), k);
        cr_expect_eq(lstm_time(s, true, k), 2 - k);
    }
    cr_expect(lstm_time(s, false, 3) == 3 && lstm_time(s, true, 3) == 3);
    cr_expect_eq(lstm_row(s, 1, 2), 5);
}

Test(cuda_sequence, every_time_of_an_lstm_is_aligned_as_promised)
{
    for (uint32_t hidden = 1; hidden <= 256; hidden++) {
        int bytes = lstm_alignment(hidden);
        cr_expect(bytes >= 4 && bytes <= 64 && 4 * hidden % (uint32_t)bytes == 0, "%u", hidden);
        cr_expect(bytes == 64 || 4 * hidden % (2 * (uint32_t)bytes) != 0, "%u", hidden);
    }
}

/* The kernels' formulas for one element, against differences of the forward ones. */
Test(cuda_sequence, the_gradients_of_a_step_are_those_of_its_values)
{
    enum { GATES = 4, INPUTS = GATES + 1 };
    const float zero[GATES] = {0}, dh = 0.7F, dc = -1.3F, h = 0.01F;
    float x[INPUTS] = {0.3F, -0.8F, 1.1F, 0.5F, 0.9F}, found[INPUTS]; /* the gates, then c */
    lstm_gates g = lstm_gates_of(x, zero, zero, 1);
    lstm_gates d = lstm_step_back(g, x[GATES], (lstm_states){dh, dc}, &found[GATES]);
    lstm_put(found, d, 1);
    for (int k = 0; k < INPUTS; k++) {
        float slope = 0;
        for (int side = -1; side <= 1; side += 2) {
            float moved[INPUTS];
            memcpy(moved, x, sizeof x);
            moved[k] += (float)side * h;
            lstm_states s = lstm_step(lstm_gates_of(moved, zero, zero, 1), moved[GATES]);
            slope += (float)side * (dh * s.h + dc * s.c) / (2 * h);
        }
        cr_expect_float_eq(found[k], slope, 1e-3, "input %d: %g, not %g", k, (double)found[k], (double)slope);
    }
}
