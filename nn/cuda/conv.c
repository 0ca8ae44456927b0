/* Convolution, channels last. The weights (O,I,k,k) are brought into cuDNN's order and type in forward, their
 * gradient out of it in backward, unless the two are one. With a.upsample the operator is the transpose of a
 * convolution (conv_weights.cu): its output is cuDNN's x, its input cuDNN's y. */
#include "nn/cuda/convolution.h"

#include <stdlib.h>

typedef struct conv_plan {
    dnn_convolution *d;
    conv_product forward, data; /* which products the output and the input's gradient are */
    bool upsample;
    bool laid; /* the weights are copied for cuDNN */
    size_t weight_bytes;
} conv_plan;

static conv_shape shape_of(const backend *b, const node *n)
{
    const int *in = n->in[0]->shape.d, *out = n->shape.d;
    const attributes *a = &n->a;
    conv_shape s = {
        .element = cuda_element(b, n), .n = in[0], .size = a->k, .stride = a->stride, .pad = a->pad};
    const int *x = a->upsample ? out : in, *y = a->upsample ? in : out;
    s.c = x[1], s.h = x[2], s.w = x[3];
    s.k = y[1], s.oh = y[2], s.ow = y[3];
    if (a->upsample) s.size = 4, s.stride = 2, s.pad = 1;
    return s;
}

/* Rows and columns of the output as a matrix: pixels and channels. */
static size_t pixels_of(const node *n)
{
    return nn_count(&n->shape) / (size_t)n->shape.d[1];
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t output_bytes(const backend *b, const node *n)
{
    return cuda_aligned(nn_count(&n->shape) * element_bytes(cuda_element(b, n)));
}

/* The laid weights, if any, lie in saved where backward reads them again, else at the start of scratch.
 * In backward scratch holds dout act'(out), if there is an activation; the laid gradient of the weights, if
 * any; and a workspace. */
static void size_buffers(const backend *b, call *c, const conv_plan *p)
{
    size_t weights = p->laid ? p->weight_bytes : 0, forward = dnn_convolution_workspace(p->d, p->forward),
           backward = 0;
    if (c->wants[0]) backward = dnn_convolution_workspace(p->d, p->data);
    if (c->wants[1]) backward = larger(backward, weights + dnn_convolution_workspace(p->d, PRODUCT_W));
    if (c->n->n_in > 2 && c->wants[2])
        backward = larger(backward, cuda_column_sums_bytes(pixels_of(c->n), (size_t)c->n->shape.d[1]));
    if (c->n->a.act != ACT_NONE) backward += output_bytes(b, c->n);
    c->saved_bytes = c->wants[0] ? weights : 0;
    if (!c->wants[0]) forward += weights;
    c->scratch_bytes = larger(forward, c->backward ? backward : 0) + CUDA_ALIGNMENT;
}

/* A multiply-add is two; the products of the convolution that is run. */
static double flops_of(const call *c, const conv_shape *s)
{
    double outputs = (double)s->n * s->oh * s->ow * s->k, taps = (double)s->size * s->size * s->c;
    return 2 * outputs * taps * (1 + c->wants[0] + c->wants[1]);
}

static void unplan(backend *b, call *c)
{
    (void)b;
    conv_plan *p = c->plan;
    if (!p) return;
    dnn_convolution_close(p->d);
    free(p);
    c->plan = NULL;
}

static err open_plan(backend *b, const call *c, conv_plan *p)
{
    conv_shape s = shape_of(b, c->n);
    const nn_shape_t *w = &c->n->in[1]->shape;
    bool wanted[PRODUCTS] = {false};
    p->upsample = c->n->a.upsample;
    p->forward = p->upsample ? PRODUCT_X : PRODUCT_Y;
    p->data = p->upsample ? PRODUCT_Y : PRODUCT_X;
    p->laid = p->upsample || s.element != ELEMENT_FLOAT || (w->d[1] > 1 && w->d[2] * w->d[3] > 1);
    p->weight_bytes = cuda_aligned(cuda_weights_count(w, p->upsample) * element_bytes(s.element));
    wanted[p->forward] = true;
    wanted[p->data] = c->wants[0];
    wanted[PRODUCT_W] = c->wants[1];
    TRY(cuda_check_count(nn_count(&c->n->in[0]->shape)));
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    return dnn_convolution_open(b, &s, wanted, &p->d);
}

static err plan(backend *b, call *c)
{
    conv_shape s = shape_of(b, c->n);
    conv_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory while planning a convolution");
    c->plan = p;
    err error = open_plan(b, c, p);
    if (error != OK) {
        unplan(b, c);
        return error;
    }
    size_buffers(b, c, p);
    c->flops = flops_of(c, &s);
    return OK;
}

/* ---- running ---- */

/* What a product reads, by the operator's names; what it writes is NULL here. */
static conv_operands operands(const conv_plan *p, const void *input, const void *weights, const void *output)
{
    return (conv_operands){
        .x = p->upsample ? output : input, .w = weights, .y = p->upsample ? input : output};
}

static err forward(backend *b, const call *c)
{
    const conv_plan *p = c->plan;
    const void *w = c->in[1];
    char *workspace = cuda_workspace(c);
    if (p->laid) {
        void *laid = c->wants[0] ? c->saved : (void *)workspace;
        TRY(cuda_lay_weights(b, &c->n->in[1]->shape, p->upsample, c->in[1], cuda_element(b, c->n), laid));
        if (!c->wants[0]) workspace += p->weight_bytes;
        w = laid;
    }
    TRY(dnn_convolution_run(b, p->d, p->forward, operands(p, c->in[0], w, NULL), c->out, false, workspace));
    return cuda_bias_activate(b, c->n->a.act, cuda_element(b, c->n), c->out, c->n->n_in > 2 ? c->in[2] : NULL,
                              pixels_of(c->n), (size_t)c->n->shape.d[1]);
}

/* dw is computed in cuDNN's order at `scratch`, if the orders differ, with the workspace after it. */
static err weights_gradient(backend *b, const call *c, const void *d, char *scratch)
{
    const conv_plan *p = c->plan;
    conv_operands o = operands(p, c->in[0], NULL, d);
    if (!p->laid) return dnn_convolution_run(b, p->d, PRODUCT_W, o, c->din[1], c->add[1], scratch);
    TRY(dnn_convolution_run(b, p->d, PRODUCT_W, o, scratch, false, scratch + p->weight_bytes));
    return cuda_take_weights(b, &c->n->in[1]->shape, p->upsample, cuda_element(b, c->n), scratch, c->din[1],
                             c->add[1]);
}

/* With d = dout act'(out): dx and dw by cuDNN, db = the sums of d over the pixels. */
static err backward(backend *b, const call *c)
{
    const conv_plan *p = c->plan;
    element e = cuda_element(b, c->n);
    const void *d = c->dout;
    char *scratch = cuda_workspace(c);
    if (c->n->a.act != ACT_NONE) {
        TRY(cuda_activate_backward(b, c->n->a.act, e, scratch, c->out, c->dout, nn_count(&c->n->shape),
                                   false));
        d = scratch;
        scratch += output_bytes(b, c->n);
    }
    if (c->din[0]) {
        const void *w = p->laid ? c->saved : (const void *)c->in[1];
        TRY(dnn_convolution_run(b, p->d, p->data, operands(p, NULL, w, d), c->din[0], c->add[0], scratch));
    }
    if (c->din[1]) TRY(weights_gradient(b, c, d, scratch));
    if (c->n->n_in > 2 && c->din[2])
        TRY(cuda_column_sums(b, c->din[2], e, d, pixels_of(c->n), (size_t)c->n->shape.d[1], c->add[2],
                             scratch));
    return OK;
}

const kernel cuda_conv = {.plan = plan, .unplan = unplan, .forward = forward, .backward = backward};
