/* Against values of the peers' own code, and scipy's and numpy's (tests/golden/metrics_make.py). */
#include "downstream/set_metrics.h"

#include "base/rng.h"
#include "tests/golden_rows.h"

#include <omp.h>

enum { N = 40, D = 3, N_REAL = 50, N_FAKE = 35, WIDTH = 6 };

/* X = sin(.7 k^2), Y = 1.1 sin(.7 k^2 + .4) + 1.4 with k = 3i + j, (40,3). */
static void fill_waves(float *x, float *y)
{
    for (int k = 0; k < N * D; k++) {
        x[k] = (float)sin(.7 * k * k);
        y[k] = (float)(1.1 * sin(.7 * k * k + .4) + 1.4);
    }
}

Test(set_metrics, waves_agree_with_the_peers)
{
    float x[N * D], y[N * D];
    double fid;
    set_overlap got;
    fill_waves(x, y);
    cr_assert_eq(metric_fid(x, N, y, N, D, &fid), OK);
    CHECK_CLOSE(fid, 6.070698100339253, 1e-6, 0); /* theirs is from features in double */
    cr_assert_eq(metric_set_overlap(x, N, y, N, D, 5, &got), OK);
    CHECK_CLOSE(got.precision, .225, 1e-12, 0);
    CHECK_CLOSE(got.recall, .325, 1e-12, 0);
    CHECK_CLOSE(got.density, .12, 1e-12, 0);
    CHECK_CLOSE(got.coverage, .15, 1e-12, 0);
}

/* Features -1 and 1, labels 0 and 1: labels count twice, so both vary alike, by v = 4/3 of four images. Of
 * the same law: 0. With S_f = v I in place of v (1 1; 1 1): 4v - 2 sqrt(2) v. Of opposite labels: S_r S_f =
 * 0, 4v. */
Test(set_metrics, frechet_joint_distance_sees_labels)
{
    const float x[4] = {-1, -1, 1, 1};
    const float labels[3][4] = {{0, 0, 1, 1}, {0, 1, 0, 1}, {1, 1, 0, 0}};
    const double want[3] = {0, 4.0 / 3 * (4 - 2 * sqrt(2)), 4.0 / 3 * 4};
    labelled_features real = {x, labels[0], 4};
    for (int i = 0; i < 3; i++) {
        double fid, fjd;
        cr_assert_eq(metric_fid(x, 4, x, 4, 1, &fid), OK);
        cr_assert_eq(metric_fjd(real, (labelled_features){x, labels[i], 4}, 1, 1, &fjd), OK);
        CHECK_CLOSE(fid, 0, 1e-12, i);
        CHECK_CLOSE(fjd, want[i], 1e-7, i); /* the root of what rounding leaves of a singular covariance */
    }
}

static void read_sets(float *real, float *fake)
{
    golden_rows rows = golden_rows_open("metrics_sets.csv", 1 + WIDTH);
    int counts[2] = {0, 0};
    for (double row[1 + WIDTH]; golden_rows_next(&rows, row);) {
        int set = (int)row[0];
        for (int j = 0; j < WIDTH; j++) (set ? fake : real)[counts[set] * WIDTH + j] = (float)row[1 + j];
        counts[set]++;
    }
    cr_assert(counts[0] == N_REAL && counts[1] == N_FAKE);
}

static void check_overlap(set_overlap got, const double want[4], int k)
{
    CHECK_CLOSE(got.precision, want[0], 1e-12, k);
    CHECK_CLOSE(got.recall, want[1], 1e-12, k);
    CHECK_CLOSE(got.density, want[2], 1e-12, k);
    CHECK_CLOSE(got.coverage, want[3], 1e-12, k);
}

Test(set_metrics, sets_of_other_sizes_agree_with_scipy)
{
    float real[N_REAL * WIDTH], fake[N_FAKE * WIDTH];
    double want[10], got;
    set_overlap overlap;
    read_sets(real, fake);
    golden_rows rows = golden_rows_open("metrics_sets_expected.csv", 10);
    cr_assert(golden_rows_next(&rows, want));
    (void)fclose(rows.file);
    cr_assert_eq(metric_fid(real, N_REAL, fake, N_FAKE, WIDTH, &got), OK);
    CHECK_CLOSE(got, want[0], 1e-9, 0);
    kid_estimate kid;
    cr_assert_eq(metric_kid(real, N_REAL, fake, N_FAKE, WIDTH, 10, &kid), OK);
    CHECK_CLOSE(kid.value, want[1], 1e-9, 0);
    cr_assert_eq(metric_set_overlap(real, N_REAL, fake, N_FAKE, WIDTH, 5, &overlap), OK);
    check_overlap(overlap, want + 2, 5);
    cr_assert_eq(metric_set_overlap(real, N_REAL, fake, N_FAKE, WIDTH, 1, &overlap), OK);
    check_overlap(overlap, want + 6, 1);
}

/* Each group is really left out there (tests/golden/metrics_score_make.py). */
Test(set_metrics, kid_errors_agree_with_numpy)
{
    float real[N_REAL * WIDTH], fake[N_FAKE * WIDTH];
    read_sets(real, fake);
    golden_rows rows = golden_rows_open("metrics_kernel_errors.csv", 2);
    for (double want[2]; golden_rows_next(&rows, want);) {
        kid_estimate got;
        int blocks = (int)want[0];
        cr_assert_eq(metric_kid(real, N_REAL, fake, N_FAKE, WIDTH, blocks, &got), OK);
        CHECK_CLOSE(got.standard_error, want[1], 1e-9, blocks);
    }
}

/* Mean of the squared standard errors over the variance of the estimates, over `runs` pairs of sets, the
 * second one moved by `shift`. */
static double variance_ratio(float shift)
{
    enum { RUNS = 400, IMAGES = 80 };
    double sum = 0.0, squares = 0.0, claimed = 0.0;
    for (uint64_t i = 0; i < RUNS; i++) {
        float x[IMAGES * D], y[IMAGES * D];
        kid_estimate got;
        rng_fill_normal(3, 2 * i, x, IMAGES * D);
        rng_fill_normal(3, 2 * i + 1, y, IMAGES * D);
        for (int j = 0; j < IMAGES * D; j++) y[j] += shift;
        cr_assert_eq(metric_kid(x, IMAGES, y, IMAGES, D, 10, &got), OK);
        sum += got.value;
        squares += got.value * got.value;
        claimed += got.standard_error * got.standard_error;
    }
    return claimed / (squares - sum * sum / RUNS);
}

/* A ratio of variances over 400 runs is known to about a tenth; equal laws make it about 2. */
Test(set_metrics, kid_errors_are_as_large_as_claimed)
{
    double apart = variance_ratio(1.0F), equal = variance_ratio(0.0F);
    cr_expect(apart > 0.7 && apart < 1.4, "%g", apart);
    cr_expect(equal > 1.4 && equal < 2.8, "%g", equal);
}

Test(set_metrics, kid_errors_need_two_groups_and_two_images_besides)
{
    const float x[5] = {1, 2, 3, 5, 8}, y[4] = {1, 2, 4, 9};
    kid_estimate one, two, three;
    cr_assert_eq(metric_kid(x, 5, y, 4, 1, 1, &one), OK);
    cr_assert_eq(metric_kid(x, 5, y, 4, 1, 2, &two), OK);
    cr_assert_eq(metric_kid(x, 5, y, 3, 1, 2, &three), OK);
    cr_expect(isnan(one.standard_error) && !isnan(two.standard_error) && isnan(three.standard_error));
    cr_expect(one.value == two.value && !isnan(three.value));
}

Test(set_metrics, inception_scores_agree_with_numpy)
{
    enum { CASES = 4, MOST = 41, K = 3 };
    static float p[CASES][MOST * K];
    int n[CASES] = {0};
    double row[4];
    golden_rows rows = golden_rows_open("metrics_inception.csv", 4);
    while (golden_rows_next(&rows, row)) {
        int c = (int)row[0];
        for (int j = 0; j < K; j++) p[c][n[c] * K + j] = (float)row[1 + j];
        n[c]++;
    }
    rows = golden_rows_open("metrics_inception_expected.csv", 4);
    while (golden_rows_next(&rows, row)) {
        int c = (int)row[0];
        inception_score got = metric_inception_score(p[c], n[c], K, (int)row[1]);
        CHECK_CLOSE(got.value, row[2], 1e-12, c);
        CHECK_CLOSE(got.deviation, row[3], 1e-12, c);
    }
}

Test(set_metrics, inception_scores_have_closed_forms)
{
    const float sure[8] = {1, 0, 0, 1, 1, 0, 0, 1}, unsure[4] = {.5F, .5F, .5F, .5F}, bad[2] = {NAN, 1};
    CHECK_CLOSE(metric_inception_score(sure, 4, 2, 1).value, 2.0, 1e-15, 0);
    CHECK_CLOSE(metric_inception_score(unsure, 2, 2, 1).value, 1.0, 1e-15, 0);
    /* One image of class 0 against three of class 1: exp of the entropy of (1/4, 3/4). */
    const float uneven[8] = {1, 0, 0, 1, 0, 1, 0, 1};
    CHECK_CLOSE(metric_inception_score(uneven, 4, 2, 1).value, 4.0 / pow(3.0, .75), 1e-14, 0);
    cr_expect(isnan(metric_inception_score(bad, 1, 2, 1).value));
    cr_expect(isnan(metric_inception_score(sure, 4, 2, 5).value)); /* more splits than images */
    cr_expect(isnan(metric_inception_score(sure, 0, 2, 1).value));
}

/* A normal law moved by m and stretched by s in one dimension: FID = m^2 + (sd_x - sd_y)^2. */
Test(set_metrics, fid_of_one_dimension_has_a_closed_form)
{
    float x[5] = {1, 2, 3, 4, 5}, y[5];
    for (int i = 0; i < 5; i++) y[i] = 3.0F * x[i] - 1.0F;
    double got, deviation = sqrt(2.5);
    cr_assert_eq(metric_fid(x, 5, y, 5, 1, &got), OK);
    CHECK_CLOSE(got, 25.0 + 4.0 * deviation * deviation, 1e-12, 0);
}

Test(set_metrics, a_set_is_at_no_distance_from_itself)
{
    float x[N * D], y[N * D];
    double got;
    set_overlap overlap;
    fill_waves(x, y);
    cr_assert_eq(metric_fid(x, N, x, N, D, &got), OK);
    CHECK_CLOSE(got, 0.0, 1e-12, 0);
    cr_assert_eq(metric_set_overlap(x, N, x, N, D, 5, &overlap), OK);
    cr_expect_eq(overlap.precision, 1.0);
    cr_expect_eq(overlap.recall, 1.0);
    cr_expect_eq(overlap.coverage, 1.0);
}

/* Fewer images than features: both covariances are singular, in different directions. */
Test(set_metrics, fid_of_singular_covariances)
{
    const float x[2 * 4] = {1, 0, 0, 0, -1, 0, 0, 0}, y[2 * 4] = {0, 2, 0, 1, 0, -2, 0, 1};
    double got;
    cr_assert_eq(metric_fid(x, 2, y, 2, 4, &got), OK);
    CHECK_CLOSE(got, 1.0 + 2.0 + 8.0, 1e-12, 0);
}

/* Equal images: each one's neighbours lie at distance 0, and open balls of radius 0 are empty. */
Test(set_metrics, balls_are_open)
{
    const float x[4] = {7, 7, 7, 7};
    set_overlap got;
    cr_assert_eq(metric_set_overlap(x, 4, x, 4, 1, 3, &got), OK);
    cr_expect_eq(got.precision, 0.0);
    cr_expect_eq(got.recall, 0.0);
    cr_expect_eq(got.density, 0.0);
    cr_expect_eq(got.coverage, 0.0);
}

/* Over many pairs of sets of one law, the unbiased estimate averages to 0. */
Test(set_metrics, kid_is_unbiased)
{
    double sum = 0.0, squares = 0.0;
    for (uint64_t i = 0; i < 400; i++) {
        float x[8 * D], y[6 * D];
        kid_estimate got;
        rng_fill_normal(1, 2 * i, x, 8 * D);
        rng_fill_normal(1, 2 * i + 1, y, 6 * D);
        cr_assert_eq(metric_kid(x, 8, y, 6, D, 1, &got), OK);
        sum += got.value;
        squares += got.value * got.value;
    }
    cr_expect_lt(fabs(sum / 400.0), 4.0 * sqrt(squares) / 400.0);
}

Test(set_metrics, threads_do_not_change_a_bit)
{
    enum { MANY = 300, WIDE = 90 };
    static float x[MANY * WIDE], y[MANY * WIDE];
    rng_fill_normal(2, 0, x, sizeof x / sizeof *x);
    rng_fill_uniform(2, 1, y, sizeof y / sizeof *y);
    double fid[4];
    kid_estimate kid[4];
    set_overlap overlap[4];
    for (int t = 0; t < 4; t++) {
        omp_set_num_threads(t + 1);
        cr_assert_eq(metric_fid(x, MANY, y, MANY, WIDE, &fid[t]), OK);
        cr_assert_eq(metric_kid(x, MANY, y, MANY, WIDE, 7, &kid[t]), OK);
        cr_assert_eq(metric_set_overlap(x, MANY, y, MANY, WIDE, 5, &overlap[t]), OK);
        cr_expect_eq(fid[t], fid[0]);
        cr_expect_eq(kid[t].value, kid[0].value);
        cr_expect_eq(kid[t].standard_error, kid[0].standard_error);
        cr_expect_eq(overlap[t].precision, overlap[0].precision);
        cr_expect_eq(overlap[t].density, overlap[0].density);
    }
}

static void expect_undefined(const float *x, int n_x, const float *y, int n_y, int k)
{
    double fid = 0.0;
    kid_estimate kid = {0};
    set_overlap overlap = {0};
    cr_assert_eq(metric_fid(x, n_x, y, n_y, D, &fid), OK);
    cr_assert_eq(metric_kid(x, n_x, y, n_y, D, 2, &kid), OK);
    cr_assert_eq(metric_set_overlap(x, n_x, y, n_y, D, k, &overlap), OK);
    cr_expect(isnan(fid) && isnan(kid.value) && isnan(kid.standard_error));
    cr_expect(isnan(overlap.precision) && isnan(overlap.recall));
    cr_expect(isnan(overlap.density) && isnan(overlap.coverage));
}

Test(set_metrics, too_few_or_unusable_images_are_undefined)
{
    float x[N * D], y[N * D];
    set_overlap overlap;
    fill_waves(x, y);
    expect_undefined(x, 1, y, N, 1);
    expect_undefined(x, N, y, 1, 1);
    expect_undefined(x, 0, y, 0, 1);
    cr_assert_eq(metric_set_overlap(x, 5, y, N, D, 5, &overlap), OK);
    cr_expect(isnan(overlap.precision));
    cr_assert_eq(metric_set_overlap(x, 6, y, 6, D, 5, &overlap), OK);
    cr_expect_not(isnan(overlap.precision));
    y[7] = NAN;
    expect_undefined(x, N, y, N, 5);
    y[7] = INFINITY;
    expect_undefined(x, N, y, N, 5);
}
