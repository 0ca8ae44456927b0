/* What the answers of a reader study show. */
#include "bench/agreement.h"
#include "bench/binomial.h"
#include "bench/columns.h"
#include "bench/reader.h"
#include "bench/statistics.h"

#include <math.h>
#include <stdlib.h>

/* ---- means ---- */

static double variance_of(const double *values, const reader_kind *kinds, int n, reader_kind kind,
                          double mean, int count)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        if (kinds[i] == kind && !isnan(values[i])) squares += (values[i] - mean) * (values[i] - mean);
    return count > 1 ? squares / (count - 1) : (double)NAN;
}

reader_difference reader_compare(const double *values, const reader_kind *kinds, int n)
{
    reader_difference d = {.low = NAN, .high = NAN};
    double error[2], square = 0, degrees = 0; /* error: squared standard error of a mean */
    for (int k = 0; k < 2; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            if ((int)kinds[i] != k || isnan(values[i])) continue;
            sum += values[i];
            d.n[k]++;
        }
        d.mean[k] = d.n[k] ? sum / d.n[k] : (double)NAN;
        error[k] = variance_of(values, kinds, n, (reader_kind)k, d.mean[k], d.n[k]) / d.n[k];
        square += error[k];
        degrees += error[k] * error[k] / (d.n[k] - 1);
    }
    d.difference = d.mean[1] - d.mean[0];
    if (isnan(square)) return d;
    double margin =
        square > 0 ? student_t_quantile(0.975, (int)floor(square * square / degrees)) * sqrt(square) : 0;
    d.low = d.difference - margin;
    d.high = d.difference + margin;
    return d;
}

/* The mean answer to each item over its readers, NaN where nobody answered; a guess counts as 1 if it is
 * right. */
static void item_means(const reader_answers *a, int question, double *out)
{
    for (int i = 0; i < a->items; i++) {
        double sum = 0;
        int n = 0;
        for (int r = 0; r < a->readers; r++) {
            int value = reader_answer(a, r, i, question);
            if (value < 0) continue;
            sum += question == READER_GUESS ? value == (int)a->kinds[i] : value;
            n++;
        }
        out[i] = n ? sum / n : (double)NAN;
    }
}

/* Ratings of the units (items, readers) from 0; the caller frees them. */
static int *ratings_of(const reader_answers *a, int question)
{
    int *ratings = malloc((size_t)a->items * (size_t)a->readers * sizeof *ratings);
    if (!ratings) return NULL;
    for (int i = 0; i < a->items; i++)
        for (int r = 0; r < a->readers; r++) {
            int value = reader_answer(a, r, i, question);
            ratings[i * a->readers + r] = value < 0 || question == READER_GUESS ? value : value - 1;
        }
    return ratings;
}

static void number_cell(columns *t, const char *format, double value)
{
    if (isnan(value))
        columns_cell(t, "-");
    else
        columns_cell(t, format, value);
}

static void interval_cell(columns *t, const char *format, double low, double high)
{
    if (isnan(low) || isnan(high))
        columns_cell(t, "-");
    else
        columns_cell(t, format, low, high);
}

static err score_row(const reader_answers *a, int question, double *means, columns *t)
{
    item_means(a, question, means);
    reader_difference d = reader_compare(means, a->kinds, a->items);
    if (d.n[0] + d.n[1] == 0) return OK; /* it was not asked */
    int *ratings = ratings_of(a, question);
    if (!ratings) return err_set(ERR_SYSTEM, "out of memory for the answers");
    columns_cell(t, "%s", reader_questions[question].column);
    number_cell(t, "%.2f", d.mean[0]);
    number_cell(t, "%.2f", d.mean[1]);
    number_cell(t, "%+.2f", d.difference);
    interval_cell(t, "%+.2f to %+.2f", d.low, d.high);
    number_cell(t, "%.3f",
                a->readers > 1 ? alpha_ordinal(ratings, a->items, a->readers, READER_SCORES) : (double)NAN);
    free(ratings);
    return OK;
}

static err add_scores(const reader_answers *a, double *means, text *out)
{
    static const char *const heads[] = {"score (1 to 5)", "real",  "synthetic", "difference",
                                        "95% interval",   "alpha", NULL};
    columns t;
    err error = OK;
    columns_open(&t, "lrrrrr");
    columns_header(&t, heads);
    for (int q = 0; q < READER_GUESS && error == OK; q++) error = score_row(a, q, means, &t);
    if (error == OK) error = columns_format(&t, out);
    columns_close(&t);
    text_printf(
        out,
        "\nMeans over pairs of image and report, of each the mean over its readers; difference: synthetic "
        "minus real, with\nWelch's t interval over pairs. alpha: Krippendorff's, ordinal: 1 is full "
        "agreement "
        "of the readers, 0 is chance.\n");
    return error;
}

/* ---- telling apart ---- */

/* Right guesses of a reader, and how many there are, by kind. */
static void count_guesses(const reader_answers *a, int reader, int right[2], int n[2])
{
    right[0] = right[1] = n[0] = n[1] = 0;
    for (int i = 0; i < a->items; i++) {
        int guess = reader_answer(a, reader, i, READER_GUESS), kind = (int)a->kinds[i];
        if (guess < 0) continue;
        n[kind]++;
        right[kind] += guess == kind;
    }
}

static void guess_row(const reader_answers *a, int reader, columns *t)
{
    int right[2], n[2];
    double low, high;
    count_guesses(a, reader, right, n);
    int all = n[0] + n[1], good = right[0] + right[1];
    binomial_interval(good, all, &low, &high);
    columns_cell(t, "%s", a->names[reader]);
    columns_cell(t, "%d of %d", good, all);
    number_cell(t, "%.1f%%", all ? 100.0 * good / all : (double)NAN);
    columns_cell(t, "%.1f%% to %.1f%%", 100 * low, 100 * high);
    columns_cell(t, "%.3f", binomial_p_value(good, all));
    columns_cell(t, "%d of %d", right[READER_REAL], n[READER_REAL]);
    columns_cell(t, "%d of %d", right[READER_SYNTHETIC], n[READER_SYNTHETIC]);
}

/* The mean over the pairs of the share of readers who were right, with Student's t interval over pairs:
 * readers who see the same pairs are not independent of each other. */
static void add_all_readers(const reader_answers *a, const double *means, text *out)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (int i = 0; i < a->items; i++) {
        if (isnan(means[i])) continue;
        sum += means[i];
        n++;
    }
    if (n < 2) return;
    double mean = sum / n;
    for (int i = 0; i < a->items; i++)
        if (!isnan(means[i])) squares += (means[i] - mean) * (means[i] - mean);
    double margin = student_t_quantile(0.975, n - 1) * sqrt(squares / (n - 1) / n);
    text_printf(out, "\nAll readers: %.1f%% right (%.1f%% to %.1f%%, t over %d pairs); chance is 50%%.\n",
                100 * mean, 100 * fmax(mean - margin, 0), 100 * fmin(mean + margin, 1), n);
}

static err add_guess_agreement(const reader_answers *a, text *out)
{
    int *ratings = ratings_of(a, READER_GUESS);
    if (!ratings) return err_set(ERR_SYSTEM, "out of memory for the answers");
    bool two = a->readers == 2;
    double kappa = two ? kappa_cohen(ratings, a->items, 2) : kappa_fleiss(ratings, a->items, a->readers, 2);
    free(ratings);
    text_printf(out, "Agreement of the guesses, %s kappa: ", two ? "Cohen's" : "Fleiss'");
    text_printf(out, isnan(kappa) ? "not defined\n" : "%.3f\n", kappa);
    return OK;
}

static err add_guesses(const reader_answers *a, double *means, text *out)
{
    static const char *const heads[] = {"reader", "right",      "accuracy",        "95% interval",
                                        "p",      "real found", "synthetic found", NULL};
    columns t;
    columns_open(&t, "lrrrrrr");
    columns_header(&t, heads);
    for (int r = 0; r < a->readers; r++) guess_row(a, r, &t);
    text_printf(out, "\nTelling real from synthetic\n\n");
    err error = columns_format(&t, out);
    columns_close(&t);
    text_printf(
        out, "\np: exact binomial test against chance (1/2), two-sided; intervals: Clopper and Pearson's.\n");
    item_means(a, READER_GUESS, means);
    if (a->readers > 1) add_all_readers(a, means, out);
    if (a->readers > 1 && error == OK) error = add_guess_agreement(a, out);
    return error;
}

err reader_report(const reader_answers *a, text *out)
{
    int answered = 0, real = 0;
    double *means = malloc((size_t)a->items * sizeof *means);
    if (!means) return err_set(ERR_SYSTEM, "out of memory for the answers");
    for (int i = 0; i < a->items; i++) real += a->kinds[i] == READER_REAL;
    for (int i = 0; i < a->readers * a->items * READER_QUESTIONS; i++) answered += a->values[i] >= 0;
    text_printf(out, "%d real and %d synthetic pairs, %d reader%s, %d answers\n\n", real, a->items - real,
                a->readers, a->readers == 1 ? "" : "s", answered);
    err error = add_scores(a, means, out);
    if (error == OK) error = add_guesses(a, means, out);
    free(means);
    return error == OK ? text_check(out) : error;
}
