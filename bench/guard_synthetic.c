/* What must hold of images that a generator made, before anything is trained on them. */
#include "bench/guards.h"
#include "bench/provenance.h"
#include "data/near_duplicates.h"
#include "downstream/copies.h"

#include "base/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SYNTHETIC[] = "synthetic";

/* A generator's images beside the split that they are to be used on. */
typedef struct pair_of_sets {
    const dataset *real, *made;
    splits split;
} pair_of_sets;

/* ---- copies ---- */

/* At most MOST of the list, evenly spread over it: enough for the test, and its cost does not grow. */
static void thin(samples *list)
{
    enum { MOST = 200 };
    if (list->n <= MOST) return;
    for (int i = 0; i < MOST; i++) list->index[i] = list->index[(int)((long)i * list->n / MOST)];
    list->n = MOST;
}

static err all_of(const dataset *set, samples *out)
{
    *out = (samples){.index = malloc((size_t)set->n * sizeof(int)), .n = set->n};
    if (!out->index) return err_set(ERR_SYSTEM, "out of memory for %d samples", set->n);
    for (int i = 0; i < set->n; i++) out->index[i] = i;
    return OK;
}

static void list_copies(const pair_of_sets *p, const samples *which, const nearest_training *nearest,
                        double limit, guard_findings *f)
{
    for (int i = 0; i < which->n; i++) {
        if (!(nearest[i].relative < limit)) continue;
        char detail[64];
        const char *training = p->real->samples[p->split.train.index[nearest[i].index]].id;
        const guard_sample sample = {p->made->samples[which->index[i]].id, SYNTHETIC, training, "train"};
        (void)snprintf(detail, sizeof detail, "relative distance %.4f", nearest[i].relative);
        guard_add(f, GUARD_copies, &sample, detail);
    }
}

/* Lists what is nearer than the nearest twentieth of held-out images. */
static err judge(const pair_of_sets *p, const samples *which, const nearest_training *made,
                 const nearest_training *held_out, int m, guard_findings *f)
{
    static const double level = 1e-4;
    int n = which->n;
    copy_test t;
    double *values = malloc(((size_t)n + (size_t)m) * sizeof *values);
    if (!values) return err_set(ERR_SYSTEM, "out of memory for the distances of %d images", n + m);
    double *others = values + n;
    for (int i = 0; i < n; i++) values[i] = made[i].relative;
    for (int i = 0; i < m; i++) others[i] = held_out[i].relative;
    err error = copy_test_of(values, n, others, m, level, &t);
    if (error == OK && (t.low > 0.5 || t.near_p <= level)) {
        qsort(others, (size_t)m, sizeof *others, order_doubles);
        list_copies(p, which, made, others[m / 20], f);
        (void)snprintf(
            f->messages[GUARD_copies], sizeof f->messages[0],
            "images are nearer to training images than held-out ones are: score %.3f, %.3f to %.3f "
            "(0.5: as near), and %d of %d nearer than almost all of those",
            t.score, t.low, t.high, t.near, n);
        if (f->violations[GUARD_copies] == 0) list_copies(p, which, made, 1e9, f);
    }
    free(values);
    return error;
}

static err compare(const pair_of_sets *p, const samples *which, const samples *held_out, guard_findings *f)
{
    nearest_training *made = calloc((size_t)which->n, sizeof *made);
    nearest_training *others = calloc((size_t)held_out->n, sizeof *others);
    const samples *training = &p->split.train;
    err error = made && others ? OK : err_set(ERR_SYSTEM, "out of memory for %d images", which->n);
    if (error == OK) error = copies_by_pixels(p->made, which, p->real, training, made);
    if (error == OK) error = copies_by_pixels(p->real, held_out, p->real, training, others);
    if (error == OK) error = judge(p, which, made, others, held_out->n, f);
    free(made);
    free(others);
    return error;
}

static err check_copies(const pair_of_sets *p, guard_findings *f)
{
    samples which = {0}, held_out = {0};
    err error = all_of(p->made, &which);
    if (error == OK) error = samples_per_patient(p->real, &p->split.test, &held_out);
    if (error == OK) {
        thin(&which);
        thin(&held_out);
        bool enough =
            which.n >= COPY_LEAST && held_out.n >= COPY_LEAST && p->split.train.n >= COPY_NEIGHBOURS;
        if (enough) error = compare(p, &which, &held_out, f);
    }
    samples_close(&which);
    samples_close(&held_out);
    return error;
}

/* ---- near duplicates of held-out images ---- */

static err check_held_out(const builder *b, const pair_of_sets *p, guard_findings *f)
{
    const near_options o = {.least = guard_agreement(&b->study->s), .least_look = 0.98F};
    const samples *lists[] = {&p->split.validation, &p->split.test};
    static const char *const sides[] = {"validation", "test"};
    for (int side = 0; side < 2; side++) {
        dataset *held_out;
        near_duplicates found;
        if (lists[side]->n == 0) continue;
        TRY(dataset_select(p->real, lists[side], NULL, &held_out));
        err error = near_duplicates_find(p->made, held_out, &o, &found);
        for (int i = 0; i < found.n && error == OK; i++) {
            char detail[64];
            const guard_sample pair = {p->made->samples[found.pairs[i].a].id, SYNTHETIC,
                                       held_out->samples[found.pairs[i].b].id, sides[side]};
            (void)snprintf(detail, sizeof detail, "agreement %.4f", found.pairs[i].agreement);
            guard_add(f, GUARD_near_duplicates, &pair, detail);
            if (f->violations[GUARD_near_duplicates] > 1) continue;
            (void)snprintf(f->messages[GUARD_near_duplicates], sizeof f->messages[0],
                           "synthetic images are like held-out ones, such as %.100s and %.100s (%s)",
                           pair.sample, pair.other, sides[side]);
        }
        if (error == OK) near_duplicates_close(&found);
        dataset_close(held_out);
        TRY(error);
    }
    return OK;
}

/* ---- the generator's training split ---- */

static void blame(const pair_of_sets *p, const char *path, provenance_match match, const bool *seen,
                  guard_findings *f)
{
    static const char *const what[] = {
        [PROVENANCE_UNKNOWN] =
            "nothing tells what the generator was trained on: list its samples in a column id in",
        [PROVENANCE_OTHER] = "the generator was trained on other data than these, says",
        [PROVENANCE_SEEN] = "the generator has seen samples that are not in the training split, says"};
    guard_sample sample = {"", SYNTHETIC, "", ""};
    (void)snprintf(f->messages[GUARD_generator_split], sizeof f->messages[0], "%s %.250s", what[match], path);
    if (match != PROVENANCE_SEEN) guard_add(f, GUARD_generator_split, &sample, path);
    for (int i = 0; i < p->real->n && match == PROVENANCE_SEEN; i++) {
        if (!seen[i]) continue;
        sample = (guard_sample){p->real->samples[i].id, "held out", "", SYNTHETIC};
        guard_add(f, GUARD_generator_split, &sample, path);
    }
}

static err check_generator(const char *folder, const pair_of_sets *p, guard_findings *f)
{
    char path[PATH_BYTES];
    provenance_match match = PROVENANCE_UNKNOWN;
    size_t n = (size_t)p->real->n;
    bool *forbidden = malloc(n * sizeof *forbidden), *seen = calloc(n, sizeof *seen);
    err error = forbidden && seen ? provenance_within(folder, path)
                                  : err_set(ERR_SYSTEM, "out of memory for %zu samples", n);
    for (size_t i = 0; i < n && error == OK; i++) forbidden[i] = true;
    for (int i = 0; i < p->split.train.n && error == OK; i++) forbidden[p->split.train.index[i]] = false;
    if (error == OK) error = provenance_check(path, p->real, forbidden, seen, &match);
    if (error == OK && match != PROVENANCE_CLEAN) blame(p, path, match, seen, f);
    free(forbidden);
    free(seen);
    return error;
}

/* ---- all of them ---- */

/* Where the images came from: the folder of an arm, or the artifact itself. */
static err name_folder(const builder *b, const artifact *a, char out[PATH_BYTES])
{
    char source[ARM_SOURCE_BYTES];
    if (a->images == IMAGES_EMIXER) return builder_path(b, a->inputs[1], NULL, out);
    arm_source(&b->study->arms[a->arm], a->seed, a->shots, source);
    (void)snprintf(out, PATH_BYTES, "%s", strchr(source, ':') + 1);
    return OK;
}

err guard_synthetic(builder *b, const artifact *a, guard_findings *out)
{
    const settings *s = &b->study->s;
    char path[PATH_BYTES], folder[PATH_BYTES];
    pair_of_sets p = {0};
    dataset *made = NULL;
    TRY(builder_dataset(b, &p.real));
    TRY(builder_path(b, a->inputs[1], NULL, path));
    TRY(name_folder(b, a, folder));
    err error = splits_open_published(p.real, s->validation, s->test, (uint64_t)a->seed, &p.split);
    if (error == OK) error = dataset_open_packed(path, &made);
    p.made = made;
    if (error == OK) error = check_generator(folder, &p, out);
    if (error == OK) error = check_held_out(b, &p, out);
    if (error == OK) error = check_copies(&p, out);
    dataset_close(made);
    splits_close(&p.split);
    return error;
}
