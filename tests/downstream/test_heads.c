/* Heads: labels rather than classes (against tests/golden/models_make.py), the linear probe, the prototypes.
 */
#include "../golden_rows.h"
#include "tiny.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 12, UPDATES = 60, N = 24 };

static err count_updates(void *context, int done, float loss)
{
    (void)loss;
    *(int *)context = done;
    return OK;
}

static err keep_loss(void *context, int done, float loss)
{
    ((float *)context)[done - 1] = loss;
    return OK;
}

/* ---- labels ---- */

/* The labels of models_make.py: 0, 1 and unknown in turn; image 4 has no known label. */
static dataset *finding_set(int first, int n)
{
    static const float table[] = {1, 0, NAN, 0};
    float labels[(REAL + SYNTHETIC) * CLASSES];
    dataset *images = noise_set(first, n), *set;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < CLASSES; k++)
            labels[i * CLASSES + k] = first + i == 4 ? NAN : table[(first + i + 2 * k) % 4];
    ASSERT_OK(dataset_from_arrays(images->images, labels, n, SIDE, CLASSES, tiny_names, "made", &set));
    dataset_close(images);
    return set;
}

static void compare_with_golden(const backend_i *interface)
{
    float losses[TINY_STEPS];
    double want;
    classifier_opts o = tiny();
    o.multi_label = true;
    o.synthetic_share = 0.4F;
    dataset *real = finding_set(0, REAL), *synthetic = finding_set(REAL, SYNTHETIC);
    samples which = all_of(real);
    classifier *c = open_tiny(interface, o);
    ASSERT_OK(classifier_load(c, TEST_GOLDEN "/classifier_weights.safetensors", false));
    ASSERT_OK(classifier_train(c, real, &which, synthetic, keep_loss, losses));
    golden_rows rows = golden_rows_open("classifier_label_losses.csv", 1);
    int t = 0;
    for (; golden_rows_next(&rows, &want); t++) CHECK_CLOSE((double)losses[t], want, 1e-4, t);
    cr_assert_eq(t, TINY_STEPS);
    classifier_close(c);
    dataset_close(real);
    dataset_close(synthetic);
}

Test(heads, losses_of_labels_ref)
{
    compare_with_golden(&be_ref);
}

Test(heads, losses_of_labels_cpu)
{
    compare_with_golden(&be_cpu);
}

/* Label 0: the bar is at the top; label 1: it is not at the bottom (so that both, one or none may be true);
 * label 2 is known of no image. Every other image has no label 1. */
Test(heads, labels_are_learned_each_by_itself)
{
    float labels[N * CLASSES], p[N * CLASSES];
    dataset *images = easy_set(N), *set;
    for (int i = 0; i < N; i++) {
        labels[i * CLASSES] = i % CLASSES == 0;
        labels[i * CLASSES + 1] = i % 2 ? NAN : i % CLASSES != 2;
        labels[i * CLASSES + 2] = NAN;
    }
    ASSERT_OK(dataset_from_arrays(images->images, labels, N, SIDE, CLASSES, tiny_names, "easy", &set));
    samples which = all_of(set);
    classifier_opts o = tiny();
    o.multi_label = true;
    o.steps = 2 * UPDATES;
    o.weight_decay = 0;
    classifier *c = open_tiny(&be_cpu, o);
    ASSERT_OK(classifier_train(c, set, &which, NULL, NULL, NULL));
    ASSERT_OK(classifier_predict(c, set, &which, p));
    for (int i = 0; i < N; i++) {
        const float *row = p + i * CLASSES;
        cr_expect((row[0] > 0.5F) == (i % CLASSES == 0), "image %d: %g", i, (double)row[0]);
        cr_expect((row[1] > 0.5F) == (i % CLASSES != 2), "image %d: %g", i, (double)row[1]);
        cr_expect(row[2] > 0 && row[2] < 1);
    }
    classifier_close(c);
    dataset_close(set);
    dataset_close(images);
}

Test(heads, images_without_known_labels_cannot_be_trained_on)
{
    int index[] = {4};
    dataset *set = finding_set(0, REAL);
    samples none = {index, 1};
    classifier_opts o = tiny();
    o.multi_label = true;
    classifier *c = open_tiny(&be_ref, o);
    cr_expect_eq(classifier_train(c, set, &none, NULL, NULL, NULL), ERR_DATA);
    cr_expect_not_null(strstr(err_message(), "no image to train on"), "%s", err_message());
    classifier_close(c);
    dataset_close(set);
    o.prototypes = true;
    cr_expect_eq(classifier_open(nn_on(&be_ref), &o, &c), ERR_CONFIG);
    cr_expect_not_null(strstr(err_message(), "prototypes"), "%s", err_message());
}

/* ---- the linear probe ---- */

/* All parameters and states whose names start with the scope, end to end. */
static size_t collect(classifier *c, const char *scope, float values[8192])
{
    size_t used = 0;
    for (int i = 0; i < net_parameter_count(c->n); i++) {
        const char *name = net_parameter_name(c->n, i);
        nn_shape_t shape = net_parameter_shape(c->n, i);
        if (strncmp(name, scope, strlen(scope)) != 0) continue;
        cr_assert_leq(used + nn_count(&shape), 8192);
        ASSERT_OK(net_get_parameter(c->n, name, values + used));
        used += nn_count(&shape);
    }
    return used;
}

/* Only the last layer moves, and that is enough to learn something of an easy task. */
Test(heads, a_probe_trains_the_last_layer_alone)
{
    static float before[8192], after[8192];
    float losses[UPDATES];
    dataset *set = easy_set(N);
    samples which = all_of(set);
    classifier_opts o = tiny();
    o.head_only = true;
    o.steps = UPDATES;
    o.learning_rate = 0.1F;
    classifier *c = open_tiny(&be_cpu, o);
    cr_assert_eq(classifier_feature_count(c), FEATURES);
    size_t n = collect(c, "B/", before);
    ASSERT_OK(classifier_train(c, set, &which, NULL, keep_loss, losses));
    cr_expect_eq(collect(c, "B/", after), n);
    cr_expect_eq(memcmp(before, after, n * sizeof *before), 0,
                 "no weight and no statistic of the rest moves");
    cr_expect_eq(collect(c, "C/", after), CLASSES * (FEATURES + 1));
    cr_expect_lt(losses[UPDATES - 1], 0.9F * losses[0]);
    classifier_close(c);
    dataset_close(set);
}

/* ---- prototypes ---- */

/* means (K,F) += share * mean over the set's images of class k of their normalised features. */
static void add_means(const float *features, int n, double share, double *means)
{
    for (int i = 0; i < n; i++) {
        const float *f = features + i * FEATURES;
        double length = 0, members = n / CLASSES;
        for (int j = 0; j < FEATURES; j++) length += (double)f[j] * f[j];
        for (int j = 0; j < FEATURES; j++)
            means[i % CLASSES * FEATURES + j] += share / members * f[j] / sqrt(length);
    }
}

static double cosine(const float *f, const double *mean)
{
    double dot = 0, a = 0, b = 0;
    for (int j = 0; j < FEATURES; j++) {
        dot += f[j] * mean[j];
        a += (double)f[j] * f[j];
        b += mean[j] * mean[j];
    }
    return dot / sqrt(a * b);
}

static void expect_softmax_of_cosines(const float *features, const double *means, const float *probabilities,
                                      int n)
{
    for (int i = 0; i < n; i++) {
        double e[CLASSES], sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += e[k] = exp(10 * cosine(features + i * FEATURES, means + k * FEATURES));
        for (int k = 0; k < CLASSES; k++)
            cr_expect_float_eq(probabilities[i * CLASSES + k], e[k] / sum, 1e-5, "image %d, class %d", i, k);
    }
}

/* Against means worked out here, for real images, synthetic ones, and three eighths of these in every batch.
 */
static void check_prototypes(float synthetic_share)
{
    float real_features[REAL * FEATURES], synthetic_features[SYNTHETIC * FEATURES], p[REAL * CLASSES];
    double means[CLASSES * FEATURES] = {0};
    int updates = 0;
    dataset *real = noise_set(0, REAL), *synthetic = noise_set(REAL, SYNTHETIC);
    samples which = all_of(real), some = {which.index, SYNTHETIC};
    classifier_opts o = tiny();
    o.head_only = o.prototypes = true;
    o.synthetic_share = synthetic_share;
    classifier *c = open_tiny(&be_cpu, o);
    ASSERT_OK(classifier_features(c, real, &which, real_features));
    ASSERT_OK(classifier_features(c, synthetic, &some, synthetic_features));
    ASSERT_OK(classifier_train(c, real, &which, synthetic, count_updates, &updates));
    cr_expect_eq(updates, 0, "frozen features need no training");
    ASSERT_OK(classifier_predict(c, real, &which, p));
    add_means(real_features, REAL, 1 - (double)synthetic_share, means);
    add_means(synthetic_features, SYNTHETIC, (double)synthetic_share, means);
    expect_softmax_of_cosines(real_features, means, p, REAL);
    classifier_close(c);
    dataset_close(real);
    dataset_close(synthetic);
}

Test(heads, prototypes_are_class_means)
{
    check_prototypes(0);
    check_prototypes(1);
    check_prototypes(0.375F);
}

/* Trained first, features part the classes better than those of fresh weights. */
Test(heads, prototypes_come_after_training)
{
    float p[N * CLASSES];
    int updates = 0, right = 0;
    dataset *set = easy_set(N);
    samples which = all_of(set), half = {which.index, N / 2};
    classifier_opts o = tiny();
    o.prototypes = true;
    o.steps = UPDATES;
    classifier *c = open_tiny(&be_cpu, o);
    ASSERT_OK(classifier_train(c, set, &half, NULL, count_updates, &updates));
    cr_expect_eq(updates, UPDATES);
    ASSERT_OK(classifier_predict(c, set, &which, p));
    for (int i = N / 2; i < N; i++) {
        const float *row = p + i * CLASSES;
        right += row[i % CLASSES] >= row[0] && row[i % CLASSES] >= row[1] && row[i % CLASSES] >= row[2];
    }
    cr_expect_geq(right, N / 2 - 1, "%d of %d", right, N / 2);
    classifier_close(c);
    dataset_close(set);
}

/* A class without images has no mean: it is the least likely one, and nothing is NaN. */
Test(heads, a_class_without_images_has_no_prototype)
{
    float p[REAL * CLASSES];
    int index[REAL], n = 0;
    dataset *set = noise_set(0, REAL);
    samples which = all_of(set);
    for (int i = 0; i < REAL; i++)
        if (i % CLASSES != 1) index[n++] = i;
    samples without = {index, n};
    classifier_opts o = tiny();
    o.head_only = o.prototypes = true;
    classifier *c = open_tiny(&be_cpu, o);
    ASSERT_OK(classifier_train(c, set, &without, NULL, NULL, NULL));
    ASSERT_OK(classifier_predict(c, set, &which, p));
    for (int i = 0; i < REAL; i++) {
        const float *row = p + i * CLASSES;
        cr_expect(row[1] > 0 && row[1] < row[0] && row[1] < row[2]);
        cr_expect_float_eq(row[0] + row[1] + row[2], 1.0F, 1e-5F);
    }
    classifier_close(c);
    dataset_close(set);
}
