/* Parts of sets as sets. */
#include "base/text.h"
#include "data/build.h"

#include <stdlib.h>
#include <string.h>

static void copy_labels(const dataset *from, int sample, const int *column, int k, float missing, float *to)
{
    for (int j = 0; j < k; j++)
        to[j] = column[j] < 0 ? missing
                              : from->labels[(size_t)sample * (size_t)from->n_labels + (size_t)column[j]];
}

err dataset_select(const dataset *set, const samples *which, const float *labels, dataset **out)
{
    int n = which ? which->n : set->n, k = set->n_labels;
    size_t pixels = (size_t)set->height * (size_t)set->width;
    dataset *part;
    err error = OK;
    *out = NULL;
    TRY(dataset_begin(n, set->height, set->width, k, NULL, &part));
    dataset_memory *memory = dataset_memory_of(part);
    for (int j = 0; j < k; j++) TRY_GOTO(dataset_set_label(part, j, set->label_names[j]), failed);
    for (int i = 0; i < n; i++) {
        size_t from = (size_t)(which ? which->index[i] : i), to = (size_t)i;
        const float *row = labels ? labels + to * (size_t)k : set->labels + from * (size_t)k;
        memcpy(memory->images + to * pixels, set->images + from * pixels, pixels);
        memcpy(memory->labels + to * (size_t)k, row, (size_t)k * sizeof *row);
        TRY_GOTO(dataset_set_sample(part, i, &set->samples[from]), failed);
    }
    TRY_GOTO(dataset_finish(part), failed);
    *out = part;
    return OK;
failed:
    dataset_close(part);
    return error;
}

/* Which column of `set` each of the k labels is, -1 for none. ERR_DATA for a label of the set that is none of
 * them. */
static err match_labels(const dataset *set, const char *const *names, int k, int *column)
{
    for (int j = 0; j < k; j++) column[j] = dataset_label(set, names[j]);
    for (int j = 0; j < set->n_labels; j++) {
        bool known = false;
        for (int i = 0; i < k; i++) known = known || column[i] == j;
        if (known) continue;
        text list = {0};
        for (int i = 0; i < k; i++) text_printf(&list, "%s%s", i ? ", " : "", names[i]);
        err error = err_set(ERR_DATA, "label \"%.100s\" is none of the data's: %.600s", set->label_names[j],
                            list.data ? list.data : "none");
        text_close(&list);
        return error;
    }
    return OK;
}

static err relabel(const dataset *set, const char *const *names, int k, const int *column, float missing,
                   dataset **out)
{
    size_t bytes = (size_t)set->n * (size_t)set->height * (size_t)set->width;
    dataset *copy;
    err error = OK;
    TRY(dataset_begin(set->n, set->height, set->width, k, NULL, &copy));
    dataset_memory *memory = dataset_memory_of(copy);
    memcpy(memory->images, set->images, bytes);
    for (int j = 0; j < k; j++) TRY_GOTO(dataset_set_label(copy, j, names[j]), failed);
    for (int i = 0; i < set->n; i++) {
        copy_labels(set, i, column, k, missing, memory->labels + (size_t)i * (size_t)k);
        TRY_GOTO(dataset_set_sample(copy, i, &set->samples[i]), failed);
    }
    TRY_GOTO(dataset_finish(copy), failed);
    *out = copy;
    return OK;
failed:
    dataset_close(copy);
    return error;
}

err dataset_with_labels(const dataset *set, const char *const *names, int k, float missing, dataset **out)
{
    int *column = malloc((size_t)k * sizeof *column);
    *out = NULL;
    if (!column) return err_set(ERR_SYSTEM, "out of memory for %d labels", k);
    err error = match_labels(set, names, k, column);
    if (error == OK) error = relabel(set, names, k, column, missing, out);
    free(column);
    return error;
}
