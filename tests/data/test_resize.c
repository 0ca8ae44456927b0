#include "data/images.h"
#include "data/npy.h"
#include "scratch.h"

#include <math.h>

enum { SIDE = 24 };

static float ramp[SIDE * SIDE];

static gray_image ramp_image(float a, float b, float c)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) ramp[y * SIDE + x] = a + b * (float)x + c * (float)y;
    return (gray_image){SIDE, SIDE, ramp};
}

Test(resize, same_size_is_the_same_image)
{
    gray_image image = ramp_image(1, 3, 5);
    uint8_t out[SIDE * SIDE];
    ASSERT_OK(image_square(&image, SIDE, out));
    for (int i = 0; i < SIDE * SIDE; i++) cr_expect_eq((float)out[i], ramp[i]);
}

Test(resize, shrinking_a_ramp_samples_it_at_the_centres)
{
    gray_image image = ramp_image(2, 4, 6);
    for (int size = 1; size <= SIDE; size++) {
        uint8_t out[SIDE * SIDE];
        double ratio = (double)SIDE / size;
        ASSERT_OK(image_square(&image, size, out));
        for (int y = 0; y < size; y++)
            for (int x = 0; x < size; x++) {
                /* The mean of a step function over [x r, (x+1) r) deviates from the line's by less than half
                 * a step. */
                double want = 2 + 4 * ((x + 0.5) * ratio - 0.5) + 6 * ((y + 0.5) * ratio - 0.5);
                double slack = SIDE % size == 0 ? 0.5 : 0.5 + 5.0 / ratio / 4;
                cr_expect(fabs(out[y * size + x] - want) <= slack, "size %d (%d,%d): %d, want %g", size, x, y,
                          out[y * size + x], want);
            }
    }
}

Test(resize, exact_area_means_as_numpy_computes_them)
{
    static const int sizes[] = {1, 8, 11, 28};
    npy in, want;
    float pixels[29 * 37];
    ASSERT_OK(npy_open(in_golden("data_area_in.npy"), &in));
    for (int i = 0; i < 29 * 37; i++) pixels[i] = (float)((const uint8_t *)in.data)[i];
    gray_image image = {37, 29, pixels};
    for (size_t s = 0; s < 4; s++) {
        char name[64];
        uint8_t out[28 * 28];
        (void)snprintf(name, sizeof name, "data_area_%d.npy", sizes[s]);
        ASSERT_OK(npy_open(in_golden(name), &want));
        ASSERT_OK(image_square(&image, sizes[s], out));
        cr_expect_arr_eq(out, want.data, (size_t)(sizes[s] * sizes[s]), "size %d", sizes[s]);
        npy_close(&want);
    }
    npy_close(&in);
}

Test(resize, the_mean_is_kept)
{
    gray_image image = ramp_image(10, 0, 0);
    for (int i = 0; i < SIDE * SIDE; i++) ramp[i] = (float)((i * 7919) % 256);
    double mean = 0;
    for (int i = 0; i < SIDE * SIDE; i++) mean += (double)ramp[i] / (SIDE * SIDE);
    for (int size = 2; size <= SIDE; size++) {
        uint8_t out[SIDE * SIDE];
        double got = 0;
        ASSERT_OK(image_square(&image, size, out));
        for (int i = 0; i < size * size; i++) got += (double)out[i] / (size * size);
        cr_expect(fabs(got - mean) < 0.5, "size %d: %g, want %g", size, got, mean); /* rounding only */
    }
}

Test(resize, enlarging_is_linear_between_centres)
{
    gray_image image = ramp_image(2, 4, 6);
    enum { LARGE = 3 * SIDE };
    uint8_t out[LARGE * LARGE];
    ASSERT_OK(image_square(&image, LARGE, out));
    for (int y = 0; y < LARGE; y++)
        for (int x = 0; x < LARGE; x++) {
            double sx = fmin(fmax((x + 0.5) / 3 - 0.5, 0), SIDE - 1),
                   sy = fmin(fmax((y + 0.5) / 3 - 0.5, 0), SIDE - 1);
            cr_expect(fabs(out[y * LARGE + x] - (2 + 4 * sx + 6 * sy)) <= 0.5 + 1e-9, "(%d,%d)", x, y);
        }
}

Test(resize, the_crop_is_central)
{
    float pixels[5 * 11];
    uint8_t out[25];
    for (int i = 0; i < 55; i++) pixels[i] = (float)i;
    gray_image wide = {11, 5, pixels}, tall = {5, 11, pixels};
    ASSERT_OK(image_square(&wide, 5, out));
    for (int i = 0; i < 25; i++) cr_expect_eq(out[i], i / 5 * 11 + i % 5 + 3);
    ASSERT_OK(image_square(&tall, 5, out));
    for (int i = 0; i < 25; i++) cr_expect_eq(out[i], i + 15);
}

Test(resize, results_are_clipped_and_sizes_checked)
{
    float pixels[2] = {-3, 300};
    uint8_t out[4];
    gray_image one = {1, 1, pixels}, other = {1, 1, pixels + 1};
    ASSERT_OK(image_square(&one, 2, out));
    cr_expect_eq(out[3], 0);
    ASSERT_OK(image_square(&other, 2, out));
    cr_expect_eq(out[0], 255);
    EXPECT_ERROR(image_square(&one, 0, out), ERR_USAGE, "size 0");
}
