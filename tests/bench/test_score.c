/* `bench score` from outside: what it prints and writes, on fresh draws, copiers, features and bad input. */
#include "helpers.h"

#include "base/rng.h"
#include "data/dataset.h"
#include "data/npy.h"
#include "data/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES];

static void setup(void)
{
    make_folder(folder);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(score, .init = setup, .fini = teardown);

enum { COUNT = 240, SIDE = 32 };
static const char COHORT[] = "phantom:covid";

/* The cohort of all tests, small, and a classifier that is trained in a moment. */
#define SMALL "--set", "data.count=240", "--set", "downstream.steps=40"

static outcome expect_ok(const char *const *arguments)
{
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    return o;
}

static void expect_said(const outcome *o, const char *what)
{
    cr_expect_not_null(strstr(o->out, what), "\"%s\" is not in:\n%s", what, o->out);
}

static table open_table(const char *name)
{
    char path[PATH_BYTES];
    table t;
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(table_open(path, 1 << 20, &t), OK, "%s", err_message());
    return t;
}

static const char *cell(const table *t, int row, const char *column)
{
    int c = table_column(t, column);
    cr_assert_geq(c, 0, "there is no column %s", column);
    return table_cell(t, row, c);
}

static double value(const table *t, int row, const char *column)
{
    const char *text = cell(t, row, column);
    return text[0] ? strtod(text, NULL) : (double)NAN;
}

static bool is_there(const char *name)
{
    char path[PATH_BYTES];
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path_exists(path);
}

/* ---- fresh draws ---- */

static void expect_rows(const table *t)
{
    static const char *const groups[] = {"all", "training images", "COVID-19", "No Finding", "Pneumonia"};
    cr_assert_eq(t->rows, 5);
    double synthetic = 0, real = 0;
    for (int i = 0; i < 5; i++) {
        cr_expect_str_eq(cell(t, i, "images"), groups[i]);
        cr_expect_gt(value(t, i, "fid"), 0);
        cr_expect(value(t, i, "precision") > 0 && value(t, i, "precision") <= 1);
        cr_expect_eq(strlen(cell(t, i, "classifier_hash")), 32);
        cr_expect_str_eq(cell(t, i, "k"), "5");
        if (i < 2) continue;
        synthetic += value(t, i, "synthetic_images");
        real += value(t, i, "real_images");
    }
    cr_expect(synthetic == COUNT && value(t, 0, "synthetic_images") == COUNT);
    cr_expect_eq(real, value(t, 0, "real_images"));
    cr_expect_eq(value(t, 0, "real_images") + value(t, 1, "synthetic_images"), COUNT);
}

/* Fresh draws are what a perfect generator makes: real in every respect, to within chance. */
static void expect_like_real(const table *t)
{
    cr_expect_lt(fabs(value(t, 0, "kid")), 4 * value(t, 0, "kid_error"));
    cr_expect_float_eq(value(t, 0, "auroc_ratio"), 1, .15);
    cr_expect_float_eq(value(t, 0, "auroc"),
                       (value(t, 2, "auroc") + value(t, 3, "auroc") + value(t, 4, "auroc")) / 3, 1e-8);
    cr_expect(value(t, 0, "inception_score") > 1 && value(t, 0, "inception_score") < 3);
    cr_expect_str_eq(cell(t, 0, "copies"), "none found");
    cr_expect_float_eq(value(t, 0, "copies_pixels_score"), .5, .15);
    cr_expect(value(t, 0, "clinical_f1") > .8 && value(t, 0, "real_clinical_f1") > .8);
    cr_expect_gt(value(t, 0, "agreement"), .6);
    cr_expect_float_eq(value(t, 0, "agreement"), value(t, 0, "auroc"), .1);
    cr_expect_float_eq(value(t, 0, "real_agreement"), value(t, 0, "real_auroc"), .1);
    cr_expect_float_eq(value(t, 0, "agreement"),
                       (value(t, 2, "agreement") + value(t, 3, "agreement") + value(t, 4, "agreement")) / 3,
                       1e-8);
    cr_expect_float_eq(value(t, 0, "distinct_1"), value(t, 0, "real_distinct_1"), .02);
    cr_expect_float_eq(value(t, 0, "mean_tokens"), value(t, 0, "real_mean_tokens"), 5);
}

static void expect_pairs(void)
{
    table t = open_table("out/copies.csv");
    cr_assert_eq(t.rows, 2 * COUNT);
    for (int i = 1; i < t.rows; i++)
        if (strcmp(cell(&t, i, "space"), cell(&t, i - 1, "space")) == 0)
            cr_assert_geq(value(&t, i, "relative"), value(&t, i - 1, "relative"));
    cr_expect_str_eq(cell(&t, 0, "space"), "features");
    cr_expect_str_eq(cell(&t, COUNT, "space"), "pixels");
    table_close(&t);
}

Test(score, fresh_draws_pass_for_real)
{
    static const char *const arguments[] = {"score", COHORT, COHORT, "--out", "out", SMALL, NULL};
    outcome o = expect_ok(arguments);
    cr_expect_str_eq(o.err, "");
    expect_said(&o, "phantom:covid: 240 images, hash ");
    expect_said(&o, "densenet_small, trained in 40 updates");
    expect_said(&o, "training images");
    expect_said(&o, "Image follows label");
    expect_said(&o, "Copies of training images: none found");
    expect_said(&o, "clinical micro-F1");
    outcome_close(&o);
    table t = open_table("out/score.csv");
    expect_rows(&t);
    expect_like_real(&t);
    table_close(&t);
    expect_pairs();
    cr_expect(is_there("out/copies.png") && is_there("out/classifier.safetensors"));
}

Test(score, a_classifier_can_be_used_again)
{
    static const char *const first[] = {"score", COHORT, COHORT, "--out", "a", SMALL, NULL};
    static const char *const second[] = {
        "score", COHORT, COHORT, "--out", "b", "--classifier", "a/classifier.safetensors", SMALL, NULL};
    outcome o = expect_ok(first), p = expect_ok(second);
    expect_said(&p, "densenet_small, loaded");
    table a = open_table("a/score.csv"), b = open_table("b/score.csv");
    for (int i = 0; i < a.rows; i++)
        for (int c = 0; c < a.columns; c++)
            if (c != table_column(&a, "classifier"))
                cr_expect_str_eq(table_cell(&a, i, c), table_cell(&b, i, c));
    cr_expect(!is_there("b/classifier.safetensors"));
    table_close(&a);
    table_close(&b);
    outcome_close(&o);
    outcome_close(&p);
}

Test(score, seeds_matter)
{
    static const char *const first[] = {"score", COHORT, COHORT, "--out", "a", SMALL, NULL};
    static const char *const second[] = {"score", COHORT, COHORT, "--out", "b", "--seed", "7", SMALL, NULL};
    outcome o = expect_ok(first), p = expect_ok(second);
    table a = open_table("a/score.csv"), b = open_table("b/score.csv");
    cr_expect_str_neq(cell(&a, 0, "classifier_hash"), cell(&b, 0, "classifier_hash"));
    cr_expect_str_neq(cell(&a, 0, "fid"), cell(&b, 0, "fid"));
    cr_expect_str_eq(cell(&a, 0, "real_hash"), cell(&b, 0, "real_hash"));
    table_close(&a);
    table_close(&b);
    outcome_close(&o);
    outcome_close(&p);
}

/* ---- planted sets ---- */

static dataset *cohort(void)
{
    dataset *set;
    cr_assert_eq(dataset_open(COHORT, SIDE, COUNT, 1, &set), OK, "%s", err_message());
    return set;
}

/* Writes some images of the cohort, with some noise, as a packed set without reports. */
static void plant(const dataset *set, const samples *which, double noise, const char *name)
{
    char path[PATH_BYTES];
    size_t area = SIDE * SIDE, labels = (size_t)set->n_labels, n = (size_t)which->n;
    uint8_t *images = malloc(n * area);
    float *truth = malloc(n * labels * sizeof *truth);
    rng r = rng_open(5, "plant", 0);
    for (size_t i = 0; i < n; i++) {
        size_t from = (size_t)which->index[i];
        memcpy(truth + i * labels, set->labels + from * labels, labels * sizeof *truth);
        for (size_t p = 0; p < area; p++)
            images[i * area + p] =
                (uint8_t)lround(fmin(fmax(set->images[from * area + p] + noise * rng_normal(&r), 0), 255));
    }
    dataset *planted;
    cr_assert_eq(dataset_from_arrays(images, truth, which->n, SIDE, set->n_labels, set->label_names,
                                     "planted", &planted),
                 OK, "%s", err_message());
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(dataset_save(planted, path), OK, "%s", err_message());
    dataset_close(planted);
    free(images);
    free(truth);
}

Test(score, copiers_are_caught)
{
    static const char *const arguments[] = {"score", "packed:copies", COHORT, "--out", "out", SMALL, NULL};
    dataset *set = cohort();
    splits split;
    cr_assert_eq(splits_open(set, 0, .3, 0, &split), OK);
    plant(set, &split.train, 4, "copies");
    outcome o = expect_ok(arguments);
    expect_said(&o, "Copies of training images: copies");
    cr_expect_null(strstr(o.out, "Reports"));
    outcome_close(&o);
    table t = open_table("out/score.csv"), pairs = open_table("out/copies.csv");
    cr_expect_gt(value(&t, 0, "copies_pixels_score"), .95);
    cr_expect_gt(value(&t, 0, "copies_features_low"), .5);
    int right = 0;
    for (int i = split.train.n; i < 2 * split.train.n; i++) { /* by pixels */
        int planted = atoi(cell(&pairs, i, "synthetic") + strlen("planted-"));
        right += strcmp(cell(&pairs, i, "training"), set->samples[split.train.index[planted]].id) == 0;
    }
    cr_expect_eq(right, split.train.n);
    table_close(&t);
    table_close(&pairs);
    splits_close(&split);
    dataset_close(set);
}

Test(score, few_images_give_no_verdict)
{
    static const char *const arguments[] = {"score", "packed:few", COHORT, "--out", "out", SMALL, NULL};
    int ten[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    dataset *set = cohort();
    plant(set, &(samples){ten, 10}, 0, "few");
    outcome o = expect_ok(arguments);
    expect_said(&o, "Copies of training images: too few images");
    outcome_close(&o);
    dataset_close(set);
}

/* Labels of other images: the classifier no longer finds them in the images. */
Test(score, images_that_do_not_follow_their_labels_show)
{
    static const char *const arguments[] = {"score", "packed:swapped", COHORT, "--out", "out", SMALL, NULL};
    dataset *set = cohort();
    char path[PATH_BYTES];
    float *labels = malloc((size_t)COUNT * 3 * sizeof *labels);
    for (int i = 0; i < COUNT; i++) memcpy(labels + 3 * i, set->labels + 3 * ((i + 100) % COUNT), 12);
    dataset *swapped;
    cr_assert_eq(dataset_from_arrays(set->images, labels, COUNT, SIDE, 3, set->label_names, "x", &swapped),
                 OK);
    cr_assert_eq(path_join(path, folder, "swapped"), OK);
    cr_assert_eq(dataset_save(swapped, path), OK);
    outcome o = expect_ok(arguments);
    table t = open_table("out/score.csv");
    cr_expect_float_eq(value(&t, 0, "auroc"), .5, .1);
    cr_expect_gt(value(&t, 0, "real_auroc"), value(&t, 0, "auroc"));
    table_close(&t);
    outcome_close(&o);
    dataset_close(swapped);
    dataset_close(set);
    free(labels);
}

/* Reports of other images: labels and images are as before, and the two halves of a pair do not fit. */
Test(score, reports_of_other_images_do_not_agree)
{
    static const char *const arguments[] = {"score", "packed:swapped", COHORT, "--out", "out", SMALL, NULL};
    dataset *set = cohort();
    char path[PATH_BYTES];
    const char **own = malloc((size_t)COUNT * sizeof *own);
    for (int i = 0; i < COUNT; i++) own[i] = set->samples[i].report;
    sample_info *studies = (sample_info *)set->samples; /* the set is this test's own */
    for (int i = 0; i < COUNT; i++) studies[i].report = own[(i + 100) % COUNT];
    cr_assert_eq(path_join(path, folder, "swapped"), OK);
    cr_assert_eq(dataset_save(set, path), OK);
    outcome o = expect_ok(arguments);
    expect_said(&o, "agreement with the image");
    table t = open_table("out/score.csv");
    cr_expect_float_eq(value(&t, 0, "agreement"), .5, .1);
    cr_expect_gt(value(&t, 0, "auroc"), value(&t, 0, "agreement") + .1);
    cr_expect_gt(value(&t, 0, "real_agreement"), value(&t, 0, "agreement") + .1);
    table_close(&t);
    outcome_close(&o);
    dataset_close(set);
    free(own);
}

Test(score, sets_of_several_labels)
{
    static const char *const arguments[] = {
        "score", "phantom:chexpert", "phantom:chexpert", "--out", "out", SMALL, NULL};
    outcome o = expect_ok(arguments);
    cr_expect_null(strstr(o.out, "Inception"));
    outcome_close(&o);
    table t = open_table("out/score.csv");
    cr_expect_eq(t.rows, 2 + 15);
    cr_expect(isnan(value(&t, 0, "inception_score")));
    cr_expect_gt(value(&t, 0, "clinical_f1"), .9);
    cr_expect_float_eq(value(&t, 0, "auroc_ratio"), 1, .2);
    table_close(&t);
}

/* ---- features ---- */

static void write_features(const char *name, const float *features, int n, int d)
{
    char path[PATH_BYTES];
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(npy_write(path, 'f', 2, (const int64_t[]){n, d}, features), OK, "%s", err_message());
}

/* The sets of tests/downstream/test_set_metrics.c, whose values are the peers' own. */
Test(score, features_agree_with_the_peers)
{
    enum { N = 40, D = 3 };
    static const char *const arguments[] = {"score", "y.npy", "x.npy", "--out", "out", NULL};
    float x[N * D], y[N * D];
    for (int k = 0; k < N * D; k++) {
        x[k] = (float)sin(.7 * k * k);
        y[k] = (float)(1.1 * sin(.7 * k * k + .4) + 1.4);
    }
    write_features("x.npy", x, N, D);
    write_features("y.npy", y, N, D);
    outcome o = expect_ok(arguments);
    cr_expect_null(strstr(o.out, "Copies"));
    outcome_close(&o);
    table t = open_table("out/score.csv");
    cr_assert_eq(t.rows, 1);
    cr_expect_float_eq(value(&t, 0, "fid"), 6.070698100339253, 1e-6);
    cr_expect_float_eq(value(&t, 0, "precision"), .225, 1e-9);
    cr_expect_float_eq(value(&t, 0, "recall"), .325, 1e-9);
    cr_expect_float_eq(value(&t, 0, "density"), .12, 1e-9);
    cr_expect_float_eq(value(&t, 0, "coverage"), .15, 1e-9);
    table_close(&t);
}

Test(score, features_of_copies)
{
    enum { N = 60, D = 8 };
    static const char *const copies[] = {"score", "c.npy", "x.npy", "--training",
                                         "t.npy", "--out", "out",   NULL};
    static const char *const fresh[] = {"score", "y.npy", "x.npy", "--training", "t.npy", NULL};
    float x[N * D], y[N * D], t[N * D];
    rng_fill_normal(1, 0, x, N * D);
    rng_fill_normal(1, 1, y, N * D);
    rng_fill_normal(1, 2, t, N * D);
    write_features("x.npy", x, N, D);
    write_features("y.npy", y, N, D);
    write_features("t.npy", t, N, D);
    write_features("c.npy", t, N, D);
    outcome o = expect_ok(copies), p = expect_ok(fresh);
    expect_said(&o, "Copies of training images: copies");
    expect_said(&p, "Copies of training images: none found");
    table pairs = open_table("out/copies.csv");
    cr_assert_eq(pairs.rows, N);
    for (int i = 0; i < N; i++) cr_expect_str_eq(cell(&pairs, i, "synthetic"), cell(&pairs, i, "training"));
    table_close(&pairs);
    outcome_close(&o);
    outcome_close(&p);
}

/* ---- bad input ---- */

enum { ARGUMENTS = 8 };

Test(score, mistakes_give_one_line_and_their_status)
{
    static const struct {
        const char *arguments[ARGUMENTS];
        int status;
        const char *line; /* all of stderr */
    } cases[] = {
        {{"score"}, 64, "bench: bench score SYNTHETIC REAL; see `bench score --help`\n"},
        {{"score", "a", "b", "c"}, 64, "bench: c: one word too many; see `bench score --help`\n"},
        {{"score", "a", "b", "--k"}, 64, "bench: --k needs a value; see `bench score --help`\n"},
        {{"score", "a", "b", "--k", "0"}, 64, "bench: --k 0: must be an integer, 1 to 1000\n"},
        {{"score", "a", "b", "--what", "0"},
         64,
         "bench: --what: there is no such flag; see `bench score --help`\n"},
        {{"score", "a", "b", "--set", "data.sise=3"},
         78,
         "bench: --set: unknown key data.sise (did you mean data.size?)\n"},
        {{"score", "a", "b", "--experiment", "none.ini"},
         66,
         "bench: none.ini: cannot be opened: No such file or directory\n"},
        {{"score", "phantom", "x.npy"},
         64,
         "bench: phantom and x.npy: both must be sets, or both features (.npy)\n"},
        {{"score", "x.npy", "wide.npy"}, 65, "bench: wide.npy: has 4 features where the other file has 2\n"},
        {{"score", "x.npy", "nan.npy"}, 65, "bench: nan.npy: has a NaN or an infinite feature\n"},
        {{"score", "x.npy", "one.npy"}, 65, "bench: one.npy: has fewer than two rows\n"},
        {{"score", "x.npy", "bytes.npy"}, 65, "bench: bytes.npy: must be features, float32 of shape (N,D)\n"},
        {{"score", "x.npy", "x.npy", "--classifier", "c"},
         64,
         "bench: --classifier: features have no use for one\n"},
        {{"score", "phantom", "phantom", "--training", "x.npy"},
         64,
         "bench: --training: is for features; a set is split instead\n"},
        {{"score", "phantom:chexpert", "phantom", "--set", "data.count=20"},
         65,
         "bench: phantom:chexpert: its label \"Enlarged Cardiomediastinum\" is not one of phantom\n"},
        {{"score", "phantom", "phantom", "--set", "data.size=20"},
         78,
         "bench: classifier option resolution must be a multiple of 8, not 20\n"},
        {{"score", "folder:none", "phantom", "--set", "data.count=20"},
         66,
         "bench: none: a folder with one sub-folder of images per class is needed: No such file or "
         "directory\n"},
    };
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, bad[4] = {1, 2, NAN, 4};
    char path[PATH_BYTES];
    write_features("x.npy", x, 4, 2);
    write_features("wide.npy", x, 2, 4);
    write_features("nan.npy", bad, 2, 2);
    write_features("one.npy", x, 1, 2);
    cr_assert_eq(path_join(path, folder, "bytes.npy"), OK);
    cr_assert_eq(npy_write(path, 'u', 2, (const int64_t[]){2, 2}, "abcd"), OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(folder, cases[i].arguments, cases[i].status, cases[i].line);
}

Test(score, help_names_its_flags)
{
    static const char *const arguments[] = {"score", "--help", NULL};
    outcome o = expect_ok(arguments);
    expect_said(&o, "usage: bench score SYNTHETIC REAL");
    expect_said(&o, "--training FILE.npy");
    outcome_close(&o);
}
