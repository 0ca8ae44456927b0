/* Whether synthetic images copy training images: verdict, list and sheet. */
#include "bench/score.h"

#include "base/text.h"
#include "data/images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const copy_spaces[COPY_SPACES] = {"features", "pixels"};

void copy_report_close(copy_report *c)
{
    for (int i = 0; i < COPY_SPACES; i++) free(c->nearest[i]);
    *c = (copy_report){0};
}

static err find_nearest(const sides *s, int space, const side *x, nearest_training *out)
{
    if (space == 0)
        return copies_by_features(x->features, x->list.n, s->training.features, s->training.list.n, s->d,
                                  out);
    return copies_by_pixels(x->set, &x->list, s->real_set, &s->training.list, out);
}

/* Both distances of the images that are the first of their patient: values (2,n), *n. */
static err independent(const side *x, const nearest_training *nearest, double *values, int *n)
{
    samples first = {0};
    if (x->set) TRY(samples_per_patient(x->set, &x->list, &first));
    *n = 0;
    for (int i = 0; i < x->list.n; i++) {
        if (x->set && (*n == first.n || first.index[*n] != x->list.index[i])) continue;
        values[*n] = nearest[i].relative;
        values[x->list.n + *n] = nearest[i].distance;
        ++*n;
    }
    samples_close(&first);
    return OK;
}

static err test_both(const sides *s, const nearest_training *synthetic, const nearest_training *held_out,
                     double level, copy_test *relative, double *distance_score)
{
    copy_test distance;
    const side *a = &s->synthetic, *b = &s->held_out;
    size_t room = (size_t)a->list.n + (size_t)b->list.n;
    double *values = malloc(2 * room * sizeof *values), *others = values ? values + 2 * a->list.n : NULL;
    if (!values) return err_set(ERR_SYSTEM, "out of memory for the distances of %d images", a->list.n);
    int n, m;
    err error = independent(a, synthetic, values, &n);
    if (error == OK) error = independent(b, held_out, others, &m);
    if (error == OK) error = copy_test_of(values, n, others, m, level, relative);
    if (error == OK) error = copy_test_of(values + a->list.n, n, others + b->list.n, m, level, &distance);
    if (error == OK) *distance_score = distance.score;
    free(values);
    return error;
}

static err report_space(const sides *s, int space, copy_report *out)
{
    nearest_training *held_out = malloc(((size_t)s->held_out.list.n + 1) * sizeof *held_out);
    out->nearest[space] = malloc(((size_t)s->synthetic.list.n + 1) * sizeof *out->nearest[space]);
    err error =
        held_out && out->nearest[space]
            ? find_nearest(s, space, &s->synthetic, out->nearest[space])
            : err_set(ERR_SYSTEM, "out of memory for the neighbours of %d images", s->synthetic.list.n);
    if (error == OK) error = find_nearest(s, space, &s->held_out, held_out);
    if (error == OK)
        error = test_both(s, out->nearest[space], held_out, copies_level(out->spaces), &out->tests[space],
                          &out->distance_scores[space]);
    free(held_out);
    return error;
}

err copy_report_open(const sides *s, copy_report *out)
{
    *out = (copy_report){.verdict = COPIES_TOO_FEW};
    if (s->training.list.n < COPY_NEIGHBOURS) return OK;
    out->spaces = s->real_set ? COPY_SPACES : 1;
    for (int space = 0; space < out->spaces; space++) TRY(report_space(s, space, out));
    out->verdict = copies_judge(out->tests, out->spaces);
    return OK;
}

/* ---- files ---- */

typedef struct pair {
    const nearest_training *nearest;
    int synthetic; /* number in the list */
} pair;

static int by_nearness(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->nearest->relative != y->nearest->relative)
        return x->nearest->relative < y->nearest->relative ? -1 : 1;
    return x->synthetic - y->synthetic;
}

static err sort_pairs(const nearest_training *nearest, int n, pair **out)
{
    *out = malloc(((size_t)n + 1) * sizeof **out);
    if (!*out) return err_set(ERR_SYSTEM, "out of memory for %d pairs", n);
    for (int i = 0; i < n; i++) (*out)[i] = (pair){&nearest[i], i};
    qsort(*out, (size_t)n, sizeof **out, by_nearness);
    return OK;
}

/* A set's sample by its id, a row of a file by its number. */
static void name_image(const side *x, int i, text *out)
{
    if (x->set)
        text_csv_cell(out, x->set->samples[x->list.index[i]].id);
    else
        text_printf(out, "%d", x->list.index[i]);
}

static void write_pairs(const sides *s, int space, const pair *pairs, text *out)
{
    for (int i = 0; i < s->synthetic.list.n; i++) {
        const nearest_training *n = pairs[i].nearest;
        text_printf(out, "%s,", copy_spaces[space]);
        name_image(&s->synthetic, pairs[i].synthetic, out);
        text_bytes(out, ",", 1);
        name_image(&s->training, n->index, out);
        text_printf(out, ",%.9g,%.9g\n", n->distance, n->relative);
    }
}

enum { SHEET_COLUMNS = 10 };

/* Two rows of a sheet: the nearest pairs, the synthetic image above the training image. */
static void draw_pairs(const sides *s, const pair *pairs, int columns, uint8_t *rows)
{
    size_t area = (size_t)s->real_set->height * (size_t)s->real_set->width;
    for (int i = 0; i < columns; i++) {
        int from = s->synthetic.list.index[pairs[i].synthetic];
        int nearest = s->training.list.index[pairs[i].nearest->index];
        memcpy(rows + (size_t)i * area, s->synthetic_set->images + (size_t)from * area, area);
        memcpy(rows + (size_t)(columns + i) * area, s->real_set->images + (size_t)nearest * area, area);
    }
}

/* Pixels above features. */
static err write_sheet(const sides *s, pair *const *pairs, const char *folder)
{
    enum { SMALL = 64 };
    char path[PATH_BYTES];
    int edge = s->real_set->height, columns = s->synthetic.list.n;
    if (columns > SHEET_COLUMNS) columns = SHEET_COLUMNS;
    size_t rows = 2 * (size_t)columns * (size_t)edge * (size_t)edge;
    uint8_t *images = malloc(COPY_SPACES * rows);
    if (!images) return err_set(ERR_SYSTEM, "out of memory for the sheet");
    for (int space = 0; space < COPY_SPACES; space++)
        draw_pairs(s, pairs[space], columns, images + (COPY_SPACES - 1 - (size_t)space) * rows);
    err error = path_join(path, folder, "copies.png");
    if (error == OK)
        error =
            image_write_sheet(path, images, 2 * COPY_SPACES * columns, edge, columns, edge < SMALL ? 2 : 1);
    free(images);
    return error;
}

static err write_list(const sides *s, pair *const *pairs, const char *folder)
{
    char path[PATH_BYTES];
    text t = {0};
    text_printf(&t, "space,synthetic,training,distance,relative\n");
    for (int space = 0; space < COPY_SPACES; space++)
        if (pairs[space]) write_pairs(s, space, pairs[space], &t);
    err error = path_join(path, folder, "copies.csv");
    if (error == OK) error = text_save(&t, path);
    text_close(&t);
    return error;
}

err copy_report_write(const sides *s, const copy_report *c, bool sheet, const char *folder)
{
    pair *pairs[COPY_SPACES] = {NULL};
    err error = OK;
    if (c->spaces == 0) return OK;
    for (int space = 0; space < COPY_SPACES && error == OK; space++)
        if (c->nearest[space]) error = sort_pairs(c->nearest[space], s->synthetic.list.n, &pairs[space]);
    if (error == OK) error = write_list(s, pairs, folder);
    bool both = pairs[0] && pairs[1];
    if (error == OK && sheet && both) error = write_sheet(s, pairs, folder);
    for (int space = 0; space < COPY_SPACES; space++) free(pairs[space]);
    return error;
}
