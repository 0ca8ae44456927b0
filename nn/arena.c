/* Planning one arena for many buffers by their lifetimes. */
#include "nn/internal.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

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

/* The lowest offset at which `b` fits between the buffers that live at the same time. placed is sorted by
 * offset. */
static size_t lowest_gap(const buffer *b, buffer *const *placed, int n)
{
    size_t candidate = 0;
    for (int i = 0; i < n; i++) {
        const buffer *other = placed[i];
        if (!overlap_in_time(b, other)) continue;
        if (other->offset >= candidate + b->bytes) break;
        if (other->offset + other->bytes > candidate) candidate = other->offset + other->bytes;
    }
    return candidate;
}

static void insert_by_offset(buffer *b, buffer **placed, int n)
{
    int at = n;
    for (; at > 0 && placed[at - 1]->offset > b->offset; at--) placed[at] = placed[at - 1];
    placed[at] = b;
}

err arena_plan(buffer *buffers, int n, size_t *bytes)
{
    *bytes = 0;
    buffer **order = calloc((size_t)n + 1, sizeof *order), **placed = calloc((size_t)n + 1, sizeof *placed);
    if (!order || !placed) {
        free(order);
        free(placed);
        return err_set(ERR_SYSTEM, "out of memory while planning a step");
    }
    for (int i = 0; i < n; i++) {
        buffers[i].bytes = (buffers[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        order[i] = &buffers[i];
    }
    qsort(order, (size_t)n, sizeof *order, larger_first);
    int n_placed = 0;
    for (int i = 0; i < n; i++) {
        buffer *b = order[i];
        if (b->bytes == 0 || b->first > b->last) continue;
        b->offset = lowest_gap(b, placed, n_placed);
        insert_by_offset(b, placed, n_placed++);
        if (b->offset + b->bytes > *bytes) *bytes = b->offset + b->bytes;
    }
    free(order);
    free(placed);
    return OK;
}
