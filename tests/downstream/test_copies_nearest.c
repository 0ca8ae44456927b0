/* The nearest training images, against plain loops over the definition; planted copiers are caught, and fresh
 * draws of the phantom are not. */
#include "downstream/copies.h"
#include "tiny.h"

#include <math.h>
#include <stdlib.h>

enum { EDGE = 32, AREA = EDGE * EDGE };

Test(copies_nearest, features_in_one_dimension)
{
    const float training[8] = {0, 1, 2, 4, 8, 16, 32, 32}, images[4] = {0, 3, 32, 1000};
    nearest_training got[4];
    ASSERT_OK(copies_by_features(images, 4, training, 8, 1, got));
    cr_expect(got[0].index == 0 && got[0].distance == 0 && got[0].relative == 0);
    cr_expect(got[1].index == 2 && got[1].distance == 1);
    cr_expect_float_eq(got[1].relative, 1 / ((1 + 2 + 3 + 5 + 13) / 5.0), 1e-15);
    cr_expect(got[2].index == 6 && got[2].distance == 0 && got[2].relative == 0);
    cr_expect_float_eq(got[3].relative, 968 / ((968 + 984 + 992 + 996 + 998) / 5.0), 1e-15);
}

Test(copies_nearest, equal_training_images_make_nothing_a_copy)
{
    const float training[6] = {5, 5, 5, 5, 5, 5}, image = 5;
    nearest_training got;
    ASSERT_OK(copies_by_features(&image, 1, training, 6, 1, &got));
    cr_expect(got.index == 0 && got.distance == 0 && got.relative == 1);
    cr_expect_eq(copies_by_features(&image, 1, training, 5, 1, &got), ERR_DATA);
}

/* ---- pixels ---- */

/* The correlation of two windows of 28x28 pixels after averaging over 2x2, in double. */
static double correlation(const uint8_t *a, int y, int x, bool mirrored, const uint8_t *b)
{
    double sums[5] = {0}; /* of a, b, aa, bb, ab */
    for (int r = 0; r < 14; r++)
        for (int c = 0; c < 14; c++) {
            double p = 0.0, q = 0.0;
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 2; j++) {
                    int column = x + 2 * c + j;
                    p += a[(y + 2 * r + i) * EDGE + (mirrored ? EDGE - 1 - column : column)] / 4.0;
                    q += b[(2 + 2 * r + i) * EDGE + 2 + 2 * c + j] / 4.0;
                }
            const double terms[5] = {p, q, p * p, q * q, p * q};
            for (int i = 0; i < 5; i++) sums[i] += terms[i] / 196.0;
        }
    double variances = (sums[2] - sums[0] * sums[0]) * (sums[3] - sums[1] * sums[1]);
    return variances > 1e-9 ? (sums[4] - sums[0] * sums[1]) / sqrt(variances) : 0.0;
}

static double distance_by_loops(const uint8_t *a, const uint8_t *b)
{
    double most = 0.0;
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 5; x++)
            for (int mirrored = 0; mirrored < 2; mirrored++)
                most = fmax(most, fabs(correlation(a, y, x, mirrored, b)));
    return sqrt(fmax(2.0 - 2.0 * most, 0.0));
}

/* Noise, a constant image, and copies of the 32x32 images as sets of labels that do not matter. */
static dataset *set_of(const uint8_t *images, int n)
{
    float *labels = calloc((size_t)n, sizeof *labels);
    dataset *set;
    ASSERT_OK(dataset_from_arrays(images, labels, n, EDGE, 1, (const char *const[]){"any"}, "made", &set));
    free(labels);
    return set;
}

static samples every(const dataset *set)
{
    samples all = {malloc((size_t)set->n * sizeof(int)), set->n};
    for (int i = 0; i < set->n; i++) all.index[i] = i;
    return all;
}

static nearest_training *nearest_in(const dataset *set, const samples *which, const dataset *training_set,
                                    const samples *training)
{
    nearest_training *out = malloc((size_t)which->n * sizeof *out);
    ASSERT_OK(copies_by_pixels(set, which, training_set, training, out));
    return out;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Test(copies_nearest, pixels_agree_with_double_loops)
{
    enum { N = 20, M = 140 };
    static uint8_t images[N * AREA], training[M * AREA];
    rng r = rng_open(1, "copies", 0);
    for (int i = 0; i < N * AREA; i++) images[i] = i < AREA ? 77 : (uint8_t)rng_below(&r, 256);
    for (int i = 0; i < M * AREA; i++) training[i] = (uint8_t)rng_below(&r, 256);
    dataset *a = set_of(images, N), *b = set_of(training, M);
    samples those = every(a), others = every(b);
    nearest_training *got = nearest_in(a, &those, b, &others);
    for (int i = 0; i < N; i++) {
        double all[M], sum = 0.0;
        for (int j = 0; j < M; j++) all[j] = distance_by_loops(images + i * AREA, training + j * AREA);
        cr_expect_float_eq(got[i].distance, all[got[i].index], 1e-5);
        qsort(all, M, sizeof *all, by_value);
        for (int j = 1; j < COPY_NEIGHBOURS; j++) sum += all[j];
        cr_expect_float_eq(got[i].distance, all[0], 1e-5);
        cr_expect_float_eq(got[i].relative, all[0] / (sum / (COPY_NEIGHBOURS - 1)), 1e-5);
    }
    free(got);
    samples_close(&those);
    samples_close(&others);
    dataset_close(a);
    dataset_close(b);
}

/* ---- the phantom ---- */

typedef struct cohort {
    dataset *set, *fresh;
    splits split;
    samples held_out, drawn; /* one image a patient */
} cohort;

static void cohort_open(int size, int count, uint64_t seed, cohort *c)
{
    ASSERT_OK(dataset_open("phantom:covid", size, count, seed, &c->set));
    ASSERT_OK(dataset_open("phantom:covid", size, count / 3, seed + 1000, &c->fresh));
    ASSERT_OK(splits_open(c->set, 0, .3, seed, &c->split));
    ASSERT_OK(samples_per_patient(c->set, &c->split.test, &c->held_out));
    samples all = every(c->fresh);
    ASSERT_OK(samples_per_patient(c->fresh, &all, &c->drawn));
    samples_close(&all);
}

static void cohort_close(cohort *c)
{
    samples_close(&c->held_out);
    samples_close(&c->drawn);
    splits_close(&c->split);
    dataset_close(c->set);
    dataset_close(c->fresh);
}

static copy_test compare(const nearest_training *synthetic, int n, const nearest_training *held_out, int m)
{
    double *values = malloc((size_t)(n + m) * sizeof *values);
    copy_test test;
    for (int i = 0; i < n; i++) values[i] = synthetic[i].relative;
    for (int i = 0; i < m; i++) values[n + i] = held_out[i].relative;
    ASSERT_OK(copy_test_of(values, n, values + n, m, copies_level(1), &test));
    free(values);
    return test;
}

static copy_test test_of(const cohort *c, const dataset *synthetic, const samples *which)
{
    nearest_training *a = nearest_in(synthetic, which, c->set, &c->split.train);
    nearest_training *b = nearest_in(c->set, &c->held_out, c->set, &c->split.train);
    copy_test test = compare(a, which->n, b, c->held_out.n);
    free(a);
    free(b);
    return test;
}

/* 5% of false alarms: more than 4 in 25 would happen once in 140 times. */
Test(copies_nearest, fresh_draws_are_not_copies)
{
    enum { SEEDS = 25 };
    int alarms = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        cohort c;
        cohort_open(32, 300, seed, &c);
        copy_test test = test_of(&c, c.fresh, &c.drawn);
        alarms += copies_judge(&test, 1) == COPIES_FOUND;
        cohort_close(&c);
    }
    cr_expect_leq(alarms, 4, "%d false alarms in %d", alarms, SEEDS);
}

static uint8_t clamp(double v)
{
    return (uint8_t)lround(fmin(fmax(v, 0.0), 255.0));
}

typedef enum disguise { EXACT, NOISE, BRIGHTNESS, CONTRAST, INVERSION, SHIFT, MIRROR, DISGUISES } disguise;
static const char *const disguise_names[] = {"exact",     "noise", "brightness", "contrast",
                                             "inversion", "shift", "mirror"};

/* One copied image; `size` pixels a side, shifts up to its 16th part. */
static void disguised(disguise kind, const uint8_t *from, int size, rng *r, uint8_t *to)
{
    int up = rng_below(r, size / 8 + 1) - size / 16, left = rng_below(r, size / 8 + 1) - size / 16;
    double brighter = rng_between(r, -40, 40), steeper = rng_between(r, .7, 1.3);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            int row = y + up, column = x + left,
                inside = row >= 0 && row < size && column >= 0 && column < size;
            double v = from[y * size + x];
            const double values[] = {[EXACT] = v,
                                     [NOISE] = v + 10 * rng_normal(r),
                                     [BRIGHTNESS] = v + brighter,
                                     [CONTRAST] = 128 + steeper * (v - 128),
                                     [INVERSION] = 255 - v,
                                     [SHIFT] = inside ? from[row * size + column] : 0,
                                     [MIRROR] = from[y * size + size - 1 - x]};
            to[y * size + x] = clamp(values[kind]);
        }
}

/* Copies of `copies` training images, and fresh draws for the rest. */
static dataset *copier(const cohort *c, disguise kind, int copies)
{
    int size = c->set->height, n = c->drawn.n;
    size_t area = (size_t)size * (size_t)size;
    uint8_t *images = malloc((size_t)n * area);
    float *labels = calloc((size_t)n, sizeof *labels);
    rng r = rng_open(9, "copier", (uint64_t)kind);
    for (int i = 0; i < n; i++)
        if (i < copies)
            disguised(kind, c->set->images + (size_t)c->split.train.index[i] * area, size, &r,
                      images + (size_t)i * area);
        else
            memcpy(images + (size_t)i * area, c->fresh->images + (size_t)c->drawn.index[i] * area, area);
    dataset *set;
    ASSERT_OK(dataset_from_arrays(images, labels, n, size, 1, (const char *const[]){"any"}, "copied", &set));
    free(images);
    free(labels);
    return set;
}

static void expect_caught(int size, int copies_of)
{
    cohort c;
    cohort_open(size, 300, 3, &c);
    for (int kind = EXACT; kind < DISGUISES; kind++) {
        int copies = copies_of ? copies_of : c.drawn.n;
        dataset *synthetic = copier(&c, (disguise)kind, copies);
        samples all = every(synthetic);
        copy_test test = test_of(&c, synthetic, &all);
        cr_expect_eq(copies_judge(&test, 1), COPIES_FOUND,
                     "%d %s copies of %d images: score %.3f, %d near, p %g", copies, disguise_names[kind],
                     all.n, test.score, test.near, test.near_p);
        samples_close(&all);
        dataset_close(synthetic);
    }
    cohort_close(&c);
}

Test(copies_nearest, disguised_copiers_are_caught)
{
    expect_caught(32, 0);
    expect_caught(64, 0);
}

/* One image in seven is a copy: the score hardly moves, and the count tells. */
Test(copies_nearest, a_few_copies_are_caught)
{
    expect_caught(32, 8);
}

Test(copies_nearest, pairs_are_the_copied_ones)
{
    cohort c;
    cohort_open(48, 200, 4, &c);
    dataset *synthetic = copier(&c, MIRROR, 10);
    samples all = every(synthetic);
    nearest_training *got = nearest_in(synthetic, &all, c.set, &c.split.train);
    for (int i = 0; i < 10; i++) cr_expect(got[i].index == i && got[i].distance < .05, "%d", got[i].index);
    free(got);
    samples_close(&all);
    dataset_close(synthetic);
    cohort_close(&c);
}
