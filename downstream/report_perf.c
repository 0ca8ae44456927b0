/* What `bench perf` measures of report generators. */
#include "downstream/report_internal.h"

double report_generator_step_flops(const report_generator *g)
{
    return g->training ? step_flops(g->training) : 0;
}

double report_generator_encode_flops(const report_generator *g)
{
    return step_flops(g->encoding);
}

double report_generator_token_flops(const report_generator *g)
{
    return g->saying ? step_flops(g->saying) : 0;
}

/* The steps that have been compiled; returns how many. */
static int steps_of(const report_generator *g, step *steps[3])
{
    int n = 0;
    if (g->training) steps[n++] = g->training;
    if (g->saying) steps[n++] = g->saying;
    steps[n++] = g->encoding;
    return n;
}

size_t report_generator_bytes(const report_generator *g)
{
    step *steps[3];
    size_t most = 0;
    for (int n = steps_of(g, steps), i = 0; i < n; i++)
        if (step_bytes(steps[i]) > most) most = step_bytes(steps[i]);
    return most;
}

size_t report_generator_trained_count(const report_generator *g)
{
    return net_trained_count(g->n);
}

void report_generator_profile(report_generator *g, bool on)
{
    step *steps[3];
    g->profile = on;
    for (int n = steps_of(g, steps), i = 0; i < n; i++) step_profile(steps[i], on);
}

void report_generator_times(const report_generator *g, op_time *out)
{
    step *steps[3];
    for (int op = 0; op < OP_COUNT; op++) out[op] = (op_time){0};
    for (int n = steps_of(g, steps), i = 0; i < n; i++)
        for (int op = 0; op < OP_COUNT; op++) {
            const op_time *t = step_times(steps[i]) + op;
            out[op].forward_s += t->forward_s;
            out[op].backward_s += t->backward_s;
        }
}

void report_generator_convolutions(const report_generator *g, convolution_visitor visit, void *context)
{
    if (g->training) step_convolutions(g->training, visit, context);
}
