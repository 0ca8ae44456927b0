/* The report decoder as it is recorded: against PyTorch (tests/golden/decoder_make.py), one time after
 * another against whole reports, and what it writes against what it says of that. */
#include "nn/safetensors.h"
#include "nn/sequence.h"
#include "tiny.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Those of decoder_make.py. */
enum { B = 3, P = 4, E = 6, V = 9, S = 3, W = 4, TEXT = S * W, NET_SEED = 7, TIME = 2, MOST = B * TEXT * V };

static const backend_i *const backends[] = {&be_ref, &be_cpu};
enum { BACKENDS = sizeof backends / sizeof *backends };

static emixer_opts decoder_options(void)
{
    emixer_opts o = tiny_options();
    o.embedding = E;
    o.vocabulary = V;
    o.sentences = S;
    o.words = W;
    return o;
}

typedef struct fixture {
    emixer_opts o;
    net *n;
    safetensors *golden;
    image_code code; /* parameters, so that a step leaves their gradients */
} fixture;

static const float *golden(const fixture *f, size_t count, const char *format, const char *name)
{
    char full[2 * NN_NAME_BYTES];
    const float *values;
    nn_shape_t shape;
    (void)snprintf(full, sizeof full, format, name);
    ASSERT_OK(safetensors_read(f->golden, full, &shape, &values));
    cr_assert_eq(nn_count(&shape), count, "%s", full);
    return values;
}

static fixture open_fixture(const backend_i *interface)
{
    fixture f = {.o = decoder_options()};
    ASSERT_OK(net_open(nn_on(interface), NET_SEED, &f.n));
    ASSERT_OK(safetensors_open(TEST_GOLDEN "/emixer_decoder.safetensors", &f.golden));
    nn_enter(f.n, "R");
    f.code.grid = nn_parameter(f.n, "grid", nn_shape(3, B, P, E), (init_opts){0});
    f.code.embedding = nn_parameter(f.n, "embedding", nn_shape(2, B, E), (init_opts){0});
    nn_leave(f.n);
    return f;
}

static void close_fixture(fixture *f)
{
    net_close(f->n);
    safetensors_close(f->golden);
}

static void load_weights(const fixture *f)
{
    for (int i = 0; i < net_parameter_count(f->n); i++) {
        const char *name = net_parameter_name(f->n, i);
        nn_shape_t shape = net_parameter_shape(f->n, i);
        ASSERT_OK(net_set_parameter(f->n, name, golden(f, nn_count(&shape), "%s", name)));
    }
}

static nn_t golden_input(const fixture *f, const char *name, nn_shape_t shape)
{
    nn_t x = nn_input(f->n, name, shape);
    ASSERT_OK(nn_set(f->n, x, golden(f, nn_count(&shape), "in/%s", name)));
    return x;
}

static report_target golden_target(const fixture *f)
{
    return (report_target){.ids = golden_input(f, "ids", nn_shape(2, B, TEXT)),
                           .previous = golden_input(f, "previous", nn_shape(2, B, TEXT)),
                           .bags = golden_input(f, "bags", nn_shape(3, B, S, V)),
                           .stops = golden_input(f, "stops", nn_shape(2, B, S))};
}

/* Each value is within `most` of the largest of the expected ones. */
static void expect_close(const float *values, const float *expected, size_t n, double most, const char *what)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, isfinite(values[i]) ? fabs((double)values[i] - (double)expected[i]) : INFINITY);
        largest = fmax(largest, fabs((double)expected[i]));
    }
    cr_expect_leq(worst, most * largest, "%s is off by %.2g of %.2g", what, worst, largest);
}

static void expect_golden(const fixture *f, step *s, nn_t x, const char *name)
{
    static float values[MOST];
    nn_shape_t shape = nn_shape_of(f->n, x);
    ASSERT_OK(nn_get(s, x, values));
    expect_close(values, golden(f, nn_count(&shape), "%s", name), nn_count(&shape), 1e-4, name);
}

/* The gradient of every weight, and of the image's code. */
static void expect_gradients(const fixture *f, const char *format)
{
    static float values[MOST];
    for (int i = 0; i < net_parameter_count(f->n); i++) {
        const char *name = net_parameter_name(f->n, i);
        nn_shape_t shape = net_parameter_shape(f->n, i);
        ASSERT_OK(net_get_gradient(f->n, name, values));
        expect_close(values, golden(f, nn_count(&shape), format, name), nn_count(&shape), 1e-4, name);
    }
}

static void compare_teaching(const backend_i *interface)
{
    fixture f = open_fixture(interface);
    step *s;
    report_target target = golden_target(&f);
    decoder_losses l = decoder_teach(f.n, &f.o, f.code, target);
    decoder_logits logits = decoder_read(f.n, &f.o, f.code, target);
    nn_t keep[] = {nn_add(f.n, l.words, l.stops), l.words, l.stops, logits.words, logits.stops};
    ASSERT_OK(net_compile(f.n, keep, 5, "R/", &s));
    load_weights(&f);
    ASSERT_OK(step_run(s, TIME));
    expect_golden(&f, s, l.words, "taught/words");
    expect_golden(&f, s, l.stops, "taught/stops");
    expect_golden(&f, s, logits.words, "taught/word_logits");
    expect_golden(&f, s, logits.stops, "taught/stop_logits");
    expect_gradients(&f, "taught/%s");
    close_fixture(&f);
}

Test(decoder, teaching_is_that_of_pytorch)
{
    for (int k = 0; k < BACKENDS; k++) compare_teaching(backends[k]);
}

static void compare_writing(const backend_i *interface)
{
    fixture f = open_fixture(interface);
    step *s;
    nn_t judge = golden_input(&f, "judge", nn_shape(2, B, TEXT * V));
    nn_t report = decoder_write(f.n, &f.o, f.code, "writing");
    nn_t scores = nn_row_dot(f.n, nn_reshape(f.n, report, nn_shape(2, B, TEXT * V)), judge);
    nn_t keep[] = {nn_hinge(f.n, scores, HINGE_GENERATOR), report};
    ASSERT_OK(net_compile(f.n, keep, 2, "R/", &s));
    load_weights(&f);
    ASSERT_OK(step_run(s, TIME));
    expect_golden(&f, s, report, "written/report");
    expect_gradients(&f, "written/%s");
    close_fixture(&f);
}

Test(decoder, writing_and_its_gradients_are_those_of_pytorch)
{
    for (int k = 0; k < BACKENDS; k++) compare_writing(backends[k]);
}

/* ---- one time after another ---- */

/* The words of a sentence as decoder_word gives them, fed with the known ones, against those of decoder_read.
 */
typedef struct stepping {
    nn_t bag, sentence_state, topic, previous, word_state; /* inputs */
    sentence_step sentence;
    word_step word;
    step *sentences, *words;
} stepping;

static stepping record_stepping(fixture *f)
{
    stepping r = {.bag = nn_input(f->n, "bag", nn_shape(2, B, V)),
                  .sentence_state = nn_input(f->n, "sentence state", nn_shape(2, B, 2 * E)),
                  .topic = nn_input(f->n, "topic", nn_shape(2, B, E)),
                  .previous = nn_input(f->n, "word before", nn_shape(1, B)),
                  .word_state = nn_input(f->n, "word state", nn_shape(2, B, 2 * E))};
    r.sentence = decoder_sentence(f->n, &f->o, f->code, r.bag, r.sentence_state);
    nn_t embedded = decoder_embed(f->n, &f->o, r.previous);
    r.word = decoder_word(f->n, &f->o, f->code, r.topic, embedded, r.word_state);
    nn_t sentence[] = {r.sentence.state, r.sentence.topic, r.sentence.stop};
    nn_t word[] = {r.word.state, r.word.logits};
    ASSERT_OK(net_compile(f->n, sentence, 3, NULL, &r.sentences));
    ASSERT_OK(net_compile(f->n, word, 2, NULL, &r.words));
    return r;
}

static void hand_over(net *n, step *s, nn_t from, nn_t to)
{
    static float host[MOST];
    ASSERT_OK(nn_get(s, from, host));
    ASSERT_OK(nn_set(n, to, host));
}

/* Sentence s of all samples; logits (B,S*W,V) and stops (B,S) are filled where it is. */
static void step_sentence(const fixture *f, stepping *r, int s, const float *bags, const float *previous,
                          float *logits, float *stops)
{
    float row[B * V], zeros[B * 2 * E] = {0};
    for (int b = 0; b < B; b++) memcpy(row + b * V, bags + (b * S + s) * V, V * sizeof *row);
    ASSERT_OK(nn_set(f->n, r->bag, row));
    ASSERT_OK(step_run(r->sentences, 0));
    hand_over(f->n, r->sentences, r->sentence.state, r->sentence_state);
    hand_over(f->n, r->sentences, r->sentence.topic, r->topic);
    ASSERT_OK(nn_get(r->sentences, r->sentence.stop, row));
    for (int b = 0; b < B; b++) stops[b * S + s] = row[b];
    ASSERT_OK(nn_set(f->n, r->word_state, zeros));
    for (int i = s * W; i < (s + 1) * W; i++) {
        for (int b = 0; b < B; b++) row[b] = previous[b * TEXT + i];
        ASSERT_OK(nn_set(f->n, r->previous, row));
        ASSERT_OK(step_run(r->words, 0));
        hand_over(f->n, r->words, r->word.state, r->word_state);
        ASSERT_OK(nn_get(r->words, r->word.logits, row));
        for (int b = 0; b < B; b++) memcpy(logits + (b * TEXT + i) * V, row + b * V, V * sizeof *row);
    }
}

static void compare_steps(const backend_i *interface)
{
    static float logits[B * TEXT * V];
    float stops[B * S], zeros[B * 2 * E] = {0};
    fixture f = open_fixture(interface);
    stepping r = record_stepping(&f);
    load_weights(&f);
    ASSERT_OK(nn_set(f.n, r.sentence_state, zeros));
    for (int s = 0; s < S; s++)
        step_sentence(&f, &r, s, golden(&f, B * S * V, "in/%s", "bags"),
                      golden(&f, B * TEXT, "in/%s", "previous"), logits, stops);
    expect_close(logits, golden(&f, B * TEXT * V, "taught/%s", "word_logits"), B * TEXT * V, 1e-4, "a word");
    expect_close(stops, golden(&f, B * S, "taught/%s", "stop_logits"), B * S, 1e-4, "a stop");
    close_fixture(&f);
}

Test(decoder, steps_say_what_whole_reports_say)
{
    for (int k = 0; k < BACKENDS; k++) compare_steps(backends[k]);
}

/* ---- free running ---- */

enum { RUNS = 40 };

/* A report (B,S*W,V) that was written, as what it would be to learn from. */
typedef struct written {
    float rows[B * TEXT * V], ids[B * TEXT], previous[B * TEXT], bags[B * S * V];
    int sentences[B]; /* that are there */
} written;

static bool is_zero(const float *row)
{
    for (int v = 0; v < V; v++)
        if (row[v] != 0) return false;
    return true;
}

static int word_of(const float *row)
{
    int word = -1;
    for (int v = 0; v < V; v++) {
        cr_assert(row[v] == 0 || row[v] == 1, "%g is neither 0 nor 1", (double)row[v]);
        if (row[v] == 1) {
            cr_assert_eq(word, -1, "a row has two words");
            word = v;
        }
    }
    return word;
}

/* Checks that nothing comes after an end, nor after a sentence that is not there. */
static void read_written(written *w)
{
    memset(w->bags, 0, sizeof w->bags);
    for (int b = 0; b < B; b++) {
        w->sentences[b] = 0;
        for (int s = 0; s < S; s++) {
            int at = b * TEXT + s * W;
            bool there = !is_zero(w->rows + at * V), ended = !there;
            cr_assert(!there || w->sentences[b] == s, "a sentence follows the last");
            w->sentences[b] += there;
            for (int i = at; i < at + W; i++) {
                int word = word_of(w->rows + i * V);
                cr_assert_eq(word < 0, ended, "a word is missing, or follows the end");
                w->ids[i] = (float)word;
                w->previous[i] = ended ? -1 : i == at ? TOKEN_BEGIN : w->ids[i - 1];
                if (word >= 0 && s + 1 < S) w->bags[(b * S + s + 1) * V + word]++;
                ended = ended || word == TOKEN_END;
            }
        }
    }
}

/* What Gumbel noise of the net's seed makes of logits: the largest sum (Maddison et al. 2017). */
static int drawn(const float *logits, int count, const float *uniform)
{
    int best = 0;
    double most = -INFINITY;
    for (int v = 0; v < count; v++) {
        double sum = (double)logits[v] - log(-log((double)uniform[v]));
        if (sum > most) best = v;
        most = fmax(most, sum);
    }
    return best;
}

/* Every word, and every stop, is what is drawn from the logits that the decoder has for the report. */
static void expect_draws(const written *w, const float *logits, const float *stops, uint64_t t)
{
    for (int s = 0; s < S; s++) {
        char purpose[64];
        float noise[B * V];
        for (int i = 0; i < W; i++) {
            (void)snprintf(purpose, sizeof purpose, "writing/word%d.%d", s, i);
            rng_fill_uniform(rng_key(NET_SEED, purpose), t, noise, B * V);
            for (int b = 0; b < B; b++) {
                int at = b * TEXT + s * W + i;
                if (w->ids[at] >= 0) cr_expect_eq((int)w->ids[at], drawn(logits + at * V, V, noise + b * V));
            }
        }
        (void)snprintf(purpose, sizeof purpose, "writing/stop%d", s);
        rng_fill_uniform(rng_key(NET_SEED, purpose), t, noise, B * 2);
        for (int b = 0; b < B; b++)
            if (w->sentences[b] > s && s + 1 < S)
                cr_expect_eq(w->sentences[b] > s + 1,
                             drawn((float[]){stops[b * S + s], 0}, 2, noise + 2 * b));
    }
}

static void check_free_running(const backend_i *interface)
{
    static written w;
    static float logits[B * TEXT * V], stops[B * S];
    fixture f = open_fixture(interface);
    step *writing, *reading;
    int cut = 0, ended = 0, full = 0;
    nn_t report = decoder_write(f.n, &f.o, f.code, "writing");
    report_target target = golden_target(&f);
    decoder_logits read = decoder_read(f.n, &f.o, f.code, target);
    ASSERT_OK(net_compile(f.n, &report, 1, NULL, &writing));
    ASSERT_OK(net_compile(f.n, (nn_t[]){read.words, read.stops}, 2, NULL, &reading));
    load_weights(&f);
    for (uint64_t t = 0; t < RUNS; t++) {
        ASSERT_OK(step_run(writing, t));
        ASSERT_OK(nn_get(writing, report, w.rows));
        read_written(&w);
        ASSERT_OK(nn_set(f.n, target.previous, w.previous));
        ASSERT_OK(nn_set(f.n, target.bags, w.bags));
        ASSERT_OK(step_run(reading, t));
        ASSERT_OK(nn_get(reading, read.words, logits));
        ASSERT_OK(nn_get(reading, read.stops, stops));
        expect_draws(&w, logits, stops, t);
        for (int b = 0; b < B; b++) {
            cr_assert_geq(w.sentences[b], 1);
            full += w.sentences[b] == S;
            for (int s = 0; s < w.sentences[b]; s++) {
                int last = (int)w.ids[b * TEXT + s * W + W - 1];
                cut += last >= 0 && last != TOKEN_END;
                ended += last < 0;
            }
        }
    }
    cr_expect(cut > 0 && ended > 0 && full > 0 && full < RUNS * B, "the runs did not show all that can be");
    close_fixture(&f);
}

Test(decoder, what_is_written_is_drawn_from_what_the_decoder_says)
{
    for (int k = 0; k < BACKENDS; k++) check_free_running(backends[k]);
}

/* The same draws, wherever the samples are. */
Test(decoder, replicas_write_what_one_device_writes)
{
    enum { BATCH = 4 };
    static float one[BATCH * TEXT * V], several[BATCH * TEXT * V];
    emixer_opts o = decoder_options();
    for (int replicas = 1; replicas <= 2; replicas++) {
        net *n;
        step *s;
        ASSERT_OK(net_open((nn_device){.backend = &be_cpu, .replicas = replicas}, NET_SEED, &n));
        image_code code = {.grid = nn_random(n, "grid", nn_shape(3, BATCH, P, E), DISTRIBUTION_NORMAL),
                           .embedding =
                               nn_random(n, "embedding", nn_shape(2, BATCH, E), DISTRIBUTION_NORMAL)};
        nn_t report = decoder_write(n, &o, code, "writing");
        ASSERT_OK(net_compile(n, &report, 1, NULL, &s));
        ASSERT_OK(step_run(s, TIME));
        ASSERT_OK(nn_get(s, report, replicas == 1 ? one : several));
        net_close(n);
    }
    cr_expect_eq(memcmp(one, several, sizeof one), 0);
}

Test(decoder, longest_and_shortest_reports_can_be_recorded)
{
    emixer_opts o = decoder_options();
    static const int sizes[][2] = {{1, 2}, {1, 17}, {10, 2}, {9, 9}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        net *n;
        step *s;
        o.sentences = sizes[k][0];
        o.words = sizes[k][1];
        ASSERT_OK(net_open(nn_on(&be_ref), 1, &n));
        image_code code = {.grid = nn_input(n, "grid", nn_shape(3, 2, P, E)),
                           .embedding = nn_input(n, "embedding", nn_shape(2, 2, E))};
        nn_t report = decoder_write(n, &o, code, "writing");
        nn_shape_t shape = nn_shape_of(n, report);
        cr_expect(shape.rank == 3 && shape.d[0] == 2 && shape.d[1] == o.sentences * o.words &&
                  shape.d[2] == V);
        ASSERT_OK(net_compile(n, &report, 1, NULL, &s));
        ASSERT_OK(step_run(s, 0));
        net_close(n);
    }
}

Test(decoder, a_code_of_another_width_is_refused)
{
    fixture f = open_fixture(&be_ref);
    step *s;
    f.o.embedding = E + 1;
    nn_t report = decoder_write(f.n, &f.o, f.code, "writing");
    cr_expect_eq(net_compile(f.n, &report, 1, NULL, &s), ERR_INTERNAL);
    close_fixture(&f);
}
