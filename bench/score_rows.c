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

err side_auroc(const side *x, int labels, int k, const int *image, const float *truth, int count, double *out)
{
    size_t n = (size_t)count;
    float *score = malloc((2 * n + 1) * sizeof *score), *known = score ? score + n : NULL;
    if (!score) return err_set(ERR_SYSTEM, "out of memory for the scores of %zu images", n);
    for (size_t i = 0; i < n; i++) {
        size_t row = image ? (size_t)image[i] : i;
        score[i] = x->probabilities[row * (size_t)labels + (size_t)k];
        known[i] = truth[i * (size_t)labels + (size_t)k];
    }
    err error = metric_auroc(score, known, count, out);
    free(score);
    return error;
}

void shared_sum_add(shared_sum *s, double synthetic, double held_out)
{
    if (isnan(synthetic) || isnan(held_out)) return;
    s->synthetic += synthetic;
    s->held_out += held_out;
    s->n++;
}

void shared_sum_means(const shared_sum *s, double *synthetic, double *held_out)
{
    *synthetic = s->n ? s->synthetic / s->n : NAN;
    *held_out = s->n ? s->held_out / s->n : NAN;
}

static err fill_labels(const score_request *r, const sides *s, score_row *rows)
{
    shared_sum sum = {0};
    for (int k = 0; k < s->labels; k++) {
        score_row *row = &rows[ROW_LABELS + k];
        row->group = s->real_set->label_names[k];
        TRY(compare_label(r, s, k, row));
        const side *a = &s->synthetic, *b = &s->held_out;
        TRY(side_auroc(a, s->labels, k, NULL, a->truth, a->list.n, &row->auroc_synthetic));
        TRY(side_auroc(b, s->labels, k, NULL, b->truth, b->list.n, &row->auroc_held_out));
        shared_sum_add(&sum, row->auroc_synthetic, row->auroc_held_out);
    }
    shared_sum_means(&sum, &rows[ROW_ALL].auroc_synthetic, &rows[ROW_ALL].auroc_held_out);
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
