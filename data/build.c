#include "data/build.h"

#include "base/text.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *string_of(dataset_memory *memory, const char *string)
{
    return string_keep(&memory->strings, string, strlen(string));
}

dataset_memory *dataset_memory_of(const dataset *set)
{
    return set->owner;
}

static err allocate(dataset *set, dataset_memory *memory)
{
    size_t n = (size_t)set->n, k = (size_t)set->n_labels;
    size_t pixels = (size_t)set->height * (size_t)set->width;
    bool mapped = memory->image_file.map != NULL;
    if (pixels > SIZE_MAX / n || k > SIZE_MAX / sizeof(float) / n)
        return err_set(ERR_USAGE, "%zu images of %d x %d pixels are more than this machine can address", n,
                       set->width, set->height);
    if (!mapped) memory->images = calloc(n, pixels);
    memory->labels = calloc(n * k, sizeof *memory->labels);
    memory->label_names = calloc(k, sizeof *memory->label_names);
    memory->samples = calloc(n, sizeof *memory->samples);
    if ((!mapped && !memory->images) || !memory->labels || !memory->label_names || !memory->samples)
        return err_set(ERR_SYSTEM, "out of memory for %zu images of %d x %d pixels", n, set->width,
                       set->height);
    set->images = mapped ? memory->image_file.data : memory->images;
    set->labels = memory->labels;
    set->label_names = memory->label_names;
    set->samples = memory->samples;
    return OK;
}

err dataset_begin(int n, int height, int width, int k, npy *mapped, dataset **out)
{
    *out = NULL;
    dataset *set = calloc(1, sizeof *set);
    dataset_memory *memory = calloc(1, sizeof *memory);
    if (!set || !memory) {
        free(set);
        free(memory);
        if (mapped) npy_close(mapped);
        return err_set(ERR_SYSTEM, "out of memory for a data set");
    }
    *set = (dataset){.n = n, .height = height, .width = width, .n_labels = k, .owner = memory};
    if (mapped) {
        memory->image_file = *mapped;
        *mapped = (npy){0};
    }
    err error = n < 1 || height < 1 || width < 1 || k < 1
                    ? err_set(ERR_USAGE, "a data set of %d images of %d x %d pixels with %d labels is empty",
                              n, width, height, k)
                    : allocate(set, memory);
    if (error != OK) {
        dataset_close(set);
        return error;
    }
    *out = set;
    return OK;
}

void dataset_close(dataset *set)
{
    if (!set) return;
    dataset_memory *memory = set->owner;
    string_store_close(&memory->strings);
    npy_close(&memory->image_file);
    free(memory->images);
    free(memory->labels);
    free(memory->label_names);
    free(memory->samples);
    free(memory);
    free(set);
}

err dataset_set_label(dataset *set, int k, const char *name)
{
    dataset_memory *memory = set->owner;
    memory->label_names[k] = string_of(memory, name);
    return memory->label_names[k] ? OK : err_set(ERR_SYSTEM, "out of memory for label names");
}

err dataset_set_sample(dataset *set, int i, const sample_info *info)
{
    dataset_memory *memory = set->owner;
    sample_info kept = {string_of(memory, info->id),     string_of(memory, info->patient),
                        string_of(memory, info->split),  string_of(memory, info->view),
                        string_of(memory, info->source), string_of(memory, info->report),
                        string_of(memory, info->sex),    string_of(memory, info->age)};
    memory->samples[i] = kept;
    if (!kept.id || !kept.patient || !kept.split || !kept.view || !kept.source || !kept.report || !kept.sex ||
        !kept.age)
        return err_set(ERR_SYSTEM, "out of memory for the texts of %d samples", set->n);
    return OK;
}

err label_names_check(const char *const *names, int k)
{
    for (int j = 0; j < k; j++) {
        if (!names[j] || !names[j][0]) return err_set(ERR_DATA, "label %d has no name", j + 1);
        for (int i = 0; i < j; i++)
            if (label_names_equal(names[i], names[j]))
                return err_set(
                    ERR_DATA,
                    "the labels \"%s\" and \"%s\" are the same name (case, '_', '-' and ' ' do not count)",
                    names[i], names[j]);
    }
    return OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static err check_ids(const dataset *set)
{
    const char **ids = malloc((size_t)set->n * sizeof *ids);
    if (!ids) return err_set(ERR_SYSTEM, "out of memory for %d sample ids", set->n);
    err error = OK;
    for (int i = 0; i < set->n && error == OK; i++) {
        ids[i] = set->samples[i].id;
        if (!ids[i] || !ids[i][0]) error = err_set(ERR_DATA, "sample %d has no id", i + 1);
    }
    if (error == OK) qsort(ids, (size_t)set->n, sizeof *ids, compare_texts);
    for (int i = 1; i < set->n && error == OK; i++)
        if (strcmp(ids[i - 1], ids[i]) == 0)
            error = err_set(ERR_DATA, "two samples have the id \"%.200s\"; ids must be unique", ids[i]);
    free(ids);
    return error;
}

void labels_decide(float *labels, size_t n, uncertain_policy policy)
{
    static const float decided[] = {[UNCERTAIN_UNKNOWN] = NAN, [UNCERTAIN_ZERO] = 0, [UNCERTAIN_ONE] = 1};
    for (size_t i = 0; i < n; i++)
        if (labels[i] == -1) labels[i] = decided[policy];
}

/* Sets every label to exactly 0, 1 or the one quiet NaN, so that equal labels are equal bytes. */
static err settle_labels(dataset *set)
{
    float *labels = ((dataset_memory *)set->owner)->labels;
    for (int i = 0; i < set->n; i++)
        for (int k = 0; k < set->n_labels; k++, labels++) {
            if (isnan(*labels))
                *labels = NAN;
            else if (*labels == 0)
                *labels = 0; /* -0 too */
            else if (*labels != 1)
                return err_set(ERR_DATA,
                               "sample %.200s: label \"%s\" is %g; it must be 0, 1 or NaN (unknown)",
                               set->samples[i].id, set->label_names[k], (double)*labels);
        }
    return OK;
}

static err hash_content(dataset *set)
{
    text words = {0};
    text_printf(&words, "%d %d %d %d", set->n, set->height, set->width, set->n_labels);
    for (int k = 0; k < set->n_labels; k++)
        text_bytes(&words, set->label_names[k], strlen(set->label_names[k]) + 1);
    for (int i = 0; i < set->n; i++) {
        const sample_info *s = &set->samples[i];
        const char *const fields[] = {s->id, s->patient, s->split, s->view, s->report};
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            text_bytes(&words, fields[f], strlen(fields[f]) + 1);
    }
    err error = text_check(&words);
    if (error == OK) {
        hash texts = hash_bytes(words.data, words.length);
        hash images = hash_bytes(set->images, (size_t)set->n * (size_t)set->height * (size_t)set->width);
        hash labels = hash_bytes(set->labels, (size_t)set->n * (size_t)set->n_labels * sizeof *set->labels);
        set->content = hash_texts(images.hex, labels.hex, texts.hex, (const char *)NULL);
    }
    text_close(&words);
    return error;
}

err dataset_finish(dataset *set)
{
    TRY(label_names_check(set->label_names, set->n_labels));
    TRY(check_ids(set));
    TRY(settle_labels(set));
    return hash_content(set);
}

void failure_note(first_failure *f, int index, err code)
{
#pragma omp critical(failure)
    if (index < f->index) {
        f->code = code;
        (void)snprintf(f->message, sizeof f->message, "%s", err_message());
#pragma omp atomic write
        f->index = index;
    }
}

bool failure_before(first_failure *f, int index)
{
    int first;
#pragma omp atomic read
    first = f->index;
    return first < index;
}

err failure_result(const first_failure *f)
{
    return f->index == INT_MAX ? OK : err_set(f->code, "%s", f->message);
}
