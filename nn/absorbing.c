/* Which calls do the work of others, too. Batch norms are computed by the call that reads them: where nothing
 * runs backward, a normalised copy of a DenseNet's features is written only to be read once, by the next
 * convolution; a convolution that normalises its input itself, a piece that stays in the cache at a time,
 * saves the way to memory and back. Sums are computed by the call that makes one of their terms, for the same
 * reason. */
#include "nn/step.h"

/* Its statistics and gains are those of channels, and known before. */
static bool is_fixed_norm(const node *x)
{
    return x->op == OP_BATCH_NORM && !x->a.training && x->shape.rank == 4 && x->in[1]->shape.rank == 1;
}

/* The one call that reads x, and reads it once, or NULL. */
static const node *only_reader(const step *s, const node *x)
{
    const node *found = NULL;
    for (int k = 0; k < s->n_forward; k++)
        for (int i = 0; i < s->forward[k]->n_in; i++) {
            if (s->forward[k]->in[i] != x) continue;
            if (found) return NULL;
            found = s->forward[k];
        }
    return found;
}

/* Whether a batch norm in training moves the statistics of x before `reader` runs. */
static bool statistics_move(const step *s, const node *x, const node *reader)
{
    for (int k = s->nodes[x->id].forward_at + 1; k < s->nodes[reader->id].forward_at; k++) {
        const node *y = s->forward[k];
        if (y->op == OP_BATCH_NORM && y->a.training && (y->in[3] == x->in[3] || y->in[4] == x->in[4]))
            return true;
    }
    return false;
}

static void absorb_norms(step *s)
{
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k];
        binding *b = &s->nodes[x->id];
        if (!is_fixed_norm(x) || b->kept || b->c.backward) continue;
        const node *reader = only_reader(s, x);
        const kernel *op = reader ? s->n->i->ops[reader->op] : NULL;
        if (!op || !op->absorbs || reader->in[0] != x || statistics_move(s, x, reader)) continue;
        call *c = &s->nodes[reader->id].c;
        if (c->backward || !op->absorbs(s->n->b, c)) continue;
        c->norm = &b->c;
        b->absorber = reader;
        b->forward_at = s->nodes[reader->id].forward_at; /* what it reads has to live until then */
    }
}

/* Whether nobody but its reader needs the value of x, which can so become that of its reader. */
static bool is_passed_on(const step *s, const node *x)
{
    const binding *b = &s->nodes[x->id];
    bool read_again = b->c.backward && node_reads_output(x);
    return only_reader(s, x) && !b->kept && !b->within && !b->again && !read_again;
}

/* Whether the value of x is there, in memory of its own, before `reader` runs. */
static bool is_there_before(const step *s, const node *x, const node *reader)
{
    const binding *b = &s->nodes[x->id];
    return !b->absorber && step_value_owner(s, x) == x && b->forward_at < s->nodes[reader->id].forward_at;
}

/* A residual block adds what a convolution made to what went round it: the convolution stores the sum. */
static void absorb_sums(step *s)
{
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k];
        bool plain_sum =
            x->op == OP_SUM && x->n_in == 2 && x->a.coefficients[0] == 1 && x->a.coefficients[1] == 1;
        for (int i = 0; plain_sum && i < 2; i++) {
            const node *maker = x->in[i], *other = x->in[1 - i];
            const kernel *op = s->n->i->ops[maker->op];
            binding *b = &s->nodes[maker->id];
            if (!op || !op->adds || b->c.norm || !is_passed_on(s, maker)) continue;
            if (!is_there_before(s, other, maker) || !op->adds(s->n->b, &b->c)) continue;
            b->addend = other;
            b->within = x;
            s->nodes[x->id].stored = true;
            break;
        }
    }
}

void step_absorb(step *s)
{
    absorb_norms(s);
    absorb_sums(s);
}
