/* Packed sets with made-up patients, splits and labels, for the tests of splits and draws. */
#ifndef TESTS_DATA_MADE_SET_H
#define TESTS_DATA_MADE_SET_H

#include "data/dataset.h"
#include "data/npy.h"
#include "scratch.h"

#include <stdbool.h>
#include <stdint.h>

enum { LABELS = 3 };

/* One sample of a made-up set: its patient (-1: unknown), publisher's split and labels. */
typedef struct plan {
    int patient;
    const char *split;
    float labels[LABELS];
} plan;

static inline dataset *open_plan(const plan *plans, int n)
{
    dataset *set;
    char source[PATH_BYTES + 8];
    float *labels = malloc((size_t)n * LABELS * sizeof *labels);
    uint8_t *images = calloc((size_t)n, 1);
    FILE *csv = fopen(in_scratch("samples.csv"), "w");
    cr_assert(labels && images && csv);
    (void)fprintf(csv, "id,patient,split\n");
    for (int i = 0; i < n; i++) {
        (void)fprintf(csv, "s%d,", i);
        if (plans[i].patient >= 0) (void)fprintf(csv, "p%d", plans[i].patient);
        (void)fprintf(csv, ",%s\n", plans[i].split ? plans[i].split : "");
        memcpy(labels + i * LABELS, plans[i].labels, sizeof plans[i].labels);
    }
    (void)fclose(csv);
    ASSERT_OK(npy_write(in_scratch("images.npy"), 'u', 3, (const int64_t[]){n, 1, 1}, images));
    ASSERT_OK(npy_write(in_scratch("labels.npy"), 'f', 2, (const int64_t[]){n, LABELS}, labels));
    put_text("labels.csv", "label\na\nb\nc\n");
    (void)snprintf(source, sizeof source, "packed:%s", scratch);
    ASSERT_OK(dataset_open(source, 1, 0, 0, &set));
    free(labels);
    free(images);
    return set;
}

static inline plan of_class(int patient, int class_index)
{
    plan p = {.patient = patient};
    p.labels[class_index] = 1;
    return p;
}

static inline int count_class(const dataset *set, const samples *list, int class_index)
{
    int n = 0;
    for (int i = 0; i < list->n; i++) n += dataset_class(set, list->index[i]) == class_index;
    return n;
}

static inline bool same_list(const samples *a, const samples *b)
{
    return a->n == b->n && memcmp(a->index, b->index, (size_t)a->n * sizeof *a->index) == 0;
}

#endif
