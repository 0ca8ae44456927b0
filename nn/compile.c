/* Compiling a loss into a step: which nodes run, which gradients are needed, who stores and who adds, what
 * lives when. */
#include "nn/step.h"

#include <stdlib.h>
#include <string.h>

static bool is_leaf(const node *x)
{
    return x->op == OP_INPUT || x->op == OP_PARAMETER;
}

/* Whether the loss is differentiated through input i of x; targets, draws and running statistics are
 * constants. */
static bool differentiable(const node *x, int i)
{
    switch (x->op) {
    case OP_DIFF_AUGMENT:
    case OP_SOFTMAX_CROSS_ENTROPY:
    case OP_BINARY_CROSS_ENTROPY:
    case OP_SPECTRAL_NORM:
    case OP_GATHER:
    case OP_SOFTMAX:
    case OP_DROPOUT:
    case OP_TOKEN_CROSS_ENTROPY:
        return i == 0;
    case OP_BATCH_NORM:
    case OP_ATTENTION:
        return i < 3;
    case OP_EMBEDDING:
        return i == 1;
    case OP_FOLD_NORM:
        return i < 2;
    case OP_LSTM:
        return i < 5 + x->a.state;
    case OP_RESHAPE:
        return !x->a.constant;
    default:
        return true;
    }
}

bool node_reads_input(const node *x, int i)
{
    switch (x->op) {
    case OP_ACTIVATION:
        return x->a.act == ACT_GELU;
    case OP_SUM:
    case OP_UPSAMPLE:
    case OP_GLOBAL_POOL:
    case OP_CONCAT:
    case OP_SLICE:
    case OP_RESHAPE:
    case OP_ROTATE:
    case OP_REPEAT:
    case OP_DROPOUT:
    case OP_SOFTMAX:
    case OP_GRID_ROWS:
        return false;
    case OP_POOL:
        return x->a.kind == POOL_MAX;
    case OP_EMBEDDING:
        return i == 0;
    case OP_GATHER:
        return i == 1;
    case OP_LSTM:
    case OP_LSTM_CELL:
        return i < 3 || i >= 5 + x->a.state; /* not the biases, not the state */
    default:
        return true;
    }
}

bool node_reads_output(const node *x)
{
    switch (x->op) {
    case OP_CONV:
    case OP_LINEAR:
    case OP_BATCH_NORM:
        return x->a.act != ACT_NONE;
    case OP_POOL:
        return x->a.kind == POOL_MAX;
    case OP_ACTIVATION:
        return x->a.act != ACT_GELU;
    case OP_SPECTRAL_NORM:
    case OP_NORMALIZE:
        return true;
    case OP_SOFTMAX:
        return x->a.kind == SOFTMAX_PLAIN;
    default:
        return false;
    }
}

static void mark_needed(step *s)
{
    for (int id = s->n_nodes - 1; id >= 0; id--) {
        const node *x = s->n->nodes[id];
        if (!s->nodes[id].needed) continue;
        for (int i = 0; i < x->n_in; i++) s->nodes[x->in[i]->id].needed = true;
    }
}

bool step_trains(const step *s, const node *x)
{
    const parameter *p = net_parameter_of(s->n, x);
    return s->scope && p && p->gradient >= s->scope->gradients &&
           p->gradient < s->scope->gradients + s->scope->n;
}

/* wants = depends on a trained parameter, and the loss depends on it. */
static void mark_wanted(step *s)
{
    for (int id = 0; id < s->n_nodes; id++) {
        const node *x = s->n->nodes[id];
        binding *b = &s->nodes[id];
        b->wants = b->needed && step_trains(s, x);
        for (int i = 0; i < x->n_in && b->needed; i++)
            if (differentiable(x, i) && s->nodes[x->in[i]->id].wants) b->wants = true;
    }
    bool *reached = calloc((size_t)s->n_nodes + 1, sizeof *reached);
    if (!reached) {
        net_mistake(s->n, "out of memory");
        return;
    }
    reached[s->loss->id] = true;
    for (int id = s->n_nodes - 1; id >= 0; id--) {
        const node *x = s->n->nodes[id];
        if (!reached[id]) s->nodes[id].wants = false;
        for (int i = 0; i < x->n_in && s->nodes[id].wants; i++)
            if (differentiable(x, i)) reached[x->in[i]->id] = true;
    }
    free(reached);
}

static err order_calls(step *s)
{
    s->forward = calloc((size_t)s->n_nodes + 1, sizeof *s->forward);
    s->backward = calloc((size_t)s->n_nodes + 1, sizeof *s->backward);
    if (!s->forward || !s->backward) return err_set(ERR_SYSTEM, "out of memory while compiling a step");
    for (int id = 0; id < s->n_nodes; id++) {
        s->nodes[id].forward_at = s->nodes[id].backward_at = -1;
        if (!s->nodes[id].needed || is_leaf(s->n->nodes[id])) continue;
        s->nodes[id].forward_at = s->n_forward;
        s->forward[s->n_forward++] = s->n->nodes[id];
    }
    for (int id = s->n_nodes - 1; s->scope && id >= 0; id--) {
        if (!s->nodes[id].wants || is_leaf(s->n->nodes[id])) continue;
        s->nodes[id].backward_at = s->n_forward + s->n_backward;
        s->backward[s->n_backward++] = s->n->nodes[id];
    }
    return OK;
}

/* Fills the parts of a call that are known before any memory is: what plan() reads. */
static void describe_calls(step *s)
{
    for (int k = 0; k < s->n_forward; k++) {
        /* order_calls put n_forward nodes there. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        binding *b = &s->nodes[s->forward[k]->id];
        b->c.n = s->forward[k];
        if (s->forward[k]->place != PLACE_REPLICATED) {
            b->c.replicas = s->n->replicas;
            b->c.rank = s->n->rank;
        }
        b->c.backward = b->backward_at >= 0;
    }
    for (int k = 0; k < s->n_backward; k++) {
        const node *x = s->backward[k];
        /* And n_backward there. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        binding *b = &s->nodes[x->id];
        for (int i = 0; i < x->n_in; i++) {
            binding *from = &s->nodes[x->in[i]->id];
            b->c.wants[i] = differentiable(x, i) && from->wants;
            b->c.add[i] = b->c.wants[i] && from->written;
            from->written = from->written || b->c.wants[i];
        }
    }
}

static err plan_calls(step *s)
{
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k];
        call *c = &s->nodes[x->id].c;
        const kernel *op = s->n->i->ops[x->op];
        if (s->nodes[x->id].absorber) continue;
        if (!op || (c->backward && !op->backward))
            return err_set(ERR_INTERNAL, "%s: backend %s has no %s", x->name, s->n->i->name,
                           op ? "gradient" : "kernel");
        if (op->plan) {
            err error = op->plan(s->n->b, c);
            if (error != OK) return err_context(error, "%s", x->name);
        }
        if (c->scratch_bytes > s->scratch_bytes) s->scratch_bytes = c->scratch_bytes;
    }
    return OK;
}

static void extend(buffer *b, int position)
{
    if (position < b->first) b->first = position;
    if (position > b->last) b->last = position;
}

static void extend_gradient(step *s, const node *x, int position)
{
    extend(&s->nodes[step_gradient_owner(s, x)->id].gradient, position);
}

/* For a reader in forward, or in backward. */
static void extend_value(step *s, const node *x, int position)
{
    buffer *value = &s->nodes[step_value_owner(s, x)->id].value;
    if (!s->nodes[x->id].again || position < s->n_forward) {
        extend(value, position);
        return;
    }
    if (value->resume == 0 || position < value->resume) value->resume = position;
    if (position > value->until) value->until = position;
}

/* Sets the lifetimes of a node's value, gradient and saved state as far as `x` itself and its inputs go. */
static void live(step *s, const node *x)
{
    binding *b = &s->nodes[x->id];
    extend_value(s, x, b->forward_at);
    if (b->backward_at >= 0) {
        if (node_reads_output(x) && !b->again) extend_value(s, x, b->backward_at);
        extend_gradient(s, x, b->backward_at);
        b->gradient.bytes = b->value.bytes;
    }
    if (b->reads_moments) extend(&s->nodes[step_value_owner(s, x->in[0])->id].moments, b->forward_at);
    b->saved = (buffer){.bytes = b->c.saved_bytes, .first = b->forward_at, .last = b->forward_at};
    if (b->backward_at >= 0) extend(&b->saved, b->backward_at);
    for (int i = 0; i < x->n_in; i++) {
        extend_value(s, x->in[i], b->forward_at);
        if (b->backward_at < 0) continue;
        if (node_reads_input(x, i)) extend_value(s, x->in[i], b->backward_at);
        if (b->c.wants[i]) extend_gradient(s, x->in[i], b->backward_at);
    }
}

static err plan_memory(step *s)
{
    enum { PER_NODE = 4 };
    net *n = s->n;
    buffer *all = calloc((size_t)s->n_nodes * PER_NODE + 1, sizeof *all);
    if (!all) return err_set(ERR_SYSTEM, "out of memory while compiling a step");
    int end = s->n_forward + s->n_backward;
    for (int id = 0; id < s->n_nodes; id++) {
        binding *b = &s->nodes[id];
        b->value = b->gradient = b->saved = b->moments = (buffer){.first = end, .last = -1};
        b->value.bytes = n->i->value_bytes(n->b, &n->nodes[id]->shape, n->nodes[id]->plain);
        b->moments.bytes = (size_t)b->known * sizeof(channel_moments);
    }
    for (int k = 0; k < s->n_forward; k++) live(s, s->forward[k]);
    for (int id = 0; id < s->n_nodes; id++) {
        const binding *b = &s->nodes[id];
        bool own_value = is_leaf(n->nodes[id]) || b->kept || b->within || b->absorber,
             own_gradient = is_leaf(n->nodes[id]) || n->nodes[id] == s->loss || b->shares;
        const buffer none = {.last = -1};
        all[id * PER_NODE] = own_value ? none : b->value;
        all[id * PER_NODE + 1] = own_gradient ? none : b->gradient;
        all[id * PER_NODE + 2] = b->saved;
        all[id * PER_NODE + 3] = b->moments;
    }
    bool in_halves = n->i->shares_work && n->i->shares_work(n->b);
    err error = arena_plan(all, s->n_nodes * PER_NODE, in_halves, &s->arena_bytes);
    for (int id = 0; id < s->n_nodes; id++) {
        s->nodes[id].value.offset = all[id * PER_NODE].offset;
        s->nodes[id].gradient.offset = all[id * PER_NODE + 1].offset;
        s->nodes[id].saved.offset = all[id * PER_NODE + 2].offset;
        s->nodes[id].moments.offset = all[id * PER_NODE + 3].offset;
    }
    free(all);
    return error;
}

/* Kept values and the loss's gradient have memory of their own, so that other steps do not overwrite them. */
static err allocate_kept(step *s)
{
    void *memory;
    for (int id = 0; id < s->n_nodes; id++) {
        if (!s->nodes[id].kept || is_leaf(s->n->nodes[id])) continue;
        TRY(s->n->i->allocate(s->n->b, s->nodes[id].value.bytes, &memory));
        s->nodes[id].memory = memory;
    }
    TRY(s->n->i->allocate(s->n->b, sizeof(float), &memory));
    s->loss_gradient = memory;
    /* The loss is the mean of those of the replicas. */
    return s->n->i->fill(s->n->b, s->loss_gradient, 1, 1.0F / (float)s->n->replicas);
}

/* Makes the net's shared arena or scratch memory at least as large as this step wants. */
static err grow(net *n, void **memory, size_t *bytes, size_t wanted)
{
    if (*bytes >= wanted) return OK;
    n->i->release(n->b, *memory);
    *memory = NULL;
    *bytes = 0;
    TRY(n->i->allocate(n->b, wanted, memory));
    *bytes = wanted;
    return OK;
}

static err compile(step *s, const nn_t *keep, int n_keep, const char *train_scope)
{
    net *n = s->n;
    TRY(net_allocate(n));
    if (train_scope) TRY(net_scope(n, train_scope, &s->scope));
    for (int i = 0; i < n_keep; i++) {
        if (!net_node(n, keep[i]))
            return err_set(ERR_INTERNAL, "value %d to keep is not a node of this net", i);
        s->nodes[keep[i].id].needed = s->nodes[keep[i].id].kept = true;
    }
    s->loss = net_node(n, keep[0]);
    if (train_scope && nn_count(&s->loss->shape) != 1)
        return err_set(ERR_INTERNAL, "%s: a loss must be a scalar", s->loss->name);
    mark_needed(s);
    if (train_scope) mark_wanted(s);
    if (train_scope && !s->nodes[s->loss->id].wants)
        return err_set(ERR_INTERNAL, "%s: the loss does not depend on any parameter of \"%s\"", s->loss->name,
                       train_scope);
    TRY(order_calls(s));
    describe_calls(s);
    step_share(s);
    step_absorb(s);
    TRY(plan_calls(s));
    TRY(plan_memory(s));
    TRY(allocate_kept(s));
    TRY(grow(n, &n->arena, &n->arena_bytes, s->arena_bytes));
    return grow(n, &n->scratch, &n->scratch_bytes, s->scratch_bytes);
}

typedef struct compile_request {
    const nn_t *keep;
    int n_keep;
    const char *train_scope;
    step *made[NN_MAX_REPLICAS];
} compile_request;

static err compile_one(net *n, void *context)
{
    compile_request *r = context;
    step *s = calloc(1, sizeof *s);
    if (!s) return err_set(ERR_SYSTEM, "out of memory while compiling a step");
    s->n = n;
    s->n_nodes = n->n_nodes;
    s->nodes = calloc((size_t)n->n_nodes + 1, sizeof *s->nodes);
    err error =
        s->nodes ? compile(s, r->keep, r->n_keep, r->train_scope) : err_set(ERR_SYSTEM, "out of memory");
    if (error != OK) {
        step_free(n, s);
        return error;
    }
    s->next = n->steps;
    n->steps = s;
    r->made[n->rank] = s;
    return OK;
}

err net_compile(net *n, const nn_t *keep, int n_keep, const char *train_scope, step **out)
{
    *out = NULL;
    TRY(net_recorded(n));
    compile_request r = {.keep = keep, .n_keep = n_keep, .train_scope = train_scope};
    TRY(net_each(n, compile_one, &r));
    memcpy(r.made[0]->replicas, r.made, sizeof r.made);
    *out = r.made[0];
    return OK;
}

void step_free(net *n, step *s)
{
    capture_forget(s);
    for (int k = 0; k < s->n_forward; k++) {
        binding *b = &s->nodes[s->forward[k]->id];
        const kernel *op = n->i->ops[b->c.n ? b->c.n->op : OP_SUM];
        if (b->c.n && op && op->unplan && b->c.plan) op->unplan(n->b, &b->c);
    }
    for (int id = 0; s->nodes && id < s->n_nodes; id++) n->i->release(n->b, s->nodes[id].memory);
    n->i->release(n->b, s->loss_gradient);
    free(s->forward);
    free(s->backward);
    free(s->nodes);
    free(s);
}

step *step_next(const step *s)
{
    return s->next;
}
