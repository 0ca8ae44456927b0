/* The workloads that train or use a report generator, on the phantom's images and reports. */
#include "bench/workloads.h"

#include "downstream/report_generator.h"

#include <stdlib.h>

enum { STUDIES = 64, SEED = 1 };

typedef struct reporter {
    dataset *set;
    report_texts texts;
    vocabulary *v;
    report_generator *g;
    report_generator_opts o;
    bool training, profile;
} reporter;

static err step_reporter(void *context, uint64_t t, double *seconds)
{
    (void)seconds;
    const reporter *x = context;
    float loss;
    if (t == WORKLOAD_WARM_UP) report_generator_profile(x->g, x->profile);
    return x->training ? report_generator_update(x->g, t, &loss) : report_generator_infer(x->g);
}

static err set_studies(reporter *x)
{
    size_t pixels = (size_t)x->o.resolution * (size_t)x->o.resolution;
    float *images = malloc((size_t)x->o.batch * pixels * sizeof *images);
    if (!images) return err_set(ERR_SYSTEM, "out of memory for a batch");
    for (int i = 0; i < x->o.batch; i++) dataset_pixels(x->set, i, images + (size_t)i * pixels);
    err error = report_generator_set_batch(x->g, images, x->set->labels, x->texts.cleaned);
    free(images);
    return error;
}

static err open_reporter(const perf_setting *s, reporter *x)
{
    int index[STUDIES];
    for (int i = 0; i < STUDIES; i++) index[i] = i;
    TRY(dataset_open("phantom:covid", x->o.resolution, STUDIES, SEED, &x->set));
    TRY(report_texts_open(x->set, REPORT_RULES_IU, &x->texts));
    TRY(vocabulary_build(x->texts.cleaned, &(samples){index, STUDIES}, 1, &x->v));
    x->o.n_findings = x->set->n_labels;
    TRY(report_generator_open(s->device, &x->o, x->v, &x->g));
    return set_studies(x);
}

/* Of texts the FLOPs are those of as many tokens as a text may have: an untrained generator rarely ends one.
 */
static void tell_costs(const reporter *x, measurement *out)
{
    out->samples = x->o.batch;
    out->parameters = report_generator_trained_count(x->g);
    out->arena_bytes = report_generator_bytes(x->g);
    out->flops = report_generator_step_flops(x->g);
    if (x->training)
        report_generator_convolutions(x->g, workload_collect, out);
    else
        out->flops = report_generator_encode_flops(x->g) +
                     report_generator_tokens(&x->o) * report_generator_token_flops(x->g);
    if (x->profile) report_generator_times(x->g, out->times);
}

static err measure(const workload *w, const perf_setting *s, bool training, measurement *out)
{
    reporter x = {.o = report_generator_defaults, .training = training, .profile = s->profile};
    x.o.model = w->model;
    x.o.resolution = w->resolution;
    x.o.batch = w->batch;
    x.o.steps = 1 << 20; /* more than are made: the rate never gets to 0 */
    err error = open_reporter(s, &x);
    if (error == OK) error = workload_run(step_reporter, &x, s, out);
    if (error == OK) tell_costs(&x, out);
    report_generator_close(x.g);
    vocabulary_close(x.v);
    report_texts_close(&x.texts);
    dataset_close(x.set);
    return error;
}

err measure_report_training(const workload *w, const perf_setting *s, measurement *out)
{
    return measure(w, s, true, out);
}

err measure_reporting(const workload *w, const perf_setting *s, measurement *out)
{
    return measure(w, s, false, out);
}
