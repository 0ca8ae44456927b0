#include "base/rng.h"
#include "data/dataset.h"
#include "data/patients.h"

#include <stdlib.h>
#include <string.h>

typedef struct drawing {
    const dataset *set;
    const samples *from;
    uint64_t seed;
    patients patients;
    int *order;           /* from.n: positions in `from`, of the class being drawn */
    int *seen;            /* patients.n: images of the patient so far */
    int *round;           /* from.n: how many images of its patient come before this one */
    unsigned char *drawn; /* from.n */
} drawing;

static void drawing_close(drawing *d)
{
    patients_close(&d->patients);
    free(d->order);
    free(d->seen);
    free(d->round);
    free(d->drawn);
}

static err drawing_open(drawing *d, samples *labelled, samples *hidden)
{
    size_t n = (size_t)d->from->n + 1; /* malloc(0) may be NULL */
    TRY(patients_open(d->set, &d->patients));
    d->order = malloc(n * sizeof *d->order);
    d->seen = calloc((size_t)d->patients.n, sizeof *d->seen);
    d->round = malloc(n * sizeof *d->round);
    d->drawn = calloc(n, sizeof *d->drawn);
    labelled->index = malloc(n * sizeof *labelled->index);
    hidden->index = malloc(n * sizeof *hidden->index);
    if (!d->order || !d->seen || !d->round || !d->drawn || !labelled->index || !hidden->index)
        return err_set(ERR_SYSTEM, "out of memory for a draw from %d samples", d->from->n);
    return OK;
}

/* The class's images in random order; returns how many. */
static int shuffled_class(drawing *d, int class_index)
{
    int n = 0;
    for (int i = 0; i < d->from->n; i++)
        if (dataset_class(d->set, d->from->index[i]) == class_index) d->order[n++] = i;
    rng draw = rng_open(d->seed, "few-shot", (uint64_t)class_index);
    rng_shuffle(&draw, d->order, n);
    return n;
}

static void take(drawing *d, int position, samples *labelled)
{
    d->drawn[position] = 1;
    labelled->index[labelled->n++] = d->from->index[position];
}

/* In the shuffled order, but first every patient's first image, then every patient's second one, and so on.
 */
static void take_shots(drawing *d, int n, int shots, samples *labelled)
{
    for (int i = 0; i < n; i++) d->round[i] = d->seen[d->patients.of[d->from->index[d->order[i]]]]++;
    for (int round = 0, taken = 0; taken < shots; round++)
        for (int i = 0; i < n && taken < shots; i++) {
            if (d->round[i] != round) continue;
            take(d, d->order[i], labelled);
            taken++;
        }
}

static err draw_all(drawing *d, int few, int shots, int most, samples *labelled, samples *hidden)
{
    for (int k = 0; k < d->set->n_labels; k++) {
        if (k == few) continue;
        int n = shuffled_class(d, k);
        for (int i = 0; i < n && (most == 0 || i < most); i++) take(d, d->order[i], labelled);
    }
    int n = shuffled_class(d, few);
    if (n < shots)
        return err_set(ERR_DATA, "class \"%s\" has %d images to draw from, fewer than the %d shots asked for",
                       d->set->label_names[few], n, shots);
    take_shots(d, n, shots, labelled);
    for (int i = 0; i < d->from->n; i++)
        if (!d->drawn[i]) hidden->index[hidden->n++] = d->from->index[i];
    return OK;
}

err few_shot_open(const dataset *set, const samples *from, int few, int shots, int most, uint64_t seed,
                  samples *labelled, samples *hidden)
{
    *labelled = *hidden = (samples){0};
    if (few < 0 || few >= set->n_labels)
        return err_set(ERR_USAGE, "few-shot class %d: the set has %d classes", few, set->n_labels);
    if (shots < 0 || most < 0)
        return err_set(ERR_USAGE, "%d shots and at most %d of the others: neither can be negative", shots,
                       most);
    drawing d = {.set = set, .from = from, .seed = seed};
    err error = drawing_open(&d, labelled, hidden);
    if (error == OK) error = draw_all(&d, few, shots, most, labelled, hidden);
    drawing_close(&d);
    if (error != OK) {
        samples_close(labelled);
        samples_close(hidden);
    }
    return error;
}
