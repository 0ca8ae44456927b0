/* Planning one arena for many buffers by their lifetimes.
 *
 * Where threads share work, the first half of them writes the lower half of nearly every buffer, the others
 * the upper half. Memory that one half of the cores writes after the other has to move from cache to cache,
 * which costs a third of a step where the cores do not share one. So a buffer goes where those that have had
 * its memory had their middle near its own. */
#include "nn/internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    ALIGNMENT = 64,
    SMALL = 32 << 10 /* bytes: what is written again in a moment anyhow; and there may be thousands */
};

/* Buffers that have an offset, sorted by it. */
typedef struct plan {
    buffer **placed;
    int n;
    size_t bytes;
} plan;

static int larger_first(const void *a, const void *b)
{
    const buffer *x = *(buffer *const *)a, *y = *(buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* qsort is not stable: the order in the array decides, so that plans are
                                  repeatable */
}

/* Position 0 is never one to resume at, so an empty second lifetime (0, 0) is told from others. */
static bool overlap_in_time(const buffer *a, const buffer *b)
{
    return (a->first <= b->last && b->first <= a->last) ||
           (a->resume && a->resume <= b->last && b->first <= a->until) ||
           (b->resume && b->resume <= a->last && a->first <= b->until) ||
           (a->resume && b->resume && a->resume <= b->until && b->resume <= a->until);
}

/* The lowest offset at which `b` fits between the buffers that live at the same time. */
static size_t lowest_gap(const buffer *b, const plan *p)
{
    size_t candidate = 0;
    for (int i = 0; i < p->n; i++) {
        const buffer *other = p->placed[i];
        if (!overlap_in_time(b, other)) continue;
        if (other->offset >= candidate + b->bytes) break;
        if (other->offset + other->bytes > candidate) candidate = other->offset + other->bytes;
    }
    return candidate;
}

/* Bytes of both [a, a_end) and [b, b_end). */
static size_t common(size_t a, size_t a_end, size_t b, size_t b_end)
{
    size_t low = a > b ? a : b, high = a_end < b_end ? a_end : b_end;
    return high > low ? high - low : 0;
}

/* Of `b` at an offset: bytes that are in one half of it and in the other half of another buffer, and, several
 * times as dear, those by which the arena grows. INFINITY where it does not fit. */
static double cost_of(const buffer *b, size_t offset, const plan *p)
{
    /* A larger arena hardly ever pays: at 0.5 emixer-64 is 3% faster across caches, and takes 5% more. */
    const double growth_price = 8;
    size_t middle = offset + b->bytes / 2, end = offset + b->bytes, moved = 0;
    for (int i = 0; i < p->n && p->placed[i]->offset < end; i++) {
        const buffer *other = p->placed[i];
        size_t other_middle = other->offset + other->bytes / 2, other_end = other->offset + other->bytes;
        if (other_end <= offset) continue;
        if (overlap_in_time(b, other)) return INFINITY;
        moved += common(offset, middle, other_middle, other_end) +
                 common(middle, end, other->offset, other_middle);
    }
    return (double)moved + (end > p->bytes ? growth_price * (double)(end - p->bytes) : 0);
}

/* The cheapest offset beside, at the beginning of, or in the middle of a buffer that is placed; of equals,
 * the lowest. */
static size_t cheapest_offset(const buffer *b, const plan *p)
{
    size_t best = lowest_gap(b, p);
    double least = cost_of(b, best, p);
    for (int i = 0; i < p->n; i++) {
        const buffer *other = p->placed[i];
        size_t start = other->offset, end = start + other->bytes, middles = start + other->bytes / 2;
        size_t candidates[] = {start, end, middles < b->bytes / 2 ? start : middles - b->bytes / 2,
                               start < b->bytes ? start : start - b->bytes};
        for (size_t k = 0; k < sizeof candidates / sizeof candidates[0]; k++) {
            size_t offset = candidates[k] / ALIGNMENT * ALIGNMENT;
            double cost = cost_of(b, offset, p);
            if (cost > least || (cost == least && offset >= best)) continue;
            least = cost;
            best = offset;
        }
    }
    return best;
}

static void insert(buffer *b, plan *p)
{
    int at = p->n++;
    for (; at > 0 && p->placed[at - 1]->offset > b->offset; at--) p->placed[at] = p->placed[at - 1];
    p->placed[at] = b;
    if (b->offset + b->bytes > p->bytes) p->bytes = b->offset + b->bytes;
}

err arena_plan(buffer *buffers, int n, bool in_halves, size_t *bytes)
{
    *bytes = 0;
    buffer **order = calloc((size_t)n + 1, sizeof *order);
    plan p = {.placed = calloc((size_t)n + 1, sizeof *p.placed)};
    if (!order || !p.placed) {
        free(order);
        free(p.placed);
        return err_set(ERR_SYSTEM, "out of memory while planning a step");
    }
    for (int i = 0; i < n; i++) {
        buffers[i].bytes = (buffers[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        order[i] = &buffers[i];
    }
    qsort(order, (size_t)n, sizeof *order, larger_first);
    for (int i = 0; i < n; i++) {
        buffer *b = order[i];
        if (b->bytes == 0 || b->first > b->last) continue;
        b->offset = in_halves && b->bytes >= SMALL ? cheapest_offset(b, &p) : lowest_gap(b, &p);
        insert(b, &p);
    }
    *bytes = p.bytes;
    free(order);
    free(p.placed);
    return OK;
}
