/* `bench perf`: how fast the named workloads run, and how near that is to what the machine can do. */
#include "bench/columns.h"
#include "bench/commands.h"
#include "bench/workloads.h"
#include "nn/cpu/peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct perf_arguments {
    double seconds;
    bool profile;
    bool chosen[64]; /* by workload; none chosen means all */
    int n_chosen;
} perf_arguments;

static err print_help(void)
{
    (void)printf(
        "usage: bench perf [WORKLOAD ...] [--seconds S] [--profile]\n\n"
        "Times each workload for about S seconds (5) and prints, per step, the median, the rate of\n"
        "convolutions and matrix products, its share of the fastest convolution that oneDNN does on this\n"
        "machine in the same run, and the time that oneDNN alone would need for the step's convolutions.\n"
        "--profile adds the time per operator.\n\nworkloads:\n");
    for (int i = 0; i < workload_count; i++)
        (void)printf("  %-18s %s\n", workloads[i].name, workloads[i].help);
    return OK;
}

static err choose(perf_arguments *a, const char *name)
{
    for (int i = 0; i < workload_count; i++) {
        if (strcmp(workloads[i].name, name) != 0) continue;
        a->n_chosen += !a->chosen[i];
        a->chosen[i] = true;
        return OK;
    }
    return err_set(ERR_USAGE, "%.60s: there is no such workload; `bench perf --help` lists them", name);
}

static err read_arguments(int argc, char **argv, perf_arguments *a, bool *help)
{
    *a = (perf_arguments){.seconds = 5};
    *help = false;
    for (int i = 0; i < argc; i++) {
        char *end;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = true;
        } else if (strcmp(argv[i], "--profile") == 0) {
            a->profile = true;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            const char *value = i + 1 < argc ? argv[++i] : "";
            a->seconds = strtod(value, &end);
            if (end == value || *end || !(a->seconds > 0 && a->seconds <= 3600))
                return err_set(ERR_USAGE, "--seconds wants a number above 0 and up to 3600, not \"%.40s\"",
                               value);
        } else if (argv[i][0] == '-') {
            return err_set(ERR_USAGE, "%.60s: there is no such flag; see `bench perf --help`", argv[i]);
        } else {
            TRY(choose(a, argv[i]));
        }
    }
    return OK;
}

/* Seconds that oneDNN alone needs for one convolution with the gradients that the step asks for. */
static err bare_one(const convolution *c, double *seconds)
{
    double forward = 0, data = 0, weights = 0;
    TRY(cpu_convolution_seconds(c->batch, c->in, c->height, c->width, c->out, c->k, c->stride, c->pad,
                                c->forward ? &forward : NULL, c->backward_data ? &data : NULL,
                                c->backward_weights ? &weights : NULL));
    *seconds = forward + data + weights;
    return OK;
}

static bool same_convolution(const convolution *a, const convolution *b)
{
    return a->batch == b->batch && a->in == b->in && a->out == b->out && a->height == b->height &&
           a->width == b->width && a->k == b->k && a->stride == b->stride && a->pad == b->pad &&
           a->forward == b->forward && a->backward_data == b->backward_data &&
           a->backward_weights == b->backward_weights;
}

static err bare_seconds(const measurement *m, double *seconds)
{
    double *each = calloc((size_t)m->n_convolutions + 1, sizeof *each);
    if (!each) return err_set(ERR_SYSTEM, "out of memory");
    err error = OK;
    *seconds = 0;
    for (int i = 0; error == OK && i < m->n_convolutions; i++) {
        int twin = 0; /* the same convolution may stand in a step many times: it is measured once */
        while (!same_convolution(&m->convolutions[twin], &m->convolutions[i])) twin++;
        if (twin == i) error = bare_one(&m->convolutions[i], &each[i]);
        *seconds += each[twin];
    }
    free(each);
    return error;
}

static void number_or_dash(columns *t, double value, int decimals, const char *unit)
{
    if (value > 0)
        columns_cell(t, "%.*f%s", decimals, value, unit);
    else
        columns_cell(t, "-");
}

static err add_row(columns *t, const workload *w, const measurement *m, double peak)
{
    double bare = 0;
    if (m->n_convolutions > 0) TRY(bare_seconds(m, &bare));
    double rate = m->flops / m->median_s * 1e-9;
    columns_cell(t, "%s", w->name);
    columns_cell(t, "%.2f", 1e3 * m->median_s);
    columns_cell(t, "%.2f-%.2f", 1e3 * m->least_s, 1e3 * m->most_s);
    columns_cell(t, "%.0f", m->samples / m->median_s);
    number_or_dash(t, m->flops * 1e-9, 2, "");
    number_or_dash(t, rate, 1, "");
    number_or_dash(t, 100 * rate / peak, 0, "%");
    number_or_dash(t, 1e3 * bare, 2, "");
    number_or_dash(t, 100 * bare / m->median_s, 0, "%");
    number_or_dash(t, (double)m->bytes / (1 << 20), 0, "");
    return OK;
}

static void print_profile(const workload *w, const measurement *m)
{
    (void)printf("\n%s, ms per step by operator (forward, backward, share of the step)\n", w->name);
    for (int op = 0; op < OP_COUNT; op++) {
        double forward = 1e3 * m->times[op].forward_s / m->steps,
               backward = 1e3 * m->times[op].backward_s / m->steps;
        if (forward + backward <= 0) continue;
        (void)printf("  %-24s %8.2f %8.2f %6.1f%%\n", nn_op_name(op), forward, backward,
                     0.1 * (forward + backward) / m->median_s);
    }
}

static err measure_all(const perf_arguments *a, double peak, columns *t, measurement *m)
{
    for (int i = 0; i < workload_count; i++) {
        if (a->n_chosen > 0 && !a->chosen[i]) continue;
        (void)fprintf(stderr, "perf: %s ...\n", workloads[i].name);
        memset(m, 0, sizeof *m);
        TRY(workloads[i].measure(&workloads[i], a->seconds, a->profile, m));
        TRY(add_row(t, &workloads[i], m, peak));
        if (a->profile && m->times[OP_CONV].forward_s > 0) print_profile(&workloads[i], m);
    }
    return OK;
}

static err print_table(const columns *t)
{
    text out = {0};
    err error = columns_format(t, &out);
    if (error == OK && (fputs(out.data, stdout) == EOF || fflush(stdout) == EOF))
        error = err_set_errno(ERR_IO, "standard output: writing failed");
    text_close(&out);
    return error;
}

err perf_main(int argc, char **argv)
{
    static const char *const head[] = {"workload", "ms/step", "range",        "samples/s", "GFLOP/step",
                                       "GFLOP/s",  "of peak", "bare conv ms", "bare/step", "MiB"};
    perf_arguments a;
    bool help;
    TRY(read_arguments(argc, argv, &a, &help));
    if (help) return print_help();
    double peak;
    TRY(cpu_convolution_rate(&peak));
    (void)printf("oneDNN's fastest convolution here and now: %.1f GFLOP/s\n", peak);
    columns t;
    columns_open(&t, "lrrrrrrrrr");
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) columns_cell(&t, "%s", head[i]);
    measurement *m = malloc(sizeof *m);
    err error = m ? measure_all(&a, peak, &t, m) : err_set(ERR_SYSTEM, "out of memory");
    if (error == OK) error = print_table(&t);
    free(m);
    columns_close(&t);
    return error;
}
