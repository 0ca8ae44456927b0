/* Optimizers: one loop over the vectors of a scope. */
#include "nn/internal.h"

#include <math.h>
#include <stdlib.h>

struct optimizer {
    net *n;
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

err optimizer_open(net *n, const char *scope, optimizer_opts options, optimizer **out)
{
    *out = NULL;
    optimizer *o = calloc(1, sizeof *o);
    if (!o) return err_set(ERR_SYSTEM, "out of memory for an optimizer");
    o->n = n;
    o->o = options;
    err error = net_scope(n, scope, &o->scope);
    if (error == OK) error = make_vectors(o);
    if (error != OK) {
        optimizer_close(o);
        return error;
    }
    *out = o;
    return OK;
}

void optimizer_close(optimizer *o)
{
    if (!o) return;
    for (int i = 0; o->vectors[i].name; i++) o->n->i->release(o->n->b, o->vectors[i].values);
    free(o);
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

err optimizer_apply(optimizer *o)
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

void optimizer_set_rate(optimizer *o, float learning_rate)
{
    o->o.learning_rate = learning_rate;
}

err optimizer_swap_ema(optimizer *o)
{
    if (!o->average) return err_set(ERR_INTERNAL, "optimizer of \"%s\": keeps no average", o->scope->prefix);
    return o->n->i->swap(o->n->b, o->scope->values, o->average, o->scope->n);
}

const optimizer_vector *optimizer_vectors(const optimizer *o)
{
    return o->vectors;
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
    o->steps = steps;
}
