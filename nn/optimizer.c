/* Optimizers: one loop over the vectors of a scope. */
#include "nn/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With replicas there is an optimizer for each, which makes the same updates; the user holds that of rank 0.
 */
struct optimizer {
    net *n;
    optimizer *replicas[NN_MAX_REPLICAS]; /* of rank 0: all of them, itself the first */
    scope_vectors *scope;
    optimizer_opts o;
    uint64_t steps;
    optimizer_vector
        vectors[4]; /* first moment or velocity, second moment, average; those in use, then NULL */
    float *first, *second, *average;
};

static err add_vector(optimizer *o, int *used, const char *name, float **out)
{
    void *memory;
    TRY(o->n->i->allocate(o->n->b, o->scope->n * sizeof(float), &memory));
    *out = memory;
    o->vectors[(*used)++] = (optimizer_vector){name, memory};
    return OK;
}

/* The average starts at the parameters' present values. */
static err copy_to_average(optimizer *o)
{
    return o->n->i->ema(o->n->b, o->average, o->scope->values, o->scope->n, 0.0F);
}

static err make_vectors(optimizer *o)
{
    int used = 0;
    TRY(add_vector(o, &used, "m", &o->first));
    if (o->o.kind == OPTIMIZER_ADAM) TRY(add_vector(o, &used, "v", &o->second));
    if (o->o.ema_decay > 0) {
        TRY(add_vector(o, &used, "ema", &o->average));
        TRY(copy_to_average(o));
    }
    return OK;
}

typedef struct open_request {
    const char *scope;
    optimizer_opts options;
    optimizer *made[NN_MAX_REPLICAS];
} open_request;

static err close_one(net *n, void *context)
{
    optimizer *o = ((optimizer **)context)[n->rank];
    for (int i = 0; o && o->vectors[i].name; i++) n->i->release(n->b, o->vectors[i].values);
    free(o);
    return OK;
}

static err open_one(net *n, void *context)
{
    open_request *r = context;
    optimizer *o = calloc(1, sizeof *o);
    if (!o) return err_set(ERR_SYSTEM, "out of memory for an optimizer");
    r->made[n->rank] = o;
    o->n = n;
    o->o = r->options;
    TRY(net_scope(n, r->scope, &o->scope));
    return make_vectors(o);
}

err optimizer_open(net *n, const char *scope, optimizer_opts options, optimizer **out)
{
    *out = NULL;
    TRY(net_recorded(n));
    open_request r = {.scope = scope, .options = options};
    err error = net_each(n, open_one, &r);
    if (error != OK) {
        (void)net_each(n, close_one, r.made);
        return error;
    }
    memcpy(r.made[0]->replicas, r.made, sizeof r.made);
    *out = r.made[0];
    return OK;
}

void optimizer_close(optimizer *o)
{
    if (!o) return;
    optimizer *all[NN_MAX_REPLICAS];
    memcpy(all, o->replicas, sizeof all);
    (void)net_each(o->n, close_one, all);
}

/* The factor that brings the gradient's norm down to clip_norm; ERR_DIVERGED if the norm is not finite. */
static err gradient_scale(const optimizer *o, float *scale)
{
    double squares;
    TRY(o->n->i->sum_squares(o->n->b, o->scope->gradients, o->scope->n, &squares));
    if (!isfinite(squares))
        return err_set(ERR_DIVERGED, "the gradient of \"%s\" is not finite at update %llu", o->scope->prefix,
                       (unsigned long long)o->steps + 1);
    double norm = sqrt(squares);
    *scale = o->o.clip_norm > 0 && norm > o->o.clip_norm ? (float)(o->o.clip_norm / norm) : 1.0F;
    return OK;
}

static err apply(optimizer *o)
{
    const optimizer_opts *p = &o->o;
    const scope_vectors *s = o->scope;
    float scale = 1.0F;
    TRY(gradient_scale(o, &scale));
    double t = (double)++o->steps;
    if (p->kind == OPTIMIZER_ADAM) {
        adam_update u = {.rate = p->learning_rate,
                         .beta1 = p->beta1,
                         .beta2 = p->beta2,
                         .epsilon = p->epsilon,
                         .correction1 = (float)(1.0 - pow(p->beta1, t)),
                         .correction2 = (float)(1.0 - pow(p->beta2, t)),
                         .weight_decay = p->weight_decay,
                         .grad_scale = scale};
        TRY(o->n->i->adam(o->n->b, s->values, s->gradients, o->first, o->second, s->n, &u));
    } else {
        TRY(o->n->i->sgd(o->n->b, s->values, s->gradients, o->first, s->n, p->learning_rate, p->momentum,
                         p->weight_decay, scale));
    }
    if (o->average) TRY(o->n->i->ema(o->n->b, o->average, s->values, s->n, p->ema_decay));
    return OK;
}

static err apply_one(net *n, void *context)
{
    const optimizer *o = context;
    return apply(o->replicas[n->rank]);
}

err optimizer_apply(optimizer *o)
{
    return net_each(o->n, apply_one, o);
}

void optimizer_set_rate(optimizer *o, float learning_rate)
{
    for (int k = 0; k < o->n->replicas; k++) o->replicas[k]->o.learning_rate = learning_rate;
}

float cosine_decay(float full, uint64_t t, uint64_t updates)
{
    const double pi = 3.14159265358979323846;
    if (t >= updates) return 0;
    return (float)(0.5 * (double)full * (1 + cos(pi * (double)t / (double)updates)));
}

static err swap_one(net *n, void *context)
{
    const optimizer *o = ((const optimizer *)context)->replicas[n->rank];
    return n->i->swap(n->b, o->scope->values, o->average, o->scope->n);
}

err optimizer_swap_ema(optimizer *o)
{
    if (!o->average) return err_set(ERR_INTERNAL, "optimizer of \"%s\": keeps no average", o->scope->prefix);
    return net_each(o->n, swap_one, o);
}

const optimizer_vector *optimizer_vectors(const optimizer *o, int rank)
{
    return o->replicas[rank]->vectors;
}

const scope_vectors *optimizer_scope(const optimizer *o)
{
    return o->scope;
}

uint64_t optimizer_steps(const optimizer *o)
{
    return o->steps;
}

void optimizer_set_steps(optimizer *o, uint64_t steps)
{
    for (int k = 0; k < o->n->replicas; k++) o->replicas[k]->steps = steps;
}
