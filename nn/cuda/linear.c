/* out = act(x w^T + b) with the rows of x in one matrix, by cuBLASLt. The bias is fused; relu is not, because
 * cuBLASLt does not promise that NaN stays NaN. */
#include "nn/cuda/product.h"

#include <stdlib.h>

typedef struct products {
    product forward, data, weights;
} products;

typedef struct sizes {
    int rows, in, out;
} sizes;

static sizes sizes_of(const node *n)
{
    const nn_shape_t *x = &n->in[0]->shape, *y = &n->shape;
    int in = x->d[x->rank - 1], out = y->d[y->rank - 1];
    return (sizes){(int)(nn_count(y) / (size_t)out), in, out};
}

/* out = x w^T, dx = d w, dw = d^T x; or, with w transposed, out = x w, dx = d w^T, dw = x^T d. */
static err open_products(backend *b, call *c, products *p)
{
    sizes s = sizes_of(c->n);
    bool turned = c->n->a.transposed;
    int ldw = turned ? s.out : s.in;
    product_shape forward = {.rows = s.rows, .columns = s.out, .inner = s.in, .lda = s.in, .ldb = ldw};
    product_shape data = {.rows = s.rows, .columns = s.in, .inner = s.out, .lda = s.out, .ldb = ldw};
    product_shape weights = {.inner = s.rows, .transpose_a = true};
    forward.transpose_b = !turned;
    data.transpose_b = turned;
    weights.rows = weights.lda = turned ? s.in : s.out;
    weights.columns = weights.ldb = turned ? s.out : s.in;
    forward.bias = c->n->n_in > 2;
    TRY(cuda_product_open(b, forward, &p->forward));
    if (c->wants[0]) TRY(cuda_product_open(b, data, &p->data));
    if (c->wants[1]) TRY(cuda_product_open(b, weights, &p->weights));
    return OK;
}

static void unplan(backend *b, call *c)
{
    (void)b;
    products *p = c->plan;
    if (!p) return;
    cuda_product_close(&p->forward);
    cuda_product_close(&p->data);
    cuda_product_close(&p->weights);
    free(p);
    c->plan = NULL;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* scratch: in backward with an activation dout act'(out), then a workspace. */
static size_t derivative_bytes(const call *c)
{
    return c->n->a.act == ACT_NONE ? 0 : cuda_aligned(nn_count(&c->n->shape) * sizeof(float));
}

static err plan(backend *b, call *c)
{
    sizes s = sizes_of(c->n);
    products *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory while planning a linear layer");
    c->plan = p;
    err error = open_products(b, c, p);
    if (error != OK) {
        unplan(b, c);
        return error;
    }
    size_t backward = larger(p->data.workspace, p->weights.workspace);
    if (c->n->n_in > 2 && c->wants[2])
        backward = larger(backward, cuda_column_sums_bytes((size_t)s.rows, (size_t)s.out));
    if (c->backward) backward += derivative_bytes(c);
    c->scratch_bytes = larger(p->forward.workspace, backward) + CUDA_ALIGNMENT;
    c->flops = 2.0 * s.rows * s.in * s.out * (1 + c->wants[0] + c->wants[1]);
    return OK;
}

static err forward(backend *b, const call *c)
{
    const products *p = c->plan;
    sizes s = sizes_of(c->n);
    if (c->n->n_in > 2) TRY(cuda_product_set_bias(&p->forward, c->in[2]));
    TRY(cuda_product_run(b, &p->forward, c->in[0], c->in[1], c->out, false, cuda_workspace(c)));
    return cuda_bias_activate(b, c->n->a.act, c->out, NULL, (size_t)s.rows, (size_t)s.out);
}

/* With d = dout act'(out); db = the column sums of d. */
static err backward(backend *b, const call *c)
{
    const products *p = c->plan;
    sizes s = sizes_of(c->n);
    const float *d = c->dout;
    char *workspace = cuda_workspace(c);
    if (c->n->a.act != ACT_NONE) {
        float *changed = (float *)(void *)workspace;
        TRY(cuda_activate_backward(b, c->n->a.act, changed, c->out, c->dout, nn_count(&c->n->shape), false));
        d = changed;
        workspace += derivative_bytes(c);
    }
    if (c->din[0]) TRY(cuda_product_run(b, &p->data, d, c->in[1], c->din[0], c->add[0], workspace));
    if (c->din[1]) {
        const float *left = c->n->a.transposed ? c->in[0] : d, *right = c->n->a.transposed ? d : c->in[0];
        TRY(cuda_product_run(b, &p->weights, left, right, c->din[1], c->add[1], workspace));
    }
    if (c->n->n_in > 2 && c->din[2])
        TRY(cuda_column_sums(b, c->din[2], d, (size_t)s.rows, (size_t)s.out, c->add[2], workspace));
    return OK;
}

const kernel cuda_linear = {.plan = plan, .unplan = unplan, .forward = forward, .backward = backward};
