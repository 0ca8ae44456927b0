#include "downstream/label_metrics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static void count(label_counts *c, bool found, bool there)
{
    if (found)
        *(there ? &c->hits : &c->false_alarms) += 1;
    else
        *(there ? &c->misses : &c->rest) += 1;
}

void metric_label_counts(const float *score, const float *truth, int n, int k, float threshold,
                         label_counts *counts)
{
    for (int c = 0; c < k; c++) counts[c] = (label_counts){0};
    for (int i = 0; i < n; i++)
        for (int c = 0; c < k; c++) {
            size_t at = (size_t)i * (size_t)k + (size_t)c;
            if (isnan(truth[at])) continue;
            assert(truth[at] == 0.0F || truth[at] == 1.0F);
            counts[c].has_nan |= isnan(score[at]) != 0;
            count(&counts[c], score[at] >= threshold, truth[at] == 1.0F);
        }
}

static double ratio(const label_counts *c, long long part, long long whole)
{
    return c->has_nan || whole == 0 ? (double)NAN : (double)part / (double)whole;
}

double metric_label_precision(label_counts c)
{
    return ratio(&c, c.hits, c.hits + c.false_alarms);
}

double metric_label_recall(label_counts c)
{
    return ratio(&c, c.hits, c.hits + c.misses);
}

double metric_label_f1(label_counts c)
{
    return ratio(&c, 2 * c.hits, 2 * c.hits + c.false_alarms + c.misses);
}

double metric_label_micro_f1(const label_counts *counts, int k)
{
    label_counts all = {0};
    for (int c = 0; c < k; c++) {
        all.hits += counts[c].hits;
        all.false_alarms += counts[c].false_alarms;
        all.misses += counts[c].misses;
        all.has_nan |= counts[c].has_nan;
    }
    return metric_label_f1(all);
}

double metric_label_macro_f1(const label_counts *counts, int k)
{
    double sum = 0.0;
    int defined = 0;
    for (int c = 0; c < k; c++) {
        if (counts[c].has_nan) return NAN;
        double f1 = metric_label_f1(counts[c]);
        if (isnan(f1)) continue;
        sum += f1;
        defined++;
    }
    return defined == 0 ? (double)NAN : sum / defined;
}

double metric_label_brier(const float *score, const float *truth, int n)
{
    double sum = 0.0;
    int known = 0;
    for (int i = 0; i < n; i++) {
        if (isnan(truth[i])) continue;
        double difference = (double)score[i] - (double)truth[i];
        sum += difference * difference;
        known++;
    }
    return known == 0 ? (double)NAN : sum / known;
}

/* ECE = sum_b |sum over b of (truth - probability)| / n, with the edges of metric_calibration_error. */
double metric_label_calibration_error(const float *score, const float *truth, int n, int bins)
{
    double error = 0.0;
    int known = 0;
    for (int b = 0; b < bins; b++) {
        double excess = 0.0;
        for (int i = 0; i < n; i++) {
            if (isnan(truth[i])) continue;
            if (isnan(score[i])) return NAN;
            double place = ceil((double)score[i] * bins) - 1.0;
            if (fmin(fmax(place, 0.0), bins - 1.0) != b) continue;
            excess += (double)truth[i] - (double)score[i];
            known++;
        }
        error += fabs(excess);
    }
    return known == 0 ? (double)NAN : error / known;
}

err metric_clinical(const labeller *l, const char *const *hypotheses, const char *const *references, int n,
                    doubt_policy doubts, label_counts *counts)
{
    int k = labeller_labels(l);
    mention *found = malloc(2 * (size_t)k * sizeof *found), *there = found ? found + k : NULL;
    if (!found) return err_set(ERR_SYSTEM, "out of memory for %d labels", k);
    for (int c = 0; c < k; c++) counts[c] = (label_counts){0};
    err error = OK;
    for (int i = 0; i < n && error == OK; i++) {
        error = labeller_read(l, hypotheses[i], found);
        if (error == OK) error = labeller_read(l, references[i], there);
        for (int c = 0; c < k && error == OK; c++) {
            if (there[c] == DOUBTED && doubts == DOUBT_UNKNOWN) continue;
            count(&counts[c], mention_label(found[c], doubts) == 1.0F,
                  mention_label(there[c], doubts) == 1.0F);
        }
    }
    free(found);
    return error;
}
