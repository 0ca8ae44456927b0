/* Made images depend on the weights, the seed, their number and their label, and on nothing else. */
#include "tiny.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MANY = 11, PIXELS = TINY_SIDE * TINY_SIDE };

static void one_hot(float *labels, int n)
{
    memset(labels, 0, (size_t)n * TINY_LABELS * sizeof *labels);
    for (int i = 0; i < n; i++) labels[i * TINY_LABELS + i % TINY_LABELS] = 1;
}

static emixer *trained(const backend_i *interface, int steps)
{
    emixer_opts o = tiny_options();
    samples unlabelled = tiny_unlabelled();
    o.steps = steps;
    emixer *e = tiny_open(interface, o);
    tiny_train(e, &unlabelled);
    return e;
}

static void check_independence(const backend_i *interface)
{
    static uint8_t all[MANY * PIXELS], few[MANY * PIXELS];
    float labels[MANY * TINY_LABELS];
    one_hot(labels, MANY);
    emixer *e = trained(interface, 3);
    ASSERT_OK(emixer_synthesize(e, labels, MANY, 1, all));
    ASSERT_OK(emixer_synthesize(e, labels, 3, 1, few));
    cr_assert_eq(memcmp(all, few, 3 * PIXELS), 0, "images depend on how many are made");
    labels[9 * TINY_LABELS] = 1 - labels[9 * TINY_LABELS];
    ASSERT_OK(emixer_synthesize(e, labels, MANY, 1, few));
    cr_assert_eq(memcmp(all, few, 9 * PIXELS), 0, "images depend on other images' labels");
    cr_assert_neq(memcmp(all + 9 * PIXELS, few + 9 * PIXELS, PIXELS), 0, "an image ignores its label");
    cr_assert_eq(memcmp(all + 10 * PIXELS, few + 10 * PIXELS, PIXELS), 0);
    ASSERT_OK(emixer_synthesize(e, labels, MANY, 2, few));
    cr_assert_neq(memcmp(all, few, PIXELS), 0, "an image ignores the seed");
    emixer_close(e);
}

Test(synthesis, images_are_independent_on_ref)
{
    check_independence(&be_ref);
}

Test(synthesis, images_are_independent_on_cpu)
{
    check_independence(&be_cpu);
}

Test(synthesis, leaves_training_as_it_was)
{
    emixer *a = trained(&be_ref, 3);
    static float before[8192], after[8192];
    static const char *const names[] = {"G/block0/norm1/norm.running_mean", "G/block0/norm1/norm.running_var",
                                        "G/start.weight", "D/block0/conv1.weight.u"};
    float labels[TINY_LABELS] = {1, 0, 0};
    uint8_t image[PIXELS];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        memset(before, 0, sizeof before);
        memset(after, 0, sizeof after);
        cr_assert_eq(net_get_parameter(a->n, names[i], before), OK, "%s", err_message());
        ASSERT_OK(emixer_synthesize(a, labels, 1, 1, image));
        ASSERT_OK(net_get_parameter(a->n, names[i], after));
        cr_assert_eq(memcmp(before, after, sizeof before), 0, "%s changed", names[i]);
    }
    emixer_close(a);
}

/* With an average that never moves, training must not change the images; with none, it must. */
Test(synthesis, uses_the_averaged_weights)
{
    static uint8_t before[PIXELS], after[PIXELS];
    float labels[TINY_LABELS] = {0, 1, 0};
    dataset *set = tiny_set();
    samples labelled = tiny_labelled();
    for (int averaged = 0; averaged < 2; averaged++) {
        emixer_opts o = tiny_options();
        o.ema_decay = averaged ? 0.999999F : 0;
        o.generator_rate = 0.1F;
        o.steps = 1;
        emixer *e = tiny_open(&be_ref, o);
        ASSERT_OK(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled}, NULL, 0, NULL, NULL));
        ASSERT_OK(emixer_synthesize(e, labels, 1, 1, before));
        e->o.steps = 4;
        ASSERT_OK(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled}, NULL, 0, NULL, NULL));
        ASSERT_OK(emixer_synthesize(e, labels, 1, 1, after));
        int most = 0;
        for (int i = 0; i < PIXELS; i++)
            most = abs(after[i] - before[i]) > most ? abs(after[i] - before[i]) : most;
        if (averaged)
            cr_assert_leq(most, 1);
        else
            cr_assert_gt(most, 5);
        emixer_close(e);
    }
    dataset_close(set);
}

Test(synthesis, saving_and_loading_give_the_same_images)
{
    char path[] = "/tmp/bench-test-emixer-XXXXXX";
    int handle = mkstemp(path);
    cr_assert_geq(handle, 0);
    static uint8_t a[MANY * PIXELS], b[MANY * PIXELS];
    float labels[MANY * TINY_LABELS];
    one_hot(labels, MANY);
    emixer *first = trained(&be_cpu, 2), *second;
    ASSERT_OK(emixer_synthesize(first, labels, MANY, 5, a));
    ASSERT_OK(emixer_save(first, path));
    emixer_opts o = first->o;
    second = tiny_open(&be_cpu, o);
    ASSERT_OK(emixer_load(second, path));
    ASSERT_OK(emixer_synthesize(second, labels, MANY, 5, b));
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    cr_assert_eq(remove(path), 0);
    emixer_close(first);
    emixer_close(second);
}

/* The generator's shapes at every resolution, and values in (-1,1). */
Test(synthesis, every_resolution_makes_images)
{
    for (int side = 16; side <= 128; side *= 2) {
        net *n;
        step *s;
        emixer_opts o = tiny_options();
        o.resolution = side;
        o.width = 1;
        ASSERT_OK(net_open(nn_on(&be_ref), 1, &n));
        nn_t z = nn_random(n, "z", nn_shape(2, 2, o.latent), DISTRIBUTION_NORMAL);
        nn_t y = nn_input(n, "y", nn_shape(2, 2, o.n_labels));
        nn_t x = generator(n, &o, z, y, GENERATOR_TRAINING);
        nn_shape_t shape = nn_shape_of(n, x);
        cr_assert_eq(shape.rank, 4);
        cr_assert_eq(shape.d[0] * 1000000 + shape.d[1] * 1000 + shape.d[2], 2001000 + side);
        cr_assert_eq(shape.d[3], side);
        ASSERT_OK(net_compile(n, &x, 1, NULL, &s));
        ASSERT_OK(step_run(s, 0));
        float *host = malloc(nn_count(&shape) * sizeof *host);
        ASSERT_OK(nn_get(s, x, host));
        for (size_t i = 0; i < nn_count(&shape); i++) cr_assert(fabsf(host[i]) <= 1);
        free(host);
        net_close(n);
    }
}

/* Labels are drawn from those of the training distribution: here one label, two, or none. */
Test(synthesis, drawn_labels_are_those_of_the_data_and_fewer_are_a_prefix)
{
    enum { DRAWN = 300 };
    float more[DRAWN * TINY_LABELS], fewer[7 * TINY_LABELS], other[7 * TINY_LABELS];
    int met[TINY_LABELLED] = {0};
    emixer *e = trained(&be_ref, 1);
    dataset *set = tiny_set();
    ASSERT_OK(emixer_draw_labels(e, DRAWN, 3, more));
    ASSERT_OK(emixer_draw_labels(e, 7, 3, fewer));
    ASSERT_OK(emixer_draw_labels(e, 7, 4, other));
    cr_expect_arr_eq(more, fewer, sizeof fewer);
    cr_expect(memcmp(fewer, other, sizeof fewer) != 0, "another seed draws others");
    for (int i = 0; i < DRAWN; i++) {
        int found = 0;
        for (int j = 0; j < TINY_LABELLED; j++)
            if (memcmp(more + i * TINY_LABELS, set->labels + j * TINY_LABELS, TINY_LABELS * sizeof *more) ==
                0)
                found = 1, met[j] = 1;
        cr_expect(found, "vector %d is of no labelled sample", i);
    }
    for (int j = 0; j < TINY_LABELLED; j++) cr_expect(met[j], "that of sample %d was never drawn", j);
    dataset_close(set);
    emixer_close(e);
}

Test(synthesis, a_model_that_was_not_trained_knows_no_labels)
{
    float labels[TINY_LABELS];
    emixer_opts o = tiny_options();
    emixer *e = tiny_open(&be_ref, o);
    cr_expect_eq(emixer_draw_labels(e, 1, 0, labels), ERR_USAGE);
    emixer_close(e);
}
