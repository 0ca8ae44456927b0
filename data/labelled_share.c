#include "base/rng.h"
#include "data/dataset.h"
#include "data/patients.h"

#include <math.h>
#include <stdlib.h>

typedef struct sharing {
    const dataset *set;
    const samples *from;
    patients patients;
    int *order;             /* the patients of `from` in random order */
    int n;                  /* how many they are */
    unsigned char *present; /* patients.n: has samples in `from` */
    unsigned char *kept;    /* patients.n */
} sharing;

static void sharing_close(sharing *s)
{
    patients_close(&s->patients);
    free(s->order);
    free(s->present);
    free(s->kept);
}

static err sharing_open(sharing *s, samples *labelled, samples *hidden)
{
    size_t n = (size_t)s->from->n + 1; /* malloc(0) may be NULL */
    TRY(patients_open(s->set, &s->patients));
    size_t everybody = (size_t)s->patients.n;
    s->order = malloc(everybody * sizeof *s->order);
    s->present = calloc(everybody, 1);
    s->kept = calloc(everybody, 1);
    labelled->index = malloc(n * sizeof *labelled->index);
    hidden->index = malloc(n * sizeof *hidden->index);
    if (s->order && s->present && s->kept && labelled->index && hidden->index) return OK;
    return err_set(ERR_SYSTEM, "out of memory for a draw from %d samples", s->from->n);
}

static void shuffle_patients(sharing *s, uint64_t seed)
{
    for (int i = 0; i < s->from->n; i++) s->present[s->patients.of[s->from->index[i]]] = 1;
    for (int p = 0; p < s->patients.n; p++)
        if (s->present[p]) s->order[s->n++] = p;
    rng draw = rng_open(seed, "labelled share", 0);
    rng_shuffle(&draw, s->order, s->n);
}

static bool is_positive(const sharing *s, int i, int label)
{
    size_t row = (size_t)s->from->index[i];
    return s->set->labels[row * (size_t)s->set->n_labels + (size_t)label] > 0; /* false for NaN */
}

/* If no patient that is kept has the label, the first in the order who has it is kept, too. */
static void keep_label(sharing *s, int label)
{
    int first = s->n;
    for (int i = 0; i < s->from->n; i++) {
        if (!is_positive(s, i, label)) continue;
        int patient = s->patients.of[s->from->index[i]], place = 0;
        if (s->kept[patient]) return;
        while (s->order[place] != patient) place++;
        if (place < first) first = place;
    }
    if (first < s->n) s->kept[s->order[first]] = 1;
}

err labelled_share_open(const dataset *set, const samples *from, double share, uint64_t seed,
                        samples *labelled, samples *hidden)
{
    *labelled = *hidden = (samples){0};
    if (!(share > 0 && share <= 1))
        return err_set(ERR_USAGE, "labelled share %g: it must be above 0, and at most 1", share);
    sharing s = {.set = set, .from = from};
    err error = sharing_open(&s, labelled, hidden);
    if (error == OK) {
        shuffle_patients(&s, seed);
        int keep = (int)ceil(share * s.n - 1e-9);
        for (int i = 0; i < keep; i++) s.kept[s.order[i]] = 1;
        for (int k = 0; k < set->n_labels; k++) keep_label(&s, k);
        for (int i = 0; i < from->n; i++) {
            samples *list = s.kept[s.patients.of[from->index[i]]] ? labelled : hidden;
            list->index[list->n++] = from->index[i];
        }
    }
    sharing_close(&s);
    if (error != OK) {
        samples_close(labelled);
        samples_close(hidden);
    }
    return error;
}
