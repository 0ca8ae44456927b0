/* Which samples a reader study shows, in which order, and its key. */
#include "base/rng.h"
#include "base/text.h"
#include "bench/reader.h"
#include "data/report_text.h"

#include <stdlib.h>
#include <string.h>

const char *const reader_kind_names[2] = {"real", "synthetic"};

/* Whether a sample can be shown. */
static bool is_candidate(const dataset *set, int i, bool with_reports)
{
    const char *report = set->samples[i].report;
    return !with_reports || report[strspn(report, " \t\r\n")];
}

static err find_candidates(const dataset *set, bool with_reports, samples *out)
{
    *out = (samples){malloc(((size_t)set->n + 1) * sizeof *out->index), 0};
    if (!out->index) return err_set(ERR_SYSTEM, "out of memory for the study");
    for (int i = 0; i < set->n; i++)
        if (is_candidate(set, i, with_reports)) out->index[out->n++] = i;
    return OK;
}

/* Mixes the candidates; those who are the first of their patient come before the others. */
static err mix(const dataset *set, reader_kind kind, int seed, samples *candidates)
{
    rng random = rng_open((uint64_t)seed, "reader/draw", (uint64_t)kind);
    samples firsts;
    rng_shuffle(&random, candidates->index, candidates->n);
    TRY(samples_per_patient(set, candidates, &firsts));
    int *order = malloc(((size_t)candidates->n + 1) * sizeof *order), n = 0;
    if (order) {
        for (int i = 0; i < firsts.n; i++) order[n++] = firsts.index[i];
        for (int i = 0, next = 0; i < candidates->n; i++) {
            if (next < firsts.n && candidates->index[i] == firsts.index[next])
                next++;
            else
                order[n++] = candidates->index[i];
        }
        memcpy(candidates->index, order, (size_t)n * sizeof *order);
    }
    samples_close(&firsts);
    free(order);
    return order ? OK : err_set(ERR_SYSTEM, "out of memory for the study");
}

static err add_report(const dataset *set, int index, text *out)
{
    text cleaned = {0};
    err error = report_clean(set->samples[index].report, REPORT_RULES_IU, &cleaned);
    if (error == OK) error = report_readable(cleaned.data ? cleaned.data : "", out);
    text_close(&cleaned);
    return error == OK ? text_check(out) : err_context(error, "sample %.80s", set->samples[index].id);
}

static err draw_kind(reader_study *s, reader_kind kind, int pairs, int seed)
{
    const dataset *set = s->sets[kind];
    samples candidates;
    TRY(find_candidates(set, s->with_reports, &candidates));
    err error = mix(set, kind, seed, &candidates);
    if (error == OK && candidates.n < pairs)
        error = err_set(ERR_DATA, "the %s set has %d images%s, and the study needs %d%s",
                        reader_kind_names[kind], candidates.n, s->with_reports ? " with a report" : "", pairs,
                        s->with_reports ? "; --images-only shows no reports" : "");
    for (int i = 0; i < pairs && error == OK; i++) {
        reader_item *item = &s->items[s->n++];
        *item = (reader_item){.kind = kind, .index = candidates.index[i]};
        if (s->with_reports) error = add_report(set, item->index, &item->report);
    }
    samples_close(&candidates);
    return error;
}

/* The order of the form. */
static err shuffle(reader_study *s, int seed)
{
    int *order = malloc((size_t)s->n * sizeof *order);
    reader_item *items = malloc((size_t)s->n * sizeof *items);
    if (order && items) {
        rng random = rng_open((uint64_t)seed, "reader/order", 0);
        for (int i = 0; i < s->n; i++) order[i] = i;
        rng_shuffle(&random, order, s->n);
        for (int i = 0; i < s->n; i++) items[i] = s->items[order[i]];
        memcpy(s->items, items, (size_t)s->n * sizeof *items);
    }
    bool done = order && items;
    free(order);
    free(items);
    return done ? OK : err_set(ERR_SYSTEM, "out of memory for the study");
}

static err check_sizes(const reader_study *s)
{
    const dataset *a = s->sets[READER_REAL], *b = s->sets[READER_SYNTHETIC];
    if (a->width == b->width && a->height == b->height) return OK;
    return err_set(
        ERR_DATA,
        "the real images have %d x %d pixels and the synthetic ones %d x %d: the size would tell them "
        "apart; import the real ones at the other size",
        a->width, a->height, b->width, b->height);
}

err reader_study_open(const char *real, const char *synthetic, int pairs, int seed, bool with_reports,
                      reader_study *out)
{
    *out = (reader_study){.with_reports = with_reports};
    TRY(dataset_open_packed(real, &out->sets[READER_REAL]));
    TRY(dataset_open_packed(synthetic, &out->sets[READER_SYNTHETIC]));
    TRY(check_sizes(out));
    out->items = calloc(2 * (size_t)pairs, sizeof *out->items);
    if (!out->items) return err_set(ERR_SYSTEM, "out of memory for the study");
    TRY(draw_kind(out, READER_REAL, pairs, seed));
    TRY(draw_kind(out, READER_SYNTHETIC, pairs, seed));
    return shuffle(out, seed);
}

void reader_study_close(reader_study *s)
{
    for (int i = 0; i < s->n; i++) text_close(&s->items[i].report);
    free(s->items);
    dataset_close(s->sets[READER_REAL]);
    dataset_close(s->sets[READER_SYNTHETIC]);
    *s = (reader_study){0};
}

err reader_key(const reader_study *s, int seed, text *out)
{
    rng random = rng_open((uint64_t)seed, "reader/seal", 0);
    uint32_t seal[4];
    for (int i = 0; i < 4; i++) seal[i] = rng_u32(&random);
    text_printf(out, "item,kind,row,id,content,seal\n");
    for (int i = 0; i < s->n; i++) {
        const reader_item *item = &s->items[i];
        const dataset *set = s->sets[item->kind];
        text_printf(out, "%d,%s,%d,", i + 1, reader_kind_names[item->kind], item->index);
        text_csv_cell(out, set->samples[item->index].id);
        text_printf(out, ",%s,%08x%08x%08x%08x\n", set->content.hex, seal[0], seal[1], seal[2], seal[3]);
    }
    return text_check(out);
}
