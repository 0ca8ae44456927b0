/* Parameters: where they lie, and reading and writing them by name. */
#include "nn/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLOATS_PER_LINE = 16 }; /* 64 bytes: every parameter starts on its own cache line */

static size_t padded_count(const parameter *p)
{
    return (nn_count(&p->n->shape) + FLOATS_PER_LINE - 1) / FLOATS_PER_LINE * FLOATS_PER_LINE;
}

parameter *net_find_parameter(const net *n, const char *name)
{
    for (int i = 0; i < n->n_parameters; i++)
        if (strcmp(n->parameters[i].n->name, name) == 0) return &n->parameters[i];
    return NULL;
}

parameter *net_parameter_of(const net *n, const node *x)
{
    return x->parameter < 0 ? NULL : &n->parameters[x->parameter];
}

/* "D/block1/conv.weight" lies in scope "D/"; a name without '/' in scope "". */
static bool in_scope(const parameter *p, const char *prefix)
{
    const char *slash = strchr(p->n->name, '/');
    size_t length = slash ? (size_t)(slash - p->n->name) + 1 : 0;
    return p->trainable && strlen(prefix) == length && strncmp(p->n->name, prefix, length) == 0;
}

static scope_vectors *find_scope(const net *n, const char *prefix)
{
    for (int i = 0; i < n->n_scopes; i++)
        if (strcmp(n->scopes[i]->prefix, prefix) == 0) return n->scopes[i];
    return NULL;
}

static err start_value(net *n, const parameter *p)
{
    float *host = malloc(nn_count(&p->n->shape) * sizeof *host);
    if (!host) return err_set(ERR_SYSTEM, "%s: out of memory", p->n->name);
    err error = initialize(n->seed, p->n->name, &p->n->shape, p->init, host);
    if (error == OK) error = n->i->upload(n->b, &p->n->shape, true, host, p->value);
    free(host);
    return error;
}

static err place_state(net *n, parameter *p)
{
    void *memory;
    TRY(n->i->allocate(n->b, padded_count(p) * sizeof(float), &memory));
    p->value = memory;
    return start_value(n, p);
}

/* Lays out the scope of parameter `first`, which has no memory yet. */
static err place_scope(net *n, int first)
{
    const char *name = n->parameters[first].n->name, *slash = strchr(name, '/');
    scope_vectors **grown = realloc(n->scopes, ((size_t)n->n_scopes + 1) * sizeof *grown);
    if (grown) n->scopes = grown;
    scope_vectors *s = grown ? calloc(1, sizeof *s) : NULL;
    if (!s) return err_set(ERR_SYSTEM, "%s: out of memory", name);
    n->scopes[n->n_scopes++] = s;
    (void)snprintf(s->prefix, sizeof s->prefix, "%.*s", slash ? (int)(slash - name) + 1 : 0, name);
    for (int i = first; i < n->n_parameters; i++)
        if (in_scope(&n->parameters[i], s->prefix)) s->n += padded_count(&n->parameters[i]);
    void *values, *gradients;
    TRY(n->i->allocate(n->b, s->n * sizeof(float), &values));
    s->values = values;
    TRY(n->i->allocate(n->b, s->n * sizeof(float), &gradients));
    s->gradients = gradients;
    size_t offset = 0;
    for (int i = first; i < n->n_parameters; i++) {
        parameter *p = &n->parameters[i];
        if (!in_scope(p, s->prefix)) continue;
        p->value = s->values + offset;
        p->gradient = s->gradients + offset;
        offset += padded_count(p);
        TRY(start_value(n, p));
    }
    return OK;
}

err net_allocate_inputs(net *n)
{
    for (int k = 0; k < n->n_nodes; k++) {
        const node *x = n->nodes[k];
        void *memory;
        if (x->op != OP_INPUT || n->inputs[k]) continue;
        err error = n->i->allocate(n->b, n->i->value_bytes(n->b, &x->shape, x->plain), &memory);
        if (error != OK) return err_context(error, "input %s", x->name);
        n->inputs[k] = memory;
    }
    return OK;
}

err net_allocate(net *n)
{
    TRY(net_allocate_inputs(n));
    for (int i = 0; i < n->n_parameters; i++) {
        parameter *p = &n->parameters[i];
        if (p->value) continue;
        if (!p->trainable) {
            TRY(place_state(n, p));
            continue;
        }
        for (int k = 0; k < n->n_scopes; k++)
            if (in_scope(p, n->scopes[k]->prefix))
                return err_set(ERR_INTERNAL, "parameter %s was recorded after its scope was compiled",
                               p->n->name);
        TRY(place_scope(n, i));
    }
    return OK;
}

err net_scope(net *n, const char *prefix, scope_vectors **out)
{
    TRY(net_allocate(n));
    *out = find_scope(n, prefix);
    if (!*out) return err_set(ERR_INTERNAL, "no trainable parameter lies in scope \"%s\"", prefix);
    return OK;
}

int net_parameter_count(const net *n)
{
    return n->n_parameters;
}

size_t net_trained_count(const net *n)
{
    size_t count = 0;
    for (int i = 0; i < n->n_parameters; i++)
        if (n->parameters[i].trainable) count += nn_count(&n->parameters[i].n->shape);
    return count;
}

const char *net_parameter_name(const net *n, int i)
{
    return n->parameters[i].n->name;
}

nn_shape_t net_parameter_shape(const net *n, int i)
{
    return n->parameters[i].n->shape;
}

/* What to read or write. */
typedef struct transfer {
    const char *name;
    float *to;         /* read: the value, or the gradient */
    const float *from; /* written */
    bool gradient;
} transfer;

static err find_allocated(net *n, const char *name, parameter **out)
{
    *out = NULL;
    TRY(net_allocate(n));
    *out = net_find_parameter(n, name);
    return *out ? OK : err_set(ERR_USAGE, "there is no parameter %s", name);
}

/* All replicas have the same values: the first is read. */
static err read_one(net *n, void *context)
{
    const transfer *t = context;
    parameter *p;
    TRY(find_allocated(n, t->name, &p));
    if (t->gradient && !p->gradient) return err_set(ERR_USAGE, "%s is a state and has no gradient", t->name);
    if (n->rank > 0) return OK;
    return n->i->download(n->b, &p->n->shape, true, t->gradient ? p->gradient : p->value, t->to);
}

static err write_one(net *n, void *context)
{
    const transfer *t = context;
    parameter *p;
    TRY(find_allocated(n, t->name, &p));
    return n->i->upload(n->b, &p->n->shape, true, t->from, p->value);
}

err net_get_parameter(net *n, const char *name, float *host)
{
    TRY(net_recorded(n));
    return net_each(n, read_one, &(transfer){.name = name, .to = host});
}

err net_set_parameter(net *n, const char *name, const float *host)
{
    TRY(net_recorded(n));
    return net_each(n, write_one, &(transfer){.name = name, .from = host});
}

err net_get_gradient(net *n, const char *name, float *host)
{
    TRY(net_recorded(n));
    return net_each(n, read_one, &(transfer){.name = name, .to = host, .gradient = true});
}
