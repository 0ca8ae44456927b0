/* out = act(x w^T + b) with the rows of x in one matrix, by cuBLASLt. The bias is fused; relu is not, because
 * cuBLASLt does not promise that NaN stays NaN.
 *
 * In NN_BF16 all tensors are fp32 here, too: factors are copied to bfloat16 first, products are stored in
 * fp32. */
#include "nn/cuda/product.h"

#include <stdlib.h>

typedef struct products {
    product forward, data, weights;
} products;

typedef struct sizes {
    int rows, in, out;
} sizes;

/* Whether factors are multiplied in bfloat16. */
static bool narrows(const backend *b)
{
    return b->precision == NN_BF16;
}

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
    forward.narrow = data.narrow = weights.narrow = narrows(b);
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

static size_t derivative_bytes(const call *c)
{
    return c->n->a.act == ACT_NONE ? 0 : cuda_aligned(nn_count(&c->n->shape) * sizeof(float));
}

/* Bytes of a copy in bfloat16; 0 where none is made. */
static size_t narrow_bytes(const backend *b, const nn_shape_t *shape)
{
    return narrows(b) ? cuda_aligned(nn_count(shape) * element_bytes(ELEMENT_BFLOAT16)) : 0;
}

/* Copies of x and w are kept in saved where backward multiplies by them; the others, and what backward
 * narrows, lie in scratch, in this order: dout act'(out) if there is an activation; the copies; a workspace.
 */
typedef struct copies {
    size_t x, w, out; /* bytes */
} copies;

static copies copies_of(const backend *b, const call *c)
{
    return (copies){narrow_bytes(b, &c->n->in[0]->shape), narrow_bytes(b, &c->n->in[1]->shape),
                    narrow_bytes(b, &c->n->shape)};
}

static void size_buffers(const backend *b, call *c, const products *p)
{
    sizes s = sizes_of(c->n);
    copies n = copies_of(b, c);
    size_t forward = p->forward.workspace + (c->wants[1] ? 0 : n.x) + (c->wants[0] ? 0 : n.w);
    size_t backward = n.out + larger(p->data.workspace, p->weights.workspace);
    if (c->n->n_in > 2 && c->wants[2])
        backward = larger(backward, cuda_column_sums_bytes((size_t)s.rows, (size_t)s.out));
    backward += derivative_bytes(c);
    c->saved_bytes = (c->wants[1] ? n.x : 0) + (c->wants[0] ? n.w : 0);
    c->scratch_bytes = larger(forward, c->backward ? backward : 0) + CUDA_ALIGNMENT;
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
    size_buffers(b, c, p);
    c->flops = 2.0 * s.rows * s.in * s.out * (1 + c->wants[0] + c->wants[1]);
    return OK;
}

/* What a product reads in place of `x`: itself, or its copy, which is made at *room; *room moves on. */
static err factor(backend *b, const float *x, const nn_shape_t *shape, char **room, const void **out)
{
    *out = x;
    if (!narrows(b)) return OK;
    TRY(cuda_narrow(b, *room, x, nn_count(shape)));
    *out = *room;
    *room += narrow_bytes(b, shape);
    return OK;
}

static err forward(backend *b, const call *c)
{
    const products *p = c->plan;
    sizes s = sizes_of(c->n);
    char *kept = c->saved, *workspace = cuda_workspace(c);
    const void *x, *w;
    TRY(factor(b, c->in[0], &c->n->in[0]->shape, c->wants[1] ? &kept : &workspace, &x));
    TRY(factor(b, c->in[1], &c->n->in[1]->shape, c->wants[0] ? &kept : &workspace, &w));
    if (c->n->n_in > 2) TRY(cuda_product_set_bias(&p->forward, c->in[2]));
    TRY(cuda_product_run(b, &p->forward, x, w, c->out, false, workspace));
    return cuda_bias_activate(b, c->n->a.act, ELEMENT_FLOAT, c->out, NULL, (size_t)s.rows, (size_t)s.out);
}

/* With d = dout act'(out); db = the column sums of d. */
static err backward(backend *b, const call *c)
{
    const products *p = c->plan;
    sizes s = sizes_of(c->n);
    copies n = copies_of(b, c);
    const float *d = c->dout;
    char *workspace = cuda_workspace(c);
    if (c->n->a.act != ACT_NONE) {
        float *changed = (float *)(void *)workspace;
        TRY(cuda_activate_backward(b, c->n->a.act, ELEMENT_FLOAT, changed, c->out, c->dout,
                                   nn_count(&c->n->shape), false));
        d = changed;
        workspace += derivative_bytes(c);
    }
    if (c->n->n_in > 2 && c->din[2])
        TRY(cuda_column_sums(b, c->din[2], ELEMENT_FLOAT, d, (size_t)s.rows, (size_t)s.out, c->add[2],
                             workspace));
    const void *x = c->in[0], *w = c->in[1], *factor_d;
    if (narrows(b)) { /* as forward left them */
        x = c->saved;
        w = (const char *)c->saved + (c->wants[1] ? n.x : 0);
    }
    TRY(factor(b, d, &c->n->shape, &workspace, &factor_d));
    if (c->din[0]) TRY(cuda_product_run(b, &p->data, factor_d, w, c->din[0], c->add[0], workspace));
    if (c->din[1]) {
        const void *left = c->n->a.transposed ? x : factor_d, *right = c->n->a.transposed ? factor_d : x;
        TRY(cuda_product_run(b, &p->weights, left, right, c->din[1], c->add[1], workspace));
    }
    return OK;
}

const kernel cuda_linear = {.plan = plan, .unplan = unplan, .forward = forward, .backward = backward};
