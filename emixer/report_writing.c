/* Writing reports: the decoder's two LSTMs as steps of their own behind the encoder's, and words drawn on the
 * host by nn/decoding.h, a sentence at a time. */
#include "base/rng.h"
#include "emixer/internal.h"
#include "nn/decoding.h"
#include "nn/sequence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The recorded nets; what one keeps is copied into the inputs of the next. */
struct writing {
    struct {
        image_code code;
        step *step; /* NULL without denoising */
    } nothing;      /* what is written without an image */
    struct {
        image_code code; /* in; of the words, too */
        nn_t bag, state; /* in */
        sentence_step next;
        step *step;
    } sentence;
    struct {
        nn_t topic, previous, state; /* in */
        nn_t next_state, log_probabilities;
        step *step;
    } word;
    struct {
        nn_t reports;          /* (B,S*W) in */
        directions directions; /* with matching_weight */
        nn_t seen, read;       /* (B,K) logits of the labels of images and reports, with reading_weight */
        step *step;            /* NULL until candidates are compared */
    } fit;
};

/* The inputs stay zero: of no report, nothing is kept. */
static err record_nothing(emixer *e, struct writing *w)
{
    const emixer_opts *o = &e->o;
    if (o->denoising_weight <= 0) return OK;
    nn_t corrupted = nn_input(e->n, "writing/corrupted", nn_shape(2, o->batch, o->sentences * o->words));
    nn_t kept = nn_input(e->n, "writing/kept", nn_shape(2, o->batch, o->embedding));
    image_code code = w->nothing.code = denoising_code(e->n, o, corrupted, kept);
    return net_compile(e->n, (nn_t[]){code.grid, code.embedding}, 2, NULL, &w->nothing.step);
}

static err record_sentence(emixer *e, struct writing *w)
{
    net *n = e->n;
    int b = e->o.batch, width = e->o.embedding;
    image_code code = {.grid = nn_input(n, "writing/grid", nn_shape(3, b, encoder_places(&e->o), width)),
                       .embedding = nn_input(n, "writing/embedding", nn_shape(2, b, width))};
    w->sentence.code = code;
    w->sentence.bag = nn_input(n, "writing/bag", nn_shape(2, b, e->o.vocabulary));
    w->sentence.state = nn_input(n, "writing/sentence state", nn_shape(2, b, 2 * width));
    sentence_step next = decoder_sentence(n, &e->o, code, w->sentence.bag, w->sentence.state);
    w->sentence.next = next;
    return net_compile(n, (nn_t[]){next.state, next.topic, next.stop}, 3, NULL, &w->sentence.step);
}

static err record_word(emixer *e, struct writing *w)
{
    net *n = e->n;
    int b = e->o.batch, width = e->o.embedding;
    w->word.topic = nn_input(n, "writing/topic", nn_shape(2, b, width));
    w->word.previous = nn_input(n, "writing/previous", nn_shape(1, b));
    w->word.state = nn_input(n, "writing/word state", nn_shape(2, b, 2 * width));
    nn_t previous = decoder_embed(n, &e->o, w->word.previous);
    word_step next = decoder_word(n, &e->o, w->sentence.code, w->word.topic, previous, w->word.state);
    w->word.next_state = next.state;
    w->word.log_probabilities = nn_softmax(n, next.logits, SOFTMAX_LOG, 1);
    nn_t keep[] = {w->word.next_state, w->word.log_probabilities};
    return net_compile(n, keep, 2, NULL, &w->word.step);
}

static err record_fit(emixer *e, struct writing *w)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    nn_t keep[4], embedding = w->sentence.code.embedding;
    int kept = 0;
    if (w->fit.step) return OK;
    w->fit.reports = nn_input(n, "writing/reports", nn_shape(2, o->batch, o->sentences * o->words));
    nn_t report = report_reader(n, o, "R", w->fit.reports);
    if (o->matching_weight > 0) {
        directions d = w->fit.directions = matching_directions(n, o, embedding, report);
        keep[kept++] = d.image;
        keep[kept++] = d.report;
    }
    if (o->reading_weight > 0) {
        keep[kept++] = w->fit.seen = encoder_labels(n, o, embedding);
        keep[kept++] = w->fit.read = report_labels(n, o, report);
    }
    return net_compile(n, keep, kept, NULL, &w->fit.step);
}

void writing_close(struct writing *w)
{
    free(w);
}

/* The first report is what needs these nets: training alone pays nothing for them. */
static err open_nets(emixer *e)
{
    if (e->writing) return OK;
    struct writing *w = calloc(1, sizeof *w);
    if (!w) return err_set(ERR_SYSTEM, "out of memory for writing reports");
    err error = record_nothing(e, w);
    if (error == OK) error = record_sentence(e, w);
    if (error == OK) error = record_word(e, w);
    if (error == OK)
        e->writing = w;
    else
        writing_close(w);
    return error;
}

/* ---- a batch of reports ---- */

/* Each report has `beams` rows of the batch, side by side; rows behind those of the last report are not
 * looked at. */
typedef struct batch {
    emixer *e;
    decoding_opts drawing;
    bool sampled;
    uint64_t seed, candidate_seed;
    int candidates;
    const float *labels; /* (n,K) of all images, or NULL; the caller's */
    int first, reports;  /* those from `first` on */
    /* All owned. */
    float *host;                 /* room for any one input or output */
    float *states, *shuffled;    /* (B,2E) of the words, as the step left them, and as the next reads them */
    float *previous;             /* (B) */
    float *bags;                 /* (B,V) */
    int *ids, *counts;           /* (reports, S*W), (reports, S) */
    int *drawn, *lengths;        /* (reports, W), (reports): one sentence of each */
    int *kept_ids, *kept_counts; /* of the best candidate so far; as ids, counts */
    double *fits;                /* (2,B): how well those fit, and how well the one at hand does */
    float *read;                 /* (B,K) */
    bool *stopped;               /* (reports) */
} batch;

static void batch_close(batch *b)
{
    free(b->host);
    free(b->states);
    free(b->shuffled);
    free(b->previous);
    free(b->bags);
    free(b->ids);
    free(b->counts);
    free(b->drawn);
    free(b->lengths);
    free(b->kept_ids);
    free(b->kept_counts);
    free(b->fits);
    free(b->read);
    free(b->stopped);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static err batch_allocate(batch *b)
{
    const emixer_opts *o = &b->e->o;
    size_t rows = (size_t)o->batch, e = (size_t)o->embedding, v = (size_t)o->vocabulary;
    size_t s = (size_t)o->sentences, w = (size_t)o->words, side = (size_t)o->resolution;
    size_t grid = (size_t)encoder_places(o) * e, k = (size_t)o->n_labels;
    size_t widest = larger(larger(larger(side * side, grid), larger(2 * e, k)), larger(v, s * w));
    b->host = malloc(rows * widest * sizeof *b->host);
    b->states = malloc(rows * 2 * e * sizeof *b->states);
    b->shuffled = malloc(rows * 2 * e * sizeof *b->shuffled);
    b->previous = malloc(rows * sizeof *b->previous);
    b->bags = malloc(rows * v * sizeof *b->bags);
    b->ids = malloc(rows * s * w * sizeof *b->ids);
    b->counts = malloc(rows * s * sizeof *b->counts);
    b->drawn = malloc(rows * w * sizeof *b->drawn);
    b->lengths = malloc(rows * sizeof *b->lengths);
    b->kept_ids = malloc(rows * s * w * sizeof *b->kept_ids);
    b->kept_counts = malloc(rows * s * sizeof *b->kept_counts);
    b->fits = malloc(2 * rows * sizeof *b->fits);
    b->read = malloc(rows * k * sizeof *b->read);
    b->stopped = malloc(rows * sizeof *b->stopped);
    bool all = b->host && b->states && b->shuffled && b->previous && b->bags && b->ids && b->counts &&
               b->drawn && b->lengths && b->kept_ids && b->kept_counts && b->fits && b->read && b->stopped;
    return all ? OK : err_set(ERR_SYSTEM, "out of memory for a batch of reports");
}

static int beams_of(const batch *b)
{
    return decoding_beams(&b->drawing);
}

/* Copies what `from` kept of x into an input of another step. */
static err hand_over(batch *b, step *from, nn_t x, nn_t input)
{
    TRY(nn_get(from, x, b->host));
    return nn_set(b->e->n, input, b->host);
}

/* The code that reports are written from. */
static err take_code(batch *b, step *from, image_code code)
{
    const struct writing *w = b->e->writing;
    TRY(step_run(from, 0));
    TRY(hand_over(b, from, code.grid, w->sentence.code.grid));
    return hand_over(b, from, code.embedding, w->sentence.code.embedding);
}

static err encode_images(batch *b, const uint8_t *images)
{
    const struct writing *w = b->e->writing;
    if (!images) return take_code(b, w->nothing.step, w->nothing.code);
    size_t pixels = (size_t)b->e->o.resolution * (size_t)b->e->o.resolution, beams = (size_t)beams_of(b);
    memset(b->host, 0, (size_t)b->e->o.batch * pixels * sizeof *b->host);
    for (size_t row = 0; row < (size_t)b->reports * beams; row++)
        pixels_of_bytes(images + ((size_t)b->first + row / beams) * pixels, pixels, b->host + row * pixels);
    TRY(nn_set(b->e->n, b->e->in.encoded, b->host));
    return take_code(b, b->e->encoding, b->e->seen.code);
}

/* decoding_next, of a batch. */
static err next_words(void *context, int time, const int *parents, const int *tokens,
                      float *log_probabilities)
{
    batch *b = context;
    const struct writing *w = b->e->writing;
    size_t row_bytes = 2 * (size_t)b->e->o.embedding * sizeof(float), v = (size_t)b->e->o.vocabulary;
    int rows = b->reports * beams_of(b);
    memset(b->shuffled, 0, (size_t)b->e->o.batch * row_bytes);
    for (int i = 0; i < b->e->o.batch; i++) b->previous[i] = i < rows ? (float)tokens[i] : TOKEN_PAD;
    for (int i = 0; i < rows && time > 0; i++)
        memcpy((char *)b->shuffled + (size_t)i * row_bytes,
               (const char *)b->states + (size_t)parents[i] * row_bytes, row_bytes);
    TRY(nn_set(b->e->n, w->word.previous, b->previous));
    TRY(nn_set(b->e->n, w->word.state, b->shuffled));
    TRY(step_run(w->word.step, 0));
    TRY(nn_get(w->word.step, w->word.next_state, b->states));
    TRY(nn_get(w->word.step, w->word.log_probabilities, b->host));
    memcpy(log_probabilities, b->host, (size_t)rows * v * sizeof *log_probabilities);
    for (size_t i = 0; i < (size_t)rows && time == 0; i++)
        log_probabilities[i * v + TOKEN_END] = -INFINITY; /* a sentence has a word */
    return OK;
}

/* Draws whether sentence s is a report's last, from the logits (B,1). With temperature, as of words. */
static void draw_stops(batch *b, int s, const float *logits)
{
    double temperature = b->drawing.temperature > 0 ? (double)b->drawing.temperature : 1;
    for (int i = 0; i < b->reports; i++) {
        double chance = 0.5, logit = (double)logits[i * beams_of(b)];
        if (b->sampled) {
            rng draw =
                rng_open(b->candidate_seed, "emixer/write/stop", (uint64_t)(b->first + i) << 8 | (uint64_t)s);
            chance = rng_uniform(&draw);
            logit /= temperature;
        }
        b->stopped[i] = b->stopped[i] || 1 / (1 + exp(-logit)) > chance;
    }
}

/* Takes sentence s, as it was drawn, into the reports that have not stopped, and into the bags. */
static void take_sentence(batch *b, int s)
{
    const emixer_opts *o = &b->e->o;
    size_t v = (size_t)o->vocabulary, beams = (size_t)beams_of(b);
    memset(b->bags, 0, (size_t)o->batch * v * sizeof *b->bags);
    for (int i = 0; i < b->reports; i++) {
        const int *words = b->drawn + i * o->words;
        int n = b->lengths[i];
        b->counts[i * o->sentences + s] = b->stopped[i] ? 0 : n;
        memcpy(b->ids + (i * o->sentences + s) * o->words, words, (size_t)o->words * sizeof *words);
        float *bag = b->bags + (size_t)i * beams * v;
        for (int k = 0; k < n; k++) bag[words[k]]++;
        if (n < o->words) bag[TOKEN_END]++;
        for (size_t k = 1; k < beams; k++) memcpy(bag + k * v, bag, v * sizeof *bag);
    }
}

static err write_sentence(batch *b, int s)
{
    const struct writing *w = b->e->writing;
    char purpose[32];
    TRY(nn_set(b->e->n, w->sentence.bag, b->bags));
    TRY(step_run(w->sentence.step, 0));
    TRY(hand_over(b, w->sentence.step, w->sentence.next.state, w->sentence.state));
    TRY(hand_over(b, w->sentence.step, w->sentence.next.topic, w->word.topic));
    (void)snprintf(purpose, sizeof purpose, "emixer/write/words%d", s);
    b->drawing.seed = rng_key(b->candidate_seed, purpose);
    TRY(decode(&b->drawing, b->reports, b->e->o.vocabulary, next_words, b, b->drawn, b->lengths, NULL));
    take_sentence(b, s);
    TRY(nn_get(w->sentence.step, w->sentence.next.stop, b->host));
    draw_stops(b, s, b->host);
    return OK;
}

static bool all_stopped(const batch *b)
{
    for (int i = 0; i < b->reports; i++)
        if (!b->stopped[i]) return false;
    return true;
}

/* Writes one report of each image, whose codes are there, into ids and counts. */
static err write_sentences(batch *b)
{
    const emixer_opts *o = &b->e->o;
    size_t rows = (size_t)o->batch;
    memset(b->bags, 0, rows * (size_t)o->vocabulary * sizeof *b->bags);
    memset(b->counts, 0, rows * (size_t)o->sentences * sizeof *b->counts);
    memset(b->stopped, 0, rows * sizeof *b->stopped);
    memset(b->host, 0, rows * 2 * (size_t)o->embedding * sizeof *b->host);
    TRY(nn_set(b->e->n, b->e->writing->sentence.state, b->host));
    for (int s = 0; s < o->sentences && !all_stopped(b); s++) TRY(write_sentence(b, s));
    return OK;
}

/* Adds to fits (reports) the logits of the matching loss: of each report with its image. */
static err add_matching(batch *b, double *fits)
{
    const struct writing *w = b->e->writing;
    size_t width = (size_t)b->e->o.embedding;
    if (b->e->o.matching_weight <= 0) return OK;
    TRY(nn_get(w->fit.step, w->fit.directions.image, b->host));
    TRY(nn_get(w->fit.step, w->fit.directions.report, b->shuffled));
    for (size_t i = 0; i < (size_t)b->reports; i++)
        for (size_t k = i * width; k < (i + 1) * width; k++)
            fits[i] += (double)matching_sharpness * (double)b->host[k] * (double)b->shuffled[k];
    return OK;
}

static double sigmoid(float x)
{
    return 1 / (1 + exp(-(double)x));
}

/* The chance of label k of report i: what is known of its image, or else what is seen in it. */
static double chance(const batch *b, size_t i, size_t k)
{
    size_t labels = (size_t)b->e->o.n_labels;
    float known = b->labels ? b->labels[((size_t)b->first + i) * labels + k] : NAN;
    return isnan(known) ? sigmoid(b->host[i * labels + k]) : (double)known;
}

/* Adds how likely the labels that are read in each report are, by their chance: the sum of
 * p log q + (1 - p) log(1 - q). No reading is surer than one in a hundred. */
static err add_reading(batch *b, double *fits)
{
    const double doubt = 0.01;
    const struct writing *w = b->e->writing;
    size_t labels = (size_t)b->e->o.n_labels;
    if (b->e->o.reading_weight <= 0) return OK;
    TRY(nn_get(w->fit.step, w->fit.seen, b->host));
    TRY(nn_get(w->fit.step, w->fit.read, b->read));
    for (size_t i = 0; i < (size_t)b->reports; i++)
        for (size_t k = 0; k < labels; k++) {
            double p = chance(b, i, k);
            double q = fmin(fmax(sigmoid(b->read[i * labels + k]), doubt), 1 - doubt);
            fits[i] += p * log(q) + (1 - p) * log(1 - q);
        }
    return OK;
}

/* How well the reports in ids and counts fit their images, into fits (reports). */
static err fit(batch *b, double *fits)
{
    const emixer_opts *o = &b->e->o;
    const struct writing *w = b->e->writing;
    int length = o->sentences * o->words;
    for (int i = 0; i < o->batch; i++)
        report_encode_ids(o, b->ids + i * length, b->counts + i * o->sentences, b->host + i * length);
    TRY(nn_set(b->e->n, w->fit.reports, b->host));
    TRY(step_run(w->fit.step, 0));
    memset(fits, 0, (size_t)b->reports * sizeof *fits);
    TRY(add_matching(b, fits));
    return add_reading(b, fits);
}

/* Leaves of all candidates the one that fits best, the first of equals, in ids and counts. */
static err choose(batch *b)
{
    const emixer_opts *o = &b->e->o;
    int length = o->sentences * o->words;
    double *fits = b->fits + o->batch;
    for (int c = 0; c < b->candidates; c++) {
        char purpose[40];
        (void)snprintf(purpose, sizeof purpose, "emixer/write/candidate%d", c);
        b->candidate_seed = rng_key(b->seed, purpose);
        TRY(write_sentences(b));
        TRY(fit(b, fits));
        for (int i = 0; i < b->reports; i++) {
            if (c > 0 && fits[i] <= b->fits[i]) continue;
            b->fits[i] = fits[i];
            memcpy(b->kept_ids + i * length, b->ids + i * length, (size_t)length * sizeof *b->ids);
            memcpy(b->kept_counts + i * o->sentences, b->counts + i * o->sentences,
                   (size_t)o->sentences * sizeof *b->counts);
        }
    }
    memcpy(b->ids, b->kept_ids, (size_t)b->reports * (size_t)length * sizeof *b->ids);
    memcpy(b->counts, b->kept_counts, (size_t)b->reports * (size_t)o->sentences * sizeof *b->counts);
    return OK;
}

static err write_batch(batch *b, const uint8_t *images, text *reports)
{
    const emixer_opts *o = &b->e->o;
    b->candidate_seed = b->seed;
    TRY(encode_images(b, images));
    TRY(b->candidates > 1 ? choose(b) : write_sentences(b));
    for (int i = 0; i < b->reports; i++)
        TRY(report_decode_sentences(emixer_vocabulary(b->e), b->ids + i * o->sentences * o->words,
                                    b->counts + i * o->sentences, o->sentences, o->words,
                                    &reports[b->first + i]));
    return OK;
}

static err check(const emixer *e, const uint8_t *images, const emixer_writing *how)
{
    if (e->o.pairs == 0) return err_set(ERR_USAGE, "the model writes no reports: it was made with pairs = 0");
    if (!emixer_vocabulary(e)) return err_set(ERR_USAGE, "the model has no words: train it, or load it");
    if (!images && e->o.denoising_weight <= 0)
        return err_set(ERR_USAGE, "the model writes of images only: it was made with denoising_weight = 0");
    if (how->candidates > 1 && how->kind != WRITING_SAMPLE)
        return err_set(ERR_CONFIG, "%d candidates would be the same report: only drawn ones differ",
                       how->candidates);
    if (how->candidates > 1 && (!images || !fits_reports(&e->o)))
        return err_set(ERR_USAGE,
                       "candidates are told apart by an image, with what matching_weight or reading_weight "
                       "taught%s",
                       images ? ", and the model was made with both 0" : "");
    if (how->kind == WRITING_BEAM && (how->beams < 1 || e->o.batch % how->beams))
        return err_set(ERR_CONFIG, "%d beams do not divide the batch of %d", how->beams, e->o.batch);
    return OK;
}

static decoding_opts drawing_of(const emixer_opts *o, const emixer_writing *how)
{
    static const decoding_kind kinds[] = {[WRITING_GREEDY] = DECODING_GREEDY,
                                          [WRITING_SAMPLE] = DECODING_SAMPLE,
                                          [WRITING_BEAM] = DECODING_BEAM};
    static const int banned[] = {TOKEN_PAD, TOKEN_BEGIN, TOKEN_UNKNOWN};
    return (decoding_opts){.kind = kinds[how->kind],
                           .temperature = how->temperature,
                           .top_p = how->top_p,
                           .beams = how->kind == WRITING_BEAM ? how->beams : 0,
                           .begin = TOKEN_BEGIN,
                           .end = TOKEN_END,
                           .banned = banned,
                           .n_banned = sizeof banned / sizeof *banned,
                           .length = o->words};
}

err emixer_write(emixer *e, const uint8_t *images, int n, const emixer_writing *how, text *reports)
{
    TRY(check(e, images, how));
    batch b = {.e = e,
               .drawing = drawing_of(&e->o, how),
               .sampled = how->kind == WRITING_SAMPLE,
               .candidates = how->candidates,
               .labels = how->labels,
               .seed = how->seed};
    TRY(decoding_check(&b.drawing, e->o.vocabulary));
    TRY(open_nets(e));
    if (b.candidates > 1) TRY(record_fit(e, e->writing));
    err error = batch_allocate(&b);
    int most = e->o.batch / beams_of(&b);
    for (b.first = 0; b.first < n && error == OK; b.first += most) {
        b.reports = n - b.first < most ? n - b.first : most;
        b.drawing.first_text = (uint64_t)b.first;
        error = write_batch(&b, images, reports);
        if (error == OK && how->progress)
            error = how->progress(how->progress_context, b.first + b.reports, n);
    }
    batch_close(&b);
    return error;
}
