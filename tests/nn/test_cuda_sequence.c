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
