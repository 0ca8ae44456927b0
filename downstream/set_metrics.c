#include "downstream/set_metrics.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Rows of a covariance that are summed together: each sample is then read once for all of them. */
enum { ROWS_AT_ONCE = 8 };

static err allocate(size_t n, double **out)
{
    *out = malloc((n + 1) * sizeof **out);
    return *out ? OK : err_set(ERR_SYSTEM, "out of memory for %zu numbers of image features", n);
}

static bool all_finite(const float *features, int n, int d)
{
    for (size_t i = 0; i < (size_t)n * (size_t)d; i++)
        if (!isfinite(features[i])) return false;
    return true;
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

/* covariance (d,d) = centred^T centred / (n - 1), both triangles. */
static void covariance_of(const double *centred, int n, int d, double *covariance)
{
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < d; first += ROWS_AT_ONCE) {
        int end = first + ROWS_AT_ONCE < d ? first + ROWS_AT_ONCE : d;
        for (int r = first; r < end; r++)
            for (int c = r; c < d; c++) covariance[(size_t)r * (size_t)d + (size_t)c] = 0.0;
        for (int i = 0; i < n; i++) {
            const double *x = centred + (size_t)i * (size_t)d;
            for (int r = first; r < end; r++) {
                double *row = covariance + (size_t)r * (size_t)d;
                for (int c = r; c < d; c++) row[c] += x[r] * x[c];
            }
        }
    }
    for (int r = 0; r < d; r++)
        for (int c = r; c < d; c++) {
            double value = covariance[(size_t)r * (size_t)d + (size_t)c] / (n - 1);
            covariance[(size_t)r * (size_t)d + (size_t)c] = value;
            covariance[(size_t)c * (size_t)d + (size_t)r] = value;
        }
}

/* values (d), rising; if vectors are wanted, row j of `matrix` becomes the eigenvector of values[j]. */
static err eigen(double *matrix, int d, bool vectors, double *values)
{
    lapack_int failed = 0;
    /* Inside a parallel region OpenBLAS keeps to one thread, so that the number of threads does not change
     * the order of its sums. A region of one thread would not count as parallel. */
#pragma omp parallel num_threads(2)
#pragma omp single
    failed = LAPACKE_dsyev(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'U', d, matrix, d, values);
    if (failed == LAPACK_WORK_MEMORY_ERROR) return err_set(ERR_SYSTEM, "out of memory in LAPACK");
    if (failed) return err_set(ERR_INTERNAL, "LAPACK's dsyev failed with %d", (int)failed);
    return OK;
}

static double dot(const double *a, const double *b, int d)
{
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < d; j++) sum += a[j] * b[j];
    return sum;
}

/* projected (n,d): coordinates of the samples along the eigenvectors, each times the root of its eigenvalue.
 * */
static void project(const double *centred, int n, int d, const double *vectors, const double *values,
                    double *projected)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        for (int j = 0; j < d; j++)
            projected[(size_t)i * (size_t)d + (size_t)j] =
                sqrt(fmax(values[j], 0.0)) *
                dot(centred + (size_t)i * (size_t)d, vectors + (size_t)j * (size_t)d, d);
}

static double trace_of(const double *matrix, int d)
{
    double sum = 0.0;
    for (int j = 0; j < d; j++) sum += matrix[(size_t)j * (size_t)d + (size_t)j];
    return sum;
}

typedef struct fid_space {
    double *mean_real, *mean_fake, *values;    /* (d) */
    double *real, *fake, *projected;           /* (n_real,d), (n_fake,d), (n_fake,d) */
    double *covariance_real, *covariance_fake; /* (d,d) */
} fid_space;

static void fid_space_close(fid_space *s)
{
    free(s->mean_real);
    free(s->mean_fake);
    free(s->values);
    free(s->real);
    free(s->fake);
    free(s->projected);
    free(s->covariance_real);
    free(s->covariance_fake);
}

static err fid_space_open(int n_real, int n_fake, int d, fid_space *s)
{
    size_t width = (size_t)d;
    TRY(allocate(width, &s->mean_real));
    TRY(allocate(width, &s->mean_fake));
    TRY(allocate(width, &s->values));
    TRY(allocate((size_t)n_real * width, &s->real));
    TRY(allocate((size_t)n_fake * width, &s->fake));
    TRY(allocate((size_t)n_fake * width, &s->projected));
    TRY(allocate(width * width, &s->covariance_real));
    TRY(allocate(width * width, &s->covariance_fake));
    return OK;
}

/* S_r = V L V^T, so S_r S_f has the eigenvalues of the symmetric L^(1/2) V^T S_f V L^(1/2): the covariance
 * of the fake features after projection on V L^(1/2). The trace of its root is the sum of their roots. */
static err fid_of(fid_space *s, int n_real, int n_fake, int d, double *out)
{
    covariance_of(s->real, n_real, d, s->covariance_real);
    covariance_of(s->fake, n_fake, d, s->covariance_fake);
    double sum = trace_of(s->covariance_real, d) + trace_of(s->covariance_fake, d);
    for (int j = 0; j < d; j++) {
        double difference = s->mean_real[j] - s->mean_fake[j];
        sum += difference * difference;
    }
    TRY(eigen(s->covariance_real, d, true, s->values));
    project(s->fake, n_fake, d, s->covariance_real, s->values, s->projected);
    covariance_of(s->projected, n_fake, d, s->covariance_fake);
    TRY(eigen(s->covariance_fake, d, false, s->values));
    for (int j = 0; j < d; j++) sum -= 2.0 * sqrt(fmax(s->values[j], 0.0));
    *out = fmax(sum, 0.0); /* below 0 by rounding only */
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

static double kernel(const float *a, const float *b, int d)
{
    double product = 0.0;
#pragma omp simd reduction(+ : product)
    for (int j = 0; j < d; j++) product += (double)a[j] * (double)b[j];
    double base = product / d + 1.0;
    return base * base * base;
}

/* The mean kernel of pairs from a (n,d) and b (m,d); if they are the same set, without each image's pair
 * with itself. Row sums in `rows` (n), added in order, keep the result free of the number of threads. */
static double mean_kernel(const float *a, int n, const float *b, int m, int d, bool same, double *rows)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++) {
        rows[i] = 0.0;
        for (int j = 0; j < m; j++)
            if (!same || i != j) rows[i] += kernel(a + (size_t)i * (size_t)d, b + (size_t)j * (size_t)d, d);
    }
    double sum = 0.0;
    for (int i = 0; i < n; i++) sum += rows[i];
    return sum / n / (same ? m - 1 : m);
}

err metric_kid(const float *real, int n_real, const float *fake, int n_fake, int d, double *out)
{
    *out = NAN;
    if (n_real < 2 || n_fake < 2 || !all_finite(real, n_real, d) || !all_finite(fake, n_fake, d)) return OK;
    double *rows;
    TRY(allocate((size_t)(n_real > n_fake ? n_real : n_fake), &rows));
    *out = mean_kernel(real, n_real, real, n_real, d, true, rows) +
           mean_kernel(fake, n_fake, fake, n_fake, d, true, rows) -
           2.0 * mean_kernel(real, n_real, fake, n_fake, d, false, rows);
    free(rows);
    return OK;
}

static double squared_distance(const float *a, const float *b, int d)
{
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < d; j++) {
        double difference = (double)a[j] - (double)b[j];
        sum += difference * difference;
    }
    return sum;
}

/* squared[i] = squared distance to the k-th nearest other image of the set; nearest (n,k) is scratch. */
static void radii_of(const float *set, int n, int d, int k, double *nearest, double *squared)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++) {
        double *rising = nearest + (size_t)i * (size_t)k; /* the k smallest so far */
        for (int r = 0; r < k; r++) rising[r] = DBL_MAX;
        for (int j = 0; j < n; j++) {
            if (j == i) continue;
            double distance = squared_distance(set + (size_t)i * (size_t)d, set + (size_t)j * (size_t)d, d);
            int r = k;
            for (; r > 0 && distance < rising[r - 1]; r--)
                if (r < k) rising[r] = rising[r - 1];
            if (r < k) rising[r] = distance;
        }
        squared[i] = rising[k - 1];
    }
}

/* How many of the n images of `set` have `image` in their ball. */
static int balls_around(const float *image, const float *set, const double *squared, int n, int d)
{
    int balls = 0;
    for (int i = 0; i < n; i++) balls += squared_distance(set + (size_t)i * (size_t)d, image, d) < squared[i];
    return balls;
}

static bool any_inside(const float *image, double squared, const float *set, int n, int d)
{
    for (int i = 0; i < n; i++)
        if (squared_distance(image, set + (size_t)i * (size_t)d, d) < squared) return true;
    return false;
}

/* Counts are integers, so that threads may add them in any order. */
static set_overlap overlap_of(const float *real, const double *squared_real, int n_real, const float *fake,
                              const double *squared_fake, int n_fake, int d, int k)
{
    long long precise = 0, recalled = 0, balls = 0, covered = 0;
#pragma omp parallel for schedule(static) reduction(+ : precise, balls)
    for (int i = 0; i < n_fake; i++) {
        int here = balls_around(fake + (size_t)i * (size_t)d, real, squared_real, n_real, d);
        precise += here > 0;
        balls += here;
    }
#pragma omp parallel for schedule(static) reduction(+ : recalled, covered)
    for (int i = 0; i < n_real; i++) {
        const float *image = real + (size_t)i * (size_t)d;
        recalled += balls_around(image, fake, squared_fake, n_fake, d) > 0;
        covered += any_inside(image, squared_real[i], fake, n_fake, d);
    }
    return (set_overlap){.precision = (double)precise / n_fake,
                         .recall = (double)recalled / n_real,
                         .density = (double)balls / k / n_fake,
                         .coverage = (double)covered / n_real};
}

err metric_set_overlap(const float *real, int n_real, const float *fake, int n_fake, int d, int k,
                       set_overlap *out)
{
    *out = (set_overlap){NAN, NAN, NAN, NAN};
    if (n_real <= k || n_fake <= k || !all_finite(real, n_real, d) || !all_finite(fake, n_fake, d)) return OK;
    int most = n_real > n_fake ? n_real : n_fake;
    double *nearest = NULL, *squared_real = NULL, *squared_fake = NULL;
    err error = allocate((size_t)most * (size_t)k, &nearest);
    if (error == OK) error = allocate((size_t)n_real, &squared_real);
    if (error == OK) error = allocate((size_t)n_fake, &squared_fake);
    if (error == OK) {
        radii_of(real, n_real, d, k, nearest, squared_real);
        radii_of(fake, n_fake, d, k, nearest, squared_fake);
        *out = overlap_of(real, squared_real, n_real, fake, squared_fake, n_fake, d, k);
    }
    free(nearest);
    free(squared_real);
    free(squared_fake);
    return error;
}
