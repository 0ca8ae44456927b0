#include "data/dataset.h"

#include "data/build.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int size_limit = 4096;

err dataset_open(const char *source, int size, int count, uint64_t seed, dataset **out)
{
    return dataset_open_uncertain(source, size, count, seed, UNCERTAIN_UNKNOWN, out);
}

err dataset_open_uncertain(const char *source, int size, int count, uint64_t seed, uncertain_policy policy,
                           dataset **out)
{
    *out = NULL;
    if (size < 1 || size > size_limit)
        return err_set(ERR_USAGE, "image size %d: 1 to %d is possible", size, size_limit);
    if (strcmp(source, "phantom") == 0) return phantom_set_open("covid", size, count, seed, out);
    if (strncmp(source, "phantom:", 8) == 0) return phantom_set_open(source + 8, size, count, seed, out);
    if (strncmp(source, "folder:", 7) == 0) return folder_set_open(source + 7, size, out);
    if (strncmp(source, "packed:", 7) == 0) return packed_set_open(source + 7, size, policy, out);
    return err_set(
        ERR_USAGE,
        "data source \"%s\" is unknown; use phantom:covid, phantom:chexpert, folder:DIR or packed:DIR",
        source);
}

err dataset_from_arrays(const uint8_t *images, const float *labels, int n, int size, int k,
                        const char *const *label_names, const char *source, dataset **out)
{
    dataset *set;
    *out = NULL;
    TRY(dataset_begin(n, size, size, k, NULL, &set));
    err error = OK;
    dataset_memory *memory = dataset_memory_of(set);
    memcpy(memory->images, images, (size_t)n * (size_t)size * (size_t)size);
    memcpy(memory->labels, labels, (size_t)n * (size_t)k * sizeof *labels);
    for (int j = 0; j < k; j++) TRY_GOTO(dataset_set_label(set, j, label_names[j]), failed);
    for (int i = 0; i < n; i++) {
        char id[512];
        (void)snprintf(id, sizeof id, "%.480s-%d", source, i);
        sample_info info = {id, "", "", "UNKNOWN", source, "", "", ""};
        TRY_GOTO(dataset_set_sample(set, i, &info), failed);
    }
    TRY_GOTO(dataset_finish(set), failed);
    *out = set;
    return OK;
failed:
    dataset_close(set);
    return error;
}

static err copy_with_reports(const dataset *set, const char *const *reports, dataset *copy)
{
    for (int j = 0; j < set->n_labels; j++) TRY(dataset_set_label(copy, j, set->label_names[j]));
    for (int i = 0; i < set->n; i++) {
        sample_info info = set->samples[i];
        info.report = reports[i] ? reports[i] : "";
        TRY(dataset_set_sample(copy, i, &info));
    }
    return dataset_finish(copy);
}

err dataset_with_reports(const dataset *set, const char *const *reports, dataset **out)
{
    dataset *copy;
    *out = NULL;
    TRY(dataset_begin(set->n, set->height, set->width, set->n_labels, NULL, &copy));
    dataset_memory *memory = dataset_memory_of(copy);
    size_t n = (size_t)set->n;
    memcpy(memory->images, set->images, n * (size_t)set->height * (size_t)set->width);
    memcpy(memory->labels, set->labels, n * (size_t)set->n_labels * sizeof *set->labels);
    err error = copy_with_reports(set, reports, copy);
    if (error != OK)
        dataset_close(copy);
    else
        *out = copy;
    return error;
}

/* Letters in lower case, and one sign for the three that separate words. */
static int folded(char c)
{
    if (c == '_' || c == '-') return ' ';
    return tolower((unsigned char)c);
}

bool label_names_equal(const char *a, const char *b)
{
    while (*a && folded(*a) == folded(*b)) a++, b++;
    return !*a && !*b;
}

int dataset_label(const dataset *set, const char *name)
{
    for (int k = 0; k < set->n_labels; k++)
        if (label_names_equal(set->label_names[k], name)) return k;
    return -1;
}

int dataset_class(const dataset *set, int sample)
{
    const float *row = set->labels + (size_t)sample * (size_t)set->n_labels;
    int found = -1;
    for (int k = 0; k < set->n_labels; k++) {
        if (!(row[k] > 0)) continue; /* NaN too */
        if (found >= 0) return -1;
        found = k;
    }
    return found;
}

void pixels_of_bytes(const uint8_t *bytes, size_t n, float *out)
{
    for (size_t p = 0; p < n; p++) out[p] = (float)bytes[p] / 127.5F - 1.0F;
}

void dataset_pixels(const dataset *set, int i, float *out)
{
    size_t pixels = (size_t)set->height * (size_t)set->width;
    pixels_of_bytes(set->images + (size_t)i * pixels, pixels, out);
}

void samples_close(samples *list)
{
    if (!list) return;
    free(list->index);
    *list = (samples){0};
}
