/* What `bench perf` measures. */
#include "downstream/internal.h"

err classifier_infer(classifier *c)
{
    TRY(step_run(c->evaluation, 0));
    return nn_get(c->evaluation, c->logits, c->host_targets); /* a GPU is done only now */
}

double classifier_step_flops(const classifier *c)
{
    return c->training ? step_flops(c->training) : 0;
}

double classifier_infer_flops(const classifier *c)
{
    return step_flops(c->evaluation);
}

size_t classifier_bytes(const classifier *c)
{
    size_t most = step_bytes(c->evaluation), other = c->training ? step_bytes(c->training) : 0;
    return most > other ? most : other;
}

size_t classifier_trained_count(const classifier *c)
{
    return net_trained_count(c->n);
}

void classifier_profile(classifier *c, bool on)
{
    c->profile = on;
    step_profile(c->evaluation, on);
    if (c->training) step_profile(c->training, on);
}

void classifier_convolutions(const classifier *c, convolution_visitor visit, void *context)
{
    if (c->training) step_convolutions(c->training, visit, context);
}

void classifier_infer_convolutions(const classifier *c, convolution_visitor visit, void *context)
{
    step_convolutions(c->evaluation, visit, context);
}

void classifier_times(const classifier *c, op_time *out)
{
    const op_time *e = step_times(c->evaluation), *t = c->training ? step_times(c->training) : NULL;
    for (int op = 0; op < OP_COUNT; op++) {
        out[op] = e[op];
        if (!t) continue;
        out[op].forward_s += t[op].forward_s;
        out[op].backward_s += t[op].backward_s;
    }
}
