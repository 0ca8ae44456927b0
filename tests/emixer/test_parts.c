/* The parts of the losses, one by one, against their formulas. */
#include "nn/sequence.h"
#include "tiny.h"

#include <math.h>
#include <string.h>

static void close_to(double value, double expected, const char *what)
{
    cr_expect_lt(fabs(value - expected), 1e-5 * (1 + fabs(expected)), "%s: %.9g, expected %.9g", what, value,
                 expected);
}

/* ---- LeCam ---- */

/* After one update the averages are the means of the first logits; after two, 0.99 of them and 0.01 of the
 * next. */
Test(parts, averages_follow_the_logits)
{
    emixer_opts o = tiny_options();
    o.lecam_weight = 0.3F;
    o.steps = 1;
    double expected[2] = {0};
    for (int updates = 1; updates <= 2; updates++) {
        o.steps = updates;
        emixer *e = tiny_open(&be_ref, o);
        tiny_train(e, NULL);
        float logits[2][64];
        ASSERT_OK(nn_get(e->steps[PLAYER_DISCRIMINATOR], e->judged.real, logits[0]));
        ASSERT_OK(nn_get(e->steps[PLAYER_DISCRIMINATOR], e->judged.fake, logits[1]));
        for (int i = 0; i < 2; i++) {
            double mean = 0;
            for (int b = 0; b < o.batch; b++) mean += (double)logits[i][b] / o.batch;
            expected[i] = updates == 1 ? mean : 0.99 * expected[i] + 0.01 * mean;
            close_to((double)e->averages[i], expected[i], "average");
        }
        emixer_close(e);
    }
}

/* Of the same batch, the loss with LeCam is that without it plus the two mean squares. */
Test(parts, lecam_adds_two_mean_squares)
{
    emixer_opts o = tiny_options();
    o.batch = 8;
    o.augment = false;
    emixer *plain = tiny_open(&be_ref, o);
    o.lecam_weight = 0.3F;
    emixer *held = tiny_open(&be_ref, o);
    const float averages[2] = {0.4F, -0.7F};
    float column[8], loss[2], logits[2][8];
    for (int i = 0; i < 2; i++) {
        for (int b = 0; b < 8; b++) column[b] = averages[i];
        ASSERT_OK(nn_set(held->n,
                         i == 0 ? held->in.discriminator.real_average : held->in.discriminator.fake_average,
                         column));
    }
    emixer *both[2] = {plain, held};
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(step_run(both[i]->steps[PLAYER_DISCRIMINATOR], 0));
        ASSERT_OK(step_loss(both[i]->steps[PLAYER_DISCRIMINATOR], &loss[i]));
    }
    ASSERT_OK(nn_get(held->steps[PLAYER_DISCRIMINATOR], held->judged.real, logits[0]));
    ASSERT_OK(nn_get(held->steps[PLAYER_DISCRIMINATOR], held->judged.fake, logits[1]));
    double squares = 0;
    for (int b = 0; b < 8; b++) {
        double above = fmax(0, (double)(logits[0][b] - averages[1]));
        double below = fmax(0, (double)(averages[0] - logits[1][b]));
        squares += (above * above + below * below) / 8;
    }
    close_to((double)loss[1], (double)loss[0] + 0.3 * squares, "loss");
    cr_assert_gt(squares, 0);
    emixer_close(plain);
    emixer_close(held);
}

/* ---- the joint discriminator's verdict on G ---- */

/* Appends the gradients of G's parameters; how many numbers they are. */
static size_t generator_gradients(const emixer *e, float *out)
{
    size_t used = 0;
    for (int i = 0; i < net_parameter_count(e->n); i++) {
        nn_shape_t shape = net_parameter_shape(e->n, i);
        if (strncmp(net_parameter_name(e->n, i), "G/", 2) != 0) continue;
        if (net_get_gradient(e->n, net_parameter_name(e->n, i), out + used) == OK) used += nn_count(&shape);
    }
    return used;
}

/* The largest difference that joint_words makes to the gradient of G. blind: the encoder sees nothing, so
 * that no word depends on the image. */
static double difference_of_words(const tiny_pairs *p, bool blind)
{
    enum { ROOM = 1 << 16 };
    static float gradients[2][ROOM], zeros[1024];
    float loss[2];
    double largest = 0;
    size_t n = 0;
    for (int words = 0; words < 2; words++) {
        emixer_opts o = tiny_pair_options(p->words);
        o.label_weight = 0;
        o.joint_words = words == 1;
        emixer *e = tiny_open(&be_ref, o);
        if (blind) ASSERT_OK(net_set_parameter(e->n, "R/encoder/stem.weight", zeros));
        ASSERT_OK(step_run(e->steps[PLAYER_GENERATOR], 0));
        ASSERT_OK(step_loss(e->steps[PLAYER_GENERATOR], &loss[words]));
        n = generator_gradients(e, gradients[words]);
        cr_assert(n > 0 && n <= ROOM);
        emixer_close(e);
    }
    cr_expect_eq(loss[0], loss[1]);
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)gradients[0][i] - (double)gradients[1][i]));
    return largest;
}

Test(parts, words_reach_the_generator_only_if_they_may)
{
    tiny_pairs p;
    tiny_pairs_open(&p);
    cr_expect_lt(difference_of_words(&p, true), 1e-7);
    cr_expect_gt(difference_of_words(&p, false), 1e-4);
    tiny_pairs_close(&p);
}

/* ---- what the joint discriminator knows ---- */

static bool has_parameters(const emixer *e, const char *beginning)
{
    for (int i = 0; i < net_parameter_count(e->n); i++)
        if (strncmp(net_parameter_name(e->n, i), beginning, strlen(beginning)) == 0) return true;
    return false;
}

/* The loss of D on the inputs as they are, before and after R's reader knows no words. */
static void losses_without_words(emixer *e, float loss[2])
{
    static float zeros[1024];
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(step_run(e->steps[PLAYER_DISCRIMINATOR], 0));
        ASSERT_OK(step_loss(e->steps[PLAYER_DISCRIMINATOR], &loss[i]));
        ASSERT_OK(net_set_parameter(e->n, "R/reader/words.weight", zeros));
    }
}

/* It reads with R's reader if that learns what reports say, and with D's own if not. */
Test(parts, the_joint_discriminator_reads_as_the_writer_does)
{
    tiny_pairs p;
    tiny_pairs_open(&p);
    emixer_opts o = tiny_pair_options(p.words);
    o.report_weight = 0;
    o.joint_shared = true;
    for (int taught = 0; taught < 2; taught++) {
        o.matching_weight = taught ? 0.2F : 0;
        emixer *e = tiny_open(&be_ref, o);
        float loss[2];
        losses_without_words(e, loss);
        cr_expect_eq(has_parameters(e, "D/reader"), taught == 0);
        cr_expect_eq(loss[0] == loss[1], taught == 0);
        emixer_close(e);
    }
    tiny_pairs_close(&p);
}

/* ---- all of R's terms ---- */

/* R's loss is linear in a term's weight, however many there are. */
Test(parts, every_term_of_the_writer_counts)
{
    tiny_pairs p;
    float loss[3];
    tiny_pairs_open(&p);
    for (int i = 0; i < 3; i++) {
        emixer_opts o = tiny_pair_options(p.words);
        o.reading_weight = 0.5F * (float)i;
        emixer *e = tiny_open(&be_ref, o);
        ASSERT_OK(step_run(e->steps[PLAYER_WRITER], 0));
        ASSERT_OK(step_loss(e->steps[PLAYER_WRITER], &loss[i]));
        emixer_close(e);
    }
    cr_expect_gt(loss[1] - loss[0], 0.1F);
    close_to((double)(loss[2] - loss[0]), 2 * (double)(loss[1] - loss[0]), "twice the weight");
    tiny_pairs_close(&p);
}

/* ---- unlabelled rows ---- */

Test(parts, unlabelled_rows_are_judged_without_labels)
{
    emixer_opts o = tiny_options();
    o.unlabelled_share = 0.25F;
    o.steps = 1;
    cr_assert_eq(unlabelled_rows(&o), 2);
    samples unlabelled = tiny_unlabelled();
    emixer *some = tiny_open(&be_ref, o), *none = tiny_open(&be_ref, o);
    tiny_train(some, &unlabelled);
    tiny_train(none, NULL);
    float a[64], b[64];
    ASSERT_OK(net_get_parameter(some->n, "D/block0/conv1.bias", a));
    ASSERT_OK(net_get_parameter(none->n, "D/block0/conv1.bias", b));
    cr_assert_neq(a[0], b[0]);
    emixer_close(some);
    emixer_close(none);
}

/* ---- matching ---- */

Test(parts, matching_is_cross_entropy_both_ways)
{
    enum { P = 3, E = 4 };
    emixer_opts o = tiny_options();
    o.pairs = P;
    o.embedding = E;
    const float images[P * E] = {1, 0, 0, 0.5F, 0, 2, 0, 0, 0.3F, 0, -1, 0.2F};
    const float reports[P * E] = {0.9F, 0.1F, 0, 0, 0, 0, 1, 0, 0.5F, 0.5F, 0.5F, -0.5F};
    float identity[E * E] = {0}, loss;
    for (int i = 0; i < E; i++) identity[i * E + i] = 1;
    net *n;
    ASSERT_OK(net_open(nn_on(&be_ref), 1, &n));
    nn_t a = nn_input(n, "a", nn_shape(2, (int)P, (int)E)), b = nn_input(n, "b", nn_shape(2, (int)P, (int)E));
    nn_t l = matching_loss(n, &o, a, b);
    step *s;
    ASSERT_OK(net_compile(n, &l, 1, NULL, &s));
    ASSERT_OK(matching_set_targets(n, &o));
    ASSERT_OK(nn_set(n, a, images));
    ASSERT_OK(nn_set(n, b, reports));
    ASSERT_OK(net_set_parameter(n, "R/matching/image.weight", identity));
    ASSERT_OK(net_set_parameter(n, "R/matching/report.weight", identity));
    ASSERT_OK(step_run(s, 0));
    ASSERT_OK(step_loss(s, &loss));
    double cosine[P][P], expected = 0;
    for (int i = 0; i < P; i++)
        for (int j = 0; j < P; j++) {
            double dot = 0, x = 0, y = 0;
            for (int e = 0; e < E; e++) {
                double u = (double)images[i * E + e], v = (double)reports[j * E + e];
                dot += u * v;
                x += u * u;
                y += v * v;
            }
            cosine[i][j] = dot / sqrt(x * y);
        }
    for (int i = 0; i < P; i++) {
        double row = 0, column = 0;
        for (int j = 0; j < P; j++) {
            row += exp(10 * (cosine[i][j] - cosine[i][i]));
            column += exp(10 * (cosine[j][i] - cosine[i][i]));
        }
        expected += (log(row) + log(column)) / (2 * P);
    }
    close_to((double)loss, expected, "matching");
    net_close(n);
}

/* ---- denoising ---- */

Test(parts, corruption_spares_ends_and_gaps)
{
    enum { ROWS = 200 };
    emixer_opts o = tiny_options();
    o.pairs = 4;
    o.vocabulary = 20;
    o.sentences = 5;
    o.words = 8;
    int lost = 0, wrong = 0, words = 0;
    for (int row = 0; row < ROWS; row++) {
        float ids[40], before[40];
        for (int i = 0; i < 40; i++)
            before[i] = ids[i] = i % 8 == 6 ? TOKEN_END : i % 8 == 7 ? -1 : (float)(SPECIAL_TOKENS + i % 16);
        corrupt(&o, (uint64_t)row, row % 4, ids);
        for (int i = 0; i < 40; i++) {
            if (before[i] < SPECIAL_TOKENS) {
                cr_assert_eq(ids[i], before[i]);
                continue;
            }
            words++;
            lost += ids[i] == TOKEN_UNKNOWN;
            wrong += ids[i] != TOKEN_UNKNOWN && ids[i] != before[i];
            cr_assert(ids[i] == TOKEN_UNKNOWN || (ids[i] >= SPECIAL_TOKENS && ids[i] < 20));
        }
    }
    /* 15% each; a wrong word is the right one in 1 of 16. Four standard deviations of 6000 draws: 0.019. */
    cr_assert_lt(fabs((double)lost / words - 0.15), 0.02);
    cr_assert_lt(fabs((double)wrong / words - 0.15 * 15 / 16), 0.02);
}

/* ---- self-attention ---- */

/* What comes of an image with attention is what comes of it alone, plus the projected mean of all places when
 * queries and keys are zero. */
Test(parts, attention_mixes_places)
{
    enum { C = 8, SIDE = 4, PLACES = SIDE * SIDE };
    net *n;
    ASSERT_OK(net_open(nn_on(&be_ref), 1, &n));
    nn_t x = nn_input(n, "x", nn_shape(4, 1, (int)C, (int)SIDE, (int)SIDE)), y = self_attention(n, x, false);
    step *s;
    ASSERT_OK(net_compile(n, &y, 1, NULL, &s));
    float image[C * PLACES], query[C] = {0}, value[C / 2 * C] = {0}, out[C * (C / 2)] = {0}, got[C * PLACES];
    for (int i = 0; i < C * PLACES; i++) image[i] = (float)((i * 7) % 11) - 5;
    for (int i = 0; i < C / 2; i++) value[i * C + i] = out[i * (C / 2) + i] = 1;
    ASSERT_OK(net_set_parameter(n, "attention/query.weight", query));
    ASSERT_OK(net_set_parameter(n, "attention/value.weight", value));
    ASSERT_OK(net_set_parameter(n, "attention/out.weight", out));
    ASSERT_OK(nn_set(n, x, image));
    ASSERT_OK(step_run(s, 0));
    ASSERT_OK(nn_get(s, y, got));
    for (int c = 0; c < C; c++) {
        double mean = 0;
        for (int i = 0; i < PLACES; i++) mean += (double)image[c * PLACES + i] / PLACES;
        for (int i = 0; i < PLACES; i++)
            close_to((double)got[c * PLACES + i], (double)image[c * PLACES + i] + (c < C / 2 ? mean : 0),
                     "attention");
    }
    net_close(n);
}

Test(parts, attention_stands_at_16_pixels)
{
    emixer_opts o = tiny_options();
    float weights[4096];
    o.resolution = 32;
    o.attention = true;
    emixer *e = tiny_open(&be_ref, o);
    ASSERT_OK(net_get_parameter(e->n, "G/block1/attention/out.weight", weights));
    ASSERT_OK(net_get_parameter(e->n, "D/block0/attention/out.weight", weights));
    cr_assert_eq(net_get_parameter(e->n, "G/block0/attention/out.weight", weights), ERR_USAGE);
    emixer_close(e);
}
