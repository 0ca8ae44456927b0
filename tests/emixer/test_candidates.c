/* Of several drawn reports, the one that fits the image. */
#include "nn/sequence.h"
#include "taught_writer.h"

#include <stdio.h>

enum { CANDIDATES = 6, WIDTH = 16 };

/* The product of the directions of `count` images, the rows of `embeddings`, and of one report each. */
static void matches_of(emixer *e, const float *embeddings, const text *texts, int count, double *out)
{
    static float ids[8 * 64], previous[64], bags[1024], stops[64], rows[8 * WIDTH], a[8 * WIDTH],
        b[8 * WIDTH];
    int length = e->o.sentences * e->o.words;
    nn_t images = nn_input(e->n, "test/embeddings", nn_shape(2, e->o.batch, WIDTH));
    nn_t read = nn_input(e->n, "test/reports", nn_shape(2, e->o.batch, length));
    directions d = matching_directions(e->n, &e->o, images, report_reader(e->n, &e->o, "R", read));
    step *s;
    ASSERT_OK(net_compile(e->n, (nn_t[]){d.image, d.report}, 2, NULL, &s));
    for (int i = 0; i < count; i++)
        report_encode_target(&e->o, e->words, texts[i].data, ids + i * length, previous, bags, stops);
    memcpy(rows, embeddings, (size_t)(count * WIDTH) * sizeof *rows);
    ASSERT_OK(nn_set(e->n, images, rows));
    ASSERT_OK(nn_set(e->n, read, ids));
    ASSERT_OK(step_run(s, 0));
    ASSERT_OK(nn_get(s, d.image, a));
    ASSERT_OK(nn_get(s, d.report, b));
    for (int i = 0; i < count; i++) {
        out[i] = 0;
        for (int k = i * WIDTH; k < (i + 1) * WIDTH; k++) out[i] += (double)a[k] * (double)b[k];
    }
}

/* Knows the reports by heart, and which image each is of. */
static emixer *open_matcher(void)
{
    emixer_opts o = writer_options();
    o.matching_weight = 1;
    emixer *e = open_writer(&be_cpu, o, reports, REPORTS);
    ASSERT_OK(players_set_constants(e));
    learn(e, 300);
    return e;
}

Test(candidates, the_candidate_that_matches_best_is_kept)
{
    emixer *e = open_matcher();
    float embeddings[REPORTS * WIDTH];
    text kept[REPORTS], candidates[CANDIDATES][REPORTS];
    double matches[CANDIDATES][REPORTS];
    int not_the_first = 0;
    emixer_writing how = {.kind = WRITING_SAMPLE, .temperature = 4, .seed = 5, .candidates = CANDIDATES};
    ASSERT_OK(emixer_encode(e, noise_images(8), REPORTS, embeddings, NULL));
    write_texts(e, noise_images(8), REPORTS, how, kept);
    for (int c = 0; c < CANDIDATES; c++) {
        char purpose[40];
        (void)snprintf(purpose, sizeof purpose, "emixer/write/candidate%d", c);
        emixer_writing one = {.kind = WRITING_SAMPLE, .temperature = 4, .seed = rng_key(5, purpose)};
        write_texts(e, noise_images(8), REPORTS, one, candidates[c]);
        matches_of(e, embeddings, candidates[c], REPORTS, matches[c]);
    }
    for (int i = 0; i < REPORTS; i++) {
        int best = 0;
        for (int c = 1; c < CANDIDATES; c++)
            if (matches[c][i] > matches[best][i]) best = c;
        cr_expect_str_eq(kept[i].data, candidates[best][i].data, "image %d, candidate %d", i, best);
        not_the_first += best > 0;
    }
    cr_expect_gt(not_the_first, 0, "the test shows nothing");
    for (int c = 0; c < CANDIDATES; c++) close_texts(candidates[c], REPORTS);
    close_texts(kept, REPORTS);
    emixer_close(e);
}

/* Labels of the reports: the heart is large, there is an effusion, neither. */
static const float report_classes[REPORTS][TINY_LABELS] = {{1, 0, 0}, {0, 0, 1}, {0, 1, 0}, {1, 0, 0}};

/* Knows the reports by heart, and the labels of both images and reports; no matching. */
static emixer *open_reader(void)
{
    emixer_opts o = writer_options();
    float labels[8 * TINY_LABELS], loss;
    o.reading_weight = 1;
    emixer *e = open_writer(&be_cpu, o, reports, REPORTS);
    learn(e, 300);
    for (int i = 0; i < 8 * TINY_LABELS; i++) labels[i] = NAN;
    memcpy(labels, report_classes, sizeof report_classes);
    ASSERT_OK(nn_set(e->n, e->in.writer.labels, labels));
    for (int t = 300; t < 500; t++) ASSERT_OK(update_player(e, PLAYER_WRITER, (uint64_t)t, &loss));
    return e;
}

/* Chances of the labels (count,K) that are read in texts. */
static void read_labels(emixer *e, const text *texts, int count, double *out)
{
    static float ids[8 * 64], previous[64], bags[1024], stops[64];
    float logits[8 * TINY_LABELS];
    int length = e->o.sentences * e->o.words;
    nn_t read = nn_input(e->n, "test/reports", nn_shape(2, e->o.batch, length));
    nn_t labels = report_labels(e->n, &e->o, report_reader(e->n, &e->o, "R", read));
    step *s;
    ASSERT_OK(net_compile(e->n, &labels, 1, NULL, &s));
    for (int i = 0; i < count; i++)
        report_encode_target(&e->o, e->words, texts[i].data, ids + i * length, previous, bags, stops);
    ASSERT_OK(nn_set(e->n, read, ids));
    ASSERT_OK(step_run(s, 0));
    ASSERT_OK(nn_get(s, labels, logits));
    for (int i = 0; i < count * TINY_LABELS; i++) out[i] = 1 / (1 + exp(-(double)logits[i]));
}

/* The logarithm of how likely the labels q are under the chances p. */
static double agreement(const float *p, const double *q)
{
    double sum = 0;
    for (int k = 0; k < TINY_LABELS; k++) {
        double read = q[k] < 0.01 ? 0.01 : q[k] > 0.99 ? 0.99 : q[k];
        sum += (double)p[k] * log(read) + (1 - (double)p[k]) * log(1 - read);
    }
    return sum;
}

Test(candidates, the_labels_of_reports_are_learned)
{
    emixer *e = open_reader();
    text texts[REPORTS] = {{0}};
    double read[REPORTS * TINY_LABELS];
    for (int i = 0; i < REPORTS; i++) text_printf(&texts[i], "%s", reports[i]);
    read_labels(e, texts, REPORTS, read);
    for (int i = 0; i < REPORTS; i++)
        for (int k = 0; k < TINY_LABELS; k++)
            cr_expect_float_eq(read[i * TINY_LABELS + k], report_classes[i][k], 0.2, "report %d, label %d", i,
                               k);
    close_texts(texts, REPORTS);
    emixer_close(e);
}

/* Writes with candidates under `how`, and expects those that say best what p (REPORTS,K) has. Of the
 * candidates some other than the first must be the best. */
static void expect_said(emixer *e, emixer_writing how, const float *p)
{
    text kept[REPORTS], candidates[REPORTS];
    double read[REPORTS * TINY_LABELS], best[REPORTS], kept_agreement[REPORTS];
    int better = 0;
    write_texts(e, noise_images(8), REPORTS, how, kept);
    read_labels(e, kept, REPORTS, read);
    for (int i = 0; i < REPORTS; i++)
        kept_agreement[i] = agreement(p + i * TINY_LABELS, read + i * TINY_LABELS);
    for (int c = 0; c < CANDIDATES; c++) {
        char purpose[40];
        (void)snprintf(purpose, sizeof purpose, "emixer/write/candidate%d", c);
        emixer_writing one = {.kind = WRITING_SAMPLE, .temperature = 4, .seed = rng_key(5, purpose)};
        write_texts(e, noise_images(8), REPORTS, one, candidates);
        read_labels(e, candidates, REPORTS, read);
        for (int i = 0; i < REPORTS; i++) {
            double own = agreement(p + i * TINY_LABELS, read + i * TINY_LABELS);
            better += c > 0 && own > best[i] + 0.01;
            if (c == 0 || own > best[i]) best[i] = own;
        }
        close_texts(candidates, REPORTS);
    }
    for (int i = 0; i < REPORTS; i++) cr_expect_float_eq(kept_agreement[i], best[i], 1e-4, "image %d", i);
    cr_expect_gt(better, 0, "the test shows nothing");
    close_texts(kept, REPORTS);
}

static const emixer_writing six_drawn = {
    .kind = WRITING_SAMPLE, .temperature = 4, .seed = 5, .candidates = CANDIDATES};

Test(candidates, the_candidate_that_says_what_is_seen_is_kept)
{
    emixer *e = open_reader();
    float seen[REPORTS * TINY_LABELS];
    ASSERT_OK(emixer_encode(e, noise_images(8), REPORTS, NULL, seen));
    expect_said(e, six_drawn, seen);
    emixer_close(e);
}

/* What is known goes before what is seen: here the opposite of it, but for one label that is not known. */
Test(candidates, the_candidate_that_says_what_is_known_is_kept)
{
    emixer *e = open_reader();
    float known[REPORTS * TINY_LABELS], chances[REPORTS * TINY_LABELS];
    emixer_writing how = six_drawn;
    ASSERT_OK(emixer_encode(e, noise_images(8), REPORTS, NULL, chances));
    for (int i = 0; i < REPORTS * TINY_LABELS; i++) known[i] = chances[i] > 0.5F ? 0 : 1;
    known[1] = NAN;
    for (int i = 0; i < REPORTS * TINY_LABELS; i++)
        if (!isnan(known[i])) chances[i] = known[i];
    how.labels = known;
    expect_said(e, how, chances);
    emixer_close(e);
}

Test(candidates, candidates_need_an_image_and_what_matching_taught)
{
    text written = {0};
    emixer_opts o = writer_options();
    o.denoising_weight = 1;
    emixer *e = open_writer(&be_cpu, o, reports, REPORTS);
    emixer_writing how = {.kind = WRITING_SAMPLE, .candidates = 2};
    cr_expect_eq(emixer_write(e, NULL, 1, &how, &written), ERR_USAGE);
    cr_expect_eq(emixer_write(e, noise_images(1), 1, &how, &written), ERR_USAGE);
    how.kind = WRITING_GREEDY;
    cr_expect_eq(emixer_write(e, noise_images(1), 1, &how, &written), ERR_CONFIG);
    emixer_close(e);
}
