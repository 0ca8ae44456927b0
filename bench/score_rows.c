/* Set metrics and label agreement, of all images and label by label. */
#include "bench/score.h"

#include "downstream/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Features of some images. */
typedef struct gathered {
    float *features; /* owned */
    int n;
} gathered;

/* Those whose label k is true. */
static err gather(const side *x, int d, int labels, int k, gathered *out)
{
    size_t width = (size_t)d;
    *out = (gathered){.features = malloc(((size_t)x->list.n * width + 1) * sizeof *out->features)};
    if (!out->features) return err_set(ERR_SYSTEM, "out of memory for the features of a label");
    for (int i = 0; i < x->list.n; i++)
        if (x->truth[(size_t)i * (size_t)labels + (size_t)k] == 1.0F) {
            const float *row = x->features + (size_t)i * width;
            memcpy(out->features + (size_t)out->n++ * width, row, width * sizeof *row);
        }
    return OK;
}

static err compare(const score_request *r, const float *synthetic, int n_synthetic, const float *real,
                   int n_real, int d, score_row *row)
{
    row->n_synthetic = n_synthetic;
    row->n_real = n_real;
    TRY(metric_fid(real, n_real, synthetic, n_synthetic, d, &row->fid));
    TRY(metric_kid(real, n_real, synthetic, n_synthetic, d, KID_GROUPS, &row->kid));
    return metric_set_overlap(real, n_real, synthetic, n_synthetic, d, r->k, &row->overlap);
}

static err compare_label(const score_request *r, const sides *s, int k, score_row *row)
{
    gathered synthetic = {0}, real = {0};
    err error = gather(&s->synthetic, s->d, s->labels, k, &synthetic);
    if (error == OK) error = gather(&s->held_out, s->d, s->labels, k, &real);
    if (error == OK) error = compare(r, synthetic.features, synthetic.n, real.features, real.n, s->d, row);
    free(synthetic.features);
    free(real.features);
    return error;
}

/* How well the classifier tells label k from the rest. */
static err rank(const side *x, int labels, int k, double *out)
{
    size_t n = (size_t)x->list.n;
    float *score = malloc((2 * n + 1) * sizeof *score), *truth = score ? score + n : NULL;
    if (!score) return err_set(ERR_SYSTEM, "out of memory for the scores of %zu images", n);
    for (size_t i = 0; i < n; i++) {
        score[i] = x->probabilities[i * (size_t)labels + (size_t)k];
        truth[i] = x->truth[i * (size_t)labels + (size_t)k];
    }
    err error = metric_auroc(score, truth, (int)n, out);
    free(score);
    return error;
}

/* Means over the labels that have a value on both sides: other labels would make the two sides incomparable.
 */
static void average_auroc(const score_row *labels, int n, score_row *all)
{
    double synthetic = 0, held_out = 0;
    int count = 0;
    for (int k = 0; k < n; k++) {
        if (isnan(labels[k].auroc_synthetic) || isnan(labels[k].auroc_held_out)) continue;
        synthetic += labels[k].auroc_synthetic;
        held_out += labels[k].auroc_held_out;
        count++;
    }
    all->auroc_synthetic = count ? synthetic / count : NAN;
    all->auroc_held_out = count ? held_out / count : NAN;
}

static err fill_labels(const score_request *r, const sides *s, score_row *rows)
{
    for (int k = 0; k < s->labels; k++) {
        score_row *row = &rows[ROW_LABELS + k];
        row->group = s->real_set->label_names[k];
        TRY(compare_label(r, s, k, row));
        TRY(rank(&s->synthetic, s->labels, k, &row->auroc_synthetic));
        TRY(rank(&s->held_out, s->labels, k, &row->auroc_held_out));
    }
    average_auroc(rows + ROW_LABELS, s->labels, &rows[ROW_ALL]);
    return OK;
}

/* As many training images as there are synthetic ones, if there are. */
static err fill_training(const score_request *r, const sides *s, score_row *row)
{
    int n = s->training.list.n < s->synthetic.list.n ? s->training.list.n : s->synthetic.list.n;
    row->group = "training images";
    if (n == 0) return OK;
    return compare(r, s->training.features, n, s->held_out.features, s->held_out.list.n, s->d, row);
}

static err fill_all(const score_request *r, const sides *s, score_row *row)
{
    const side *a = &s->synthetic, *b = &s->held_out;
    row->group = "all";
    if (s->one_hot) {
        row->inception_synthetic = metric_inception_score(a->probabilities, a->list.n, s->labels, r->splits);
        row->inception_held_out = metric_inception_score(b->probabilities, b->list.n, s->labels, r->splits);
    }
    return compare(r, a->features, a->list.n, b->features, b->list.n, s->d, row);
}

err score_rows_open(const score_request *r, const sides *s, score_row **out)
{
    static const score_row unknown = {"",  0,   0,          NAN,       {NAN, NAN}, {NAN, NAN, NAN, NAN},
                                      NAN, NAN, {NAN, NAN}, {NAN, NAN}};
    int n = ROW_LABELS + s->labels;
    score_row *rows = malloc((size_t)n * sizeof *rows);
    *out = rows;
    if (!rows) return err_set(ERR_SYSTEM, "out of memory for %d rows", n);
    for (int i = 0; i < n; i++) rows[i] = unknown;
    TRY(fill_all(r, s, &rows[ROW_ALL]));
    TRY(fill_training(r, s, &rows[ROW_TRAINING]));
    return fill_labels(r, s, rows);
}
