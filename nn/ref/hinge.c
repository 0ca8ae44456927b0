/* The hinge loss of GANs: Lim & Ye 2017; Miyato et al. 2018, eq. 16 and 17. */
#include "nn/ref/ref.h"

static double hinge_value(int kind, double x)
{
    if (kind == HINGE_REAL) return x >= 1 ? 0 : 1 - x; /* so NaN stays NaN */
    if (kind == HINGE_FAKE) return x <= -1 ? 0 : 1 + x;
    return -x;
}

static double hinge_slope(int kind, double x)
{
    if (kind == HINGE_REAL) return x < 1 ? -1 : 0;
    if (kind == HINGE_FAKE) return x > -1 ? 1 : 0;
    return -1;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->in[0]->shape);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += hinge_value(c->n->a.kind, c->in[0][i]);
    c->out[0] = (float)(sum / (double)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->in[0]->shape);
    for (size_t i = 0; c->din[0] && i < n; i++)
        ref_store(&c->din[0][i], c->dout[0] * hinge_slope(c->n->a.kind, c->in[0][i]) / (double)n, c->add[0]);
    return OK;
}

const kernel ref_hinge = {.forward = forward, .backward = backward};
