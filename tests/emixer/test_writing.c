/* Reports that a model writes of images: what it has learned, how it draws, and what a report depends on. */
#include "nn/sequence.h"
#include "taught_writer.h"

static bool same(const text *a, const text *b)
{
    return strcmp(a->data, b->data) == 0;
}

static const emixer_writing greedy = {.kind = WRITING_GREEDY}, beam = {.kind = WRITING_BEAM, .beams = 4};

static void expect_reports(emixer *e, emixer_writing how)
{
    text texts[REPORTS];
    write_texts(e, noise_images(8), REPORTS, how, texts);
    for (int i = 0; i < REPORTS; i++)
        cr_expect_str_eq(texts[i].data, reports[i], "report %d, kind %d", i, (int)how.kind);
    close_texts(texts, REPORTS);
}

static void copy_weights(emixer *to, const emixer *from)
{
    static float values[1 << 16];
    for (int i = 0; i < net_parameter_count(from->n); i++) {
        const char *name = net_parameter_name(from->n, i);
        ASSERT_OK(net_get_parameter(from->n, name, values));
        ASSERT_OK(net_set_parameter(to->n, name, values));
    }
}

/* On one backend, and read by the other. */
Test(writing, what_was_learned_is_written)
{
    emixer *e = open_writer(&be_cpu, writer_options(), reports, REPORTS);
    emixer *other = open_writer(&be_ref, writer_options(), reports, REPORTS);
    learn(e, 300);
    copy_weights(other, e);
    expect_reports(e, greedy);
    expect_reports(e, beam);
    expect_reports(e, (emixer_writing){.kind = WRITING_SAMPLE, .temperature = 0.05F});
    expect_reports(other, greedy);
    expect_reports(other, beam);
    emixer_close(e);
    emixer_close(other);
}

/* ---- how words and stops are drawn ---- */

static const char *const letters[] = {"a b c"};
enum { LETTERS = 3, V = SPECIAL_TOKENS + LETTERS };

static void set_parameter(emixer *e, const char *name, const float *values)
{
    static const float none[1 << 16];
    ASSERT_OK(net_set_parameter(e->n, name, values ? values : none));
}

/* A model that says every word with the same logits, and stops with the same logit, whatever there is to see.
 */
static emixer *open_constant(emixer_opts o, const float logits[V], float stop)
{
    emixer *e = open_writer(&be_cpu, o, letters, 1);
    set_parameter(e, "R/decoder/next.weight", NULL);
    set_parameter(e, "R/decoder/next.bias", logits);
    set_parameter(e, "R/decoder/stop.weight", NULL);
    set_parameter(e, "R/decoder/stop.bias", &stop);
    return e;
}

/* Expects `count` of n within 4 standard deviations. */
static void expect_share(int count, int n, double chance, const char *what)
{
    double deviation = sqrt(n * chance * (1 - chance));
    cr_expect(fabs(count - n * chance) <= 4 * deviation, "%s: %d of %d, not %.3f", what, count, n, chance);
}

typedef struct tally {
    int sentences, words, first[LETTERS], ended, cut, reports, stopped;
} tally;

static void count_report(const emixer *e, const char *report, tally *t)
{
    enum { MOST = 64 };
    int ids[MOST], counts[MOST], s = e->o.sentences, w = e->o.words;
    int n = report_encode_sentences(e->words, report, s, w, ids, counts);
    t->reports++;
    t->stopped += n == 1;
    for (int k = 0; k < n; k++) {
        cr_assert(ids[k * w] >= SPECIAL_TOKENS, "%s", report);
        t->first[ids[k * w] - SPECIAL_TOKENS]++;
        t->sentences++;
        t->cut += counts[k] == w;
        t->ended += counts[k] == 1;
    }
}

/* Words of logits 0, 1 and -1, and an end of 0.5; what is never said would be the likeliest by far. */
static void check_frequencies(float temperature)
{
    enum { N = 800 };
    const float logits[V] = {9, 9, 0.5F, 9, 0, 1, -1};
    static uint8_t images[N * PIXELS];
    static text texts[N];
    emixer_opts o = writer_options();
    o.sentences = 3;
    o.words = 3;
    emixer *e = open_constant(o, logits, -0.5F);
    tally t = {0};
    double sharp = 1 / (double)temperature, p[LETTERS + 1] = {1, exp(sharp), exp(-sharp), exp(0.5 * sharp)};
    double words = p[0] + p[1] + p[2], end = p[LETTERS] / (words + p[LETTERS]);
    write_texts(e, images, N, (emixer_writing){WRITING_SAMPLE, .temperature = temperature, .seed = 3}, texts);
    for (int i = 0; i < N; i++) count_report(e, texts[i].data, &t);
    for (int k = 0; k < LETTERS; k++) expect_share(t.first[k], t.sentences, p[k] / words, "a first word");
    expect_share(t.ended, t.sentences, end, "sentences of one word");
    expect_share(t.cut, t.sentences, (1 - end) * (1 - end), "sentences that were cut");
    expect_share(t.stopped, N, 1 / (1 + exp(0.5 * sharp)), "reports of one sentence");
    close_texts(texts, N);
    emixer_close(e);
}

Test(writing, words_and_stops_are_drawn_as_often_as_they_should)
{
    check_frequencies(1);
    check_frequencies(0.5F);
}

Test(writing, a_nucleus_leaves_out_the_rest)
{
    const float logits[V] = {9, 9, -9, 9, 0, 1, -1};
    uint8_t images[MANY * PIXELS] = {0};
    text texts[MANY];
    emixer *e = open_constant(writer_options(), logits, 9);
    write_texts(e, images, MANY, (emixer_writing){WRITING_SAMPLE, .top_p = 0.5F}, texts);
    for (int i = 0; i < MANY; i++) cr_expect_str_eq(texts[i].data, "b b b b b b b b .");
    close_texts(texts, MANY);
    emixer_close(e);
}

Test(writing, greedy_stops_at_even_odds)
{
    const float logits[V] = {9, 9, 1, 9, 0, 0.9F, -1};
    uint8_t image[PIXELS] = {0};
    for (int stops = 0; stops < 2; stops++) {
        text written;
        emixer *e = open_constant(writer_options(), logits, stops ? 0.01F : -0.01F);
        write_texts(e, image, 1, greedy, &written);
        cr_expect_str_eq(written.data, stops ? "b ." : "b . b . b . b .");
        text_close(&written);
        emixer_close(e);
    }
}

/* ---- a beam as wide as all sentences, against the probability of each by decoder_read ---- */

enum { BEAMS = 16, LENGTH = 3, SENTENCES = LETTERS * (1 + LETTERS * (1 + LETTERS)) };

/* All sentences of one to three letters, as what they would be to learn from; those of three are cut. */
static int list_sentences(float ids[SENTENCES * LENGTH], float previous[SENTENCES * LENGTH])
{
    int n = 0;
    for (int code = 0; code < (LETTERS + 1) * (LETTERS + 1) * LETTERS; code++) {
        int row[LENGTH] = {code % LETTERS + 1, code / LETTERS % (LETTERS + 1),
                           code / LETTERS / (LETTERS + 1)};
        if (row[1] == 0 && row[2] != 0) continue;
        for (int i = 0; i < LENGTH; i++) {
            bool ended = i > 0 && row[i - 1] == 0;
            ids[n * LENGTH + i] = ended ? -1.0F : row[i] ? (float)(TOKEN_UNKNOWN + row[i]) : TOKEN_END;
            previous[n * LENGTH + i] = ended ? -1.0F : i ? ids[n * LENGTH + i - 1] : TOKEN_BEGIN;
        }
        n++;
    }
    return n;
}

static int likeliest_sentence(emixer *e, const uint8_t *image, const float *ids, const float *previous)
{
    static float images[SENTENCES * PIXELS], logs[SENTENCES * LENGTH * V];
    step *s;
    nn_t x = nn_input(e->n, "test/images", nn_shape(4, SENTENCES, 1, TINY_SIDE, TINY_SIDE));
    report_target t = {.previous = nn_input(e->n, "test/previous", nn_shape(2, SENTENCES, LENGTH)),
                       .bags = nn_input(e->n, "test/bags", nn_shape(3, SENTENCES, 1, V)),
                       .stops = nn_input(e->n, "test/stops", nn_shape(2, SENTENCES, 1))};
    nn_t keep =
        nn_softmax(e->n, decoder_read(e->n, &e->o, encoder(e->n, &e->o, x, false), t).words, SOFTMAX_LOG, 1);
    ASSERT_OK(net_compile(e->n, &keep, 1, NULL, &s));
    for (int i = 0; i < SENTENCES * PIXELS; i++) images[i] = (float)image[i % PIXELS] / 127.5F - 1;
    ASSERT_OK(nn_set(e->n, x, images));
    ASSERT_OK(nn_set(e->n, t.previous, previous));
    ASSERT_OK(step_run(s, 0));
    ASSERT_OK(nn_get(s, keep, logs));
    int best = 0;
    double most = -INFINITY;
    for (int n = 0; n < SENTENCES; n++) {
        double sum = 0;
        for (int i = n * LENGTH; i < (n + 1) * LENGTH; i++)
            if (ids[i] >= 0) sum += (double)logs[i * V + (int)ids[i]];
        if (sum > most) best = n;
        most = fmax(most, sum);
    }
    return best;
}

/* Large weights, so that what comes next depends on what came before. */
static void check_beam(uint64_t seed)
{
    static float hidden[4 * 16 * 16], next[V * 32], ids[SENTENCES * LENGTH], previous[SENTENCES * LENGTH];
    const uint8_t *image = noise_images(1);
    text written, expected = {0};
    int words[LENGTH], count = 0;
    emixer_opts o = writer_options();
    o.batch = BEAMS;
    o.sentences = 1;
    o.words = LENGTH;
    emixer *e = open_writer(&be_cpu, o, letters, 1);
    rng_fill_normal(seed, 0, hidden, sizeof hidden / sizeof *hidden);
    rng_fill_normal(seed, 1, next, sizeof next / sizeof *next);
    set_parameter(e, "R/decoder/word.weight_hh", hidden);
    set_parameter(e, "R/decoder/next.weight", next);
    cr_assert_eq(list_sentences(ids, previous), SENTENCES);
    const float *best = ids + LENGTH * likeliest_sentence(e, image, ids, previous);
    for (; count < LENGTH && best[count] >= 0 && best[count] != TOKEN_END; count++)
        words[count] = (int)best[count];
    ASSERT_OK(report_decode_sentences(e->words, words, &count, 1, LENGTH, &expected));
    write_texts(e, image, 1, (emixer_writing){.kind = WRITING_BEAM, .beams = BEAMS}, &written);
    cr_expect_str_eq(written.data, expected.data, "seed %d", (int)seed);
    text_close(&written);
    text_close(&expected);
    emixer_close(e);
}

Test(writing, a_wide_beam_finds_the_likeliest_sentence)
{
    for (uint64_t seed = 0; seed < 8; seed++) check_beam(seed);
}

/* ---- what a report depends on ---- */

static void check_independence(const backend_i *interface)
{
    static uint8_t images[MANY * PIXELS];
    const emixer_writing how = {WRITING_SAMPLE, .seed = 5};
    text all[MANY], some[MANY];
    emixer *e = open_writer(interface, writer_options(), reports, REPORTS);
    memcpy(images, noise_images(MANY), sizeof images);
    write_texts(e, images, MANY, how, all);
    write_texts(e, images, 3, how, some);
    for (int i = 0; i < 3; i++) cr_expect(same(&all[i], &some[i]), "a report depends on how many there are");
    close_texts(some, 3);
    memset(images + 9 * PIXELS, 0, PIXELS);
    write_texts(e, images, MANY, how, some);
    for (int i = 0; i < MANY; i++) cr_expect(i == 9 || same(&all[i], &some[i]), "of other images");
    close_texts(some, MANY);
    write_texts(e, images, MANY, (emixer_writing){WRITING_SAMPLE, .seed = 6}, some);
    cr_expect(!same(&all[0], &some[0]), "a report ignores the seed");
    close_texts(some, MANY);
    for (int i = 0; i < MANY; i++) memcpy(images + i * PIXELS, noise_images(1), PIXELS);
    write_texts(e, images, MANY, how, some);
    cr_expect(!same(&some[0], &some[1]) && !same(&some[0], &some[8]), "reports of one image are the same");
    close_texts(some, MANY);
    close_texts(all, MANY);
    emixer_close(e);
}

Test(writing, reports_are_independent)
{
    check_independence(&be_ref);
    check_independence(&be_cpu);
}

static void expect_same_texts(emixer *a, emixer *b, emixer_writing how_a, emixer_writing how_b)
{
    text x[MANY], y[MANY];
    write_texts(a, noise_images(MANY), MANY, how_a, x);
    write_texts(b, noise_images(MANY), MANY, how_b, y);
    for (int i = 0; i < MANY; i++) cr_expect_str_eq(x[i].data, y[i].data);
    close_texts(x, MANY);
    close_texts(y, MANY);
}

Test(writing, backends_and_replicas_write_the_same)
{
    const emixer_writing sample = {WRITING_SAMPLE, .seed = 5};
    emixer_opts o = writer_options();
    emixer *ref = open_writer(&be_ref, o, reports, REPORTS), *cpu = open_writer(&be_cpu, o, reports, REPORTS);
    nn_device shared = {.backend = &be_cpu, .replicas = 2};
    emixer *several = open_writer_on(shared, o, reports, REPORTS);
    expect_same_texts(ref, cpu, sample, sample);
    expect_same_texts(ref, cpu, beam, beam);
    expect_same_texts(several, cpu, sample, sample);
    expect_same_texts(several, cpu, beam, beam);
    expect_same_texts(cpu, cpu, greedy, (emixer_writing){.kind = WRITING_BEAM, .beams = 1});
    emixer_close(ref);
    emixer_close(cpu);
    emixer_close(several);
}

typedef struct heard {
    long done[8];
    int n, stop_at;
} heard;

static err hear(void *context, long done, long total)
{
    heard *h = context;
    cr_expect_eq(total, MANY);
    h->done[h->n++] = done;
    return h->n == h->stop_at ? err_set(ERR_INTERRUPTED, "enough") : OK;
}

Test(writing, progress_is_told_by_the_batch_and_can_end_it)
{
    emixer_opts o = writer_options();
    emixer *e = open_writer(&be_cpu, o, reports, REPORTS);
    text written[MANY] = {{0}};
    for (int stop_at = 0; stop_at < 2; stop_at++) {
        heard h = {.stop_at = stop_at};
        emixer_writing how = {WRITING_GREEDY, .progress = hear, .progress_context = &h};
        cr_expect_eq(emixer_write(e, noise_images(MANY), MANY, &how, written),
                     stop_at ? ERR_INTERRUPTED : OK);
        int batches = stop_at ? 1 : (MANY + o.batch - 1) / o.batch;
        cr_assert_eq(h.n, batches);
        for (int i = 0; i < batches; i++)
            cr_expect_eq(h.done[i], (i + 1) * o.batch < MANY ? (i + 1) * o.batch : MANY);
        close_texts(written, MANY);
        memset(written, 0, sizeof written);
    }
    emixer_close(e);
}

/* ---- errors ---- */

static void expect_refused(emixer *e, emixer_writing how, err code, const char *message)
{
    static const uint8_t image[PIXELS];
    text written = {0};
    cr_expect_eq(emixer_write(e, image, 1, &how, &written), code);
    cr_expect(strstr(err_message(), message), "%s", err_message());
    cr_expect_eq(written.length, 0);
    text_close(&written);
}

Test(writing, what_cannot_be_is_refused)
{
    emixer *e = tiny_open(&be_ref, tiny_options());
    expect_refused(e, greedy, ERR_USAGE, "pairs = 0");
    emixer_close(e);
    emixer_opts o = writer_options();
    o.vocabulary = V;
    e = tiny_open(&be_ref, o);
    expect_refused(e, greedy, ERR_USAGE, "no words");
    emixer_close(e);
    e = open_writer(&be_ref, o, letters, 1);
    expect_refused(e, (emixer_writing){.kind = WRITING_BEAM}, ERR_CONFIG, "beams");
    expect_refused(e, (emixer_writing){.kind = WRITING_BEAM, .beams = 3}, ERR_CONFIG, "3 beams");
    expect_refused(e, (emixer_writing){WRITING_SAMPLE, .temperature = -1}, ERR_CONFIG, "temperature");
    expect_refused(e, (emixer_writing){WRITING_SAMPLE, .top_p = 2}, ERR_CONFIG, "top_p");
    const float nothing[V] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    set_parameter(e, "R/decoder/next.bias", nothing);
    expect_refused(e, greedy, ERR_DIVERGED, "log-probability");
    emixer_close(e);
}
