/* Draws of labelled samples. */
#include "emixer/internal.h"

#include "base/rng.h"

#include <stdlib.h>

static bool positive(const dataset *set, int sample, int label)
{
    return set->labels[(size_t)sample * (size_t)set->n_labels + (size_t)label] > 0.5F; /* false for NaN */
}

static bool in_group(const dataset *set, int sample, int group)
{
    if (group < set->n_labels) return positive(set, sample, group);
    for (int k = 0; k < set->n_labels; k++)
        if (positive(set, sample, k)) return false;
    return true;
}

static void add_group(balance *b, int n)
{
    if (n == b->n) return;
    b->n = n;
    b->first[++b->groups] = n;
}

err balance_open(const dataset *set, const samples *labelled, bool balanced, balance *out)
{
    int most = balanced ? set->n_labels + 1 : 1, used = 0;
    *out = (balance){.set = set};
    out->members = calloc((size_t)labelled->n * (size_t)most + 1, sizeof *out->members);
    out->first = calloc((size_t)most + 1, sizeof *out->first);
    if (!out->members || !out->first) {
        balance_close(out);
        return err_set(ERR_SYSTEM, "out of memory for %d labelled samples", labelled->n);
    }
    for (int group = 0; group < most; group++) {
        for (int i = 0; i < labelled->n; i++)
            if (!balanced || in_group(set, labelled->index[i], group))
                out->members[used++] = labelled->index[i];
        add_group(out, used);
    }
    return OK;
}

void balance_close(balance *b)
{
    free(b->members);
    free(b->first);
    *b = (balance){0};
}

void balance_draw(const balance *b, uint64_t seed, const char *purpose, uint64_t index, int n, float *images,
                  float *labels, int *chosen)
{
    rng draw = rng_open(seed, purpose, index);
    int k = b->set->n_labels;
    size_t pixels = (size_t)b->set->height * (size_t)b->set->width;
    for (int i = 0; i < n; i++) {
        int group = rng_below(&draw, b->groups);
        int sample = b->members[b->first[group] + rng_below(&draw, b->first[group + 1] - b->first[group])];
        if (images) dataset_pixels(b->set, sample, images + (size_t)i * pixels);
        for (int j = 0; j < k; j++) labels[i * k + j] = positive(b->set, sample, j) ? 1.0F : 0.0F;
        if (chosen) chosen[i] = sample;
    }
}
