/* Decoding. Greedy decoding is a beam of one; sampling is a beam of one whose continuation is drawn. */
#include "nn/decoding.h"

#include "base/rng.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BEAMS = 64, MOST_LENGTH = 1 << 16 };

/* Hypothesis `row` (of its text's) goes on by `token`. */
typedef struct candidate {
    double log_probability; /* of the whole text so far */
    int row, token;
} candidate;

typedef struct weighed {
    double weight;
    int token;
} weighed;

typedef struct decoder {
    decoding_opts o;
    int texts, vocabulary, beams;
    int *parents, *tokens;       /* (rows) for the callback */
    float *log_probabilities;    /* (rows, V) */
    int *history, *next_history; /* (rows, length): the tokens of each hypothesis */
    double *sums, *next_sums;    /* (rows): log-probability of each hypothesis */
    int *live;                   /* (texts): the first rows of each text are its hypotheses */
    double *best;                /* (texts): score of what is in `ids`; -infinity, if nothing is */
    weighed *order;              /* (V) */
    int *ids, *counts;           /* the caller's */
} decoder;

int decoding_beams(const decoding_opts *o)
{
    return o->kind == DECODING_BEAM ? o->beams : 1;
}

static err check_range(const char *name, double value, double low, double high)
{
    if (value >= low && value <= high) return OK;
    return err_set(ERR_CONFIG, "decoding option %s must be from %g to %g, not %g", name, low, high, value);
}

err decoding_check(const decoding_opts *o, int vocabulary)
{
    if (vocabulary < 1) return err_set(ERR_CONFIG, "decoding needs a vocabulary of at least one token");
    TRY(check_range("kind", (double)o->kind, DECODING_GREEDY, DECODING_BEAM));
    TRY(check_range("temperature", (double)o->temperature, 0, 1000));
    TRY(check_range("top_p", (double)o->top_p, 0, 1));
    TRY(check_range("length_penalty", (double)o->length_penalty, 0, 10));
    TRY(check_range("beams", o->beams, o->kind == DECODING_BEAM, o->kind == DECODING_BEAM ? MOST_BEAMS : 1));
    TRY(check_range("length", o->length, 1, MOST_LENGTH));
    TRY(check_range("begin", o->begin, 0, vocabulary - 1));
    TRY(check_range("end", o->end, 0, vocabulary - 1));
    TRY(check_range("n_banned", o->n_banned, 0, vocabulary));
    for (int i = 0; i < o->n_banned; i++) {
        TRY(check_range("banned", o->banned[i], 0, vocabulary - 1));
        if (o->banned[i] == o->end)
            return err_set(ERR_CONFIG, "decoding option banned must not have the end (%d)", o->end);
    }
    return OK;
}

static double length_penalty(const decoder *d, int tokens)
{
    return pow((5.0 + tokens) / 6.0, (double)d->o.length_penalty);
}

static int *history_of(const decoder *d, int row)
{
    return d->history + (size_t)row * (size_t)d->o.length;
}

static float *row_of(const decoder *d, int row)
{
    return d->log_probabilities + (size_t)row * (size_t)d->vocabulary;
}

static err check_row(const decoder *d, int row, int time)
{
    const float *p = row_of(d, row);
    for (int k = 0; k < d->vocabulary; k++)
        if (!(p[k] <= 1e-3F))
            return err_set(
                ERR_DIVERGED,
                "the log-probability of token %d of text %d at time %d is %g; it cannot be above 0", k,
                row / d->beams, time, (double)p[k]);
    return OK;
}

/* Takes from a row's distribution what must not be said after its `time` tokens. */
static void forbid(const decoder *d, int row, int time)
{
    float *p = row_of(d, row);
    for (int i = 0; i < d->o.n_banned; i++) p[d->o.banned[i]] = -INFINITY;
    if (!d->o.block_trigrams) return;
    const int *said = history_of(d, row);
    for (int i = 0; i + 2 < time; i++)
        if (said[i] == said[time - 2] && said[i + 1] == said[time - 1]) p[said[i + 2]] = -INFINITY;
}

/* ---- choosing how to go on ---- */

/* Puts c in its place among the n best so far, at most d->beams; returns how many there are now. */
static int insert(const decoder *d, candidate *best, int n, candidate c)
{
    if (n == d->beams) {
        if (!(c.log_probability > best[n - 1].log_probability)) return n;
        n--;
    }
    int at = n;
    for (; at > 0 && c.log_probability > best[at - 1].log_probability; at--) best[at] = best[at - 1];
    best[at] = c;
    return n + 1;
}

/* The likeliest continuations of a text, the best first; returns how many there are. */
static int likeliest(const decoder *d, int text, candidate *best)
{
    int n = 0;
    for (int i = 0; i < d->live[text]; i++) {
        int row = text * d->beams + i;
        const float *p = row_of(d, row);
        for (int k = 0; k < d->vocabulary; k++)
            if (p[k] > -INFINITY) n = insert(d, best, n, (candidate){d->sums[row] + (double)p[k], i, k});
    }
    return n;
}

static int heavier(const void *a, const void *b)
{
    const weighed *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return x->token - y->token;
}

/* Weights of the tokens that may be said, in the order in which they are drawn from; returns how many there
 * are and their sum. */
static int nucleus(const decoder *d, const float *p, double *sum)
{
    double temperature = d->o.temperature > 0 ? (double)d->o.temperature : 1, most = -INFINITY, all = 0;
    for (int k = 0; k < d->vocabulary; k++) most = fmax(most, (double)p[k]);
    int n = 0;
    for (int k = 0; k < d->vocabulary; k++) {
        if (!(p[k] > -INFINITY)) continue;
        d->order[n] = (weighed){exp(((double)p[k] - most) / temperature), k};
        all += d->order[n++].weight;
    }
    *sum = all;
    if (!(d->o.top_p > 0 && d->o.top_p < 1)) return n;
    qsort(d->order, (size_t)n, sizeof *d->order, heavier);
    int kept = 0;
    for (*sum = 0; kept < n && *sum < (double)d->o.top_p * all; kept++) *sum += d->order[kept].weight;
    return kept;
}

/* One drawn continuation of a text; returns 1, or 0 if there is none. */
static int drawn(const decoder *d, int text, int time, candidate *out)
{
    if (d->live[text] == 0) return 0;
    double sum;
    const float *p = row_of(d, text);
    int n = nucleus(d, p, &sum);
    if (n == 0) return 0;
    rng draw = rng_open(d->o.seed, "decode", (d->o.first_text + (uint64_t)text) << 16 | (uint64_t)time);
    double left = rng_uniform(&draw) * sum;
    int i = 0;
    while (i < n - 1 && left >= d->order[i].weight) left -= d->order[i++].weight;
    int token = d->order[i].token;
    *out = (candidate){d->sums[text] + (double)p[token], 0, token};
    return 1;
}

/* ---- going on ---- */

/* Keeps a hypothesis of `said` tokens and `tokens` with its end as the text, if none has a better score. */
static void finish(decoder *d, int text, const int *history, int said, int tokens, double log_probability)
{
    double score = log_probability / length_penalty(d, tokens);
    if (d->counts[text] >= 0 && !(score > d->best[text])) return;
    d->best[text] = score;
    d->counts[text] = said;
    int *ids = d->ids + (size_t)text * (size_t)d->o.length;
    memcpy(ids, history, (size_t)said * sizeof *ids);
    for (int i = said; i < d->o.length; i++) ids[i] = d->o.end;
}

/* Makes hypothesis `slot` of the next time from a candidate. */
static void go_on(decoder *d, int text, int slot, int time, candidate c)
{
    int from = text * d->beams + c.row, to = text * d->beams + slot;
    int *history = d->next_history + (size_t)to * (size_t)d->o.length;
    memcpy(history, history_of(d, from), (size_t)time * sizeof *history);
    history[time] = c.token;
    d->next_sums[to] = c.log_probability;
    d->parents[to] = from;
    d->tokens[to] = c.token;
}

/* Whether no hypothesis of a text can score better than what ended. Their sums only fall, and the best that
 * the penalty can do for a negative sum is that of the full length. */
static bool decided(const decoder *d, int text)
{
    if (d->live[text] == 0) return true;
    double bound = d->next_sums[text * d->beams] / length_penalty(d, d->o.length);
    return d->counts[text] >= 0 && d->best[text] >= bound;
}

/* One time of one text. */
static void advance(decoder *d, int text, int time)
{
    candidate best[MOST_BEAMS];
    int n = d->o.kind == DECODING_SAMPLE ? drawn(d, text, time, best) : likeliest(d, text, best);
    int first = text * d->beams, live = 0;
    if (n == 0 && d->live[text] > 0) finish(d, text, history_of(d, first), time, time, d->sums[first]);
    /* decode() releases the decoder. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    for (int i = 0; i < n; i++) {
        if (best[i].token == d->o.end)
            finish(d, text, history_of(d, first + best[i].row), time, time + 1, best[i].log_probability);
        else
            go_on(d, text, live++, time, best[i]);
    }
    d->live[text] = live;
    if (time + 1 == d->o.length)
        for (int i = 0; i < live; i++)
            finish(d, text, d->next_history + (size_t)(first + i) * (size_t)d->o.length, time + 1, time + 1,
                   d->next_sums[first + i]);
    if (decided(d, text)) d->live[text] = 0;
    for (int i = d->live[text]; i < d->beams; i++) {
        d->parents[first + i] = first + i;
        d->tokens[first + i] = d->o.end;
    }
}

static void exchange(decoder *d)
{
    int *history = d->history;
    double *sums = d->sums;
    d->history = d->next_history;
    d->sums = d->next_sums;
    d->next_history = history;
    d->next_sums = sums;
}

static err run(decoder *d, decoding_next next, void *context)
{
    for (int i = 0; i < d->texts * d->beams; i++) {
        d->parents[i] = i;
        d->tokens[i] = d->o.begin;
    }
    for (int i = 0; i < d->texts; i++) {
        d->live[i] = 1; /* all hypotheses are the same before the first token */
        d->counts[i] = -1;
    }
    int undecided = d->texts;
    for (int time = 0; time < d->o.length && undecided > 0; time++) {
        TRY(next(context, time, d->parents, d->tokens, d->log_probabilities));
        undecided = 0;
        for (int text = 0; text < d->texts; text++) {
            for (int i = 0; i < d->live[text]; i++) {
                TRY(check_row(d, text * d->beams + i, time));
                forbid(d, text * d->beams + i, time);
            }
            advance(d, text, time);
            undecided += d->live[text] > 0;
        }
        exchange(d);
    }
    return OK;
}

static err allocate(decoder *d)
{
    size_t texts = (size_t)d->texts, rows = texts * (size_t)d->beams, v = (size_t)d->vocabulary;
    size_t length = (size_t)d->o.length;
    d->parents = calloc(rows, sizeof *d->parents);
    d->tokens = calloc(rows, sizeof *d->tokens);
    d->log_probabilities = calloc(rows * v, sizeof *d->log_probabilities);
    d->history = calloc(rows * length, sizeof *d->history);
    d->next_history = calloc(rows * length, sizeof *d->next_history);
    d->sums = calloc(rows, sizeof *d->sums);
    d->next_sums = calloc(rows, sizeof *d->next_sums);
    d->live = calloc(texts, sizeof *d->live);
    d->best = calloc(texts, sizeof *d->best);
    d->order = calloc(v, sizeof *d->order);
    bool all = d->parents && d->tokens && d->log_probabilities && d->history && d->next_history && d->sums &&
               d->next_sums && d->live && d->best && d->order;
    return all ? OK : err_set(ERR_SYSTEM, "out of memory for decoding %d texts", d->texts);
}

static void release(decoder *d)
{
    free(d->parents);
    free(d->tokens);
    free(d->log_probabilities);
    free(d->history);
    free(d->next_history);
    free(d->sums);
    free(d->next_sums);
    free(d->live);
    free(d->best);
    free(d->order);
}

err decode(const decoding_opts *o, int texts, int vocabulary, decoding_next next, void *context, int *ids,
           int *counts, float *scores)
{
    TRY(decoding_check(o, vocabulary));
    if (texts < 1) return err_set(ERR_USAGE, "decoding needs at least one text, not %d", texts);
    if ((double)texts * decoding_beams(o) * vocabulary > INT_MAX)
        return err_set(ERR_USAGE, "decoding %d texts at once is too many: make them in parts", texts);
    decoder d = {.o = *o,
                 .texts = texts,
                 .vocabulary = vocabulary,
                 .beams = decoding_beams(o),
                 .ids = ids,
                 .counts = counts};
    err error = allocate(&d);
    if (error == OK) error = run(&d, next, context);
    for (int i = 0; error == OK && scores && i < texts; i++) scores[i] = (float)d.best[i];
    release(&d);
    return error;
}
