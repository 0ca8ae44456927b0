/* Running a step, and looking at one. */
#include "nn/step.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static float *value_of(const step *s, const node *x)
{
    x = step_value_owner(s, x);
    const binding *b = &s->nodes[x->id];
    if (b->absorber) return NULL;
    if (x->op == OP_INPUT) return s->n->inputs[x->id];
    if (x->op == OP_PARAMETER) return net_parameter_of(s->n, x)->value;
    return b->kept ? b->memory : (float *)(void *)((char *)s->n->arena + b->value.offset);
}

static channel_moments *moments_of(const step *s, const node *x)
{
    const buffer *b = &s->nodes[step_value_owner(s, x)->id].moments;
    return (channel_moments *)(void *)((char *)s->n->arena + b->offset);
}

static float *gradient_of(const step *s, const node *x)
{
    x = step_gradient_owner(s, x);
    if (x == s->loss) return s->loss_gradient;
    if (x->op == OP_PARAMETER) return net_parameter_of(s->n, x)->gradient;
    return (float *)(void *)((char *)s->n->arena + s->nodes[x->id].gradient.offset);
}

/* Points every call at its memory; again whenever another step made the shared memory move. */
static void bind(step *s)
{
    capture_forget(s);
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k];
        binding *b = &s->nodes[x->id];
        call *c = &b->c;
        c->out = value_of(s, x);
        c->saved = c->saved_bytes ? (char *)s->n->arena + b->saved.offset : NULL;
        c->scratch = c->scratch_bytes ? s->n->scratch : NULL;
        c->addend = b->addend ? value_of(s, b->addend) : NULL;
        c->moments = b->reads_moments ? moments_of(s, x->in[0]) : NULL;
        c->dout = c->backward ? gradient_of(s, x) : NULL;
        for (int i = 0; i < x->n_in; i++) {
            const parameter *p = net_parameter_of(s->n, x->in[i]);
            c->in[i] = value_of(s, x->in[i]);
            c->state[i] = p && !p->trainable ? p->value : NULL;
            c->din[i] = c->wants[i] ? gradient_of(s, x->in[i]) : NULL;
        }
    }
    s->bound = true;
    s->bound_arena = s->n->arena;
    s->bound_scratch = s->n->scratch;
}

typedef err (*kernel_part)(backend *b, const call *c);

/* `seconds`: where the time goes in a profile. */
static err run_call(step *s, const call *c, kernel_part part, double *seconds)
{
    double start = s->profile ? clock_seconds() : 0;
    err error = part(s->n->b, c);
    if (error != OK) return err_context(error, "%s", c->n->name);
    if (s->profile && s->n->i->wait) TRY(s->n->i->wait(s->n->b));
    if (s->profile) *seconds += clock_seconds() - start;
    return OK;
}

static err run_forward(step *s, call *c, uint64_t t)
{
    c->t = t;
    return run_call(s, c, s->n->i->ops[c->n->op]->forward, &s->times[c->n->op].forward_s);
}

/* After the inputs that it is the first to read again. */
static err run_backward(step *s, const node *x)
{
    const binding *b = &s->nodes[x->id];
    for (int i = 0; i < x->n_in; i++) {
        const node *in = x->in[i];
        const binding *from = &s->nodes[in->id];
        if (from->again && from->value.resume == b->backward_at)
            TRY(run_call(s, &from->c, s->n->i->ops[in->op]->again, &s->times[in->op].backward_s));
    }
    return run_call(s, &b->c, s->n->i->ops[x->op]->backward, &s->times[x->op].backward_s);
}

/* Parameters of the scope that the loss does not reach get a gradient of zero, not the last step's. */
static err clear_unreached(step *s)
{
    for (int i = 0; i < s->n->n_parameters; i++) {
        parameter *p = &s->n->parameters[i];
        bool mine = p->n->id < s->n_nodes && step_trains(s, p->n);
        if (mine && !s->nodes[p->n->id].written)
            TRY(s->n->i->fill(s->n->b, p->gradient, nn_count(&p->n->shape), 0.0F));
    }
    return OK;
}

/* Each replica has found the gradient of its share of the loss. */
static err add_up_gradients(step *s)
{
    if (s->n->replicas == 1) return OK;
    return s->n->i->all_reduce(s->n->b, s->scope->gradients, s->scope->n);
}

static err run_calls(step *s, uint64_t t)
{
    for (int k = 0; k < s->n_forward; k++) {
        binding *b = &s->nodes[s->forward[k]->id];
        if (!b->absorber && !b->stored) TRY(run_forward(s, &b->c, t));
    }
    if (!s->scope) return OK;
    TRY(clear_unreached(s));
    for (int k = 0; k < s->n_backward; k++) TRY(run_backward(s, s->backward[k]));
    return add_up_gradients(s);
}

static err run(step *s, uint64_t t)
{
    if (!s->bound || s->bound_arena != s->n->arena || s->bound_scratch != s->n->scratch) bind(s);
    return capture_run(s, t, run_calls);
}

typedef struct run_request {
    step *s;
    uint64_t t;
} run_request;

static err run_one(net *n, void *context)
{
    const run_request *r = context;
    err error = run(r->s->replicas[n->rank], r->t);
    if (error != OK && n->group) group_break(n->group, error); /* the others may be waiting for this one */
    return error;
}

err step_run(step *s, uint64_t t)
{
    err error = net_each(s->n, run_one, &(run_request){s, t});
    return error != OK && s->n->group ? group_cause(s->n->group) : error;
}

/* Memory of replica n for its share of x on the host. */
static err share_memory(net *n, const node *x)
{
    size_t floats = nn_count(&x->shape);
    if (floats <= n->share_floats) return OK;
    free(n->share);
    n->share = malloc(floats * sizeof *n->share);
    n->share_floats = n->share ? floats : 0;
    return n->share ? OK : err_set(ERR_SYSTEM, "%s: out of memory", x->name);
}

typedef struct set_request {
    const node *x;
    const float *host;
} set_request;

static err set_one(net *n, void *context)
{
    const set_request *r = context;
    const float *from = r->host;
    TRY(net_allocate_inputs(n));
    if (r->x->place == PLACE_SHARDED) {
        TRY(share_memory(n, r->x));
        net_take_share(n, r->x, r->host, n->share);
        from = n->share;
    }
    return n->i->upload(n->b, &r->x->shape, r->x->plain, from, n->inputs[r->x->id]);
}

err nn_set(net *n, nn_t input, const float *host)
{
    const node *x = net_node(n, input);
    TRY(net_recorded(n));
    if (!x || x->op != OP_INPUT) return err_set(ERR_INTERNAL, "nn_set wants an input of this net");
    return net_each(n, set_one, &(set_request){x, host});
}

typedef struct get_request {
    step *s;
    const node *x;
    float *host;
    float parts[NN_MAX_REPLICAS]; /* of a value that is PLACE_PARTIAL */
} get_request;

static err get_one(net *n, void *context)
{
    get_request *r = context;
    const step *s = r->s->replicas[n->rank];
    const node *x = r->x;
    float *to = r->host;
    if (x->place == PLACE_REPLICATED && n->rank > 0) return OK;
    if (x->place == PLACE_PARTIAL) to = &r->parts[n->rank];
    if (x->place == PLACE_SHARDED) {
        TRY(share_memory(n, x));
        to = n->share;
    }
    TRY(n->i->download(n->b, &x->shape, x->plain, value_of(s, x), to));
    if (x->place == PLACE_SHARDED) net_give_share(n, x, to, r->host);
    return OK;
}

err nn_get(step *s, nn_t x, float *host)
{
    const node *found = net_node(s->n, x);
    if (!found || found->id >= s->n_nodes || !s->nodes[found->id].kept)
        return err_set(ERR_INTERNAL, "nn_get wants a value that the step keeps");
    get_request r = {.s = s, .x = found, .host = host};
    TRY(net_each(s->n, get_one, &r));
    if (found->place != PLACE_PARTIAL) return OK;
    double sum = 0;
    for (int k = 0; k < s->n->replicas; k++) sum += (double)r.parts[k];
    *host = (float)(sum / s->n->replicas);
    return OK;
}

err step_loss(step *s, float *loss)
{
    return nn_get(s, (nn_t){s->loss->id}, loss);
}

double step_flops(const step *s)
{
    double flops = 0;
    for (int k = 0; k < s->n_forward; k++) flops += s->nodes[s->forward[k]->id].c.flops;
    return flops * s->n->replicas;
}

size_t step_bytes(const step *s)
{
    return s->arena_bytes + s->scratch_bytes;
}

void step_profile(step *s, bool on)
{
    s->profile = on;
    if (on) memset(s->times, 0, sizeof s->times);
}

const op_time *step_times(const step *s)
{
    return s->times;
}

void step_convolutions(const step *s, convolution_visitor visit, void *context)
{
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k];
        const call *c = &s->nodes[x->id].c;
        if (x->op != OP_CONV) continue;
        const nn_shape_t *in = &x->in[0]->shape;
        if (x->a.upsample)
            visit(context, (convolution){.batch = in->d[0],
                                         .in = x->shape.d[1],
                                         .out = in->d[1],
                                         .height = x->shape.d[2],
                                         .width = x->shape.d[3],
                                         .k = 4,
                                         .stride = 2,
                                         .pad = 1,
                                         .forward = c->wants[0],
                                         .backward_data = true,
                                         .backward_weights = c->wants[1]});
        else
            visit(context, (convolution){.batch = in->d[0],
                                         .in = in->d[1],
                                         .out = x->shape.d[1],
                                         .height = in->d[2],
                                         .width = in->d[3],
                                         .k = x->a.k,
                                         .stride = x->a.stride,
                                         .pad = x->a.pad,
                                         .forward = true,
                                         .backward_data = c->wants[0],
                                         .backward_weights = c->wants[1]});
    }
}
