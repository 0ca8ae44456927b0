/* Initial values of parameters. */
#include "base/rng.h"
#include "nn/internal.h"

#include <math.h>
#include <stdlib.h>

static void scale_by(float *x, size_t n, double factor)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(x[i] * factor);
}

/* Eight sums side by side: a single one would wait for each addition before the next. */
static double dot(const double *a, const double *b, size_t n)
{
    enum { SUMS = 8 };
    double sums[SUMS] = {0}, sum = 0;
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t k = 0; k < SUMS; k++) sums[k] += a[i + k] * b[i + k];
    for (; i < n; i++) sum += a[i] * b[i];
    for (size_t k = 0; k < SUMS; k++) sum += sums[k];
    return sum;
}

/* Orthonormalises `count` vectors of `length` >= count by Gram-Schmidt, twice per vector (once is not enough
 * in floating point: Giraud et al. 2005). Vectors are drawn normal, so they are independent with
 * probability 1. */
static void orthonormalise(double *vectors, size_t count, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        double *v = vectors + i * length;
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++) {
                const double *u = vectors + j * length;
                double projection = dot(u, v, length);
                for (size_t k = 0; k < length; k++) v[k] -= projection * u[k];
            }
        double norm = sqrt(dot(v, v, length));
        for (size_t k = 0; k < length; k++) v[k] /= norm;
    }
}

/* Rows are orthonormal if there are no more rows than columns, else columns are. */
static err orthogonal(size_t rows, size_t columns, float *out)
{
    bool wide = rows <= columns;
    size_t count = wide ? rows : columns, length = wide ? columns : rows;
    double *vectors = calloc(count * length, sizeof *vectors);
    if (!vectors) return err_set(ERR_SYSTEM, "out of memory for an orthogonal start");
    for (size_t i = 0; i < count * length; i++) vectors[i] = out[i];
    orthonormalise(vectors, count, length);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            out[r * columns + c] = (float)(wide ? vectors[r * length + c] : vectors[c * length + r]);
    free(vectors);
    return OK;
}

err initialize(uint64_t seed, const char *name, const nn_shape_t *shape, init_opts init, float *out)
{
    size_t n = nn_count(shape), rows = (size_t)shape->d[0], fan_in = n / rows;
    size_t fan_out = rows * (shape->rank == 4 ? (size_t)shape->d[2] * (size_t)shape->d[3] : 1);
    uint64_t key = rng_key(seed, name);
    if (init.kind == INIT_ZEROS || init.kind == INIT_ONES) {
        for (size_t i = 0; i < n; i++) out[i] = init.kind == INIT_ONES;
        return OK;
    }
    if (init.kind == INIT_GLOROT || init.kind == INIT_UNIFORM) {
        double limit = sqrt(6.0 / (double)(fan_in + fan_out));
        if (init.kind == INIT_UNIFORM) limit = init.scale > 0 ? init.scale : 1;
        rng_fill_uniform(key, 0, out, n);
        for (size_t i = 0; i < n; i++) out[i] = (float)(limit * (2.0 * out[i] - 1.0));
        return OK;
    }
    rng_fill_normal(key, 0, out, n);
    if (init.kind == INIT_ORTHOGONAL) return orthogonal(rows, fan_in, out);
    if (init.kind == INIT_HE) scale_by(out, n, sqrt(2.0 / (double)fan_in));
    if (init.kind == INIT_NORMAL && init.scale > 0) scale_by(out, n, init.scale);
    if (init.kind == INIT_UNIT_NORMAL) {
        double squares = 0;
        for (size_t i = 0; i < n; i++) squares += (double)out[i] * out[i];
        scale_by(out, n, 1.0 / sqrt(squares));
    }
    return OK;
}
