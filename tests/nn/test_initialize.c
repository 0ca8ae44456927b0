/* Initial values: their laws, and that they depend on seed and name only. */
#include "nn/backend.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ROWS = 24, COLUMNS = 54, COUNT = ROWS * COLUMNS };

static void start(uint64_t seed, const char *first, nn_shape_t shape, init_opts init, float *value)
{
    net *n;
    cr_assert_eq(net_open(nn_on(&be_ref), seed, &n), OK);
    if (first) (void)nn_parameter(n, first, nn_shape(1, 3), (init_opts){.kind = INIT_NORMAL});
    (void)nn_parameter(n, "S/w", shape, init);
    cr_assert_eq(net_get_parameter(n, "S/w", value), OK, "%s", err_message());
    net_close(n);
}

static void moments(const float *x, double *mean, double *deviation, double *largest)
{
    double sum = 0, squares = 0;
    *largest = 0;
    for (int i = 0; i < COUNT; i++) {
        sum += x[i];
        squares += (double)x[i] * x[i];
        *largest = fmax(*largest, fabs(x[i]));
    }
    *mean = sum / COUNT;
    *deviation = sqrt(squares / COUNT - *mean * *mean);
}

/* Within four standard errors: deviation / sqrt(N) of the mean, deviation / sqrt(2 N) of the deviation. */
static void expect_law(init_opts init, double deviation, double most)
{
    float x[COUNT];
    double mean, found, largest;
    start(1, NULL, nn_shape(4, ROWS, 6, 3, 3), init, x);
    moments(x, &mean, &found, &largest);
    cr_expect_lt(fabs(mean), 4 * deviation / sqrt(COUNT), "kind %d: mean %g", (int)init.kind, mean);
    cr_expect_float_eq(found, deviation, 4 * deviation / sqrt(2.0 * COUNT), "kind %d: deviation %g, not %g",
                       (int)init.kind, found, deviation);
    cr_expect_leq(largest, most);
}

Test(initialize, laws)
{
    double limit = sqrt(6.0 / (6 * 9 + ROWS * 9));
    expect_law((init_opts){.kind = INIT_NORMAL}, 1, 6);
    expect_law((init_opts){.kind = INIT_NORMAL, .scale = 0.02F}, 0.02, 0.12);
    expect_law((init_opts){.kind = INIT_HE}, sqrt(2.0 / COLUMNS), 6);
    expect_law((init_opts){.kind = INIT_GLOROT}, limit / sqrt(3), limit);
    expect_law((init_opts){.kind = INIT_UNIFORM, .scale = 0.3F}, 0.3 / sqrt(3), 0.3F);
    expect_law((init_opts){.kind = INIT_UNIT_NORMAL}, 1 / sqrt(COUNT), 1);
}

/* Products of rows (or columns, if there are fewer of them) of an orthogonal start. */
static void expect_orthonormal(int rows, int columns)
{
    float x[COUNT];
    bool wide = rows <= columns;
    int vectors = wide ? rows : columns, length = wide ? columns : rows;
    int next = wide ? columns : 1, along = wide ? 1 : columns;
    start(1, NULL, nn_shape(2, rows, columns), (init_opts){.kind = INIT_ORTHOGONAL}, x);
    for (int i = 0; i < vectors; i++)
        for (int j = 0; j <= i; j++) {
            double product = 0;
            for (int k = 0; k < length; k++)
                product += (double)x[i * next + k * along] * x[j * next + k * along];
            cr_expect_float_eq(product, i == j, 1e-6);
        }
}

Test(initialize, orthogonal)
{
    expect_orthonormal(ROWS, COLUMNS);
    expect_orthonormal(COLUMNS, ROWS);
    expect_orthonormal(20, 20);
}

Test(initialize, constants_and_length)
{
    float x[COUNT];
    double squares = 0;
    start(1, NULL, nn_shape(1, COUNT), (init_opts){.kind = INIT_UNIT_NORMAL}, x);
    for (int i = 0; i < COUNT; i++) squares += (double)x[i] * x[i];
    cr_expect_float_eq(squares, 1, 1e-6);
    start(1, NULL, nn_shape(1, COUNT), (init_opts){.kind = INIT_ONES}, x);
    for (int i = 0; i < COUNT; i++) cr_expect_eq(x[i], 1);
    start(1, NULL, nn_shape(1, COUNT), (init_opts){.kind = INIT_ZEROS}, x);
    for (int i = 0; i < COUNT; i++) cr_expect_eq(x[i], 0);
}

Test(initialize, seed_and_name_decide)
{
    float a[COUNT], b[COUNT], c[COUNT];
    init_opts init = {.kind = INIT_NORMAL};
    start(1, NULL, nn_shape(1, COUNT), init, a);
    start(1, "S/recorded before", nn_shape(1, COUNT), init, b);
    start(2, NULL, nn_shape(1, COUNT), init, c);
    cr_expect_arr_eq(a, b, sizeof a);
    cr_expect_neq(memcmp(a, c, sizeof a), 0);
}
