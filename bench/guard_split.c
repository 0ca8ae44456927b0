/* What must hold of data and split, whatever is trained on them. */
#include "bench/guards.h"
#include "bench/lessons.h"
#include "bench/provenance.h"
#include "data/key_map.h"
#include "data/near_duplicates.h"
#include "data/report_text.h"
#include "data/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const side_names[] = {"train", "validation", "test"};
enum { TRAIN, VALIDATION, TEST, SIDES };

/* A set whose samples are put on sides. */
typedef struct sided {
    const dataset *set;
    int *side; /* (set->n) */
} sided;

static void put(sided *s, const samples *list, int side)
{
    for (int i = 0; i < list->n; i++) s->side[list->index[i]] = side;
}

static err sided_open(const settings *s, const dataset *set, int seed, sided *out)
{
    splits parts;
    *out = (sided){set, calloc((size_t)set->n, sizeof(int))}; /* all on the training side */
    if (!out->side) return err_set(ERR_SYSTEM, "out of memory for the sides of %d samples", set->n);
    TRY(splits_open_published(set, s->validation, s->test, (uint64_t)seed, &parts));
    put(out, &parts.validation, VALIDATION);
    put(out, &parts.test, TEST);
    splits_close(&parts);
    return OK;
}

static void add_pair(guard_findings *f, int guard, const sided *s, int a, int b, const char *detail)
{
    const guard_sample pair = {s->set->samples[a].id, side_names[s->side[a]], s->set->samples[b].id,
                               side_names[s->side[b]]};
    guard_add(f, guard, &pair, detail);
}

/* ---- patients ---- */

/* Each sample whose patient's first one is on another side. */
static err find_patients(const sided *s, guard_findings *f)
{
    key_map first = {0};
    int patients = 0;
    const char *last = "";
    err error = OK;
    for (int i = 0; i < s->set->n && error == OK; i++) {
        const char *patient = s->set->samples[i].patient;
        int64_t earlier = i;
        bool added;
        if (!patient[0]) continue;
        error = key_map_add(&first, patient, i, &added);
        if (error != OK || added || !key_map_find(&first, patient, &earlier)) continue;
        if (s->side[earlier] == s->side[i]) continue;
        add_pair(f, GUARD_patients, s, (int)earlier, i, patient);
        if (patients++ == 0) last = patient;
    }
    key_map_close(&first);
    (void)snprintf(f->messages[GUARD_patients], sizeof f->messages[0],
                   "%d images are on another side than their patient's first one, such as patient %.100s",
                   patients, last);
    return error;
}

/* ---- near duplicates ---- */

err twins_build(builder *b, const artifact *a, const char *work)
{
    (void)a;
    /* Whole images that are one agree to 0.99 even in the large (data/near_duplicates.c). */
    const near_options o = {.least = guard_agreement(&b->study->s), .least_look = 0.98F};
    const dataset *set;
    near_duplicates found;
    char path[PATH_BYTES];
    TRY(path_join(path, work, "pairs.csv"));
    TRY(builder_dataset(b, &set));
    TRY(near_duplicates_find(set, NULL, &o, &found));
    text t = {0};
    text_printf(&t, "a,b,agreement\n");
    for (int i = 0; i < found.n; i++)
        text_printf(&t, "%d,%d,%.4f\n", found.pairs[i].a, found.pairs[i].b, found.pairs[i].agreement);
    near_duplicates_close(&found);
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

static err find_twins(const sided *s, const table *pairs, guard_findings *f)
{
    char detail[64] = "";
    for (int row = 0; row < pairs->rows; row++) {
        int i = (int)strtol(table_cell(pairs, row, 0), NULL, 10);
        int j = (int)strtol(table_cell(pairs, row, 1), NULL, 10);
        if (i < 0 || j < 0 || i >= s->set->n || j >= s->set->n)
            return err_set(ERR_DATA, "pairs.csv: samples %d and %d are not there", i, j);
        if (s->side[i] == s->side[j]) continue;
        (void)snprintf(detail, sizeof detail, "agreement %.20s", table_cell(pairs, row, 2));
        add_pair(f, GUARD_near_duplicates, s, i, j, detail);
        if (f->violations[GUARD_near_duplicates] > 1) continue;
        (void)snprintf(f->messages[GUARD_near_duplicates], sizeof f->messages[0],
                       "images on both sides are alike, such as %.100s (%s) and %.100s (%s)",
                       s->set->samples[i].id, side_names[s->side[i]], s->set->samples[j].id,
                       side_names[s->side[j]]);
    }
    return OK;
}

static err find_near_duplicates(const builder *b, const artifact *a, const sided *s, guard_findings *f)
{
    enum { LIMIT = 1 << 30 };
    char path[PATH_BYTES];
    table pairs;
    TRY(builder_path(b, a->inputs[1], "pairs.csv", path));
    TRY(table_open(path, LIMIT, &pairs));
    err error = find_twins(s, &pairs, f);
    table_close(&pairs);
    return error;
}

/* ---- what has been fitted on the test split ---- */

/* Which of a set's reports another sample has, too: those may come from anywhere. */
static err find_repeated(const report_texts *own, bool *repeated)
{
    key_map first = {0};
    err error = OK;
    for (int i = 0; i < own->n && error == OK; i++) {
        int64_t earlier = i;
        bool added;
        if (!own->cleaned[i]) continue;
        error = key_map_add(&first, own->cleaned[i], i, &added);
        if (error != OK || added || !key_map_find(&first, own->cleaned[i], &earlier)) continue;
        repeated[i] = repeated[earlier] = true;
    }
    key_map_close(&first);
    return error;
}

static err index_texts(const report_texts *texts_of, key_map *out)
{
    for (int i = 0; i < texts_of->n; i++) {
        bool added;
        if (texts_of->cleaned[i]) TRY(key_map_add(out, texts_of->cleaned[i], i, &added));
    }
    return OK;
}

/* Counts test reports of one sample alone, and which of them are among other texts. A text that has all of
 * the set's reports has them all; one by other people has few. */
static void compare_reports(const sided *s, const report_texts *own, const bool *repeated,
                            const key_map *others, guard_findings *f)
{
    enum { LEAST = 3 };
    int unique = 0, found = 0;
    int64_t at;
    guard_findings seen = {0};
    for (int i = 0; i < own->n; i++) {
        if (s->side[i] != TEST || !own->cleaned[i] || repeated[i]) continue;
        const guard_sample sample = {s->set->samples[i].id, side_names[TEST], "", "data.texts"};
        unique++;
        if (!key_map_find(others, own->cleaned[i], &at)) continue;
        guard_add(&seen, GUARD_test_fitted, &sample, "its report");
        found++;
    }
    if (found >= LEAST && 2 * found > unique) {
        (void)snprintf(
            seen.messages[GUARD_test_fitted], sizeof seen.messages[0],
            "%d of %d reports that only one test image has are in data.texts, from which words are "
            "learned",
            found, unique);
        guard_findings_close(f);
        *f = seen;
    } else {
        guard_findings_close(&seen);
    }
}

static err check_texts(const settings *s, const sided *on, guard_findings *f)
{
    report_texts own = {0}, other = {0};
    key_map others = {0};
    bool *repeated = calloc((size_t)on->set->n, sizeof *repeated);
    err error = repeated ? lesson_texts(s, on->set, &own, &other)
                         : err_set(ERR_SYSTEM, "out of memory for %d reports", on->set->n);
    if (error == OK) error = find_repeated(&own, repeated);
    if (error == OK) error = index_texts(&other, &others);
    if (error == OK) compare_reports(on, &own, repeated, &others, f);
    key_map_close(&others);
    report_texts_close(&own);
    report_texts_close(&other);
    free(repeated);
    return error;
}

static err check_weights(const settings *s, const sided *on, guard_findings *f)
{
    const dataset *set = on->set;
    char path[PATH_BYTES];
    int count = 0;
    provenance_match match = PROVENANCE_UNKNOWN;
    bool *test = calloc((size_t)set->n, sizeof *test), *seen = calloc((size_t)set->n, sizeof *seen);
    err error = test && seen ? provenance_beside(s->weights, path)
                             : err_set(ERR_SYSTEM, "out of memory for %d samples", set->n);
    for (int i = 0; i < set->n && error == OK; i++) test[i] = on->side[i] == TEST;
    if (error == OK) error = provenance_check(path, set, test, seen, &match);
    for (int i = 0; i < set->n && match == PROVENANCE_SEEN; i++) {
        const guard_sample sample = {set->samples[i].id, side_names[TEST], "", "downstream.weights"};
        if (!seen[i]) continue;
        guard_add(f, GUARD_test_fitted, &sample, "trained on");
        count++;
    }
    if (count > 0)
        (void)snprintf(f->messages[GUARD_test_fitted], sizeof f->messages[0],
                       "downstream.weights were trained on %d test images (%.200s)", count, path);
    free(test);
    free(seen);
    return error;
}

/* ---- all of them ---- */

err guard_split(builder *b, const artifact *a, guard_findings *out)
{
    const study *experiment = b->study;
    const settings *s = &experiment->s;
    const dataset *set;
    sided on = {0};
    TRY(builder_dataset(b, &set));
    err error = sided_open(s, set, a->seed, &on);
    if (error == OK && s->emixer_pairs > 0 && s->texts[0] && study_needs_generator(experiment))
        error = check_texts(s, &on, out);
    if (error == OK && s->weights[0]) error = check_weights(s, &on, out);
    if (error == OK) error = find_patients(&on, out);
    if (error == OK) error = find_near_duplicates(b, a, &on, out);
    free(on.side);
    return error;
}
