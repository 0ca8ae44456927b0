/* The classifier: the first losses against PyTorch (tests/golden/models_make.py), learning, draws, errors. */
#include "../golden_rows.h"
#include "base/rng.h"
#include "tiny.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = TINY_STEPS };

static err keep_loss(void *context, int done, float loss)
{
    ((float *)context)[done - 1] = loss;
    return OK;
}

static void compare_with_golden(nn_device device)
{
    float losses[STEPS];
    double want;
    classifier_opts o = tiny();
    o.synthetic_share = 0.4F;
    dataset *real = noise_set(0, REAL), *synthetic = noise_set(REAL, SYNTHETIC);
    samples which = all_of(real);
    classifier *c = open_tiny_on(device, o);
    ASSERT_OK(classifier_load(c, TEST_GOLDEN "/classifier_weights.safetensors", false));
    ASSERT_OK(classifier_train(c, real, &which, synthetic, keep_loss, losses));
    golden_rows rows = golden_rows_open("classifier_losses.csv", 1);
    int t = 0;
    for (; golden_rows_next(&rows, &want); t++) CHECK_CLOSE((double)losses[t], want, 1e-4, t);
    cr_assert_eq(t, STEPS);
    classifier_close(c);
    dataset_close(real);
    dataset_close(synthetic);
}

Test(classifier, losses_of_the_first_updates_ref)
{
    compare_with_golden(nn_on(&be_ref));
}

Test(classifier, losses_of_the_first_updates_cpu)
{
    compare_with_golden(nn_on(&be_cpu));
}

Test(classifier, losses_of_the_first_updates_of_replicas)
{
    compare_with_golden((nn_device){.backend = &be_ref, .replicas = 4});
    compare_with_golden((nn_device){.backend = &be_cpu, .replicas = 2});
}

/* Learns an easy task from half of the images and knows the other half. */
Test(classifier, learns_what_can_be_learned)
{
    enum { N = 48, TRAINED = 24, UPDATES = 60 };
    float losses[UPDATES], p[N * CLASSES];
    classifier_opts o = tiny();
    o.steps = UPDATES;
    o.weight_decay = 0;
    dataset *set = easy_set(N);
    samples which = all_of(set), half = {which.index, TRAINED};
    classifier *c = open_tiny(&be_cpu, o);
    ASSERT_OK(classifier_train(c, set, &half, NULL, keep_loss, losses));
    cr_assert_gt(losses[0], 0.6F);
    cr_assert_lt(losses[UPDATES - 1], 0.2F);
    ASSERT_OK(classifier_predict(c, set, &which, p));
    int right = 0;
    for (int i = TRAINED; i < N; i++) {
        const float *row = p + i * CLASSES;
        cr_assert_float_eq(row[0] + row[1] + row[2], 1.0F, 1e-5F);
        bool best = true;
        for (int k = 0; k < CLASSES; k++) {
            cr_assert(row[k] >= 0 && row[k] <= 1);
            best = best && row[i % CLASSES] >= row[k];
        }
        right += best;
    }
    cr_assert_geq(right, 23, "%d of %d right", right, N - TRAINED);
    classifier_close(c);
    dataset_close(set);
}

/* A prediction depends on the weights and its image: not on the others asked for, and it survives saving. */
Test(classifier, predictions_are_independent_and_survive_saving)
{
    char path[] = "/tmp/bench-test-classifier-XXXXXX";
    int handle = mkstemp(path);
    cr_assert_geq(handle, 0);
    float all[REAL * CLASSES], some[REAL * CLASSES];
    dataset *set = noise_set(0, REAL);
    samples which = all_of(set);
    classifier *c = open_tiny(&be_cpu, tiny()), *loaded;
    ASSERT_OK(classifier_train(c, set, &which, NULL, NULL, NULL));
    ASSERT_OK(classifier_predict(c, set, &which, all));
    samples first = {which.index, 5};
    ASSERT_OK(classifier_predict(c, set, &first, some));
    cr_assert_eq(memcmp(all, some, 5 * CLASSES * sizeof *all), 0);
    ASSERT_OK(classifier_save(c, path));
    classifier_opts o = tiny();
    o.seed = 99;
    loaded = open_tiny(&be_cpu, o);
    ASSERT_OK(classifier_load(loaded, path, false));
    ASSERT_OK(classifier_predict(loaded, set, &which, some));
    cr_assert_eq(memcmp(all, some, sizeof all), 0);
    cr_assert_eq(remove(path), 0);
    classifier_close(c);
    classifier_close(loaded);
    dataset_close(set);
}

/* Losses of `steps` updates; the first depends on the images of the first batch. */
static void losses_of(classifier_opts o, const dataset *real, const dataset *synthetic, float *losses)
{
    samples which = real ? all_of(real) : (samples){0};
    classifier *c = open_tiny(&be_ref, o);
    ASSERT_OK(classifier_train(c, real, &which, synthetic, keep_loss, losses));
    classifier_close(c);
}

Test(classifier, same_seed_same_run_other_seed_other_run)
{
    float a[STEPS], b[STEPS], other[STEPS];
    classifier_opts o = tiny();
    dataset *set = noise_set(0, REAL);
    o.augment = true;
    losses_of(o, set, NULL, a);
    losses_of(o, set, NULL, b);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    o.seed++;
    losses_of(o, set, NULL, other);
    cr_assert_neq(memcmp(a, other, sizeof a), 0);
    o = tiny();
    losses_of(o, set, NULL, other);
    cr_assert_neq(memcmp(a, other, sizeof a), 0, "augmentation changes nothing");
    dataset_close(set);
}

Test(classifier, trains_on_synthetic_images_alone)
{
    float a[STEPS], b[STEPS];
    classifier_opts o = tiny();
    o.synthetic_share = 1;
    dataset *first = noise_set(0, REAL), *second = noise_set(REAL, SYNTHETIC);
    losses_of(o, NULL, first, a);
    losses_of(o, NULL, second, b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    dataset_close(first);
    dataset_close(second);
}

static void assert_refused(classifier_opts o, const char *option)
{
    classifier *c = NULL;
    cr_expect_eq(classifier_open(nn_on(&be_ref), &o, &c), ERR_CONFIG);
    cr_expect_not_null(strstr(err_message(), option), "\"%s\" does not name %s", err_message(), option);
    cr_expect_null(c);
}

Test(classifier, out_of_range_names_the_option)
{
    classifier_opts o;
#define REFUSED(field, value) o = tiny(), o.field = (value), assert_refused(o, #field)
    REFUSED(model, "densenet122");
    REFUSED(channels, 2);
    REFUSED(resolution, 4);
    REFUSED(resolution, 20);
    REFUSED(input_scale, 0);
    REFUSED(input_shift, NAN);
    REFUSED(n_classes, 1);
    REFUSED(growth, 0);
    REFUSED(layers_per_block, 0);
    REFUSED(batch, 1);
    REFUSED(steps, 0);
    REFUSED(learning_rate, 0);
    REFUSED(weight_decay, NAN);
    REFUSED(synthetic_share, 1.5F);
#undef REFUSED
    o = tiny(), o.model = "densenet121", assert_refused(o, "resolution"); /* 16 pixels would shrink to none */
    o = classifier_defaults;
    o.n_classes = CLASSES;
    classifier *c;
    cr_assert_eq(classifier_open(nn_on(&be_cpu), &o, &c), OK, "%s", err_message());
    classifier_close(c);
}

static void assert_training_refused(classifier_opts o, const dataset *real, const samples *which, err want)
{
    classifier *c = open_tiny(&be_ref, o);
    cr_expect_eq(classifier_train(c, real, which, NULL, NULL, NULL), want, "%s", err_message());
    classifier_close(c);
}

Test(classifier, data_that_do_not_fit_are_refused)
{
    classifier_opts o = tiny();
    dataset *set = noise_set(0, REAL);
    samples which = all_of(set), none = {0};
    assert_training_refused(o, set, &none, ERR_DATA);
    o.synthetic_share = 0.5F;
    assert_training_refused(o, set, &which, ERR_CONFIG);
    o = tiny();
    o.n_classes = 2;
    assert_training_refused(o, set, &which, ERR_DATA);
    o = tiny();
    o.resolution = 24;
    assert_training_refused(o, set, &which, ERR_DATA);
    dataset_close(set);
}

Test(classifier, a_sample_with_two_labels_is_named)
{
    uint8_t image[SIDE * SIDE] = {0};
    float labels[CLASSES] = {1, 1, 0};
    dataset *set;
    ASSERT_OK(dataset_from_arrays(image, labels, 1, SIDE, CLASSES, tiny_names, "twice", &set));
    samples which = all_of(set);
    assert_training_refused(tiny(), set, &which, ERR_DATA);
    cr_assert_not_null(strstr(err_message(), "twice-0"), "%s", err_message());
    dataset_close(set);
}

Test(classifier, divergence_names_step_and_seed)
{
    float broken[CLASSES * 32];
    dataset *set = noise_set(0, REAL);
    samples which = all_of(set);
    classifier *c = open_tiny(&be_ref, tiny());
    ASSERT_OK(net_get_parameter(c->n, "C/logits.weight", broken));
    broken[0] = NAN;
    ASSERT_OK(net_set_parameter(c->n, "C/logits.weight", broken));
    cr_assert_eq(classifier_train(c, set, &which, NULL, NULL, NULL), ERR_DIVERGED);
    cr_assert_not_null(strstr(err_message(), "update 1, seed 4"), "%s", err_message());
    classifier_close(c);
    dataset_close(set);
}

static void count_convolution(void *context, convolution c)
{
    int *counts = context;
    counts[0]++;
    counts[1] += c.backward_weights;
}

/* What `bench perf` measures: the update learns, the forward pass does not, and both tell what they cost. */
Test(classifier, updates_and_forward_passes_can_be_measured)
{
    enum { CONVOLUTIONS = 1 + 3 * 2 + 2 };
    static float images[8 * SIDE * SIDE], targets[8 * CLASSES];
    float first, loss;
    int update[2] = {0}, infer[2] = {0};
    op_time times[OP_COUNT];
    rng_fill_normal(1, 0, images, sizeof images / sizeof *images);
    for (int b = 0; b < 8; b++) targets[b * CLASSES + b % CLASSES] = 1;
    classifier *c = open_tiny(&be_cpu, tiny());
    ASSERT_OK(classifier_set_batch(c, images, targets));
    ASSERT_OK(classifier_infer(c));
    size_t bytes = classifier_bytes(c);
    cr_expect_gt(bytes, 0);
    cr_expect_eq(classifier_step_flops(c), 0, "predicting alone needs no training step");
    classifier_profile(c, true);
    ASSERT_OK(classifier_update(c, 0, &first));
    for (uint64_t t = 1; t < 6; t++) ASSERT_OK(classifier_update(c, t, &loss));
    cr_expect_lt(loss, first);
    cr_expect_gt(classifier_bytes(c), bytes);
    /* Forward, and backward twice, but for the images' gradient, which nobody needs. */
    cr_expect_gt(classifier_step_flops(c), 2 * classifier_infer_flops(c));
    cr_expect_lt(classifier_step_flops(c), 3 * classifier_infer_flops(c));
    classifier_convolutions(c, count_convolution, update);
    classifier_infer_convolutions(c, count_convolution, infer);
    cr_expect(update[0] == CONVOLUTIONS && update[1] == CONVOLUTIONS, "%d, %d", update[0], update[1]);
    cr_expect(infer[0] == CONVOLUTIONS && infer[1] == 0, "%d, %d", infer[0], infer[1]);
    classifier_times(c, times);
    cr_expect(times[OP_CONV].forward_s > 0 && times[OP_CONV].backward_s > 0);
    double before = times[OP_CONV].forward_s;
    ASSERT_OK(classifier_infer(c));
    classifier_times(c, times);
    cr_expect_gt(times[OP_CONV].forward_s, before);
    classifier_close(c);
}

/* The estimate that plans steer by is near what the compiled pass counts. */
Test(classifier, flops_of_an_image_are_about_right)
{
    static const struct {
        const char *model;
        int resolution;
    } cases[] = {{"densenet_small", 64}, {"densenet121", 64}, {"densenet121", 96}, {"resnet18", 64},
                 {"resnet50", 96},       {"vit_tiny", 32},    {"vit_tiny", 64},    {"vit_tiny", 128}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        classifier_opts o = classifier_defaults;
        o.model = cases[i].model;
        o.resolution = cases[i].resolution;
        o.n_classes = CLASSES;
        o.batch = 2;
        classifier *c = open_tiny(&be_cpu, o);
        double counted = classifier_infer_flops(c) / o.batch, estimate = classifier_image_flops(&o);
        cr_expect_float_eq(estimate, counted, 0.1 * counted, "%s at %d: %.4g, counted %.4g", o.model,
                           o.resolution, estimate, counted);
        classifier_close(c);
    }
}

/* A classifier that sees pixels doubled learns and predicts what another does of a set with twice the
 * contrast. */
Test(classifier, scale_and_shift_are_of_the_pixels)
{
    static uint8_t doubled[REAL * SIDE * SIDE], halved[REAL * SIDE * SIDE];
    float a[REAL * CLASSES], b[REAL * CLASSES];
    dataset *set = noise_set(0, REAL);
    for (int i = 0; i < REAL * SIDE * SIDE; i++) {
        halved[i] = (uint8_t)(set->images[i] / 2);
        doubled[i] = (uint8_t)(2 * halved[i]);
    }
    dataset *half = tiny_set(halved, REAL), *full = tiny_set(doubled, REAL);
    samples which = all_of(set);
    classifier_opts o = tiny();
    classifier *c = open_tiny(&be_ref, o);
    ASSERT_OK(classifier_train(c, full, &which, NULL, NULL, NULL));
    ASSERT_OK(classifier_predict(c, full, &which, a));
    classifier_close(c);
    o.input_scale = 2; /* 2 (v / 127.5 - 1) + 1 = 2 v / 127.5 - 1 */
    o.input_shift = 1;
    c = open_tiny(&be_ref, o);
    ASSERT_OK(classifier_train(c, half, &which, NULL, NULL, NULL));
    ASSERT_OK(classifier_predict(c, half, &which, b));
    for (int i = 0; i < REAL * CLASSES; i++) cr_expect_float_eq(a[i], b[i], 1e-3F);
    classifier_close(c);
    dataset_close(set);
    dataset_close(half);
    dataset_close(full);
}

/* Arms pair within a seed: the first real images of a batch are the same, however many synthetic ones follow.
 */
Test(classifier, fewer_images_of_a_batch_are_a_prefix)
{
    enum { MOST = 8, FEW = 5 };
    static float raw[MOST * SIDE * SIDE], all[MOST * SIDE * SIDE], some[FEW * SIDE * SIDE];
    float all_targets[MOST * CLASSES], some_targets[FEW * CLASSES];
    dataset *set = noise_set(0, REAL);
    classifier_opts o = tiny();
    source s;
    o.augment = true;
    ASSERT_OK(source_open(set, NULL, &o, &s));
    for (uint64_t t = 0; t < 4; t++) {
        source_draw(&s, &o, "classifier/real", t, MOST, raw, all, all_targets);
        source_draw(&s, &o, "classifier/real", t, FEW, raw, some, some_targets);
        cr_expect_eq(memcmp(all, some, sizeof some), 0);
        cr_expect_eq(memcmp(all_targets, some_targets, sizeof some_targets), 0);
    }
    source_close(&s);
    dataset_close(set);
}
