#include "nn/cpu/cpu.h"

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->in[0]->shape);
    double sum = 0, sign = c->n->a.kind == HINGE_REAL ? -1 : 1;
    for (size_t i = 0; i < n; i++) {
        double x = (double)c->in[0][i];
        if (c->n->a.kind == HINGE_GENERATOR)
            sum -= x;
        else
            sum += 1 + sign * x < 0 ? 0 : 1 + sign * x;
    }
    c->out[0] = (float)(sum / (double)n);
    return OK;
}

/* d/dx max(0, 1 + sign x) = sign where 1 + sign x > 0; d/dx -x = -1. */
static err backward(backend *b, const call *c)
{
    (void)b;
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape);
    float sign = c->n->a.kind == HINGE_FAKE ? 1 : -1, each = c->dout[0] / (float)n;
    for (size_t i = 0; i < n; i++) {
        bool active = c->n->a.kind == HINGE_GENERATOR || 1 + sign * c->in[0][i] > 0;
        c->din[0][i] = (c->add[0] ? c->din[0][i] : 0) + (active ? sign * each : 0);
    }
    return OK;
}

const kernel cpu_hinge = {.forward = forward, .backward = backward};
