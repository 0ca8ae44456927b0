/* sum_r w_r (log sum exp x_r - x_r[id_r]) / sum_r w_r over the rows r whose id is known. */
#include "nn/ref/ref.h"

#include <math.h>

typedef struct sizes {
    size_t rows, classes, per_weight; /* per_weight: rows that share one weight */
} sizes;

static sizes sizes_of(const node *n)
{
    const nn_shape_t *s = &n->in[0]->shape;
    size_t classes = (size_t)s->d[s->rank - 1], rows = nn_count(s) / classes;
    return (sizes){rows, classes, rows / (size_t)s->d[0]};
}

/* 0 for a row that does not count. */
static double weight_of(const call *c, sizes s, size_t r)
{
    float id = c->in[1][r];
    if (!(id >= 0 && id < (float)s.classes)) return 0;
    return c->n->n_in > 2 ? c->in[2][r / s.per_weight] : 1;
}

/* With replicas the mean of their totals: then the mean of their losses is the loss. */
static err total_weight(backend *b, const call *c, sizes s, double *total)
{
    *total = 0;
    for (size_t r = 0; r < s.rows; r++) *total += weight_of(c, s, r);
    if (c->replicas <= 1) return OK;
    float sum = (float)*total;
    TRY(ref_all_reduce(b, &sum, 1));
    *total = (double)sum / c->replicas;
    return OK;
}

static double log_sum_exp(const float *x, size_t n)
{
    double largest = x[0];
    for (size_t i = 1; i < n; i++) largest = fmax(largest, x[i]);
    double sum = exp(x[0] - largest);
    for (size_t i = 1; i < n; i++) sum += exp(x[i] - largest);
    return largest + log(sum);
}

static err forward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    double loss = 0, total;
    TRY(total_weight(b, c, s, &total));
    for (size_t r = 0; r < s.rows; r++) {
        const float *x = c->in[0] + r * s.classes;
        double weight = weight_of(c, s, r);
        if (weight > 0) loss += weight * (log_sum_exp(x, s.classes) - x[(size_t)c->in[1][r]]);
    }
    c->out[0] = (float)(total > 0 ? loss / total : 0);
    return OK;
}

/* dx = dout (w_r / sum w) (softmax(x_r) - one at id_r) */
static err backward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    double total;
    TRY(total_weight(b, c, s, &total));
    for (size_t r = 0; c->din[0] && r < s.rows; r++) {
        const float *x = c->in[0] + r * s.classes;
        double weight = weight_of(c, s, r), log_sum = log_sum_exp(x, s.classes);
        for (size_t k = 0; k < s.classes; k++) {
            double d = weight > 0 ? exp(x[k] - log_sum) - (k == (size_t)c->in[1][r]) : 0;
            ref_store(&c->din[0][r * s.classes + k], total > 0 ? c->dout[0] * weight / total * d : 0,
                      c->add[0]);
        }
    }
    return OK;
}

const kernel ref_token_cross_entropy = {.forward = forward, .backward = backward};
