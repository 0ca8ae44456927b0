/* Reports: do they say what the labels say, and are they varied? */
#include "bench/score.h"

#include "base/strings.h"
#include "data/report_text.h"
#include "downstream/label_metrics.h"
#include "downstream/labeller.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The reports of a side, cleaned; images without one are left out. */
typedef struct reports {
    int n;
    int *image;         /* (n) number in the side's list; owned */
    const char **texts; /* (n) owned */
    string_store store;
} reports;

static void reports_close(reports *r)
{
    free(r->image);
    free(r->texts);
    string_store_close(&r->store);
}

static err clean(const sample_info *sample, reports *r)
{
    text t = {0};
    err error = report_clean(sample->report, REPORT_RULES_IU, &t);
    if (error != OK) (void)err_context(error, "the report of %.200s", sample->id);
    if (error == OK) error = text_check(&t);
    if (error == OK && !(r->texts[r->n] = string_keep(&r->store, t.data, t.length)))
        error = err_set(ERR_SYSTEM, "out of memory for reports");
    text_close(&t);
    return error;
}

static err reports_open(const side *x, reports *out)
{
    size_t room = (size_t)x->list.n + 1;
    *out = (reports){.image = malloc(room * sizeof(int)), .texts = malloc(room * sizeof(char *))};
    if (!out->image || !out->texts) return err_set(ERR_SYSTEM, "out of memory for %d reports", x->list.n);
    for (int i = 0; i < x->list.n; i++) {
        const sample_info *sample = &x->set->samples[x->list.index[i]];
        if (!sample->report[0]) continue;
        TRY(clean(sample, out));
        out->image[out->n++] = i;
    }
    return OK;
}

/* ---- what they say ---- */

/* found (n,labels): 1 where the report affirms or doubts the label; truth (n,labels): that of the image. Both
 * are NaN for labels that the labeller does not know. */
static err read_findings(const labeller *l, const sides *s, const side *x, const reports *r, mention *said,
                         float *found, float *truth)
{
    size_t labels = (size_t)s->labels;
    for (size_t i = 0; i < (size_t)r->n; i++) {
        for (size_t k = 0; k < labels; k++) found[i * labels + k] = truth[i * labels + k] = NAN;
        TRY(labeller_read(l, x->set->samples[x->list.index[r->image[i]]].report, said));
        for (int m = 0; m < labeller_labels(l); m++) {
            int k = dataset_label(s->real_set, labeller_label(l, m));
            if (k < 0) continue;
            found[i * labels + (size_t)k] = mention_label(said[m], DOUBT_ONE) == 1.0F ? 1.0F : 0.0F;
            truth[i * labels + (size_t)k] = x->truth[(size_t)r->image[i] * labels + (size_t)k];
        }
    }
    return OK;
}

/* How well what the classifier sees in the images tells what their reports say: the two know nothing of each
 * other, so that an image and a report that both follow another label agree, and those of two labels do not.
 */
static err score_agreement(const sides *s, const side *x, const reports *r, const float *found,
                           double *agreement)
{
    for (int k = 0; k < s->labels; k++)
        TRY(side_auroc(x, s->labels, k, r->image, found, r->n, &agreement[k]));
    return OK;
}

static err score_findings(const labeller *l, const sides *s, const side *x, const reports *r,
                          report_scores *out)
{
    size_t labels = (size_t)s->labels, values = (size_t)r->n * labels;
    float *found = calloc(2 * values + 1, sizeof *found);
    mention *said = malloc((size_t)labeller_labels(l) * sizeof *said);
    label_counts *counts = malloc(labels * sizeof *counts);
    out->f1 = malloc(labels * sizeof *out->f1);
    out->agreement = malloc(labels * sizeof *out->agreement);
    err error = found && said && counts && out->f1 && out->agreement
                    ? read_findings(l, s, x, r, said, found, found + values)
                    : err_set(ERR_SYSTEM, "out of memory for the findings of %d reports", r->n);
    if (error == OK) {
        metric_label_counts(found, found + values, r->n, s->labels, .5F, counts);
        for (size_t k = 0; k < labels; k++) out->f1[k] = metric_label_f1(counts[k]);
        out->micro_f1 = metric_label_micro_f1(counts, s->labels);
        out->macro_f1 = metric_label_macro_f1(counts, s->labels);
        error = score_agreement(s, x, r, found, out->agreement);
    }
    free(found);
    free(said);
    free(counts);
    return error;
}

static void average_agreement(int labels, report_scores *a, report_scores *b)
{
    shared_sum sum = {0};
    for (int k = 0; k < labels; k++) shared_sum_add(&sum, a->agreement[k], b->agreement[k]);
    shared_sum_means(&sum, &a->mean_agreement, &b->mean_agreement);
}

/* ---- how varied they are ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static double share_in(const reports *r, const reports *training)
{
    int met = 0;
    for (int i = 0; i < r->n; i++)
        met += bsearch(&r->texts[i], training->texts, (size_t)training->n, sizeof *training->texts,
                       by_text) != NULL;
    return r->n && training->n ? (double)met / r->n : (double)NAN;
}

static err score_side(const labeller *l, const sides *s, const side *x, const reports *r,
                      const reports *training, int compared, report_scores *out)
{
    out->n = r->n;
    out->compared = compared;
    out->verbatim = share_in(r, training);
    TRY(score_findings(l, s, x, r, out));
    return metric_diversity(r->texts, compared, &out->diversity);
}

static err score_both(const sides *s, const reports *a, const reports *b, const reports *training,
                      report_pair *out)
{
    labeller *l;
    int compared = a->n < b->n ? a->n : b->n;
    TRY(labeller_open(NULL, &l));
    err error = score_side(l, s, &s->synthetic, a, training, compared, &out->synthetic);
    if (error == OK) error = score_side(l, s, &s->held_out, b, training, compared, &out->held_out);
    if (error == OK) average_agreement(s->labels, &out->synthetic, &out->held_out);
    labeller_close(l);
    return error;
}

err report_pair_open(const sides *s, report_pair *out)
{
    reports a = {0}, b = {0}, training = {0};
    *out = (report_pair){{0}, {0}};
    if (!s->real_set) return OK;
    err error = reports_open(&s->synthetic, &a);
    if (error == OK && a.n) error = reports_open(&s->held_out, &b);
    if (error == OK && b.n) error = reports_open(&s->training, &training);
    if (training.n) qsort(training.texts, (size_t)training.n, sizeof *training.texts, by_text);
    if (error == OK && a.n && b.n) error = score_both(s, &a, &b, &training, out);
    reports_close(&a);
    reports_close(&b);
    reports_close(&training);
    return error;
}

void report_pair_close(report_pair *p)
{
    free(p->synthetic.f1);
    free(p->held_out.f1);
    free(p->synthetic.agreement);
    free(p->held_out.agreement);
    *p = (report_pair){{0}, {0}};
}
