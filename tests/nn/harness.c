#include "tests/nn/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 16 /* floats, so that the data stays 64-byte aligned */ };
static const float guard_value = -12345.678F;

typedef struct guarded {
    void *memory; /* GUARD floats, n floats, GUARD floats */
    float *data;
    size_t n;
} guarded;

struct harness {
    const backend_i *i;
    backend *b;
    const test_case *t;
    node inputs[NN_MAX_INPUTS], n;
    call c;
    guarded in[NN_MAX_INPUTS], din[NN_MAX_INPUTS], out, dout, saved, scratch;
};

request request_all(const test_case *t, bool add)
{
    request r = {0};
    for (int i = 0; i < t->n_in; i++) {
        r.wants[i] = t->in[i].gradient;
        r.add[i] = add && t->in[i].gradient;
    }
    return r;
}

/* ---- guarded memory: touched through upload and download only, so that it may lie on a device ---- */

static nn_shape_t raw_shape(size_t n)
{
    return nn_shape(1, (int)n);
}

static err raw_set(harness *h, float *device, const float *host, size_t n)
{
    nn_shape_t shape = raw_shape(n);
    return n ? h->i->upload(h->b, &shape, true, host, device) : OK;
}

static err raw_fill(harness *h, float *device, float value, size_t n)
{
    float *host = malloc((n + 1) * sizeof *host);
    if (!host) return err_set(ERR_SYSTEM, "out of memory");
    for (size_t i = 0; i < n; i++) host[i] = value;
    err error = raw_set(h, device, host, n);
    free(host);
    return error;
}

/* NaN, and two NaNs if it is read as two numbers of bfloat16. */
static float poison_value(void)
{
    const uint32_t bits = 0x7FC07FC0;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The caller frees *host. */
static err raw_get(harness *h, const float *device, size_t n, float **host)
{
    nn_shape_t shape = raw_shape(n);
    *host = calloc(n + 1, sizeof **host);
    if (!*host) return err_set(ERR_SYSTEM, "out of memory");
    return n ? h->i->download(h->b, &shape, true, device, *host) : OK;
}

static err guarded_open(harness *h, size_t bytes, guarded *g)
{
    g->n = (bytes + sizeof(float) - 1) / sizeof(float);
    TRY(h->i->allocate(h->b, (g->n + 2 * GUARD) * sizeof(float), &g->memory));
    float *start = g->memory;
    if ((uintptr_t)start % 64) return err_set(ERR_INTERNAL, "%s: memory is not aligned", h->i->name);
    g->data = start + GUARD;
    TRY(raw_fill(h, start, guard_value, GUARD));
    return raw_fill(h, g->data + g->n, guard_value, GUARD);
}

static err guards_whole(harness *h, const guarded *g, const char *what)
{
    if (!g->memory) return OK;
    float *all;
    err error = raw_get(h, g->memory, g->n + 2 * GUARD, &all);
    for (size_t k = 0; error == OK && k < GUARD; k++)
        if (all[k] != guard_value || all[GUARD + g->n + k] != guard_value)
            error = err_set(ERR_INTERNAL, "%s on %s: wrote outside %s", h->t->name, h->i->name, what);
    free(all);
    return error;
}

static err all_guards_whole(harness *h)
{
    for (int i = 0; i < h->t->n_in; i++) {
        TRY(guards_whole(h, &h->in[i], "an input"));
        TRY(guards_whole(h, &h->din[i], "an input's gradient"));
    }
    TRY(guards_whole(h, &h->out, "the output"));
    TRY(guards_whole(h, &h->dout, "the output's gradient"));
    TRY(guards_whole(h, &h->saved, "its saved memory"));
    return guards_whole(h, &h->scratch, "its scratch memory");
}

static err same_bytes(harness *h, const guarded *g, const float *expected, const char *mistake)
{
    float *now;
    err error = raw_get(h, g->data, g->n, &now);
    if (error == OK && memcmp(now, expected, g->n * sizeof *now) != 0)
        error = err_set(ERR_INTERNAL, "%s on %s: %s", h->t->name, h->i->name, mistake);
    free(now);
    return error;
}

/* Equal as numbers: -0 is 0, and NaN is NaN. */
static bool same_numbers(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}

/* Downloads a tensor, and checks that its padding is as upload leaves it: zero. */
static err get_tensor(harness *h, const node *n, const guarded *g, float *host)
{
    guarded fresh = {0};
    float *expected = NULL, *now = NULL;
    err error = h->i->download(h->b, &n->shape, n->plain, g->data, host);
    if (error == OK) error = guarded_open(h, g->n * sizeof(float), &fresh);
    if (error == OK) error = raw_fill(h, fresh.data, poison_value(), fresh.n);
    if (error == OK) error = h->i->upload(h->b, &n->shape, n->plain, host, fresh.data);
    if (error == OK) error = raw_get(h, fresh.data, fresh.n, &expected);
    if (error == OK) error = raw_get(h, g->data, g->n, &now);
    if (error == OK && !same_numbers(now, expected, g->n))
        error = err_set(ERR_INTERNAL, "%s on %s: padding channels are not zero", h->t->name, h->i->name);
    free(expected);
    free(now);
    h->i->release(h->b, fresh.memory);
    return error;
}

/* ---- opening ---- */

static void describe_nodes(harness *h)
{
    const test_case *t = h->t;
    h->n = (node){.op = t->op,
                  .shape = t->shape,
                  .plain = t->plain || t->shape.rank != 4,
                  .n_in = t->n_in,
                  .a = t->a,
                  .parameter = -1};
    (void)strncpy(h->n.name, t->name, sizeof h->n.name - 1);
    for (int i = 0; i < t->n_in; i++) {
        const test_input *in = &t->in[i];
        h->inputs[i] = (node){.op = in->parameter ? OP_PARAMETER : OP_INPUT,
                              .shape = in->shape,
                              .plain = in->parameter || in->shape.rank != 4,
                              .parameter = in->parameter ? i : -1};
        h->n.in[i] = &h->inputs[i];
    }
}

static err value_open(harness *h, const node *n, guarded *g)
{
    return guarded_open(h, h->i->value_bytes(h->b, &n->shape, n->plain), g);
}

static err bind_call(harness *h, const request *r)
{
    call *c = &h->c;
    c->n = &h->n;
    for (int i = 0; i < h->t->n_in; i++) {
        c->wants[i] = r->wants[i];
        c->add[i] = r->add[i];
        c->backward = c->backward || r->wants[i];
        TRY(value_open(h, &h->inputs[i], &h->in[i]));
        c->in[i] = h->in[i].data;
        c->state[i] = h->t->in[i].state ? h->in[i].data : NULL;
        if (r->wants[i]) TRY(value_open(h, &h->inputs[i], &h->din[i]));
        c->din[i] = h->din[i].data;
    }
    TRY(value_open(h, &h->n, &h->out));
    c->out = h->out.data;
    if (c->backward) TRY(value_open(h, &h->n, &h->dout));
    c->dout = h->dout.data;
    const kernel *op = h->i->ops[h->t->op];
    if (op->plan) TRY(op->plan(h->b, c));
    if (c->saved_bytes) TRY(guarded_open(h, c->saved_bytes, &h->saved));
    if (c->scratch_bytes) TRY(guarded_open(h, c->scratch_bytes, &h->scratch));
    c->saved = h->saved.data;
    c->scratch = h->scratch.data;
    return OK;
}

err harness_open(nn_device device, const test_case *t, const request *r, harness **out)
{
    const backend_i *interface = device.backend;
    *out = NULL;
    harness *h = calloc(1, sizeof *h);
    if (!h) return err_set(ERR_SYSTEM, "out of memory");
    h->i = interface;
    h->t = t;
    describe_nodes(h);
    err error = interface->ops[t->op] ? interface->open(&device, &h->b)
                                      : err_set(ERR_INTERNAL, "%s has no %s", interface->name, t->name);
    if (error == OK) error = bind_call(h, r);
    if (error != OK) {
        harness_close(h);
        return err_context(error, "%s on %s", t->name, interface->name);
    }
    *out = h;
    return OK;
}

void harness_close(harness *h)
{
    if (!h) return;
    const kernel *op = h->i->ops[h->t->op];
    if (op && op->unplan && h->c.plan) op->unplan(h->b, &h->c);
    for (int i = 0; i < h->t->n_in && h->b; i++) {
        h->i->release(h->b, h->in[i].memory);
        h->i->release(h->b, h->din[i].memory);
    }
    const guarded *others[] = {&h->out, &h->dout, &h->saved, &h->scratch};
    for (size_t k = 0; h->b && k < sizeof others / sizeof *others; k++)
        h->i->release(h->b, others[k]->memory);
    if (h->b) h->i->close(h->b);
    free(h);
}

/* ---- running ---- */

static err poison(harness *h, const guarded *g)
{
    return raw_fill(h, g->data, poison_value(), g->n);
}

typedef struct snapshot {
    float *in[NN_MAX_INPUTS], *dout;
} snapshot;

static err take_snapshot(harness *h, snapshot *s)
{
    for (int i = 0; i < h->t->n_in; i++) TRY(raw_get(h, h->in[i].data, h->in[i].n, &s->in[i]));
    return h->dout.memory ? raw_get(h, h->dout.data, h->dout.n, &s->dout) : OK;
}

/* Only states may change, and only forward. */
static err compare_snapshot(harness *h, const snapshot *s, bool forward)
{
    for (int i = 0; i < h->t->n_in; i++)
        if (!forward || !h->t->in[i].state) TRY(same_bytes(h, &h->in[i], s->in[i], "wrote to an input"));
    return s->dout ? same_bytes(h, &h->dout, s->dout, "wrote to its output's gradient") : OK;
}

static void free_snapshot(snapshot *s)
{
    for (int i = 0; i < NN_MAX_INPUTS; i++) free(s->in[i]);
    free(s->dout);
}

static err run_watched(harness *h, bool forward)
{
    const kernel *op = h->i->ops[h->t->op];
    snapshot before = {0};
    err error = take_snapshot(h, &before);
    if (error == OK) error = poison(h, &h->scratch);
    if (error == OK) error = forward ? op->forward(h->b, &h->c) : op->backward(h->b, &h->c);
    if (error == OK) error = compare_snapshot(h, &before, forward);
    if (error == OK) error = all_guards_whole(h);
    free_snapshot(&before);
    return error;
}

err harness_forward(harness *h, float *const in[], uint64_t t, float *out)
{
    for (int i = 0; i < h->t->n_in; i++)
        TRY(h->i->upload(h->b, &h->inputs[i].shape, h->inputs[i].plain, in[i], h->in[i].data));
    TRY(poison(h, &h->out));
    TRY(poison(h, &h->saved));
    h->c.t = t;
    TRY(run_watched(h, true));
    return get_tensor(h, &h->n, &h->out, out);
}

/* What backward may not read is poisoned first. */
err harness_backward(harness *h, const float *dout, float *const din[])
{
    if (!node_reads_output(&h->n)) TRY(poison(h, &h->out));
    for (int i = 0; i < h->t->n_in; i++)
        if (!node_reads_input(&h->n, i)) TRY(poison(h, &h->in[i]));
    TRY(h->i->upload(h->b, &h->n.shape, h->n.plain, dout, h->dout.data));
    for (int i = 0; i < h->t->n_in; i++) {
        const node *x = &h->inputs[i];
        if (h->c.wants[i]) TRY(poison(h, &h->din[i]));
        if (h->c.wants[i] && h->c.add[i])
            TRY(h->i->upload(h->b, &x->shape, x->plain, din[i], h->din[i].data));
    }
    TRY(run_watched(h, false));
    for (int i = 0; i < h->t->n_in; i++)
        if (h->c.wants[i]) TRY(get_tensor(h, &h->inputs[i], &h->din[i], din[i]));
    return OK;
}

err harness_input(harness *h, int i, float *host)
{
    return h->i->download(h->b, &h->inputs[i].shape, h->inputs[i].plain, h->in[i].data, host);
}

/* ---- host tensors ---- */

static float *host_of(const nn_shape_t *shape)
{
    return calloc(nn_count(shape) + 1, sizeof(float));
}

err tensors_open(const test_case *t, tensors *x)
{
    *x = (tensors){.out = host_of(&t->shape), .dout = host_of(&t->shape)};
    bool fine = x->out && x->dout;
    for (int i = 0; i < t->n_in; i++) {
        x->in[i] = host_of(&t->in[i].shape);
        x->din[i] = host_of(&t->in[i].shape);
        fine = fine && x->in[i] && x->din[i];
    }
    if (!fine) {
        tensors_close(x);
        return err_set(ERR_SYSTEM, "out of memory");
    }
    for (int i = 0; i < t->n_in; i++) {
        test_fill(t, i, x->in[i]);
        test_normal(t, "added to", x->din[i], nn_count(&t->in[i].shape));
    }
    test_normal(t, "dout", x->dout, nn_count(&t->shape));
    return OK;
}

void tensors_close(tensors *x)
{
    for (int i = 0; i < NN_MAX_INPUTS; i++) {
        free(x->in[i]);
        free(x->din[i]);
    }
    free(x->out);
    free(x->dout);
    *x = (tensors){0};
}

double relative_error(const float *value, const float *expected, size_t n)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(value[i]) && isnan(expected[i])) continue;
        if (!isfinite(value[i]) || !isfinite(expected[i])) return INFINITY;
        largest = fmax(largest, fabs(expected[i]));
        worst = fmax(worst, fabs((double)value[i] - expected[i]));
    }
    return worst == 0 ? 0 : largest > 0 ? worst / largest : INFINITY;
}
