#include "data/patients.h"

#include <stdlib.h>
#include <string.h>

typedef struct named {
    const char *patient;
    int sample;
} named;

static int compare_named(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int order = strcmp(x->patient, y->patient);
    return order ? order : (x->sample > y->sample) - (x->sample < y->sample);
}

err patients_open(const dataset *set, patients *out)
{
    size_t n = (size_t)set->n;
    named *sorted = malloc(n * sizeof *sorted);
    *out = (patients){.of = malloc(n * sizeof *out->of)};
    if (!sorted || !out->of) {
        free(sorted);
        patients_close(out);
        return err_set(ERR_SYSTEM, "out of memory for the patients of %d samples", set->n);
    }
    for (int i = 0; i < set->n; i++) sorted[i] = (named){set->samples[i].patient, i};
    qsort(sorted, n, sizeof *sorted, compare_named);
    /* First each sample points to the first one of its patient, then those are numbered in the set's order.
     */
    for (int i = 0, first = 0; i < set->n; i++) {
        if (!sorted[i].patient[0] || strcmp(sorted[i].patient, sorted[first].patient) != 0) first = i;
        out->of[sorted[i].sample] = sorted[first].sample;
    }
    for (int i = 0; i < set->n; i++) out->of[i] = out->of[i] == i ? out->n++ : out->of[out->of[i]];
    free(sorted);
    return OK;
}

void patients_close(patients *p)
{
    if (!p) return;
    free(p->of);
    *p = (patients){0};
}

err samples_per_patient(const dataset *set, const samples *from, samples *out)
{
    patients p;
    TRY(patients_open(set, &p));
    bool *met = calloc((size_t)p.n + 1, sizeof *met);
    *out = (samples){.index = malloc(((size_t)from->n + 1) * sizeof *out->index)};
    if (!met || !out->index) {
        free(met);
        patients_close(&p);
        samples_close(out);
        return err_set(ERR_SYSTEM, "out of memory for a list of %d samples", from->n);
    }
    for (int i = 0; i < from->n; i++) {
        int patient = p.of[from->index[i]];
        if (!met[patient]) out->index[out->n++] = from->index[i];
        met[patient] = true;
    }
    free(met);
    patients_close(&p);
    return OK;
}
