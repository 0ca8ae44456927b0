/* Report generators: they learn what they are shown, refuse what does not fit, and come back from files. */
#include "tiny_reports.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- learning ---- */

enum { PHANTOMS = 8 };

typedef struct phantoms {
    dataset *set;
    report_texts texts;
    samples all;
    int index[PHANTOMS];
    vocabulary *v;
} phantoms;

static void open_phantoms(phantoms *out)
{
    ASSERT_OK(dataset_open("phantom:covid", 32, PHANTOMS, 1, &out->set));
    ASSERT_OK(report_texts_open(out->set, REPORT_RULES_IU, &out->texts));
    for (int i = 0; i < PHANTOMS; i++) out->index[i] = i;
    out->all = (samples){out->index, PHANTOMS};
    ASSERT_OK(vocabulary_build(out->texts.cleaned, &out->all, 1, &out->v));
}

static void close_phantoms(phantoms *p)
{
    vocabulary_close(p->v);
    report_texts_close(&p->texts);
    dataset_close(p->set);
}

static report_generator_opts phantom_opts(const char *model, int steps)
{
    report_generator_opts o = report_generator_defaults;
    o.model = model;
    o.growth = 4;
    o.layers_per_block = 1;
    o.width = 64;
    o.layers = 2;
    o.heads = 4;
    o.length = 64;
    o.sentences = 7;
    o.words = 13;
    o.n_findings = 3;
    o.dropout = 0;
    o.batch = PHANTOMS;
    o.steps = steps;
    o.learning_rate = 5e-3F;
    o.weight_decay = 0;
    o.beams = 1;
    o.seed = 3;
    if (strcmp(model, "hierarchical") ==
        0) { /* at the rate of the others it swings, and may end on a swing */
        o.growth = 8;
        o.learning_rate = 3e-3F;
    }
    return o;
}

/* Eight images, and their reports word for word. */
static void learn_by_heart(nn_device device, const char *model, int steps)
{
    phantoms p;
    report_texts said;
    report_generator *g;
    open_phantoms(&p);
    report_generator_opts o = phantom_opts(model, steps);
    ASSERT_OK(report_generator_open(device, &o, p.v, &g));
    ASSERT_OK(report_generator_train(g, &(report_pairs){p.set, NULL, &p.texts}, NULL, NULL, NULL));
    ASSERT_OK(report_generator_predict(g, p.set, &p.all, &said));
    for (int i = 0; i < PHANTOMS; i++)
        cr_expect_str_eq(said.cleaned[i], p.texts.cleaned[i], "%s, image %d:\n%s\nwant\n%s", model, i,
                         said.cleaned[i], p.texts.cleaned[i]);
    report_texts_close(&said);
    report_generator_close(g);
    close_phantoms(&p);
}

Test(report_generator, cnn_lstm_learns_by_heart)
{
    learn_by_heart(nn_on(&be_cpu), "cnn_lstm", 400);
}

Test(report_generator, cnn_lstm_att_learns_by_heart)
{
    learn_by_heart(nn_on(&be_cpu), "cnn_lstm_att", 250);
}

Test(report_generator, hierarchical_learns_by_heart)
{
    learn_by_heart(nn_on(&be_cpu), "hierarchical", 700);
}

Test(report_generator, transformer_learns_by_heart)
{
    learn_by_heart(nn_on(&be_cpu), "transformer", 150);
}

/* ---- a moment's training ---- */

static err keep_loss(void *context, int done, float loss)
{
    ((float *)context)[done - 1] = loss;
    return OK;
}

static void train_tiny(report_generator *g, const dataset *set, report_generator_progress progress,
                       void *context)
{
    report_texts texts = tiny_reports(0, REAL);
    ASSERT_OK(report_generator_train(g, &(report_pairs){set, NULL, &texts}, NULL, progress, context));
}

/* ---- bfloat16, where the processor has it ---- */

static bool has_bf16(void)
{
    net *n;
    err error = net_open((nn_device){.backend = &be_cpu, .precision = NN_BF16}, 1, &n);
    net_close(n);
    cr_assert(error == OK || error == ERR_UNAVAILABLE, "%s", err_message());
    return error == OK;
}

Test(report_generator, learns_by_heart_in_bf16)
{
    if (!has_bf16()) cr_skip_test("this processor has no bfloat16");
    learn_by_heart((nn_device){.backend = &be_cpu, .precision = NN_BF16}, "transformer", 150);
}

/* A convolution's output is rounded to 8 bits, by 2^-9 of it at most, and a loss is a mean over many of them.
 * (Later losses part: Adam's first updates have full length however small the gradient is.) */
Test(report_generator, the_first_loss_in_bf16_is_near_that_in_fp32)
{
    if (!has_bf16()) cr_skip_test("this processor has no bfloat16");
    float exact[TINY_STEPS], rounded[TINY_STEPS];
    dataset *set = tiny_report_set(0, REAL);
    for (int m = 0; m < REPORT_MODELS; m++) {
        report_generator_opts o = tiny_report_opts(report_model_names[m]);
        report_generator *g = open_tiny_report(nn_on(&be_cpu), o);
        train_tiny(g, set, keep_loss, exact);
        report_generator_close(g);
        g = open_tiny_report((nn_device){.backend = &be_cpu, .precision = NN_BF16}, o);
        train_tiny(g, set, keep_loss, rounded);
        report_generator_close(g);
        cr_expect_neq(rounded[0], exact[0], "%s: nothing was rounded", o.model);
        cr_expect_float_eq(rounded[0], exact[0], 0.01F * exact[0], "%s: %g, in fp32 %g", o.model,
                           (double)rounded[0], (double)exact[0]);
    }
    dataset_close(set);
}

/* ---- draws ---- */

/* Arms pair within a seed: the first real pairs of a batch are the same, however many synthetic ones follow.
 */
Test(report_generator, fewer_pairs_of_a_batch_are_a_prefix)
{
    enum { FEW = 5, TOKENS = TINY_SENTENCES * (TINY_WORDS + 1) };
    dataset *set = tiny_report_set(0, REAL);
    report_texts texts = tiny_reports(0, REAL);
    report_generator_opts o = tiny_report_opts("hierarchical");
    o.augment = true;
    report_generator *all = open_tiny_report(nn_on(&be_ref), o), *few = open_tiny_report(nn_on(&be_ref), o);
    report_source s;
    ASSERT_OK(report_source_open(&(report_pairs){set, NULL, &texts}, &o, &s));
    for (uint64_t t = 0; t < 4; t++) {
        report_source_draw(&s, all, "report_generator/real", t, 0, TINY_BATCH);
        report_source_draw(&s, few, "report_generator/real", t, 0, FEW);
        cr_expect_eq(memcmp(all->images, few->images, FEW * SIDE * SIDE * sizeof(float)), 0);
        cr_expect_eq(memcmp(all->words, few->words, FEW * TOKENS * sizeof(float)), 0);
        cr_expect_eq(memcmp(all->targets, few->targets, FEW * TOKENS * sizeof(float)), 0);
        cr_expect_eq(memcmp(all->stops, few->stops, FEW * TINY_SENTENCES * sizeof(float)), 0);
    }
    report_source_close(&s);
    report_generator_close(all);
    report_generator_close(few);
    dataset_close(set);
}

/* Dropout has other draws at every step, and the same ones in every run. */
Test(report_generator, a_seed_gives_the_same_run)
{
    float a[TINY_STEPS], b[TINY_STEPS], without[TINY_STEPS];
    dataset *set = tiny_report_set(0, REAL);
    for (int m = 0; m < REPORT_MODELS; m++) {
        report_generator_opts o = tiny_report_opts(report_model_names[m]);
        hash first, second;
        for (int run = 0; run < 3; run++) {
            o.dropout = run < 2 ? 0.3F : 0;
            report_generator *g = open_tiny_report(nn_on(&be_cpu), o);
            train_tiny(g, set, keep_loss, run == 0 ? a : run == 1 ? b : without);
            if (run < 2) ASSERT_OK(report_generator_hash(g, run == 0 ? &first : &second));
            report_generator_close(g);
        }
        cr_expect_arr_eq(a, b, sizeof a, "%s", o.model);
        cr_expect_str_eq(first.hex, second.hex);
        for (int t = 0; t < TINY_STEPS; t++) cr_expect_neq(a[t], without[t], "%s, update %d", o.model, t);
    }
    dataset_close(set);
}

/* ---- texts of a set ---- */

/* Not of its neighbours, nor of which batch it is in. */
Test(report_generator, a_report_is_that_of_its_image)
{
    static const int order[] = {11, 3, 3, 7, 0, 10, 1, 2, 5, 4, 6, 8, 9};
    enum { ORDER = sizeof order / sizeof *order };
    dataset *set = tiny_report_set(0, REAL);
    samples all = all_of(set), one = {.n = 1};
    int shuffled[ORDER];
    memcpy(shuffled, order, sizeof order);
    for (int m = 0; m < REPORT_MODELS; m++) {
        report_texts many, mixed, single;
        report_generator_opts o = tiny_report_opts(report_model_names[m]);
        o.beams = 2;
        report_generator *g = open_tiny_report(nn_on(&be_ref), o);
        train_tiny(g, set, NULL, NULL);
        ASSERT_OK(report_generator_predict(g, set, &all, &many));
        ASSERT_OK(report_generator_predict(g, set, &(samples){shuffled, ORDER}, &mixed));
        cr_assert(many.n == REAL && mixed.n == ORDER);
        for (int i = 0; i < ORDER; i++) cr_expect_str_eq(mixed.cleaned[i], many.cleaned[order[i]]);
        one.index = shuffled;
        ASSERT_OK(report_generator_predict(g, set, &one, &single));
        cr_expect_str_eq(single.cleaned[0], many.cleaned[order[0]]);
        report_texts_close(&single);
        report_texts_close(&mixed);
        report_texts_close(&many);
        report_generator_close(g);
    }
    dataset_close(set);
}

/* ---- files ---- */

static void same_texts(report_generator *a, report_generator *b, const dataset *set)
{
    report_texts x, y;
    samples all = all_of(set);
    ASSERT_OK(report_generator_predict(a, set, &all, &x));
    ASSERT_OK(report_generator_predict(b, set, &all, &y));
    for (int i = 0; i < x.n; i++) cr_expect_str_eq(x.cleaned[i], y.cleaned[i]);
    report_texts_close(&x);
    report_texts_close(&y);
}

static char path[] = "/tmp/bench-test-reports-XXXXXX";

static void make_path(void)
{
    int handle = mkstemp(path);
    cr_assert_geq(handle, 0);
    cr_assert_eq(close(handle), 0);
}

static void remove_path(void)
{
    (void)unlink(path);
}

Test(report_generator, comes_back_from_its_file, .init = make_path, .fini = remove_path)
{
    dataset *set = tiny_report_set(0, REAL);
    for (int m = 0; m < REPORT_MODELS; m++) {
        hash before, after;
        report_generator_opts o = tiny_report_opts(report_model_names[m]);
        report_generator *g = open_tiny_report(nn_on(&be_cpu), o);
        train_tiny(g, set, NULL, NULL);
        ASSERT_OK(report_generator_save(g, path));
        o.seed++;
        report_generator *other = open_tiny_report(nn_on(&be_cpu), o);
        ASSERT_OK(report_generator_hash(g, &before));
        ASSERT_OK(report_generator_hash(other, &after));
        cr_expect_str_neq(before.hex, after.hex);
        ASSERT_OK(report_generator_load(other, path));
        ASSERT_OK(report_generator_hash(other, &after));
        cr_expect_str_eq(before.hex, after.hex);
        same_texts(g, other, set);
        report_generator_close(g);
        report_generator_close(other);
    }
    dataset_close(set);
}

static void assert_not_loaded(report_generator *g, err want, const char *word)
{
    cr_expect_eq(report_generator_load(g, path), want, "%s", err_message());
    cr_expect_not_null(strstr(err_message(), word), "%s", err_message());
    report_generator_close(g);
}

Test(report_generator, other_files_are_refused, .init = make_path, .fini = remove_path)
{
    vocabulary *v;
    report_generator *g = open_tiny_report(nn_on(&be_ref), tiny_report_opts("cnn_lstm")), *other;
    report_generator_opts o = tiny_report_opts("cnn_lstm");
    (void)unlink(path);
    assert_not_loaded(open_tiny_report(nn_on(&be_ref), o), ERR_NO_INPUT, path);
    ASSERT_OK(report_generator_save(g, path));
    report_generator_close(g);
    assert_not_loaded(open_tiny_report(nn_on(&be_ref), tiny_report_opts("transformer")), ERR_DATA,
                      "cnn_lstm");
    o.width = 6;
    assert_not_loaded(open_tiny_report(nn_on(&be_ref), o), ERR_DATA, "R/");
    o = tiny_report_opts("cnn_lstm");
    ASSERT_OK(vocabulary_build((const char *[]){"other words ."}, &(samples){(int[]){0}, 1}, 1, &v));
    ASSERT_OK(report_generator_open(nn_on(&be_ref), &o, v, &other));
    assert_not_loaded(other, ERR_DATA, "vocabulary");
    vocabulary_close(v);
    cr_assert_eq(truncate(path, 100), 0);
    assert_not_loaded(open_tiny_report(nn_on(&be_ref), o), ERR_DATA, path);
}

/* ---- what is wrong ---- */

static void assert_refused(report_generator_opts o, const char *option)
{
    report_generator *g;
    vocabulary *v = tiny_vocabulary();
    cr_expect_eq(report_generator_open(nn_on(&be_ref), &o, v, &g), ERR_CONFIG, "%s", option);
    cr_expect_not_null(strstr(err_message(), option), "%s: %s", option, err_message());
    cr_expect_null(g);
    vocabulary_close(v);
}

Test(report_generator, options_out_of_range_are_refused)
{
    report_generator_opts o;
#define REFUSED(from, option, value)                                                                         \
    (o = tiny_report_opts(from), o.option = (value), assert_refused(o, #option))
    REFUSED("cnn_lstm", model, "gpt");
    REFUSED("cnn_lstm", encoder, "vgg");
    REFUSED("cnn_lstm", resolution, 20);
    REFUSED("cnn_lstm", resolution, 0);
    REFUSED("cnn_lstm", growth, 0);
    REFUSED("cnn_lstm", layers_per_block, 0);
    REFUSED("cnn_lstm", width, 0);
    REFUSED("transformer", layers, 0);
    REFUSED("transformer", heads, 3);
    REFUSED("transformer", heads, 0);
    REFUSED("cnn_lstm", length, 2);
    REFUSED("hierarchical", sentences, 0);
    REFUSED("hierarchical", words, 0);
    REFUSED("hierarchical", n_findings, 0);
    REFUSED("cnn_lstm", n_findings, -1);
    REFUSED("cnn_lstm", dropout, 1);
    REFUSED("cnn_lstm", dropout, NAN);
    REFUSED("cnn_lstm", batch, 1);
    REFUSED("cnn_lstm", steps, 0);
    REFUSED("cnn_lstm", learning_rate, 0);
    REFUSED("cnn_lstm", weight_decay, -1);
    REFUSED("cnn_lstm", clip_norm, -1);
    REFUSED("cnn_lstm", synthetic_share, 1.5F);
    REFUSED("cnn_lstm", beams, 0);
    REFUSED("cnn_lstm", length_penalty, -1);
#undef REFUSED
    o = tiny_report_opts("cnn_lstm"), o.encoder = "resnet18", assert_refused(o, "resolution");
    report_generator_close(NULL);
}

static void assert_training_refused(report_generator_opts o, const report_pairs *real, err want)
{
    report_generator *g = open_tiny_report(nn_on(&be_ref), o);
    cr_expect_eq(report_generator_train(g, real, NULL, NULL, NULL), want, "%s", err_message());
    report_generator_close(g);
}

Test(report_generator, data_that_do_not_fit_are_refused)
{
    const char *none[REAL] = {NULL};
    dataset *set = tiny_report_set(0, REAL);
    report_texts texts = tiny_reports(0, REAL), other = tiny_reports(0, REAL - 1), empty = {REAL, none, {0}};
    samples nobody = {0};
    report_pairs pairs = {set, NULL, &texts};
    report_generator_opts o = tiny_report_opts("cnn_lstm");
    assert_training_refused(o, &(report_pairs){set, NULL, &other}, ERR_USAGE);
    assert_training_refused(o, &(report_pairs){set, NULL, &empty}, ERR_DATA);
    assert_training_refused(o, &(report_pairs){set, &nobody, &texts}, ERR_DATA);
    assert_training_refused(o, NULL, ERR_CONFIG);
    o.synthetic_share = 0.5F, assert_training_refused(o, &pairs, ERR_CONFIG);
    o = tiny_report_opts("cnn_lstm"), o.resolution = 24, assert_training_refused(o, &pairs, ERR_DATA);
    o = tiny_report_opts("hierarchical"), o.n_findings = 2, assert_training_refused(o, &pairs, ERR_DATA);
    o = tiny_report_opts("cnn_lstm"), o.resolution = 24;
    report_generator *g = open_tiny_report(nn_on(&be_ref), o);
    samples all = all_of(set);
    report_texts said;
    cr_expect_eq(report_generator_predict(g, set, &all, &said), ERR_DATA);
    report_generator_close(g);
    dataset_close(set);
}

/* Images without a report are passed over, not trained on as empty ones. */
Test(report_generator, samples_without_a_report_are_never_drawn)
{
    const char *some[REAL] = {NULL};
    dataset *set = tiny_report_set(0, REAL);
    report_generator_opts o = tiny_report_opts("cnn_lstm");
    report_texts all = tiny_reports(0, REAL), texts = {REAL, some, {0}};
    report_source s;
    some[2] = all.cleaned[2];
    some[9] = all.cleaned[9];
    ASSERT_OK(report_source_open(&(report_pairs){set, NULL, &texts}, &o, &s));
    cr_assert(s.n == 2 && s.members[0] == 2 && s.members[1] == 9);
    report_source_close(&s);
    dataset_close(set);
}

static void break_weights(report_generator *g, const char *name, size_t count)
{
    float *values = malloc(count * sizeof *values);
    cr_assert(values);
    ASSERT_OK(net_get_parameter(g->n, name, values));
    values[0] = NAN;
    ASSERT_OK(net_set_parameter(g->n, name, values));
    free(values);
}

Test(report_generator, divergence_names_step_and_seed)
{
    dataset *set = tiny_report_set(0, REAL);
    report_texts texts = tiny_reports(0, REAL), said;
    samples all = all_of(set);
    for (int m = 0; m < REPORT_MODELS; m++) {
        report_generator *g = open_tiny_report(nn_on(&be_ref), tiny_report_opts(report_model_names[m]));
        break_weights(g, "R/logits.bias", (size_t)g->vocabulary);
        cr_expect_eq(report_generator_train(g, &(report_pairs){set, NULL, &texts}, NULL, NULL, NULL),
                     ERR_DIVERGED);
        cr_expect_not_null(strstr(err_message(), "update 1, seed 4"), "%s", err_message());
        cr_expect_eq(report_generator_predict(g, set, &all, &said), ERR_DIVERGED, "%s", err_message());
        report_generator_close(g);
    }
    dataset_close(set);
}

/* Eight pairs cannot be shared evenly by three. */
Test(report_generator, a_batch_that_replicas_cannot_share_is_refused)
{
    vocabulary *v = tiny_vocabulary();
    for (int m = 0; m < REPORT_MODELS; m++) {
        report_generator *g;
        report_generator_opts o = tiny_report_opts(report_model_names[m]);
        err error = report_generator_open((nn_device){.backend = &be_cpu, .replicas = 3}, &o, v, &g);
        cr_expect_eq(error, ERR_CONFIG, "%s", err_message());
        cr_expect_not_null(strstr(err_message(), "replicas"), "%s", err_message());
    }
    vocabulary_close(v);
}

/* ---- bench perf ---- */

static void count_convolution(void *context, convolution c)
{
    (void)c;
    ++*(int *)context;
}

Test(report_generator, updates_and_decoding_can_be_measured)
{
    static float images[TINY_BATCH * SIDE * SIDE];
    report_texts texts = tiny_reports(0, REAL);
    rng_fill_normal(1, 0, images, sizeof images / sizeof *images);
    for (int m = 0; m < REPORT_MODELS; m++) {
        float first, loss;
        int convolutions = 0;
        op_time times[OP_COUNT];
        report_generator *g = open_tiny_report(nn_on(&be_cpu), tiny_report_opts(report_model_names[m]));
        cr_expect(report_generator_step_flops(g) == 0 && report_generator_token_flops(g) == 0);
        ASSERT_OK(report_generator_set_batch(g, images, NULL, texts.cleaned));
        report_generator_profile(g, true);
        ASSERT_OK(report_generator_infer(g));
        ASSERT_OK(report_generator_update(g, 0, &first));
        for (uint64_t t = 1; t < 6; t++) ASSERT_OK(report_generator_update(g, t, &loss));
        cr_expect_lt(loss, first);
        cr_expect_gt(report_generator_step_flops(g), report_generator_encode_flops(g));
        cr_expect_gt(report_generator_encode_flops(g), 0);
        cr_expect_gt(report_generator_token_flops(g), 0);
        cr_expect_gt(report_generator_bytes(g), 0);
        cr_expect_gt(report_generator_trained_count(g), 0);
        report_generator_convolutions(g, count_convolution, &convolutions);
        cr_expect_eq(convolutions, 1 + 3 + 2, "%d", convolutions);
        report_generator_times(g, times);
        cr_expect(times[OP_CONV].forward_s > 0 && times[OP_CONV].backward_s > 0);
        double before = times[OP_SOFTMAX].forward_s; /* of decoding alone */
        for (int i = 0; i < 3; i++) {
            ASSERT_OK(report_generator_infer(g));
            report_generator_times(g, times);
            cr_expect_gt(times[OP_SOFTMAX].forward_s, before, "%s: times are forgotten", g->o.model);
            before = times[OP_SOFTMAX].forward_s;
        }
        report_generator_close(g);
    }
}
