/* The index arithmetic of the CUDA kernels on sequences, on the host: it is the same source. */
#include "nn/cuda/index.h"

#include <criterion/criterion.h>

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
