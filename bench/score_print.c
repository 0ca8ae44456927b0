/* What `bench score` says: tables for people, score.csv for programs. */
#include "bench/columns.h"
#include "bench/score.h"
#include "bench/version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables ---- */

static void number_cell(columns *t, double value)
{
    if (isnan(value))
        columns_cell(t, "-");
    else if (fabs(value) >= 1000 || (value != 0 && fabs(value) < 1e-3))
        columns_cell(t, "%.3g", value);
    else
        columns_cell(t, "%.3f", value);
}

static err finish(columns *t, text *out)
{
    err error = columns_format(t, out);
    columns_close(t);
    return error;
}

static void describe_sides(const score_all *a, text *out)
{
    const sides *s = a->sides;
    text_printf(out, "Synthetic   %s: %d images, hash %s\n", a->request->synthetic, s->synthetic.list.n,
                s->synthetic_hash.hex);
    if (!s->real_set) {
        text_printf(out, "Real        %s: %d images, hash %s\n", a->request->real, s->held_out.list.n,
                    s->real_hash.hex);
        return;
    }
    text_printf(out, "Real        %s: %d images to train and %d held out (seed %d), hash %s\n",
                a->request->real, s->training.list.n, s->held_out.list.n, a->request->seed, s->real_hash.hex);
    text_printf(out, "Classifier  %s, hash %s\n", s->classifier, s->classifier_hash.hex);
}

static void row_cells(columns *t, const score_row *r)
{
    columns_cell(t, "%s", r->group);
    columns_cell(t, "%d", r->n_synthetic);
    columns_cell(t, "%d", r->n_real);
    number_cell(t, r->fid);
    number_cell(t, r->kid.value);
    number_cell(t, r->kid.standard_error);
    number_cell(t, r->overlap.precision);
    number_cell(t, r->overlap.recall);
    number_cell(t, r->overlap.density);
    number_cell(t, r->overlap.coverage);
    number_cell(t, r->auroc_synthetic);
    number_cell(t, r->auroc_held_out);
}

static err print_rows(const score_all *a, text *out)
{
    static const char *const names[] = {"images", "synthetic", "real",   "FID",     "KID",
                                        "+-",     "precision", "recall", "density", "coverage",
                                        "AUROC",  "of real",   NULL};
    columns t;
    text_printf(out, "\nAgainst %s, in %d features (k = %d)\n\n",
                a->sides->real_set ? "the held-out real images" : "the real images", a->sides->d,
                a->request->k);
    columns_open(&t, "lrrrrrrrrrrr");
    columns_header(&t, names);
    for (int i = 0; i < ROW_LABELS + a->sides->labels; i++)
        if (i != ROW_TRAINING || a->rows[i].n_synthetic) row_cells(&t, &a->rows[i]);
    return finish(&t, out);
}

static double ratio_of(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static void print_labels(const score_all *a, text *out)
{
    const score_row *all = &a->rows[ROW_ALL];
    if (!a->sides->real_set) return;
    text_printf(
        out,
        "\nImage follows label: the classifier recognises synthetic labels with a macro AUROC of %.3f,\n"
        "real ones with %.3f: %.3f of it.\n",
        all->auroc_synthetic, all->auroc_held_out, ratio_of(all->auroc_synthetic, all->auroc_held_out));
    if (!a->sides->one_hot) return;
    text_printf(out, "Inception score %.3f", all->inception_synthetic.value);
    if (a->request->splits > 1)
        text_printf(out, " (sd over %d splits %.3f)", a->request->splits, all->inception_synthetic.deviation);
    text_printf(out, ", of real images %.3f.\n", all->inception_held_out.value);
}

static err print_copies(const score_all *a, text *out)
{
    static const char *const names[] = {
        "space",    "synthetic", "held out",          "score", "interval", "near",
        "expected", "p",         "by distance alone", NULL};
    const copy_report *c = a->copies;
    text_printf(out, "\nCopies of training images: %s\n", copy_verdict_names[c->verdict]);
    if (c->spaces == 0) {
        text_printf(out, "There are %d training images; copies are looked for among at least %d.\n",
                    a->sides->training.list.n, COPY_NEIGHBOURS);
        return OK;
    }
    columns t;
    text_printf(out, "\n");
    columns_open(&t, "lrrrrrrrr");
    columns_header(&t, names);
    for (int i = 0; i < c->spaces; i++) {
        const copy_test *x = &c->tests[i];
        columns_cell(&t, "%s", copy_spaces[i]);
        columns_cell(&t, "%d", x->n_synthetic);
        columns_cell(&t, "%d", x->n_held_out);
        number_cell(&t, x->score);
        columns_cell(&t, "%.3f to %.3f", x->low, x->high);
        columns_cell(&t, "%d", x->near);
        columns_cell(&t, "%.1f", x->near_expected);
        columns_cell(&t, "%.2g", x->near_p);
        number_cell(&t, c->distance_scores[i]);
    }
    TRY(finish(&t, out));
    text_printf(out,
                "\nscore: how often a synthetic image lies nearer to its nearest training image, relative to "
                "the next\n"
                "ones, than a held-out image does: 0.5 for new images, 1 for copies (%.4g%% interval). near: "
                "synthetic\n"
                "images nearer than all held-out ones but 1%%. Called copies if the interval is above 0.5 or "
                "p is at\n"
                "most %.3g, which happens to new images in at most 5%% of the cases.\n",
                100 * (1 - 2 * copies_level(c->spaces)), copies_level(c->spaces));
    return OK;
}

static void report_row(columns *t, const char *name, double synthetic, double held_out)
{
    columns_cell(t, "%s", name);
    number_cell(t, synthetic);
    number_cell(t, held_out);
}

static err print_reports(const score_all *a, text *out)
{
    const report_scores *x = &a->reports->synthetic, *y = &a->reports->held_out;
    columns t;
    char name[CELL_BYTES];
    if (x->n == 0) return OK;
    text_printf(out, "\nReports against the labels of their images\n\n");
    columns_open(&t, "lrr");
    columns_header(&t, (const char *const[]){"", "synthetic", "real", NULL});
    columns_cell(&t, "reports");
    columns_cell(&t, "%d", x->n);
    columns_cell(&t, "%d", y->n);
    report_row(&t, "clinical micro-F1", x->micro_f1, y->micro_f1);
    report_row(&t, "clinical macro-F1", x->macro_f1, y->macro_f1);
    for (int k = 0; k < a->sides->labels; k++) {
        if (isnan(x->f1[k]) && isnan(y->f1[k])) continue;
        (void)snprintf(name, sizeof name, "F1 %.100s", a->sides->real_set->label_names[k]);
        report_row(&t, name, x->f1[k], y->f1[k]);
    }
    report_row(&t, "agreement with the image", x->mean_agreement, y->mean_agreement);
    for (int j = 0; j < 4; j++) {
        (void)snprintf(name, sizeof name, "distinct-%d of %d reports", j + 1, x->compared);
        report_row(&t, name, x->diversity.distinct[j], y->diversity.distinct[j]);
    }
    report_row(&t, "mean length in tokens", x->diversity.mean_tokens, y->diversity.mean_tokens);
    report_row(&t, "word for word a training report", x->verbatim, y->verbatim);
    return finish(&t, out);
}

err score_print(const score_all *a)
{
    text t = {0};
    describe_sides(a, &t);
    err error = print_rows(a, &t);
    print_labels(a, &t);
    if (error == OK && (a->sides->real_set || a->sides->training.list.n)) error = print_copies(a, &t);
    if (error == OK) error = print_reports(a, &t);
    if (error == OK && a->request->out)
        text_printf(&t, "\nFiles in %s: score.csv and others\n", a->request->out);
    if (error == OK) error = text_print(&t);
    text_close(&t);
    return error;
}

/* ---- score.csv ---- */

/* A table that is written row by row; the first row's names become the header. */
typedef struct csv {
    text names, cells;
    bool first_row, begun; /* of the table; the row has a cell */
} csv;

static void cell(csv *c, const char *name, const char *value)
{
    if (c->first_row) text_printf(&c->names, "%s%s", c->begun ? "," : "", name);
    if (c->begun) text_bytes(&c->cells, ",", 1);
    text_csv_field(&c->cells, value);
    c->begun = true;
}

static void number(csv *c, const char *name, double value)
{
    char written[32] = "";
    if (!isnan(value)) (void)snprintf(written, sizeof written, "%.9g", value);
    cell(c, name, written);
}

static void measured_cells(csv *c, const score_row *r)
{
    cell(c, "images", r->group);
    number(c, "synthetic_images", r->n_synthetic);
    number(c, "real_images", r->n_real);
    number(c, "fid", r->fid);
    number(c, "kid", r->kid.value);
    number(c, "kid_error", r->kid.standard_error);
    number(c, "precision", r->overlap.precision);
    number(c, "recall", r->overlap.recall);
    number(c, "density", r->overlap.density);
    number(c, "coverage", r->overlap.coverage);
    number(c, "auroc", r->auroc_synthetic);
    number(c, "real_auroc", r->auroc_held_out);
    number(c, "auroc_ratio", ratio_of(r->auroc_synthetic, r->auroc_held_out));
    number(c, "inception_score", r->inception_synthetic.value);
    number(c, "inception_score_sd", r->inception_synthetic.deviation);
    number(c, "real_inception_score", r->inception_held_out.value);
}

/* Only the row of all images has them. */
static void copy_cells(csv *c, const copy_report *report, bool all)
{
    char name[48];
    cell(c, "copies", all ? copy_verdict_names[report->verdict] : "");
    for (int i = 0; i < COPY_SPACES; i++) {
        const copy_test *t = &report->tests[i];
        bool there = all && i < report->spaces;
        const struct {
            const char *name;
            double value;
        } cells[] = {{"synthetic", t->n_synthetic},
                     {"held_out", t->n_held_out},
                     {"score", t->score},
                     {"low", t->low},
                     {"high", t->high},
                     {"near", t->near},
                     {"near_expected", t->near_expected},
                     {"near_p", t->near_p},
                     {"distance_score", report->distance_scores[i]}};
        for (size_t j = 0; j < sizeof cells / sizeof cells[0]; j++) {
            (void)snprintf(name, sizeof name, "copies_%s_%s", copy_spaces[i], cells[j].name);
            number(c, name, there ? cells[j].value : (double)NAN);
        }
    }
}

static void report_cells(csv *c, const report_scores *r, const char *prefix, int label, bool all)
{
    char name[48];
    const struct {
        const char *name;
        double value;
    } cells[] = {{"reports", r->n},
                 {"macro_f1", r->macro_f1},
                 {"distinct_1", r->diversity.distinct[0]},
                 {"distinct_2", r->diversity.distinct[1]},
                 {"distinct_3", r->diversity.distinct[2]},
                 {"distinct_4", r->diversity.distinct[3]},
                 {"mean_tokens", r->diversity.mean_tokens},
                 {"verbatim", r->verbatim}};
    const double none = (double)NAN;
    double f1 = r->n == 0 ? none : all ? r->micro_f1 : label >= 0 ? r->f1[label] : none;
    double agreement = r->n == 0 ? none : all ? r->mean_agreement : label >= 0 ? r->agreement[label] : none;
    (void)snprintf(name, sizeof name, "%sclinical_f1", prefix);
    number(c, name, f1);
    (void)snprintf(name, sizeof name, "%sagreement", prefix);
    number(c, name, agreement);
    for (size_t j = 0; j < sizeof cells / sizeof cells[0]; j++) {
        (void)snprintf(name, sizeof name, "%s%s", prefix, cells[j].name);
        number(c, name, all && r->n ? cells[j].value : none);
    }
}

static void origin_cells(csv *c, const score_all *a)
{
    const sides *s = a->sides;
    number(c, "k", a->request->k);
    number(c, "splits", a->request->splits);
    number(c, "seed", a->request->seed);
    number(c, "features", s->d);
    cell(c, "synthetic", a->request->synthetic);
    cell(c, "synthetic_hash", s->synthetic_hash.hex);
    cell(c, "real", a->request->real);
    cell(c, "real_hash", s->real_hash.hex);
    cell(c, "classifier", s->classifier);
    cell(c, "classifier_hash", s->classifier_hash.hex);
    cell(c, "code", version_code);
}

err score_write(const score_all *a, const char *folder)
{
    char path[PATH_BYTES];
    csv c = {.first_row = true};
    for (int i = 0; i < ROW_LABELS + a->sides->labels; i++) {
        if (i == ROW_TRAINING && a->rows[i].n_synthetic == 0) continue;
        measured_cells(&c, &a->rows[i]);
        copy_cells(&c, a->copies, i == ROW_ALL);
        report_cells(&c, &a->reports->synthetic, "", i - ROW_LABELS, i == ROW_ALL);
        report_cells(&c, &a->reports->held_out, "real_", i - ROW_LABELS, i == ROW_ALL);
        origin_cells(&c, a);
        text_printf(&c.cells, "\n");
        c.first_row = c.begun = false;
    }
    text_printf(&c.names, "\n");
    if (c.cells.data) text_bytes(&c.names, c.cells.data, c.cells.length);
    c.names.failed |= c.cells.failed;
    err error = path_join(path, folder, "score.csv");
    if (error == OK) error = text_save(&c.names, path);
    text_close(&c.cells);
    text_close(&c.names);
    return error;
}
