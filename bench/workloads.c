/* The table of workloads, and how steps are timed. */
#include "bench/workloads.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS_MAX = 4096, STEPS_MIN = 3 };

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(double *steps, int n, measurement *out)
{
    qsort(steps, (size_t)n, sizeof steps[0], rising);
    out->steps = n;
    out->least_s = steps[0];
    out->median_s = n % 2 ? steps[n / 2] : (steps[n / 2 - 1] + steps[n / 2]) / 2;
    out->most_s = steps[n - 1];
    for (int i = 0; i < n; i++) out->mean_s += steps[i] / n;
}

static err step_once(workload_step make, void *context)
{
    double seconds = 0;
    TRY(make(context, 0, &seconds));
    if (puts("done") == EOF || fflush(stdout) == EOF)
        return err_set_errno(ERR_IO, "standard output: writing failed");
    return OK;
}

static err time_step(workload_step make, void *context, uint64_t t, double *seconds)
{
    double start = clock_seconds();
    *seconds = 0;
    TRY(make(context, t, seconds));
    if (*seconds <= 0) *seconds = clock_seconds() - start;
    return OK;
}

static err run(workload_step make, void *context, const perf_setting *s, double *steps, measurement *out)
{
    uint64_t t = 0;
    while (t < WORKLOAD_WARM_UP) TRY(time_step(make, context, t++, &steps[0]));
    int n = 0;
    double start = clock_seconds();
    while (n < STEPS_MAX && (n < STEPS_MIN || clock_seconds() - start < s->seconds))
        TRY(time_step(make, context, t++, &steps[n++]));
    summarise(steps, n, out);
    return OK;
}

err workload_run(workload_step make, void *context, const perf_setting *s, measurement *out)
{
    if (s->once) return step_once(make, context);
    double *steps = malloc(STEPS_MAX * sizeof *steps);
    err error = steps ? run(make, context, s, steps, out) : err_set(ERR_SYSTEM, "out of memory");
    free(steps);
    return error;
}

void workload_collect(void *context, convolution c)
{
    measurement *m = context;
    if (m->n_convolutions < WORKLOAD_CONVOLUTIONS) m->convolutions[m->n_convolutions] = c;
    m->n_convolutions++; /* too many are noticed where they are used */
}

const workload workloads[] = {
    {"emixer-32", "EMIXER, one update of both players, 32x32, 8 channels, batch 16 (the demo)",
     measure_emixer, .resolution = 32, .width = 8, .batch = 16},
    {"emixer-64", "the same at 64x64, 16 channels, batch 32 (the full study)", measure_emixer,
     .resolution = 64, .width = 16, .batch = 32},
    {"emixer-128", "the same at 128x128", measure_emixer, .resolution = 128, .width = 16, .batch = 32},
    {"emixer_reports-64",
     "the whole EMIXER at 64x64, 16 channels, 16 images with reports, the writer updated 5 times for one",
     measure_emixer, .resolution = 64, .width = 16, .batch = 16, .pairs = 16},
    {"densenet_small-32", "classifier, one update, 32x32, batch 32", measure_training,
     .model = "densenet_small", .resolution = 32, .batch = 32},
    {"densenet_small-64", "the same at 64x64", measure_training, .model = "densenet_small", .resolution = 64,
     .batch = 32},
    {"densenet_small-64-infer", "class probabilities of 32 images", measure_inference,
     .model = "densenet_small", .resolution = 64, .batch = 32},
    {"densenet121-128", "classifier, one update, 128x128, batch 32", measure_training, .model = "densenet121",
     .resolution = 128, .batch = 32},
    {"densenet121-224", "the same at 224x224, batch 16", measure_training, .model = "densenet121",
     .resolution = 224, .batch = 16},
    {"densenet121-224-infer", "class probabilities of 32 images", measure_inference, .model = "densenet121",
     .resolution = 224, .batch = 32},
    {"vit_tiny-64", "classifier, one update, 64x64, batch 32", measure_training, .model = "vit_tiny",
     .resolution = 64, .batch = 32},
    {"vit_tiny-224", "the same at 224x224, batch 16", measure_training, .model = "vit_tiny",
     .resolution = 224, .batch = 16},
    {"vit_tiny-224-infer", "class probabilities of 32 images", measure_inference, .model = "vit_tiny",
     .resolution = 224, .batch = 32},
    {"cnn_lstm-64", "report generator, one update on the phantom's reports, 64x64, batch 16",
     measure_report_training, .model = "cnn_lstm", .resolution = 64, .batch = 16},
    {"cnn_lstm_att-64", "the same", measure_report_training, .model = "cnn_lstm_att", .resolution = 64,
     .batch = 16},
    {"hierarchical-64", "the same", measure_report_training, .model = "hierarchical", .resolution = 64,
     .batch = 16},
    {"transformer-64", "the same", measure_report_training, .model = "transformer", .resolution = 64,
     .batch = 16},
    {"cnn_lstm-64-infer", "reports of 16 images by a generator that was not trained, 3 beams",
     measure_reporting, .model = "cnn_lstm", .resolution = 64, .batch = 16},
    {"cnn_lstm_att-64-infer", "the same", measure_reporting, .model = "cnn_lstm_att", .resolution = 64,
     .batch = 16},
    {"hierarchical-64-infer", "the same", measure_reporting, .model = "hierarchical", .resolution = 64,
     .batch = 16},
    {"transformer-64-infer", "the same", measure_reporting, .model = "transformer", .resolution = 64,
     .batch = 16},
    {"loading-64", "a packed set of 1024 images opened, drawn, augmented, normalised into batches of 32",
     measure_loading, .prepare = prepare_loading, .resolution = 64, .batch = 32},
    {"loading-128", "the same at 128x128", measure_loading, .prepare = prepare_loading, .resolution = 128,
     .batch = 32},
    {"import-128", "64 PNG files of 512x512 imported at 128x128", measure_import, .prepare = prepare_import,
     .resolution = 128},
    {"phantom-128", "rendering 16 studies at 128x128 on one core", measure_phantom, .resolution = 128},
    {"start", "from the start of the program to its first finished update of emixer-64", measure_start,
     .spreads = true},
};
const int workload_count = sizeof workloads / sizeof workloads[0];
_Static_assert(sizeof workloads / sizeof workloads[0] <= WORKLOADS_MAX, "room for every workload");
