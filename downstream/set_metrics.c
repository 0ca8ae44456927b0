#include "downstream/set_metrics.h"

#include "downstream/neighbours.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* n zeros. */
static err allocate(size_t n, double **out)
{
    *out = calloc(n + 1, sizeof **out);
    return *out ? OK : err_set(ERR_SYSTEM, "out of memory for %zu numbers of image features", n);
}

/* mean (d), and centred (n,d) = features - mean. */
static void centre(const float *features, int n, int d, double *mean, double *centred)
{
    for (int j = 0; j < d; j++) mean[j] = 0.0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < d; j++) mean[j] += (double)features[(size_t)i * (size_t)d + (size_t)j] / n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < d; j++) {
            size_t at = (size_t)i * (size_t)d + (size_t)j;
            centred[at] = (double)features[at] - mean[j];
        }
}

static double sum_of_squares(const double *x, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}

/* LAPACK keeps to one thread within a parallel region, so that the number of threads does not change the
 * order of its sums. A region of one thread would not count as parallel. */
static err lapack_failure(const char *routine, lapack_int code)
{
    if (code == 0) return OK;
    if (code == LAPACK_WORK_MEMORY_ERROR) return err_set(ERR_SYSTEM, "out of memory in LAPACK");
    return err_set(ERR_INTERNAL, "LAPACK's %s failed with %d", routine, (int)code);
}

/* Makes the first *rows = min(n,d) rows of x (n,d) its factor R: x = Q R with Q^T Q = 1. Column by column,
 * as LAPACK sees it, x is its transpose, and R the transpose of L. */
static err reduce(double *x, int n, int d, int *rows)
{
    *rows = n < d ? n : d;
    double *reflectors;
    TRY(allocate((size_t)*rows, &reflectors));
    lapack_int failed = 0;
#pragma omp parallel num_threads(2)
#pragma omp single
    failed = LAPACKE_dgelqf(LAPACK_COL_MAJOR, d, n, x, d, reflectors);
    free(reflectors);
    for (int i = 1; i < *rows; i++)
        for (int j = 0; j < i; j++) x[(size_t)i * (size_t)d + (size_t)j] = 0.0;
    return lapack_failure("dgelqf", failed);
}

/* The sum of the singular values of a (rows,columns), which is lost. */
static err nuclear_norm(double *a, int rows, int columns, double *out)
{
    int n = rows < columns ? rows : columns;
    double *values;
    TRY(allocate((size_t)n, &values));
    lapack_int failed = 0;
#pragma omp parallel num_threads(2)
#pragma omp single
    failed = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', columns, rows, a, columns, values, NULL, 1, NULL, 1);
    *out = 0.0;
    for (int i = 0; i < n; i++) *out += values[i];
    free(values);
    return lapack_failure("dgesdd", failed);
}

/* With X and Y the centred features, S_r S_f = X^T X Y^T Y / ((n - 1)(m - 1)) has the eigenvalues of
 * (Y X^T)(Y X^T)^T, and so the trace of its root is the sum of the singular values of Y X^T: the same as of
 * the small R_y R_x^T. No square is ever taken, so that its rounding cannot become a root. */
static err root_trace(double *real, int n_real, double *fake, int n_fake, int d, double *out)
{
    int p, q;
    double *product;
    TRY(reduce(real, n_real, d, &p));
    TRY(reduce(fake, n_fake, d, &q));
    TRY(allocate((size_t)p * (size_t)q, &product));
    plain_product(fake, q, real, p, d, product);
    err error = nuclear_norm(product, q, p, out);
    free(product);
    *out /= sqrt((double)(n_real - 1) * (double)(n_fake - 1));
    return error;
}

/* `real` (n_real,d) and `fake` (n_fake,d) are for the centred features, and lost. */
typedef struct fid_space {
    double *mean_real, *mean_fake; /* (d) */
    double *real, *fake;
} fid_space;

static err fid_space_open(int n_real, int n_fake, int d, fid_space *s)
{
    TRY(allocate((size_t)d, &s->mean_real));
    TRY(allocate((size_t)d, &s->mean_fake));
    TRY(allocate((size_t)n_real * (size_t)d, &s->real));
    return allocate((size_t)n_fake * (size_t)d, &s->fake);
}

static void fid_space_close(fid_space *s)
{
    free(s->mean_real);
    free(s->mean_fake);
    free(s->real);
    free(s->fake);
}

static err fid_of(fid_space *s, int n_real, int n_fake, int d, double *out)
{
    double sum = sum_of_squares(s->real, (size_t)n_real * (size_t)d) / (n_real - 1) +
                 sum_of_squares(s->fake, (size_t)n_fake * (size_t)d) / (n_fake - 1);
    for (int j = 0; j < d; j++) {
        double difference = s->mean_real[j] - s->mean_fake[j];
        sum += difference * difference;
    }
    double root = 0.0;
    TRY(root_trace(s->real, n_real, s->fake, n_fake, d, &root));
    *out = fmax(sum - 2.0 * root, 0.0); /* below 0 by rounding only */
    return OK;
}

err metric_fid(const float *real, int n_real, const float *fake, int n_fake, int d, double *out)
{
    *out = NAN;
    if (n_real < 2 || n_fake < 2 || !all_finite(real, n_real, d) || !all_finite(fake, n_fake, d)) return OK;
    fid_space s = {0};
    err error = fid_space_open(n_real, n_fake, d, &s);
    if (error == OK) {
        centre(real, n_real, d, s.mean_real, s.real);
        centre(fake, n_fake, d, s.mean_fake, s.fake);
        error = fid_of(&s, n_real, n_fake, d, out);
    }
    fid_space_close(&s);
    return error;
}

/* Of the rows of x (n,width). */
static double mean_length(const float *x, int n, int width)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const float *row = x + (size_t)i * (size_t)width;
        double squares = 0;
        for (int j = 0; j < width; j++) squares += (double)row[j] * (double)row[j];
        sum += sqrt(squares);
    }
    return sum / n;
}

/* (n,d+k), the caller's; NULL without memory. */
static float *joined(labelled_features x, int d, int k, double scale)
{
    float *rows = malloc((size_t)x.n * (size_t)(d + k) * sizeof *rows);
    for (int i = 0; rows && i < x.n; i++) {
        float *row = rows + (size_t)i * (size_t)(d + k);
        const float *labels = x.labels + (size_t)i * (size_t)k;
        memcpy(row, x.features + (size_t)i * (size_t)d, (size_t)d * sizeof *row);
        for (int j = 0; j < k; j++) row[d + j] = (float)(scale * (double)labels[j]);
    }
    return rows;
}

err metric_fjd(labelled_features real, labelled_features fake, int d, int k, double *out)
{
    *out = NAN;
    if (real.n < 2 || fake.n < 2) return OK;
    double labels = mean_length(real.labels, real.n, k);
    double scale = labels > 0 ? mean_length(real.features, real.n, d) / labels : 1.0;
    float *r = joined(real, d, k, scale), *f = joined(fake, d, k, scale);
    err error = r && f ? metric_fid(r, real.n, f, fake.n, d + k, out)
                       : err_set(ERR_SYSTEM, "out of memory for features and labels");
    free(r);
    free(f);
    return error;
}

/* Sums of the kernel over pairs, by the blocks of both images. */
typedef struct kernel_sums {
    const float *a, *b;
    int d, blocks;
    bool same;    /* a is b: an image makes no pair with itself */
    double *rows; /* (n,blocks): of image i with the images of each block */
} kernel_sums;

static void add_kernels(void *context, const tile *t)
{
    const kernel_sums *s = context;
    tile_products(t, s->a, s->b, s->d, NULL);
    for (int r = 0; r < t->rows; r++) {
        int i = t->row + r, block = t->column % s->blocks;
        double *sums = s->rows + (size_t)i * (size_t)s->blocks;
        const double *row = t->values + (size_t)r * (size_t)t->columns;
        for (int c = 0; c < t->columns; c++) {
            double base = row[c] / s->d + 1.0;
            if (!s->same || i != t->column + c) sums[block] += base * base * base;
            if (++block == s->blocks) block = 0;
        }
    }
}

/* Adds to sums (blocks,blocks): of the pairs of an image of one block of a (n,d) and one of another of b
 * (m,d). */
static err sum_kernels(const float *a, int n, const float *b, int m, int d, int blocks, bool same,
                       double *sums)
{
    size_t width = (size_t)blocks;
    kernel_sums s = {a, b, d, blocks, same, calloc((size_t)n * width, sizeof *s.rows)};
    if (!s.rows) return err_set(ERR_SYSTEM, "out of memory for the kernels of %d images", n);
    err error = tiles_visit(n, m, add_kernels, &s);
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t c = 0; c < width; c++) sums[i % width * width + c] += s.rows[i * width + c];
    free(s.rows);
    return error;
}

typedef struct kid_sums {
    int n_real, n_fake, blocks;
    double *real, *fake, *both; /* (blocks,blocks) */
} kid_sums;

/* How many of n images are in a block, image i being in block i mod `blocks`. */
static int block_size(int n, int blocks, int block)
{
    return (n - block + blocks - 1) / blocks;
}

/* The sum without the rows and columns of block `left_out` (-1: of all). */
static double sum_without(const double *sums, int blocks, int left_out)
{
    double sum = 0.0;
    for (int r = 0; r < blocks; r++)
        for (int c = 0; c < blocks; c++)
            if (r != left_out && c != left_out) sum += sums[r * blocks + c];
    return sum;
}

/* KID of the images that are not in block `left_out`. */
static double kid_without(const kid_sums *s, int left_out)
{
    double n = s->n_real, m = s->n_fake;
    if (left_out >= 0) {
        n -= block_size(s->n_real, s->blocks, left_out);
        m -= block_size(s->n_fake, s->blocks, left_out);
    }
    return sum_without(s->real, s->blocks, left_out) / (n * (n - 1.0)) +
           sum_without(s->fake, s->blocks, left_out) / (m * (m - 1.0)) -
           2.0 * sum_without(s->both, s->blocks, left_out) / (n * m);
}

static double jackknife_error(const kid_sums *s)
{
    double mean = 0.0, squares = 0.0;
    for (int b = 0; b < s->blocks; b++) mean += kid_without(s, b) / s->blocks;
    for (int b = 0; b < s->blocks; b++) {
        double difference = kid_without(s, b) - mean;
        squares += difference * difference;
    }
    return sqrt(squares * (s->blocks - 1) / s->blocks);
}

/* After leaving out the largest block at least two images are left. */
static bool has_error(int n, int blocks)
{
    return blocks > 1 && n - block_size(n, blocks, 0) >= 2;
}

err metric_kid(const float *real, int n_real, const float *fake, int n_fake, int d, int blocks,
               kid_estimate *out)
{
    *out = (kid_estimate){NAN, NAN};
    if (n_real < 2 || n_fake < 2 || !all_finite(real, n_real, d) || !all_finite(fake, n_fake, d)) return OK;
    size_t area = (size_t)blocks * (size_t)blocks;
    double *sums;
    TRY(allocate(3 * area, &sums));
    kid_sums s = {n_real, n_fake, blocks, sums, sums + area, sums + 2 * area};
    err error = sum_kernels(real, n_real, real, n_real, d, blocks, true, s.real);
    if (error == OK) error = sum_kernels(fake, n_fake, fake, n_fake, d, blocks, true, s.fake);
    if (error == OK) error = sum_kernels(real, n_real, fake, n_fake, d, blocks, false, s.both);
    if (error == OK) {
        out->value = kid_without(&s, -1);
        if (has_error(n_real, blocks) && has_error(n_fake, blocks)) out->standard_error = jackknife_error(&s);
    }
    free(sums);
    return error;
}
