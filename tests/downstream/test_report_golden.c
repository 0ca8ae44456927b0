/* Report generators against PyTorch: forward, backward, the first updates, and what they say; see
 * tests/golden/generators_make.py, whose rule for the weights is repeated here. */
#include "../golden_rows.h"
#include "nn/safetensors.h"
#include "tiny_reports.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-4; /* of the Euclidean norm of what is compared */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* The rule of the weights. */
static void make_weights(net *n, uint64_t seed, double gain)
{
    for (int i = 0; i < net_parameter_count(n); i++) {
        const char *name = net_parameter_name(n, i);
        if (strstr(name, ".running_") || strcmp(name, "R/positions") == 0) continue;
        nn_shape_t shape = net_parameter_shape(n, i);
        size_t count = nn_count(&shape);
        float *values = malloc(count * sizeof *values);
        cr_assert(values);
        rng_fill_normal(rng_key(seed, name), 0, values, count);
        bool shift = ends_with(name, "norm.bias") && strstr(name, "R/encoder/");
        for (size_t k = 0; k < count; k++) {
            double v = (double)values[k];
            if (shape.rank > 1)
                v *= gain / sqrt((double)count / shape.d[0]);
            else if (ends_with(name, ".weight"))
                v = 1 + 0.1 * v;
            else
                v = shift ? 0.3 * v + (v > 0 ? 1 : -1) : 0.1 * v;
            values[k] = (float)v;
        }
        ASSERT_OK(net_set_parameter(n, name, values));
        free(values);
    }
}

static void expect_near(const char *model, const char *what, const float *got, const float *want, size_t n)
{
    double error = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        norm += (double)want[i] * want[i];
    }
    cr_expect_leq(sqrt(error / norm), tolerance, "%s: %s: relative error %.3g", model, what,
                  sqrt(error / norm));
}

static void set_first_pairs(report_generator *g)
{
    static float images[TINY_BATCH * SIDE * SIDE];
    dataset *set = tiny_report_set(0, REAL);
    report_texts texts = tiny_reports(0, REAL);
    for (int i = 0; i < TINY_BATCH; i++) dataset_pixels(set, i, images + (size_t)i * SIDE * SIDE);
    ASSERT_OK(report_generator_set_batch(g, images, set->labels, texts.cleaned));
    dataset_close(set);
}

static float *fetched_gradient(net *n, const char *name, size_t count)
{
    float *values = malloc(count * sizeof *values);
    cr_assert(values);
    ASSERT_OK(net_get_gradient(n, name, values));
    return values;
}

/* Whether a parameter's gradient is 0 but for rounding: a key's bias moves all products of a query alike. */
static bool has_no_gradient(const char *name)
{
    return ends_with(name, "key.bias");
}

static void compare_gradients(report_generator *g, const safetensors *golden)
{
    int compared = 0, trained = 0;
    for (int i = 0; i < safetensors_count(golden); i++) {
        const char *name = safetensors_name(golden, i);
        nn_shape_t shape;
        const float *want;
        if (strncmp(name, "R/", 2) != 0) continue;
        ASSERT_OK(safetensors_read(golden, name, &shape, &want));
        float *got = fetched_gradient(g->n, name, nn_count(&shape));
        if (has_no_gradient(name))
            for (size_t k = 0; k < nn_count(&shape); k++) cr_expect_float_eq(got[k], 0, 1e-6F, "%s", name);
        else
            expect_near(g->o.model, name, got, want, nn_count(&shape));
        free(got);
        compared++;
    }
    for (int i = 0; i < net_parameter_count(g->n); i++) {
        const char *name = net_parameter_name(g->n, i);
        trained += !strstr(name, ".running_") && strcmp(name, "R/positions") != 0;
    }
    cr_assert_eq(compared, trained, "%s: %d gradients of %d", g->o.model, compared, trained);
}

static void compare_pass(nn_device device, const char *model)
{
    char path[4096];
    safetensors *golden;
    nn_shape_t shape;
    const float *want;
    report_generator *g = open_tiny_report(device, tiny_report_opts(model));
    make_weights(g->n, 4, 1);
    set_first_pairs(g);
    (void)snprintf(path, sizeof path, "%s/generator_%s.safetensors", TEST_GOLDEN, model);
    ASSERT_OK(safetensors_open(path, &golden));
    step *s;
    ASSERT_OK(net_compile(g->n, (nn_t[]){g->loss, g->logits}, 2, "R/", &s));
    ASSERT_OK(step_run(s, 0));
    float loss;
    ASSERT_OK(step_loss(s, &loss));
    ASSERT_OK(safetensors_read(golden, "loss", &shape, &want));
    expect_near(model, "loss", &loss, want, 1);
    ASSERT_OK(safetensors_read(golden, "logits", &shape, &want));
    float *logits = malloc(nn_count(&shape) * sizeof *logits);
    cr_assert(logits);
    ASSERT_OK(nn_get(s, g->logits, logits));
    expect_near(model, "logits", logits, want, nn_count(&shape));
    free(logits);
    compare_gradients(g, golden);
    safetensors_close(golden);
    report_generator_close(g);
}

Test(report_golden, forward_and_backward_agree_with_pytorch_ref)
{
    for (int i = 0; i < REPORT_MODELS; i++) compare_pass(nn_on(&be_ref), report_model_names[i]);
}

Test(report_golden, forward_and_backward_agree_with_pytorch_cpu)
{
    for (int i = 0; i < REPORT_MODELS; i++) compare_pass(nn_on(&be_cpu), report_model_names[i]);
}

/* ---- training ---- */

static err keep_loss(void *context, int done, float loss)
{
    ((float *)context)[done - 1] = loss;
    return OK;
}

static void train_tiny(nn_device device, const char *model, float losses[TINY_STEPS])
{
    dataset *real = tiny_report_set(0, REAL), *synthetic = tiny_report_set(REAL, SYNTHETIC);
    report_texts real_texts = tiny_reports(0, REAL), synthetic_texts = tiny_reports(REAL, SYNTHETIC);
    report_generator_opts o = tiny_report_opts(model);
    o.synthetic_share = 0.4F;
    report_generator *g = open_tiny_report(device, o);
    make_weights(g->n, 4, 1);
    ASSERT_OK(report_generator_train(g, &(report_pairs){real, NULL, &real_texts},
                                     &(report_pairs){synthetic, NULL, &synthetic_texts}, keep_loss, losses));
    report_generator_close(g);
    dataset_close(real);
    dataset_close(synthetic);
}

static void compare_losses(nn_device device)
{
    float losses[REPORT_MODELS][TINY_STEPS];
    double want[REPORT_MODELS];
    for (int i = 0; i < REPORT_MODELS; i++) train_tiny(device, report_model_names[i], losses[i]);
    golden_rows rows = golden_rows_open("generator_losses.csv", REPORT_MODELS);
    int t = 0;
    for (; golden_rows_next(&rows, want); t++)
        for (int i = 0; i < REPORT_MODELS; i++)
            cr_expect_float_eq((double)losses[i][t], want[i], 1e-4 * want[i], "%s, update %d: %g, want %g",
                               report_model_names[i], t + 1, (double)losses[i][t], want[i]);
    cr_assert_eq(t, TINY_STEPS);
}

Test(report_golden, losses_of_the_first_updates_ref)
{
    compare_losses(nn_on(&be_ref));
}

Test(report_golden, losses_of_the_first_updates_cpu)
{
    compare_losses(nn_on(&be_cpu));
}

Test(report_golden, losses_of_the_first_updates_of_replicas)
{
    compare_losses((nn_device){.backend = &be_ref, .replicas = 2});
    compare_losses((nn_device){.backend = &be_cpu, .replicas = 4});
}

/* ---- decoding: cached states against passes over all words so far ---- */

typedef struct said {
    char line[1024]; /* owns the texts */
    const char *model, *greedy, *beam;
    int image;
} said;

enum { SAID = REPORT_MODELS * TINY_BATCH };

/* MODEL,IMAGE,GREEDY,BEAM; the texts have no comma and may be empty. */
static void read_said(said out[SAID])
{
    FILE *file = fopen(TEST_GOLDEN "/generator_texts.csv", "r");
    cr_assert(file && fgets(out->line, sizeof out->line, file));
    for (int i = 0; i < SAID; i++) {
        said *s = &out[i];
        cr_assert(fgets(s->line, sizeof s->line, file));
        s->line[strcspn(s->line, "\n")] = '\0';
        char *fields[4] = {s->line};
        for (int k = 1; k < 4; k++) {
            fields[k] = strchr(fields[k - 1], ',');
            cr_assert(fields[k]);
            *fields[k]++ = '\0';
        }
        s->model = fields[0];
        s->image = (int)strtol(fields[1], NULL, 10);
        s->greedy = fields[2];
        s->beam = fields[3];
    }
    (void)fclose(file);
}

static report_texts say(nn_device device, const char *model, int beams, float penalty, const dataset *set,
                        const samples *which)
{
    report_texts out;
    report_generator_opts o = tiny_report_opts(model);
    o.beams = beams;
    o.length_penalty = penalty;
    report_generator *g = open_tiny_report(device, o);
    make_weights(g->n, 1, 2.5);
    ASSERT_OK(report_generator_predict(g, set, which, &out));
    report_generator_close(g);
    return out;
}

/* All REAL images in two batches, the second one not full; the file has the first TINY_BATCH. */
static void compare_texts(nn_device device)
{
    static said want[SAID];
    dataset *set = tiny_report_set(0, REAL);
    samples all = all_of(set);
    read_said(want);
    for (int m = 0; m < REPORT_MODELS; m++) {
        report_texts greedy = say(device, report_model_names[m], 1, 0, set, &all);
        report_texts beam = say(device, report_model_names[m], 3, 1, set, &all);
        for (int i = 0; i < TINY_BATCH; i++) {
            const said *s = &want[m * TINY_BATCH + i];
            cr_assert(strcmp(s->model, report_model_names[m]) == 0 && s->image == i);
            cr_expect_str_eq(greedy.cleaned[i], s->greedy, "%s %d: %s, want %s", s->model, i,
                             greedy.cleaned[i], s->greedy);
            cr_expect_str_eq(beam.cleaned[i], s->beam, "%s %d: %s, want %s", s->model, i, beam.cleaned[i],
                             s->beam);
        }
        for (int i = 0; i < REAL; i++) cr_assert_not_null(greedy.cleaned[i]);
        report_texts_close(&greedy);
        report_texts_close(&beam);
    }
    dataset_close(set);
}

Test(report_golden, texts_are_those_of_whole_passes_ref)
{
    compare_texts(nn_on(&be_ref));
}

Test(report_golden, texts_are_those_of_whole_passes_cpu)
{
    compare_texts(nn_on(&be_cpu));
}

Test(report_golden, texts_are_those_of_whole_passes_on_replicas)
{
    compare_texts((nn_device){.backend = &be_cpu, .replicas = 2});
}
