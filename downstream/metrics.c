#include "downstream/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct scored {
    float score;
    bool positive;
} scored;

/* The samples with a known truth, by falling score. */
typedef struct ranking {
    scored *samples; /* owned */
    int n, positives;
    bool has_nan_score; /* such samples cannot be ranked: every metric is then undefined */
} ranking;

/* A point of the curves: what is called positive when the threshold is one of the distinct scores. */
typedef struct point {
    int true_positives, false_positives;
} point;

static int by_falling_score(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static err ranking_open(const float *score, const float *truth, int n, ranking *out)
{
    *out = (ranking){.samples = malloc(((size_t)n + 1) * sizeof(scored))};
    if (!out->samples) return err_set(ERR_SYSTEM, "out of memory for the scores of %d samples", n);
    for (int i = 0; i < n; i++) {
        if (isnan(truth[i])) continue;
        assert(truth[i] == 0.0F || truth[i] == 1.0F);
        bool positive = truth[i] == 1.0F;
        out->samples[out->n++] = (scored){score[i], positive};
        out->positives += positive;
        out->has_nan_score |= isnan(score[i]) != 0;
    }
    if (!out->has_nan_score) qsort(out->samples, (size_t)out->n, sizeof(scored), by_falling_score);
    return OK;
}

/* Moves `at` past the next group of equal scores, which no threshold can separate. */
static point next_point(const ranking *r, int *at, point p)
{
    float score = r->samples[*at].score;
    for (; *at < r->n && r->samples[*at].score == score; ++*at) {
        if (r->samples[*at].positive)
            p.true_positives++;
        else
            p.false_positives++;
    }
    return p;
}

/* Mann-Whitney: AUROC = P(positive above negative) + P(equal) / 2, counted in halves of pairs, which are
 * exact. */
static double auroc_of(const ranking *r)
{
    int negatives = r->n - r->positives;
    if (r->has_nan_score || r->positives == 0 || negatives == 0) return NAN;
    long long half_pairs = 0;
    point before = {0, 0};
    for (int at = 0; at < r->n;) {
        point now = next_point(r, &at, before);
        long long group = now.false_positives - before.false_positives;
        half_pairs += group * ((long long)before.true_positives + now.true_positives);
        before = now;
    }
    return (double)half_pairs / (2.0 * r->positives * negatives);
}

/* Average precision: sum over thresholds of (recall gained) * precision, without interpolation. */
static double auprc_of(const ranking *r)
{
    if (r->has_nan_score || r->positives == 0) return NAN;
    double sum = 0.0;
    point before = {0, 0};
    for (int at = 0; at < r->n;) {
        point now = next_point(r, &at, before);
        sum += (double)(now.true_positives - before.true_positives) * now.true_positives / at;
        before = now;
    }
    return sum / r->positives;
}

static double recall_at_specificity_of(const ranking *r, double specificity)
{
    int negatives = r->n - r->positives;
    if (r->has_nan_score || r->positives == 0 || negatives == 0) return NAN;
    int best = 0; /* the threshold above every score calls nothing positive: specificity 1, recall 0 */
    point p = {0, 0};
    for (int at = 0; at < r->n;) {
        p = next_point(r, &at, p);
        /* One division of two integers: equal to a `specificity` such as 0.9 to the last bit when it
         * should be. */
        if ((double)(negatives - p.false_positives) / negatives < specificity) break;
        best = p.true_positives;
    }
    return (double)best / r->positives;
}

err metric_auroc(const float *score, const float *truth, int n, double *out)
{
    ranking r;
    TRY(ranking_open(score, truth, n, &r));
    *out = auroc_of(&r);
    free(r.samples);
    return OK;
}

err metric_auprc(const float *score, const float *truth, int n, double *out)
{
    ranking r;
    TRY(ranking_open(score, truth, n, &r));
    *out = auprc_of(&r);
    free(r.samples);
    return OK;
}

err metric_recall_at_specificity(const float *score, const float *truth, int n, double specificity,
                                 double *out)
{
    ranking r;
    TRY(ranking_open(score, truth, n, &r));
    *out = recall_at_specificity_of(&r, specificity);
    free(r.samples);
    return OK;
}

static int arg_max(const float *values, int k)
{
    int best = 0;
    for (int c = 1; c < k; c++)
        if (values[c] > values[best]) best = c;
    return best;
}

void metric_confusion(const float *probability, const int *truth, int n, int k, int *confusion)
{
    for (int i = 0; i < k * k; i++) confusion[i] = 0;
    for (int i = 0; i < n; i++) {
        assert(truth[i] >= 0 && truth[i] < k);
        confusion[truth[i] * k + arg_max(probability + (size_t)i * (size_t)k, k)]++;
    }
}

static double ratio(long long part, long long whole)
{
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

static long long row_sum(const int *confusion, int k, int row)
{
    long long sum = 0;
    for (int c = 0; c < k; c++) sum += confusion[row * k + c];
    return sum;
}

static long long column_sum(const int *confusion, int k, int column)
{
    long long sum = 0;
    for (int c = 0; c < k; c++) sum += confusion[c * k + column];
    return sum;
}

double metric_recall(const int *confusion, int k, int label)
{
    return ratio(confusion[label * k + label], row_sum(confusion, k, label));
}

double metric_precision(const int *confusion, int k, int label)
{
    return ratio(confusion[label * k + label], column_sum(confusion, k, label));
}

double metric_f1(const int *confusion, int k, int label)
{
    return ratio(2LL * confusion[label * k + label],
                 row_sum(confusion, k, label) + column_sum(confusion, k, label));
}

double metric_accuracy(const int *confusion, int k)
{
    long long right = 0, all = 0;
    for (int c = 0; c < k; c++) {
        right += confusion[c * k + c];
        all += row_sum(confusion, k, c);
    }
    return ratio(right, all);
}

/* The mean of a per-label metric over the labels for which it is defined; NaN if there are none. */
static double mean_over_labels(double (*metric)(const int *, int, int), const int *confusion, int k)
{
    double sum = 0.0;
    int defined = 0;
    for (int c = 0; c < k; c++) {
        double value = metric(confusion, k, c);
        if (isnan(value)) continue;
        sum += value;
        defined++;
    }
    return defined == 0 ? (double)NAN : sum / defined;
}

double metric_balanced_accuracy(const int *confusion, int k)
{
    return mean_over_labels(metric_recall, confusion, k);
}

double metric_macro_f1(const int *confusion, int k)
{
    return mean_over_labels(metric_f1, confusion, k);
}

/* ECE = sum_b |B_b| / n * |accuracy(B_b) - confidence(B_b)| = sum_b |sum over b of (right - confidence)| /
 * n. A float times a small integer is exact in double, so no confidence falls on the wrong side of a bin's
 * edge. One pass per bin spares an allocation that could fail. */
double metric_calibration_error(const float *probability, const int *truth, int n, int k, int bins)
{
    double error = 0.0;
    for (int b = 0; b < bins; b++) {
        double excess = 0.0;
        for (int i = 0; i < n; i++) {
            const float *row = probability + (size_t)i * (size_t)k;
            int predicted = arg_max(row, k);
            double confidence = row[predicted];
            if (isnan(confidence)) return NAN;
            double place = ceil(confidence * bins) - 1.0;
            if (fmin(fmax(place, 0.0), bins - 1.0) == b) excess += (predicted == truth[i]) - confidence;
        }
        error += fabs(excess);
    }
    return n == 0 ? (double)NAN : error / n;
}

double metric_brier(const float *probability, const int *truth, int n, int k)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < k; c++) {
            double difference = (double)probability[(size_t)i * (size_t)k + (size_t)c] - (truth[i] == c);
            sum += difference * difference;
        }
    return n == 0 ? (double)NAN : sum / n;
}
