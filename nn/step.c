/* Running a step, and looking at one. */
#include "nn/step.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

static float *value_of(const step *s, const node *x)
{
    const binding *b = &s->nodes[x->id];
    if (x->op == OP_INPUT) return s->n->inputs[x->id];
    if (x->op == OP_PARAMETER) return net_parameter_of(s->n, x)->value;
    return b->kept ? b->memory : (float *)(void *)((char *)s->n->arena + b->value.offset);
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

static err run_call(step *s, call *c, bool backward)
{
    const kernel *op = s->n->i->ops[c->n->op];
    double start = s->profile ? clock_seconds() : 0;
    err error = backward ? op->backward(s->n->b, c) : op->forward(s->n->b, c);
    if (error != OK) return err_context(error, "%s", c->n->name);
    if (s->profile && s->n->i->wait) TRY(s->n->i->wait(s->n->b));
    if (s->profile)
        *(backward ? &s->times[c->n->op].backward_s : &s->times[c->n->op].forward_s) +=
            clock_seconds() - start;
    return OK;
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

static err run_calls(step *s, uint64_t t)
{
    for (int k = 0; k < s->n_forward; k++) {
        call *c = &s->nodes[s->forward[k]->id].c;
        c->t = t;
        TRY(run_call(s, c, false));
    }
    if (!s->scope) return OK;
    TRY(clear_unreached(s));
    for (int k = 0; k < s->n_backward; k++) TRY(run_call(s, &s->nodes[s->backward[k]->id].c, true));
    return OK;
}

err step_run(step *s, uint64_t t)
{
    if (!s->bound || s->bound_arena != s->n->arena || s->bound_scratch != s->n->scratch) bind(s);
    return capture_run(s, t, run_calls);
}

err nn_set(net *n, nn_t input, const float *host)
{
    const node *x = net_node(n, input);
    if (n->failed) return err_set(ERR_INTERNAL, "%s", n->mistake);
    if (!x || x->op != OP_INPUT) return err_set(ERR_INTERNAL, "nn_set wants an input of this net");
    return n->i->upload(n->b, &x->shape, x->plain, host, n->inputs[x->id]);
}

err nn_get(step *s, nn_t x, float *host)
{
    const node *found = net_node(s->n, x);
    if (!found || found->id >= s->n_nodes || !s->nodes[found->id].kept)
        return err_set(ERR_INTERNAL, "nn_get wants a value that the step keeps");
    return s->n->i->download(s->n->b, &found->shape, found->plain, value_of(s, found), host);
}

err step_loss(step *s, float *loss)
{
    return nn_get(s, (nn_t){s->loss->id}, loss);
}

double step_flops(const step *s)
{
    double flops = 0;
    for (int k = 0; k < s->n_forward; k++) flops += s->nodes[s->forward[k]->id].c.flops;
    return flops;
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
