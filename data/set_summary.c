#include "data/set_summary.h"

#include "base/files.h"
#include "base/hash.h"
#include "data/key_map.h"
#include "data/npy.h"
#include "data/patients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- labels ---- */

/* From the file itself, which tells uncertain from unknown. */
static void count_labels(set_summary *s, const float *labels)
{
    int k = s->set->n_labels;
    for (int i = 0; i < s->set->n; i++, labels += k)
        for (int a = 0; a < k; a++) {
            label_counts *c = &s->labels[a];
            float v = labels[a];
            long *which = isnan(v)  ? &c->unknown
                          : v == -1 ? &c->uncertain
                          : v == 0  ? &c->absent
                                    : &c->present;
            ++*which;
            for (int b = 0; b < k; b++) s->together[a * k + b] += v == 1 && labels[b] == 1;
        }
}

static err read_labels(set_summary *s, const char *folder)
{
    char path[PATH_BYTES];
    npy file;
    TRY(path_join(path, folder, "labels.npy"));
    TRY(npy_open(path, &file));
    count_labels(s, file.data);
    npy_close(&file);
    return OK;
}

/* ---- columns ---- */

/* The index of a name, a new one if there is room; -1 if there is not. */
static int name_index(name_counts *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (strncmp(c->names[i].name, name, SUMMARY_NAME_BYTES - 1) == 0) return i;
    if (c->n == SUMMARY_NAMES) return -1;
    (void)snprintf(c->names[c->n].name, SUMMARY_NAME_BYTES, "%s", name);
    return c->n++;
}

static int by_count(const void *a, const void *b)
{
    const name_count *x = a, *y = b;
    return (x->images < y->images) - (x->images > y->images);
}

/* Each patient counts once for each name that its images have; `had` has a bit a name. */
static err count_names(const set_summary *s, const patients *p, size_t offset, name_counts *out, long *torn)
{
    uint32_t *had = calloc((size_t)p->n, sizeof *had);
    if (!had) return err_set(ERR_SYSTEM, "out of memory for %d patients", p->n);
    for (int i = 0; i < s->set->n; i++) {
        const char *name = *(const char *const *)((const char *)&s->set->samples[i] + offset);
        int k = name_index(out, name);
        if (k < 0) {
            out->others++;
            continue;
        }
        uint32_t bit = 1U << k, *of = &had[p->of[i]];
        out->names[k].images++;
        out->names[k].patients += !(*of & bit);
        if (torn) *torn += *of && !(*of & bit) && !(*of & (*of - 1)); /* its second one */
        *of |= bit;
    }
    free(had);
    qsort(out->names, (size_t)out->n, sizeof *out->names, by_count);
    return OK;
}

static err count_patients(set_summary *s, const patients *p)
{
    long *images = calloc((size_t)p->n, sizeof *images);
    if (!images) return err_set(ERR_SYSTEM, "out of memory for %d patients", p->n);
    for (int i = 0; i < s->set->n; i++) {
        s->without_patient += !s->set->samples[i].patient[0];
        images[p->of[i]]++;
    }
    for (int k = 0; k < p->n; k++) {
        s->several += images[k] > 1;
        if (images[k] > s->most) s->most = images[k];
    }
    s->patients = p->n - s->without_patient;
    free(images);
    return OK;
}

static long count_words(const char *report)
{
    static const char blanks[] = " \t\r\n";
    long n = 0;
    for (const char *at = report + strspn(report, blanks); *at; at += strspn(at, blanks)) {
        at += strcspn(at, blanks);
        n++;
    }
    return n;
}

static void count_reports(set_summary *s)
{
    for (int i = 0; i < s->set->n; i++) {
        long words = count_words(s->set->samples[i].report);
        s->reports += words > 0;
        s->words += words;
    }
}

/* ---- pixels ---- */

static void note_duplicate(set_summary *s, const patients *p, int earlier, int later)
{
    const sample_info *a = &s->set->samples[earlier], *b = &s->set->samples[later];
    s->duplicates++;
    s->duplicate_patients += a->patient[0] && b->patient[0] && p->of[earlier] != p->of[later];
    s->duplicate_splits += strcmp(a->split, b->split) != 0;
    if (s->n_pairs == SUMMARY_PAIRS) return;
    s->pairs[s->n_pairs][0] = earlier;
    s->pairs[s->n_pairs++][1] = later;
}

/* The name of an image in the table is its hash. */
static err find_duplicate(set_summary *s, const patients *p, key_map *seen, int i)
{
    size_t pixels = (size_t)s->set->height * (size_t)s->set->width;
    const uint8_t *image = s->set->images + (size_t)i * pixels;
    hash content = hash_bytes(image, pixels);
    int64_t earlier;
    bool added;
    TRY(key_map_add(seen, content.hex, i, &added));
    if (added || !key_map_find(seen, content.hex, &earlier)) return OK;
    if (memcmp(image, s->set->images + (size_t)earlier * pixels, pixels) == 0)
        note_duplicate(s, p, (int)earlier, i);
    return OK;
}

static err look_at_pixels(set_summary *s, const patients *p)
{
    size_t pixels = (size_t)s->set->height * (size_t)s->set->width;
    key_map seen = {0};
    double sum = 0, squares = 0, all = (double)pixels * s->set->n;
    err error = OK;
    for (int i = 0; i < s->set->n && error == OK; i++) {
        const uint8_t *image = s->set->images + (size_t)i * pixels;
        uint64_t here = 0, here_squares = 0;
        for (size_t k = 0; k < pixels; k++) {
            here += image[k];
            here_squares += (uint64_t)image[k] * image[k];
        }
        s->flat += memcmp(image, image + 1, pixels - 1) == 0;
        sum += (double)here;
        squares += (double)here_squares;
        error = find_duplicate(s, p, &seen, i);
    }
    key_map_close(&seen);
    s->mean = sum / all;
    s->deviation = sqrt(fmax(0, squares / all - s->mean * s->mean));
    return error;
}

/* ---- all ---- */

static err count_all(set_summary *s, const char *folder)
{
    patients p;
    size_t k = (size_t)s->set->n_labels;
    s->labels = calloc(k, sizeof *s->labels);
    s->together = calloc(k * k, sizeof *s->together);
    if (!s->labels || !s->together) return err_set(ERR_SYSTEM, "out of memory for %zu labels", k);
    TRY(read_labels(s, folder));
    count_reports(s);
    TRY(patients_open(s->set, &p));
    err error = count_patients(s, &p);
    if (error == OK) error = count_names(s, &p, offsetof(sample_info, view), &s->views, NULL);
    if (error == OK) error = count_names(s, &p, offsetof(sample_info, split), &s->splits, &s->torn);
    if (error == OK) error = look_at_pixels(s, &p);
    patients_close(&p);
    return error;
}

err set_summary_open(const char *folder, set_summary *out)
{
    *out = (set_summary){0};
    TRY(dataset_open_packed(folder, &out->set));
    err error = count_all(out, folder);
    if (error != OK) set_summary_close(out);
    return error;
}

void set_summary_close(set_summary *s)
{
    if (!s) return;
    dataset_close(s->set);
    free(s->labels);
    free(s->together);
    *s = (set_summary){0};
}
