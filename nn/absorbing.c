/* Which batch norms are computed by the call that reads them. Where nothing runs backward, a normalised copy
 * of a DenseNet's features is written only to be read once, by the next convolution; a convolution that
 * normalises its input itself, a piece that stays in the cache at a time, saves the way to memory and back.
 */
#include "nn/step.h"

/* Its statistics and gains are those of channels, and known before. */
static bool is_fixed_norm(const node *x)
{
    return x->op == OP_BATCH_NORM && !x->a.training && x->shape.rank == 4 && x->in[1]->shape.rank == 1;
}

/* The one call that reads x, as its input 0, or NULL. */
static const node *only_reader(const step *s, const node *x)
{
    const node *found = NULL;
    for (int k = 0; k < s->n_forward; k++)
        for (int i = 0; i < s->forward[k]->n_in; i++) {
            if (s->forward[k]->in[i] != x) continue;
            if (found || i > 0) return NULL;
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

void step_absorb(step *s)
{
    for (int k = 0; k < s->n_forward; k++) {
        const node *x = s->forward[k];
        binding *b = &s->nodes[x->id];
        if (!is_fixed_norm(x) || b->kept || b->c.backward) continue;
        const node *reader = only_reader(s, x);
        const kernel *op = reader ? s->n->i->ops[reader->op] : NULL;
        if (!op || !op->absorbs || statistics_move(s, x, reader)) continue;
        call *c = &s->nodes[reader->id].c;
        if (c->backward || !op->absorbs(s->n->b, c)) continue;
        c->norm = &b->c;
        b->absorber = reader;
        b->forward_at = s->nodes[reader->id].forward_at; /* what it reads has to live until then */
    }
}
