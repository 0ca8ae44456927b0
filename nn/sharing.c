/* Which values and gradients of a step have the memory of others, and which values are computed twice. A
 * DenseNet's layers each read all the features before them: with a concat of its own and a normalised copy
 * for each layer, memory grows with the square of the number of layers. Here one buffer holds a block's
 * features and one their gradient, and the normalised ones are computed again in backward (Pleiss et al.,
 * "Memory-efficient implementation of DenseNets", 2017). */
#include "nn/step.h"

const node *step_value_owner(const step *s, const node *x)
{
    while (s->nodes[x->id].within) x = s->nodes[x->id].within;
    return x;
}

const node *step_gradient_owner(const step *s, const node *x)
{
    while (s->nodes[x->id].shares) x = s->nodes[x->id].shares;
    return x;
}

static const kernel *kernel_of(const step *s, const node *x)
{
    return s->n->i->ops[x->op]; /* NULL for a leaf */
}

/* The gradient of a sum is that of an input with the coefficient 1, too. Where nothing else is added to it,
 * the input shares the sum's memory, and there is nothing to copy. */
static void share_sums(step *s)
{
    for (int k = 0; k < s->n_backward; k++) {
        const node *x = s->backward[k];
        for (int i = 0; i < x->n_in; i++)
            if (s->nodes[x->id].c.wants[i]) s->nodes[x->in[i]->id].writers++;
    }
    for (int k = 0; k < s->n_backward; k++) {
        const node *x = s->backward[k];
        call *c = &s->nodes[x->id].c;
        for (int i = 0; x->op == OP_SUM && i < x->n_in; i++) {
            binding *from = &s->nodes[x->in[i]->id];
            bool leaf = !kernel_of(s, x->in[i]);
            if (!c->wants[i] || x->a.coefficients[i] != 1 || from->writers != 1 || leaf) continue;
            from->shares = x;
            c->wants[i] = false;
        }
    }
}

static bool joins_channels(const node *x)
{
    return x->op == OP_CONCAT && x->a.axis == 1 && x->shape.rank == 4 && !x->plain;
}

static bool readers_take_pitch(const step *s, const node *x)
{
    for (int k = 0; k < s->n_forward; k++) {
        const node *reader = s->forward[k];
        for (int i = 0; i < reader->n_in; i++)
            if (reader->in[i] == x && (i > 0 || !kernel_of(s, reader) || !kernel_of(s, reader)->pitched))
                return false;
    }
    return true;
}

/* A concat is kept where the concat that begins with it lies. */
static void share_concats(step *s)
{
    const backend_i *interface = s->n->i;
    for (int k = 0; interface->holds_part && k < s->n_forward; k++) {
        const node *whole = s->forward[k], *part = whole->in[0];
        if (!joins_channels(whole) || !joins_channels(part)) continue;
        binding *b = &s->nodes[part->id];
        if (b->kept || b->within || !readers_take_pitch(s, part)) continue;
        if (interface->holds_part(s->n->b, &whole->shape, &part->shape)) b->within = whole;
    }
}

/* So is its gradient, if the longer concat's is the first to come: what others add to it then goes where the
 * longer one's was, which nobody needs any more. But the memory of a sum's gradient is not the longer one's
 * alone. */
static void share_concat_gradients(step *s)
{
    for (int k = 0; k < s->n_backward; k++) {
        const node *whole = s->backward[k], *part = whole->n_in > 0 ? whole->in[0] : NULL;
        binding *b = &s->nodes[whole->id];
        if (!part || s->nodes[part->id].within != whole || !b->c.wants[0] || b->c.add[0]) continue;
        if (b->shares && b->shares != b->within) continue;
        s->nodes[part->id].shares = whole;
        b->c.wants[0] = false;
    }
}

static int pitch_of(const node *x, const node *owner)
{
    return owner->shape.d[1] == x->shape.d[1] ? 0 : owner->shape.d[1];
}

static void set_pitches(step *s)
{
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k], *in = x->n_in > 0 ? x->in[0] : x;
        s->nodes[x->id].c.pitch = (pitches){.in = pitch_of(in, step_value_owner(s, in)),
                                            .out = pitch_of(x, step_value_owner(s, x)),
                                            .din = pitch_of(in, step_gradient_owner(s, in)),
                                            .dout = pitch_of(x, step_gradient_owner(s, x))};
    }
}

/* Batch norms of features that others continue: their outputs are what grows with the square of a block's
 * layers, and their inputs are there anyhow. The moments of a channel are the same for all of them. */
static void share_norms(step *s)
{
    for (int id = 0; id < s->n_nodes; id++)
        if (s->nodes[id].within) s->nodes[step_value_owner(s, s->n->nodes[id])->id].continues = true;
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k];
        if (x->op != OP_BATCH_NORM || x->in[0]->shape.rank != 4) continue;
        binding *b = &s->nodes[x->id], *owner = &s->nodes[step_value_owner(s, x->in[0])->id];
        if (!owner->continues) continue;
        b->again = b->c.backward && kernel_of(s, x)->again && !b->kept;
        if (!x->a.training) continue;
        b->reads_moments = true;
        b->c.known = owner->known;
        if (x->shape.d[1] > owner->known) owner->known = x->shape.d[1];
    }
}

void step_share(step *s)
{
    share_sums(s);
    share_concats(s);
    share_concat_gradients(s);
    set_pitches(s);
    share_norms(s);
}
