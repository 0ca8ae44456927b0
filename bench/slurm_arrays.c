#include "bench/slurm_arrays.h"

#include <stdlib.h>

/* The longest way to each artifact through what is missing, 0 for what needs nothing of it; -1 for what is
 * done. Returns the largest. */
static int find_levels(const plan *p, const atomic_uchar *done, int *levels)
{
    int highest = -1;
    for (int i = 0; i < p->n; i++) {
        int needs[ARTIFACT_NEEDS], n = artifact_needs(&p->items[i], needs), below = -1;
        for (int k = 0; k < n; k++)
            if (levels[needs[k]] > below) below = levels[needs[k]];
        levels[i] = atomic_load(&done[i]) ? -1 : below + 1;
        if (levels[i] > highest) highest = levels[i];
    }
    return highest;
}

/* Appends the artifacts of a level and kind. */
static void add_level(slurm_arrays *out, const plan *p, const int *levels, int level, artifact_kind kind,
                      int longest)
{
    slurm_array *last = NULL;
    for (int i = 0; i < p->n; i++) {
        if (levels[i] != level || p->items[i].kind != kind) continue;
        if (!last || last->n == longest) {
            last = &out->items[out->n++];
            *last = (slurm_array){.kind = kind, .first = out->n_members};
        }
        out->array_of[i] = out->n - 1;
        out->task_of[i] = last->n++;
        out->members[out->n_members++] = i;
    }
}

err slurm_arrays_open(const plan *p, const atomic_uchar *done, int longest, slurm_arrays *out)
{
    size_t n = (size_t)p->n;
    int *levels = malloc(n * sizeof *levels);
    *out = (slurm_arrays){.items = malloc(n * sizeof *out->items),
                          .members = malloc(n * sizeof *out->members),
                          .array_of = malloc(n * sizeof *out->array_of),
                          .task_of = malloc(n * sizeof *out->task_of)};
    if (!levels || !out->items || !out->members || !out->array_of || !out->task_of) {
        free(levels);
        slurm_arrays_close(out);
        return err_set(ERR_SYSTEM, "out of memory for the arrays of %d artifacts", p->n);
    }
    for (int i = 0; i < p->n; i++) out->array_of[i] = out->task_of[i] = -1;
    int highest = find_levels(p, done, levels);
    for (int level = 0; level <= highest; level++)
        for (int kind = 0; kind < KIND_COUNT; kind++)
            add_level(out, p, levels, level, (artifact_kind)kind, longest);
    free(levels);
    return OK;
}

void slurm_arrays_close(slurm_arrays *a)
{
    free(a->items);
    free(a->members);
    free(a->array_of);
    free(a->task_of);
    *a = (slurm_arrays){0};
}

/* Adds what one task needs of an array to what those before it need. */
static slurm_need add_need(const slurm_arrays *a, int needed, int task, int earlier, slurm_need so_far)
{
    if (a->array_of[needed] != earlier) return so_far;
    return a->task_of[needed] == task && so_far != SLURM_ALL ? SLURM_SAME : SLURM_ALL;
}

slurm_need slurm_arrays_need(const slurm_arrays *a, const plan *p, int array, int earlier)
{
    const slurm_array *own = &a->items[array];
    slurm_need need = SLURM_NOTHING;
    for (int task = 0; task < own->n; task++) {
        int made = a->members[own->first + task];
        int needs[ARTIFACT_NEEDS], n = artifact_needs(&p->items[made], needs);
        for (int k = 0; k < n; k++) need = add_need(a, needs[k], task, earlier, need);
    }
    /* A task without its counterpart would wait for ever. */
    return need == SLURM_SAME && own->n > a->items[earlier].n ? SLURM_ALL : need;
}
