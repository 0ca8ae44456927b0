/* Training: options, resuming, unlabelled images, errors. */
#include "base/files.h"
#include "tiny.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char scratch[] = "/tmp/bench-test-emixer-XXXXXX";

static void make_scratch(void)
{
    cr_assert_not_null(mkdtemp(scratch));
}

static void drop_scratch(void)
{
    cr_assert_eq(folder_remove(scratch), OK);
}

TestSuite(training, .init = make_scratch, .fini = drop_scratch);

static const char *in_scratch(const char *name)
{
    static char paths[4][PATH_BYTES];
    static int next;
    char *path = paths[next++ % 4];
    cr_assert_eq(path_join(path, scratch, "%s", name), OK);
    return path;
}

static err stop_at_3(void *context, int done, const emixer_losses *losses)
{
    (void)context;
    (void)losses;
    return done == 3 ? ERR_INTERRUPTED : OK;
}

static err train(const backend_i *interface, emixer_opts o, const char *checkpoint, emixer_progress progress)
{
    dataset *set = tiny_set();
    samples labelled = tiny_labelled(), unlabelled = tiny_unlabelled();
    emixer *e = tiny_open(interface, o);
    err error = emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled, .unlabelled = &unlabelled},
                             checkpoint, 1e9, progress, NULL);
    emixer_close(e);
    dataset_close(set);
    return error;
}

static void check_resuming(const backend_i *interface)
{
    emixer_opts o = tiny_options();
    o.steps = 6;
    o.discriminator_steps = 2;
    const char *straight = in_scratch("straight.safetensors"), *resumed = in_scratch("resumed.safetensors");
    ASSERT_OK(train(interface, o, straight, NULL));
    cr_assert_eq(train(interface, o, resumed, stop_at_3), ERR_INTERRUPTED);
    ASSERT_OK(train(interface, o, resumed, NULL));
    assert_same_files(straight, resumed);
}

Test(training, resumes_bit_for_bit_on_ref)
{
    check_resuming(&be_ref);
}

Test(training, resumes_bit_for_bit_on_cpu)
{
    check_resuming(&be_cpu);
}

Test(training, resumes_with_averages_and_an_encoder)
{
    emixer_opts o = tiny_options();
    o.steps = 6;
    o.lecam_weight = 0.3F;
    o.unlabelled_share = 0.25F;
    o.label_weight = 0.5F;
    o.balanced = false;
    const char *straight = in_scratch("parts.safetensors"), *resumed = in_scratch("parts2.safetensors");
    ASSERT_OK(train(&be_cpu, o, straight, NULL));
    cr_assert_eq(train(&be_cpu, o, resumed, stop_at_3), ERR_INTERRUPTED);
    ASSERT_OK(train(&be_cpu, o, resumed, NULL));
    assert_same_files(straight, resumed);
}

Test(training, a_checkpoint_knows_its_labels)
{
    emixer_opts o = tiny_options(), read;
    const char *path = in_scratch("named.safetensors");
    o.steps = 1;
    ASSERT_OK(train(&be_ref, o, path, NULL));
    ASSERT_OK(emixer_read_options(path, &read));
    emixer *e = tiny_open(&be_ref, read);
    cr_assert_null(emixer_label_name(e, 0));
    ASSERT_OK(emixer_load(e, path));
    for (int k = 0; k < TINY_LABELS; k++) cr_assert_str_eq(emixer_label_name(e, k), tiny_names[k]);
    cr_assert_null(emixer_label_name(e, TINY_LABELS));
    cr_assert_null(emixer_vocabulary(e));
    emixer_close(e);
}

Test(training, goes_on_for_longer_than_the_checkpoint)
{
    emixer_opts o = tiny_options();
    const char *path = in_scratch("longer.safetensors"), *straight = in_scratch("straight.safetensors");
    o.steps = 2;
    ASSERT_OK(train(&be_cpu, o, path, NULL));
    o.steps = 4;
    ASSERT_OK(train(&be_cpu, o, path, NULL));
    ASSERT_OK(train(&be_cpu, o, straight, NULL));
    assert_same_files(path, straight);
}

/* Mean of the absolute values of a parameter's change between two models. */
static double difference(emixer *a, emixer *b, const char *name, int n)
{
    float x[4096], y[4096];
    double sum = 0;
    cr_assert_leq(n, 4096);
    ASSERT_OK(net_get_parameter(a->n, name, x));
    ASSERT_OK(net_get_parameter(b->n, name, y));
    for (int i = 0; i < n; i++) sum += fabs((double)(x[i] - y[i]));
    return sum / n;
}

Test(training, unlabelled_images_teach_the_discriminator)
{
    emixer_opts o = tiny_options();
    o.steps = 1;
    samples unlabelled = tiny_unlabelled();
    emixer *with = tiny_open(&be_ref, o), *without = tiny_open(&be_ref, o), *again = tiny_open(&be_ref, o);
    tiny_train(with, &unlabelled);
    tiny_train(again, &unlabelled);
    tiny_train(without, NULL);
    cr_assert_gt(difference(with, without, "D/block0/conv1.weight", 2 * 9), 0);
    cr_assert_eq(difference(with, again, "D/block0/conv1.weight", 2 * 9), 0);
    emixer_close(with);
    emixer_close(without);
    emixer_close(again);
}

Test(training, rotation_and_augmentation_can_be_off)
{
    emixer_opts o = tiny_options();
    o.steps = 2;
    o.rotation_weight = 0;
    o.augment = false;
    emixer *e = tiny_open(&be_ref, o);
    tiny_train(e, NULL);
    cr_assert_eq(net_get_parameter(e->n, "D/rotation.weight", (float[64]){0}), ERR_USAGE);
    cr_assert_gt(emixer_step_flops(e), 0);
    emixer_close(e);
}

static void assert_option_refused(emixer_opts o, const char *name)
{
    emixer *e = NULL;
    cr_expect_eq(emixer_open(nn_on(&be_ref), &o, &e), ERR_CONFIG);
    cr_expect_not_null(strstr(err_message(), name), "\"%s\" does not name %s", err_message(), name);
    cr_expect_null(e);
}

Test(options, out_of_range_names_the_option)
{
    emixer_opts o;
#define REFUSED(field, value) o = tiny_options(), o.field = (value), assert_option_refused(o, #field)
    REFUSED(resolution, 8);
    REFUSED(resolution, 48);
    REFUSED(resolution, 512);
    REFUSED(n_labels, 0);
    REFUSED(width, 0);
    REFUSED(latent, -1);
    REFUSED(batch, 2);
    REFUSED(steps, 0);
    REFUSED(discriminator_steps, 0);
    REFUSED(generator_rate, 0);
    REFUSED(discriminator_rate, NAN);
    REFUSED(beta1, 1);
    REFUSED(beta2, -0.5F);
    REFUSED(ema_decay, 1);
    REFUSED(rotation_weight, -1);
    REFUSED(unlabelled_share, 0.95F);
    REFUSED(lecam_weight, -1);
    REFUSED(label_weight, NAN);
    REFUSED(pairs, 1);
    REFUSED(pairs, 9);
    REFUSED(vocabulary, 3);
    REFUSED(sentences, 0);
    REFUSED(words, 1);
    REFUSED(embedding, 0);
    REFUSED(writer_rate, 0);
    REFUSED(joint_weight, -1);
#undef REFUSED
}

Test(options, defaults_fit)
{
    emixer_opts o = emixer_defaults;
    o.n_labels = 3;
    cr_assert_eq(options_check(&o), OK, "%s", err_message());
}

Test(training, another_setting_than_the_checkpoints_is_refused)
{
    emixer_opts o = tiny_options();
    const char *path = in_scratch("other.safetensors");
    o.steps = 1;
    ASSERT_OK(train(&be_ref, o, path, NULL));
    o.width = 3;
    cr_assert_eq(train(&be_ref, o, path, NULL), ERR_DATA);
    cr_assert_not_null(strstr(err_message(), "width = 2"), "%s", err_message());
    o.width = 2;
    o.beta2 = 0.95F;
    cr_assert_eq(train(&be_ref, o, path, NULL), ERR_DATA);
    cr_assert_not_null(strstr(err_message(), "beta2 = 0.9"), "%s", err_message());
}

Test(training, a_file_that_is_no_checkpoint_is_refused)
{
    const char *path = in_scratch("broken.safetensors");
    ASSERT_OK(file_write(path, "not a checkpoint", 16));
    cr_assert_eq(train(&be_ref, tiny_options(), path, NULL), ERR_DATA);
    cr_assert_not_null(strstr(err_message(), "broken.safetensors"), "%s", err_message());
}

Test(training, data_of_another_kind_is_refused)
{
    emixer_opts o = tiny_options();
    dataset *set = tiny_set();
    samples labelled = tiny_labelled(), none = {0};
    emixer *e = tiny_open(&be_ref, o);
    cr_assert_eq(emixer_train(e, &(emixer_data){.set = set, .labelled = &none}, NULL, 0, NULL, NULL),
                 ERR_DATA);
    emixer_close(e);
    o.resolution = 32;
    e = tiny_open(&be_ref, o);
    cr_assert_eq(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled}, NULL, 0, NULL, NULL),
                 ERR_DATA);
    emixer_close(e);
    o = tiny_options();
    o.n_labels = 2;
    e = tiny_open(&be_ref, o);
    cr_assert_eq(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled}, NULL, 0, NULL, NULL),
                 ERR_DATA);
    emixer_close(e);
    dataset_close(set);
}

Test(training, divergence_names_step_and_seed)
{
    emixer_opts o = tiny_options();
    dataset *set = tiny_set();
    samples labelled = tiny_labelled();
    emixer *e = tiny_open(&be_ref, o);
    float bad[32 * TINY_LABELS];
    for (int i = 0; i < 32 * TINY_LABELS; i++) bad[i] = NAN;
    ASSERT_OK(net_set_parameter(e->n, "G/embedding.weight", bad));
    cr_assert_eq(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled}, NULL, 0, NULL, NULL),
                 ERR_DIVERGED);
    cr_assert_not_null(strstr(err_message(), "update 1, seed 4"), "%s", err_message());
    emixer_close(e);
    dataset_close(set);
}

typedef struct totals {
    int count, weights;
} totals;

static void count_convolution(void *context, convolution c)
{
    totals *t = context;
    t->count++;
    t->weights += c.backward_weights;
}

/* At 16x16 the generator has 2 blocks of 3 convolutions and the last one, the discriminator 2 blocks of 3. */
Test(measuring, convolutions_of_one_update)
{
    emixer_opts o = tiny_options();
    o.discriminator_steps = 2;
    emixer *e = tiny_open(&be_ref, o);
    totals t = {0};
    emixer_convolutions(e, count_convolution, &t);
    cr_assert_eq(t.count, 2 * (7 + 6) + (7 + 6));
    cr_assert_eq(t.weights, 2 * 6 + 7);
    emixer_close(e);
}
