/* What artifacts need, and plans cut short to what is needed. */
#include "bench/plan.h"

#include <stdlib.h>

int artifact_needs(const artifact *a, int out[ARTIFACT_NEEDS])
{
    int n = 0;
    if (a->after >= 0) out[n++] = a->after;
    for (int i = 0; i < ARTIFACT_INPUTS; i++)
        if (a->inputs[i] >= 0) out[n++] = a->inputs[i];
    return n;
}

static void need(const artifact *a, bool *needed)
{
    int needs[ARTIFACT_NEEDS], n = artifact_needs(a, needs);
    for (int i = 0; i < n; i++) needed[needs[i]] = true;
}

/* Moves what is needed to the front; `place` gets where each artifact went. */
static void compact(plan *p, const bool *needed, int *place)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        if (!needed[i]) continue;
        artifact a = p->items[i];
        if (a.after >= 0) a.after = place[a.after];
        for (int j = 0; j < ARTIFACT_INPUTS; j++)
            if (a.inputs[j] >= 0) a.inputs[j] = place[a.inputs[j]];
        place[i] = n;
        p->items[n++] = a;
    }
    p->n = n;
}

err plan_limit(plan *p, int trials)
{
    bool *needed = calloc((size_t)p->n, sizeof *needed);
    int *place = malloc((size_t)p->n * sizeof *place), count = 0;
    if (!needed || !place) {
        free(needed);
        free(place);
        return err_set(ERR_SYSTEM, "out of memory for a plan of %d artifacts", p->n);
    }
    for (int i = 0; i < p->n; i++)
        if (p->items[i].kind == KIND_TRIAL) needed[i] = count++ < trials;
    for (int i = p->n - 1; i >= 0; i--)
        if (needed[i]) need(&p->items[i], needed); /* inputs come before what needs them */
    compact(p, needed, place);
    free(needed);
    free(place);
    return OK;
}
