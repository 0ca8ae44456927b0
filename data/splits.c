/* Splits by patient, stratified as in Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label
 * data" (ECML PKDD 2011): the rarest stratum first, each patient to the side that still lacks most of it.
 * Their fractional wishes are replaced by whole quotas, so that a stratum of three patients reaches all three
 * sides. */
#include "base/rng.h"
#include "data/build.h"
#include "data/patients.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum side {
    TRAIN = SPLIT_TRAIN,
    VALIDATION = SPLIT_VALIDATION,
    TEST = SPLIT_TEST,
    SIDES = SPLIT_SIDES,
    UNDECIDED = SIDES
} side;

static const char *const side_names[SIDES] = {"train", "validation", "test"};

typedef struct splitter {
    const dataset *set;
    patients patients;
    int strata;
    int *stratum;       /* set.n */
    side *side_of;      /* patients.n */
    int *quota;         /* (strata, SIDES): patients of the stratum that the side still lacks */
    unsigned char *has; /* (patients.n, strata) */
} splitter;

/* The class in a one-hot set, else the number of positive labels. */
static void find_strata(splitter *s)
{
    const dataset *set = s->set;
    bool one_hot = true;
    for (int i = 0; i < set->n; i++) one_hot = one_hot && dataset_class(set, i) >= 0;
    s->strata = one_hot ? set->n_labels : set->n_labels + 1;
    for (int i = 0; i < set->n; i++) {
        const float *row = set->labels + (size_t)i * (size_t)set->n_labels;
        int positive = 0;
        for (int k = 0; k < set->n_labels; k++) positive += row[k] > 0;
        s->stratum[i] = one_hot ? dataset_class(set, i) : positive;
    }
}

static void splitter_close(splitter *s)
{
    patients_close(&s->patients);
    free(s->stratum);
    free(s->side_of);
    free(s->quota);
    free(s->has);
}

/* A patient on several sides of a publisher's split becomes several: one for each side. */
static err part_patients(splitter *s)
{
    const dataset *set = s->set;
    patients *p = &s->patients;
    for (int i = 0; i < set->n; i++)
        if (split_side(set->samples[i].split) < 0) return OK; /* not kept, or refused later */
    int known = p->n, *part = malloc((size_t)known * SIDES * sizeof *part);
    if (!part) return err_set(ERR_SYSTEM, "out of memory for splitting %d samples", set->n);
    for (int i = 0; i < known * SIDES; i++) part[i] = -1;
    for (int i = 0; i < set->n; i++) {
        int named = split_side(set->samples[i].split);
        int *own = &part[p->of[i] * SIDES + named];
        const int *sides = &part[p->of[i] * SIDES];
        bool first = sides[TRAIN] < 0 && sides[VALIDATION] < 0 && sides[TEST] < 0;
        if (*own < 0) *own = first ? p->of[i] : p->n++;
        p->of[i] = *own;
    }
    free(part);
    return OK;
}

static err splitter_open(const dataset *set, bool as_published, splitter *s)
{
    *s = (splitter){.set = set};
    TRY(patients_open(set, &s->patients));
    if (as_published) TRY(part_patients(s));
    size_t n = (size_t)s->patients.n, most_strata = (size_t)set->n_labels + 1;
    s->stratum = calloc((size_t)set->n, sizeof *s->stratum);
    s->side_of = calloc(n, sizeof *s->side_of);
    s->quota = calloc(most_strata * SIDES, sizeof *s->quota);
    s->has = calloc(n, most_strata);
    if (!s->stratum || !s->side_of || !s->quota || !s->has)
        return err_set(ERR_SYSTEM, "out of memory for splitting %d samples", set->n);
    find_strata(s);
    for (size_t p = 0; p < n; p++) s->side_of[p] = UNDECIDED;
    for (int i = 0; i < set->n; i++)
        s->has[(size_t)s->patients.of[i] * (size_t)s->strata + (size_t)s->stratum[i]] = 1;
    return OK;
}

static bool patient_has(const splitter *s, int patient, int stratum)
{
    return s->has[(size_t)patient * (size_t)s->strata + (size_t)stratum] != 0;
}

/* ---- the publisher's split ---- */

int split_side(const char *name)
{
    static const struct {
        const char *name;
        side side;
    } names[] = {{"train", TRAIN},    {"validate", VALIDATION},   {"valid", VALIDATION},
                 {"val", VALIDATION}, {"validation", VALIDATION}, {"test", TEST}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i].name) == 0) return (int)names[i].side;
    return -1;
}

static err keep_published(splitter *s, bool *published)
{
    const dataset *set = s->set;
    *published = true;
    for (int i = 0; i < set->n; i++) *published = *published && set->samples[i].split[0];
    if (!*published) return OK;
    for (int i = 0; i < set->n; i++) {
        const sample_info *info = &set->samples[i];
        int named = split_side(info->split);
        side found = (side)named, *kept = &s->side_of[s->patients.of[i]];
        if (named < 0)
            return err_set(ERR_DATA, "sample %.200s: split \"%.100s\" is none of train, validate and test",
                           info->id, info->split);
        if (*kept != UNDECIDED && *kept != found)
            return err_set(
                ERR_DATA,
                "patient %.200s is in both %s and %s of the publisher's split; mend it, or empty the split "
                "column to have patients split anew",
                info->patient, side_names[*kept], side_names[found]);
        *kept = found;
    }
    return OK;
}

/* ---- our own ---- */

/* n patients by largest remainder; then, from three patients on, one for every side that wants any. */
static void fill_quota(int n, const double fractions[SIDES], int quota[SIDES])
{
    static const side by_right[SIDES] = {TRAIN, TEST, VALIDATION}; /* who gets the patient on a tie */
    int left = n;
    for (int i = 0; i < SIDES; i++) left -= quota[i] = (int)floor(fractions[i] * n);
    for (; left > 0; left--) {
        side best = by_right[0];
        for (int i = 1; i < SIDES; i++) {
            side rival = by_right[i];
            if (fractions[rival] * n - quota[rival] > fractions[best] * n - quota[best] + 1e-9) best = rival;
        }
        quota[best]++;
    }
    for (int i = 0; i < SIDES && n >= SIDES; i++) {
        if (quota[i] > 0 || fractions[i] <= 0) continue;
        side richest = TRAIN;
        for (side r = TRAIN; r < SIDES; r++)
            if (quota[r] > quota[richest]) richest = r;
        quota[richest]--;
        quota[i]++;
    }
}

/* The side that lacks most of this stratum, then most of all the patient's strata together. */
static side wanting(const splitter *s, int patient, int stratum, const double fractions[SIDES])
{
    side best = UNDECIDED;
    int best_lack = 0, best_total = 0;
    for (side i = TRAIN; i < SIDES; i++) {
        if (fractions[i] <= 0) continue;
        int lack = s->quota[stratum * SIDES + (int)i], total = 0;
        for (int k = 0; k < s->strata; k++)
            if (patient_has(s, patient, k)) total += s->quota[k * SIDES + (int)i];
        if (best == UNDECIDED || lack > best_lack || (lack == best_lack && total > best_total)) {
            best = i;
            best_lack = lack;
            best_total = total;
        }
    }
    return best;
}

static void place(splitter *s, int patient, side chosen)
{
    s->side_of[patient] = chosen;
    for (int k = 0; k < s->strata; k++)
        if (patient_has(s, patient, k)) s->quota[k * SIDES + (int)chosen]--;
}

/* The undecided patients of a stratum, into list; returns how many. */
static int undecided(const splitter *s, int stratum, int *list)
{
    int n = 0;
    for (int p = 0; p < s->patients.n; p++)
        if (s->side_of[p] == UNDECIDED && patient_has(s, p, stratum)) list[n++] = p;
    return n;
}

/* Places all undecided patients, those of the stratum with the fewest of them first. */
static err place_all(splitter *s, const double fractions[SIDES], uint64_t seed)
{
    int *list = malloc((size_t)s->patients.n * sizeof *list);
    if (!list) return err_set(ERR_SYSTEM, "out of memory for splitting %d patients", s->patients.n);
    for (int k = 0; k < s->strata; k++) fill_quota(undecided(s, k, list), fractions, s->quota + k * SIDES);
    for (;;) {
        int rarest = -1, fewest = 0;
        for (int k = 0; k < s->strata; k++) {
            int n = undecided(s, k, list);
            if (n > 0 && (rarest < 0 || n < fewest)) {
                rarest = k;
                fewest = n;
            }
        }
        if (rarest < 0) break;
        int n = undecided(s, rarest, list);
        rng draw = rng_open(seed, "split", (uint64_t)rarest);
        rng_shuffle(&draw, list, n);
        for (int i = 0; i < n; i++) place(s, list[i], wanting(s, list[i], rarest, fractions));
    }
    free(list);
    return OK;
}

static err gather(const splitter *s, side wanted, samples *out)
{
    *out = (samples){.index = malloc((size_t)s->set->n * sizeof *out->index)};
    if (!out->index) return err_set(ERR_SYSTEM, "out of memory for splitting %d samples", s->set->n);
    for (int i = 0; i < s->set->n; i++)
        if (s->side_of[s->patients.of[i]] == wanted) out->index[out->n++] = i;
    return OK;
}

static bool side_exists(const splitter *s, side wanted)
{
    for (int p = 0; p < s->patients.n; p++)
        if (s->side_of[p] == wanted) return true;
    return false;
}

static err decide(splitter *s, double validation, double test, uint64_t seed)
{
    bool published;
    TRY(keep_published(s, &published));
    if (!published) return place_all(s, (const double[SIDES]){1 - validation - test, validation, test}, seed);
    /* Sides that the publisher did not give are taken from the training side. */
    if (side_exists(s, VALIDATION)) validation = 0;
    if (side_exists(s, TEST)) test = 0;
    if (validation <= 0 && test <= 0) return OK;
    for (int p = 0; p < s->patients.n; p++)
        if (s->side_of[p] == TRAIN) s->side_of[p] = UNDECIDED;
    return place_all(s, (const double[SIDES]){1 - validation - test, validation, test}, seed);
}

static err split(const dataset *set, double validation, double test, uint64_t seed, bool as_published,
                 splits *out)
{
    *out = (splits){0};
    if (!(validation >= 0 && test > 0 && validation + test < 1))
        return err_set(
            ERR_USAGE,
            "validation %g and test %g: they must be at least 0, test above 0, and their sum below 1",
            validation, test);
    splitter s;
    err error;
    TRY_GOTO(splitter_open(set, as_published, &s), done);
    TRY_GOTO(decide(&s, validation, test, seed), done);
    TRY_GOTO(gather(&s, TRAIN, &out->train), done);
    TRY_GOTO(gather(&s, VALIDATION, &out->validation), done);
    TRY_GOTO(gather(&s, TEST, &out->test), done);
    const char *empty = out->train.n == 0                          ? side_names[TRAIN]
                        : out->test.n == 0                         ? side_names[TEST]
                        : out->validation.n == 0 && validation > 0 ? side_names[VALIDATION]
                                                                   : NULL;
    if (empty)
        error = err_set(ERR_DATA, "%d samples of %d patients are too few: none is left for the %s side",
                        set->n, s.patients.n, empty);
done:
    splitter_close(&s);
    if (error != OK) splits_close(out);
    return error;
}

err splits_open(const dataset *set, double validation, double test, uint64_t seed, splits *out)
{
    return split(set, validation, test, seed, false, out);
}

err splits_open_published(const dataset *set, double validation, double test, uint64_t seed, splits *out)
{
    return split(set, validation, test, seed, true, out);
}

void splits_close(splits *s)
{
    if (!s) return;
    samples_close(&s->train);
    samples_close(&s->validation);
    samples_close(&s->test);
}
