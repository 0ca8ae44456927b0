#include "bench/scores_reports.h"

#include "downstream/label_metrics.h"
#include "downstream/meteor.h"
#include "downstream/text_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static err text_scores(const text_sample *pairs, int n, scores *out)
{
    double bleu[4];
    TRY(metric_bleu(pairs, n, bleu));
    out->values[SCORE_bleu_1] = bleu[0];
    out->values[SCORE_bleu_2] = bleu[1];
    out->values[SCORE_bleu_3] = bleu[2];
    out->values[SCORE_bleu_4] = bleu[3];
    TRY(metric_rouge_l(pairs, n, &out->values[SCORE_rouge_l]));
    TRY(metric_cider_d(pairs, n, &out->values[SCORE_cider_d]));
    return metric_meteor_es(pairs, n, &out->values[SCORE_meteor_es]);
}

/* Of the set's labels those that the labeller reads, too. */
static void clinical_labels(const labeller *l, const label_counts *counts, const dataset *set,
                            label_scores *labels)
{
    for (int m = 0; m < labeller_labels(l); m++) {
        int k = dataset_label(set, labeller_label(l, m));
        if (k < 0) continue;
        const label_counts *c = &counts[m];
        double *own = labels[k].values;
        own[LABEL_SCORE_f1] = metric_label_f1(*c);
        own[LABEL_SCORE_precision] = metric_label_precision(*c);
        own[LABEL_SCORE_recall] = metric_label_recall(*c);
        own[LABEL_SCORE_positives] = (double)(c->hits + c->misses);
        own[LABEL_SCORE_negatives] = (double)(c->false_alarms + c->rest);
    }
}

/* counts: one for each label of the labeller. */
static err count_findings(const labeller *l, const report_comparison *r, label_counts *counts, scores *out,
                          label_scores *labels)
{
    TRY(metric_clinical(l, r->said, r->references, r->n, DOUBT_ONE, counts));
    out->values[SCORE_clinical_micro_f1] = metric_label_micro_f1(counts, labeller_labels(l));
    out->values[SCORE_clinical_macro_f1] = metric_label_macro_f1(counts, labeller_labels(l));
    clinical_labels(l, counts, r->set, labels);
    return OK;
}

static err clinical_scores(const report_comparison *r, scores *out, label_scores *labels)
{
    labeller *l;
    TRY(labeller_open(NULL, &l));
    label_counts *counts = calloc((size_t)labeller_labels(l), sizeof *counts);
    err error = counts ? count_findings(l, r, counts, out, labels)
                       : err_set(ERR_SYSTEM, "out of memory for the findings of %d reports", r->n);
    free(counts);
    labeller_close(l);
    return error;
}

static long long count_tokens(const char *cleaned)
{
    long long n = 0;
    for (const char *at = cleaned + strspn(cleaned, " "); *at; at += strspn(at, " ")) {
        at += strcspn(at, " ");
        n++;
    }
    return n;
}

static double length_ratio(const report_comparison *r)
{
    long long told = 0, wanted = 0;
    for (int i = 0; i < r->n; i++) {
        told += count_tokens(r->said[i]);
        wanted += count_tokens(r->references[i]);
    }
    return wanted > 0 ? (double)told / (double)wanted : (double)NAN;
}

err scores_of_reports(const report_comparison *r, scores *out, label_scores *labels)
{
    for (int i = 0; i < SCORE_COUNT; i++) out->values[i] = NAN;
    for (int k = 0; k < r->set->n_labels; k++)
        for (int i = 0; i < LABEL_SCORE_COUNT; i++) labels[k].values[i] = NAN;
    text_sample *pairs = malloc(((size_t)r->n + 1) * sizeof *pairs);
    if (!pairs) return err_set(ERR_SYSTEM, "out of memory while scoring %d reports", r->n);
    for (int i = 0; i < r->n; i++) pairs[i] = (text_sample){r->said[i], &r->references[i], 1};
    err error = text_scores(pairs, r->n, out);
    free(pairs);
    out->values[SCORE_length_ratio] = length_ratio(r);
    return error == OK ? clinical_scores(r, out, labels) : error;
}
