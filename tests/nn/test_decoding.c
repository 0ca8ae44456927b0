/* Decoding against brute force: a model whose distributions depend on all that was said, small enough for all
 * its texts to be listed. */
#include "base/rng.h"
#include "nn/decoding.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BEGIN, END, A, B, C, VOCABULARY, LENGTH = 6, MOST_TEXTS = 64, MOST_ROWS = MOST_TEXTS * 64 };

/* Log-probabilities after `history`, for text `text` of the model. */
static void distribution(uint64_t model, const int *history, int n, float *out)
{
    uint64_t key = (uint64_t)n + 1;
    for (int i = 0; i < n; i++) key = key * VOCABULARY + (uint64_t)history[i];
    rng draw = rng_open(model, "distribution", key);
    double sum = 0, weights[VOCABULARY];
    for (int k = 0; k < VOCABULARY; k++) sum += weights[k] = exp(1.5 * rng_normal(&draw));
    for (int k = 0; k < VOCABULARY; k++) out[k] = (float)log(weights[k] / sum);
}

/* A model that keeps what each row said, as a net keeps its states: by parents and tokens. */
typedef struct model {
    uint64_t seed; /* text j has the distributions of model seed + j */
    int beams, texts, calls, fail_at;
    int said[MOST_ROWS][LENGTH], before[MOST_ROWS][LENGTH];
} model;

static err next(void *context, int time, const int *parents, const int *tokens, float *log_probabilities)
{
    model *m = context;
    if (time == m->fail_at) return err_set(ERR_IO, "the model is gone");
    cr_assert_eq(time, m->calls++);
    memcpy(m->before, m->said, sizeof m->said);
    for (int i = 0; i < m->texts * m->beams; i++) {
        if (time == 0) cr_assert(parents[i] == i && tokens[i] == BEGIN);
        cr_assert_eq(parents[i] / m->beams, i / m->beams, "a row goes on from another text's");
        memcpy(m->said[i], m->before[parents[i]], sizeof m->said[i]);
        if (time > 0) m->said[i][time - 1] = tokens[i];
        distribution(m->seed + (uint64_t)(i / m->beams), m->said[i], time,
                     log_probabilities + (size_t)i * VOCABULARY);
    }
    return OK;
}

static decoding_opts options(decoding_kind kind)
{
    static const int banned[] = {BEGIN};
    return (decoding_opts){.kind = kind,
                           .begin = BEGIN,
                           .end = END,
                           .banned = banned,
                           .n_banned = 1,
                           .length = LENGTH,
                           .beams = kind == DECODING_BEAM};
}

typedef struct decoded {
    int ids[MOST_TEXTS][LENGTH], counts[MOST_TEXTS];
    float scores[MOST_TEXTS];
} decoded;

static void run(const decoding_opts *o, uint64_t seed, int texts, decoded *out)
{
    model *m = calloc(1, sizeof *m);
    cr_assert(m != NULL);
    *m = (model){.seed = seed, .beams = decoding_beams(o), .texts = texts, .fail_at = -1};
    int ids[MOST_TEXTS * LENGTH];
    cr_assert_eq(decode(o, texts, VOCABULARY, next, m, ids, out->counts, out->scores), OK, "%s",
                 err_message());
    for (int i = 0; i < texts * LENGTH; i++) out->ids[i / LENGTH][i % LENGTH] = END;
    for (int i = 0; i < texts * o->length; i++) out->ids[i / o->length][i % o->length] = ids[i];
    free(m);
}

/* ---- all texts, one by one ---- */

typedef struct best_text {
    double score;
    int ids[LENGTH], count;
} best_text;

static bool says_twice(const int *said, int n)
{
    for (int i = 0; i + 3 < n; i++)
        if (memcmp(said + i, said + n - 3, 3 * sizeof *said) == 0) return true;
    return false;
}

static bool repeats(const int *ids, int n)
{
    for (int i = 3; i < n; i++)
        if (says_twice(ids, i + 1)) return true;
    return false;
}

static bool is_banned(const decoding_opts *o, int token)
{
    for (int i = 0; i < o->n_banned; i++)
        if (o->banned[i] == token) return true;
    return false;
}

static void keep(const decoding_opts *o, const int *said, int count, int tokens, double sum, best_text *best)
{
    double score = sum / pow((5.0 + tokens) / 6.0, (double)o->length_penalty);
    if (!(score > best->score)) return;
    *best = (best_text){.score = score, .count = count};
    memcpy(best->ids, said, (size_t)count * sizeof *said);
}

static void search(const decoding_opts *o, uint64_t seed, int *said, int n, double sum, best_text *best)
{
    if (n == o->length) {
        keep(o, said, n, n, sum, best);
        return;
    }
    float p[VOCABULARY];
    distribution(seed, said, n, p);
    keep(o, said, n, n + 1, sum + (double)p[END], best);
    for (int k = A; k < VOCABULARY; k++) {
        if (is_banned(o, k)) continue;
        said[n] = k;
        if (!(o->block_trigrams && says_twice(said, n + 1)))
            search(o, seed, said, n + 1, sum + (double)p[k], best);
    }
}

/* Returns how many texts say three tokens twice. */
static int check_exhaustive(const decoding_opts *o, uint64_t seed, int texts)
{
    decoded got;
    int twice = 0;
    run(o, seed, texts, &got);
    for (int i = 0; i < texts; i++) {
        best_text want = {.score = -INFINITY};
        int said[LENGTH];
        search(o, seed + (uint64_t)i, said, 0, 0, &want);
        cr_assert_eq(got.counts[i], want.count, "text %d: %d tokens for %d", i, got.counts[i], want.count);
        cr_assert_arr_eq(got.ids[i], want.ids, (size_t)want.count * sizeof(int));
        for (int j = want.count; j < LENGTH; j++) cr_assert_eq(got.ids[i][j], END);
        cr_assert_float_eq(got.scores[i], want.score, 1e-5);
        twice += repeats(want.ids, want.count);
    }
    return twice;
}

/* Texts of 4 tokens out of 3 words: never more than 36 candidates before the last time, so a beam of 64
 * passes over none that could win. */
Test(decoding, wide_beam_finds_the_best_text)
{
    decoding_opts o = options(DECODING_BEAM);
    o.beams = 64;
    o.length = 4;
    (void)check_exhaustive(&o, 100, 50);
    for (int i = 1; i <= 3; i++) {
        o.length_penalty = 0.7F * (float)i;
        (void)check_exhaustive(&o, 200, 50);
    }
}

/* Texts of 6 tokens out of 2 words: never more than 48 candidates before the last time. */
Test(decoding, wide_beam_blocks_trigrams)
{
    decoding_opts o = options(DECODING_BEAM);
    o.beams = 64;
    o.length_penalty = 4;
    o.banned = (int[]){BEGIN, C};
    o.n_banned = 2;
    cr_assert_gt(check_exhaustive(&o, 300, MOST_TEXTS), 0, "blocking was to make a difference");
    o.block_trigrams = true;
    cr_assert_eq(check_exhaustive(&o, 300, MOST_TEXTS), 0);
}

Test(decoding, greedy_takes_the_likeliest_token)
{
    decoding_opts o = options(DECODING_GREEDY);
    decoded got;
    run(&o, 7, MOST_TEXTS, &got);
    int cut = 0, ended = 0;
    for (int i = 0; i < MOST_TEXTS; i++) {
        int n = 0;
        double sum = 0;
        for (;; n++) {
            float p[VOCABULARY];
            if (n == LENGTH) break;
            distribution(7 + (uint64_t)i, got.ids[i], n, p);
            int most = END;
            for (int k = END; k < VOCABULARY; k++)
                if (p[k] > p[most]) most = k;
            sum += (double)p[most];
            if (most == END) break;
            cr_assert_eq(got.ids[i][n], most);
        }
        cr_assert_eq(got.counts[i], n);
        cr_assert_float_eq(got.scores[i], sum, 1e-5);
        cut += n == LENGTH;
        ended += n < LENGTH;
    }
    cr_assert(cut > 0 && ended > 0, "both kinds of end were to be seen");
}

Test(decoding, beam_of_one_is_greedy)
{
    decoding_opts greedy = options(DECODING_GREEDY), beam = options(DECODING_BEAM);
    decoded a, b;
    run(&greedy, 50, MOST_TEXTS, &a);
    run(&beam, 50, MOST_TEXTS, &b);
    cr_assert_arr_eq(a.ids, b.ids, sizeof a.ids);
    cr_assert_arr_eq(a.counts, b.counts, sizeof a.counts);
}

/* ---- a chain that only looks at the last token: what it says is "a b c a b c ..." ---- */

static err parrot(void *context, int time, const int *parents, const int *tokens, float *log_probabilities)
{
    (void)parents;
    int rows = *(const int *)context;
    for (int i = 0; i < rows; i++) {
        float *p = log_probabilities + (size_t)i * VOCABULARY;
        int favourite = time == 0 || tokens[i] == C ? A : tokens[i] + 1;
        for (int k = 0; k < VOCABULARY; k++) p[k] = logf(k == favourite ? 0.92F : 0.02F);
    }
    return OK;
}

Test(decoding, trigrams_are_blocked_in_every_kind)
{
    for (int kind = DECODING_GREEDY; kind <= DECODING_BEAM; kind++) {
        decoding_opts o = options((decoding_kind)kind);
        if (kind == DECODING_BEAM) o.beams = 4;
        o.length = 24;
        o.top_p = 0.99F; /* a sampled text has something to choose when its favourite is blocked */
        int rows = decoding_beams(&o), ids[24], count;
        cr_assert_eq(decode(&o, 1, VOCABULARY, parrot, &rows, ids, &count, NULL), OK, "%s", err_message());
        cr_assert(count > 6 || kind == DECODING_SAMPLE);
        cr_assert(kind == DECODING_SAMPLE || repeats(ids, count), "the parrot was to repeat itself");
        o.block_trigrams = true;
        cr_assert_eq(decode(&o, 1, VOCABULARY, parrot, &rows, ids, &count, NULL), OK, "%s", err_message());
        cr_assert_not(repeats(ids, count));
    }
}

/* ---- sampling ---- */

/* The same distribution at every time and for every text. */
static const double chances[VOCABULARY] = {0.2, 0.1, 0.4, 0.25, 0.05};

static err fixed(void *context, int time, const int *parents, const int *tokens, float *log_probabilities)
{
    (void)time, (void)parents, (void)tokens;
    int rows = *(const int *)context;
    for (int i = 0; i < rows * VOCABULARY; i++) log_probabilities[i] = (float)log(chances[i % VOCABULARY]);
    return OK;
}

/* Pearson's statistic of first tokens against what they should be; tokens of chance 0 must not be seen. */
static double chi_square(const decoding_opts *o, const double *want)
{
    enum { TEXTS = 20000 };
    int rows = TEXTS, *ids = malloc(TEXTS * LENGTH * sizeof *ids), *counts = malloc(TEXTS * sizeof *counts);
    cr_assert(ids && counts);
    cr_assert_eq(decode(o, TEXTS, VOCABULARY, fixed, &rows, ids, counts, NULL), OK, "%s", err_message());
    int seen[VOCABULARY] = {0};
    for (int i = 0; i < TEXTS; i++) seen[ids[i * o->length]]++; /* a text without tokens: END */
    double statistic = 0;
    for (int k = 0; k < VOCABULARY; k++) {
        cr_assert(want[k] > 0 || seen[k] == 0, "token %d was drawn %d times", k, seen[k]);
        if (want[k] > 0) statistic += pow(seen[k] - TEXTS * want[k], 2) / (TEXTS * want[k]);
    }
    free(ids);
    free(counts);
    return statistic;
}

/* The 99.99% point of chi-square with 4 degrees of freedom. */
static const double MOST = 23.5;

Test(decoding, draws_follow_the_distribution)
{
    decoding_opts o = options(DECODING_SAMPLE);
    o.length = 1;
    o.seed = 5;
    double all = 1 - chances[BEGIN], want[VOCABULARY] = {0};
    for (int k = END; k < VOCABULARY; k++) want[k] = chances[k] / all;
    cr_assert_lt(chi_square(&o, want), MOST);
    o.n_banned = 0;
    cr_assert_lt(chi_square(&o, chances), MOST);
}

Test(decoding, temperature_sharpens)
{
    decoding_opts o = options(DECODING_SAMPLE);
    o.length = 1;
    o.n_banned = 0;
    o.temperature = 0.5F;
    double sum = 0, want[VOCABULARY];
    for (int k = 0; k < VOCABULARY; k++) sum += chances[k] * chances[k];
    for (int k = 0; k < VOCABULARY; k++) want[k] = chances[k] * chances[k] / sum;
    cr_assert_lt(chi_square(&o, want), MOST);
}

/* Of 0.4, 0.25, 0.2, 0.1, 0.05: 0.64 needs two tokens, 0.66 three; 0.3 one. */
Test(decoding, nucleus_is_the_fewest_tokens)
{
    decoding_opts o = options(DECODING_SAMPLE);
    o.length = 1;
    o.n_banned = 0;
    o.top_p = 0.64F;
    cr_assert_lt(chi_square(&o, (double[]){0, 0, 0.4 / 0.65, 0.25 / 0.65, 0}), MOST);
    o.top_p = 0.66F;
    cr_assert_lt(chi_square(&o, (double[]){0.2 / 0.85, 0, 0.4 / 0.85, 0.25 / 0.85, 0}), MOST);
    o.top_p = 0.3F;
    cr_assert_lt(chi_square(&o, (double[]){0, 0, 1, 0, 0}), MOST);
}

/* Whole texts, not first tokens alone: draws of different times are independent. */
Test(decoding, draws_of_whole_texts_follow_the_distribution)
{
    enum { TEXTS = 20000 };
    decoding_opts o = options(DECODING_SAMPLE);
    o.length = 2;
    o.n_banned = 0;
    int rows = TEXTS, *ids = malloc(TEXTS * 2 * sizeof *ids), *counts = malloc(TEXTS * sizeof *counts);
    cr_assert(ids && counts);
    cr_assert_eq(decode(&o, TEXTS, VOCABULARY, fixed, &rows, ids, counts, NULL), OK);
    double statistic = 0;
    int seen[VOCABULARY][VOCABULARY] = {{0}};
    for (int i = 0; i < TEXTS; i++) seen[ids[2 * i]][ids[2 * i + 1]]++;
    for (int a = 0; a < VOCABULARY; a++)
        for (int b = 0; b < VOCABULARY; b++) {
            double want = TEXTS * chances[a] * (a == END ? b == END : chances[b]);
            if (want > 0) statistic += pow(seen[a][b] - want, 2) / want;
        }
    cr_assert_lt(statistic, 52.4); /* 21 kinds of text: the 99.99% point of chi-square with 20 degrees */
    free(ids);
    free(counts);
}

Test(decoding, a_text_does_not_depend_on_the_others)
{
    decoding_opts o = options(DECODING_SAMPLE);
    o.seed = 9;
    decoded all, again, part;
    run(&o, 1000, MOST_TEXTS, &all);
    run(&o, 1000, MOST_TEXTS, &again);
    cr_assert_arr_eq(all.ids, again.ids, sizeof all.ids);
    o.first_text = 40;
    run(&o, 1040, 3, &part);
    cr_assert_arr_eq(part.ids, all.ids[40], sizeof part.ids[0] * 3);
    o.seed = 10;
    run(&o, 1040, 20, &part);
    cr_assert_neq(memcmp(part.ids, all.ids[40], sizeof part.ids[0] * 20), 0, "the seed has no effect");
}

/* ---- what is wrong ---- */

static void refused(decoding_opts o, const char *name)
{
    int rows = 1, ids[LENGTH], count;
    cr_assert_eq(decode(&o, 1, VOCABULARY, fixed, &rows, ids, &count, NULL), ERR_CONFIG);
    cr_assert(strstr(err_message(), name), "%s", err_message());
}

Test(decoding, options_out_of_range_are_refused)
{
    decoding_opts o = options(DECODING_SAMPLE), bad = o;
    bad.temperature = -1, refused(bad, "temperature"), bad = o;
    bad.temperature = NAN, refused(bad, "temperature"), bad = o;
    bad.top_p = 1.5F, refused(bad, "top_p"), bad = o;
    bad.beams = 2, refused(bad, "beams"), bad = o;
    bad.length = 0, refused(bad, "length"), bad = o;
    bad.length_penalty = -1, refused(bad, "length_penalty"), bad = o;
    bad.begin = -1, refused(bad, "begin"), bad = o;
    bad.end = VOCABULARY, refused(bad, "end"), bad = o;
    bad.banned = (int[]){END}, refused(bad, "banned"), bad = o;
    bad.banned = (int[]){VOCABULARY}, refused(bad, "banned"), bad = o;
    bad.kind = (decoding_kind)7, refused(bad, "kind");
    bad = options(DECODING_BEAM);
    bad.beams = 0, refused(bad, "beams");
    bad.beams = 65, refused(bad, "beams");
}

Test(decoding, needs_a_text)
{
    decoding_opts o = options(DECODING_GREEDY);
    cr_assert_eq(decode(&o, 0, VOCABULARY, fixed, NULL, NULL, NULL, NULL), ERR_USAGE);
    cr_assert_eq(decode(&o, 1 << 30, VOCABULARY, fixed, NULL, NULL, NULL, NULL), ERR_USAGE);
}

Test(decoding, the_models_error_is_passed_on)
{
    static model m = {.beams = 1, .texts = 1, .fail_at = 0};
    decoding_opts o = options(DECODING_GREEDY);
    int ids[LENGTH], count;
    cr_assert_eq(decode(&o, 1, VOCABULARY, next, &m, ids, &count, NULL), ERR_IO);
}

static err broken(void *context, int time, const int *parents, const int *tokens, float *log_probabilities)
{
    TRY(fixed(&(int){2}, time, parents, tokens, log_probabilities));
    log_probabilities[VOCABULARY + A] = *(const float *)context;
    return OK;
}

Test(decoding, what_is_no_probability_is_refused)
{
    decoding_opts o = options(DECODING_GREEDY);
    int ids[2 * LENGTH], counts[2];
    float values[] = {NAN, 0.5F, INFINITY};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(decode(&o, 2, VOCABULARY, broken, &values[i], ids, counts, NULL), ERR_DIVERGED);
        cr_assert(strstr(err_message(), "text 1 at time 0"), "%s", err_message());
    }
}

static err speechless(void *context, int time, const int *parents, const int *tokens,
                      float *log_probabilities)
{
    (void)parents, (void)tokens;
    int rows = *(const int *)context;
    for (int i = 0; i < rows * VOCABULARY; i++)
        log_probabilities[i] = time < 2 && i % VOCABULARY == B ? 0 : -INFINITY;
    return OK;
}

Test(decoding, a_text_with_nothing_to_say_is_cut)
{
    for (int kind = DECODING_GREEDY; kind <= DECODING_BEAM; kind++) {
        decoding_opts o = options((decoding_kind)kind);
        if (kind == DECODING_BEAM) o.beams = 3;
        int rows = decoding_beams(&o), ids[LENGTH], count;
        float score;
        cr_assert_eq(decode(&o, 1, VOCABULARY, speechless, &rows, ids, &count, &score), OK);
        cr_assert(count == 2 && ids[0] == B && ids[1] == B && ids[2] == END);
        cr_assert_float_eq(score, 0, 0);
    }
}
