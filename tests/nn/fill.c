/* The inputs of the table's rows: drawn with base/rng.h, keyed by the row's name and the input. */
#include "base/rng.h"
#include "tests/nn/cases.h"

#include <math.h>

enum { SEED = 20240607 };

static float away_from_kinks(rng *r)
{
    for (;;) {
        double x = rng_normal(r);
        if (fabs(fabs(x) - 1) >= 0.1 && fabs(x) >= 0.1) return (float)x;
    }
}

static float draw(rng *r, fill kind, size_t row, double scale)
{
    double x = rng_normal(r), u = rng_uniform(r), unknown = rng_uniform(r);
    switch (kind) {
    case FILL_WEIGHT:
        return (float)(scale * x);
    case FILL_UNIFORM:
        return (float)u;
    case FILL_POSITIVE:
        return (float)(0.5 + 1.5 * u);
    case FILL_TIES:
        return (float)floor(3 * u);
    case FILL_AWAY:
        return away_from_kinks(r);
    case FILL_LARGE:
        return (float)(50 * x);
    case FILL_TARGETS:
        return row % 3 == 2 ? 0 : (float)u;
    case FILL_BINARY:
        return u < 0.5 ? 0 : 1;
    case FILL_PARTIAL:
        return unknown < 1.0 / 3 ? NAN : (float)u;
    case FILL_UNKNOWN:
        return NAN;
    default:
        return (float)x;
    }
}

static void to_unit_length(float *x, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += (double)x[i] * x[i];
    for (size_t i = 0; i < n; i++) x[i] = (float)(x[i] / sqrt(squares));
}

/* 0, 0.1, 0.2, ... around zero, shuffled. */
static void distinct(rng *r, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)rng_below(r, (int)i + 1);
        x[i] = x[j];
        x[j] = 0.1F * ((float)i - (float)n / 2);
    }
}

static void whole(rng *r, float *x, size_t n, int low, int high)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(low + rng_below(r, high - low + 1));
    x[rng_below(r, (int)n)] = (float)low;
}

void test_fill(const test_case *t, int i, float *host)
{
    const test_input *in = &t->in[i];
    size_t n = nn_count(&in->shape), row = n / (size_t)in->shape.d[0];
    rng r = rng_open(SEED, t->name, (uint64_t)i);
    if (in->fill == FILL_DISTINCT) {
        distinct(&r, host, n);
        return;
    }
    if (in->fill == FILL_WHOLE) {
        whole(&r, host, n, in->low, in->high);
        return;
    }
    for (size_t k = 0; k < n; k++) host[k] = draw(&r, in->fill, k / row, 1 / sqrt((double)row));
    if (in->fill == FILL_UNIT) to_unit_length(host, n);
}

void test_normal(const test_case *t, const char *purpose, float *host, size_t n)
{
    rng_fill_normal(rng_key(rng_key(SEED, t->name), purpose), 0, host, n);
}
