/* A tiny model that has learned a few reports by heart, for the tests of writing. */
#ifndef TESTS_EMIXER_TAUGHT_WRITER_H
#define TESTS_EMIXER_TAUGHT_WRITER_H

#include "tiny.h"

#include <math.h>
#include <string.h>

enum { REPORTS = 4, PIXELS = TINY_SIDE * TINY_SIDE, MANY = 11 };

/* Two begin alike, two differ in the order of sentences, and their lengths differ. */
static const char *const reports[REPORTS] = {
    "the heart is large . no effusion .",
    "the heart is normal . no effusion . the lungs are clear .",
    "large effusion on the left .",
    "no effusion . the heart is large .",
};

static inline vocabulary *words_of(const char *const *texts, int n)
{
    static int index[] = {0, 1, 2, 3};
    vocabulary *v;
    ASSERT_OK(vocabulary_build(texts, &(samples){.index = index, .n = n}, 1, &v));
    return v;
}

/* Nothing but the encoder and the decoder. */
static inline emixer_opts writer_options(void)
{
    emixer_opts o = tiny_options();
    o.batch = 8;
    o.pairs = REPORTS;
    o.embedding = 16;
    o.sentences = 4;
    o.words = 8;
    o.writer_rate = 1e-2F;
    o.augment = false;
    o.rotation_weight = o.label_weight = o.report_weight = o.joint_weight = 0;
    o.matching_weight = o.denoising_weight = 0;
    return o;
}

static inline emixer *open_writer_on(nn_device device, emixer_opts o, const char *const *texts, int n)
{
    vocabulary *v = words_of(texts, n);
    o.vocabulary = vocabulary_size(v);
    emixer *e = tiny_open_on(device, o);
    ASSERT_OK(take_vocabulary(e, v));
    vocabulary_close(v);
    return e;
}

static inline emixer *open_writer(const backend_i *interface, emixer_opts o, const char *const *texts, int n)
{
    return open_writer_on(nn_on(interface), o, texts, n);
}

/* `n` images of noise. */
static inline const uint8_t *noise_images(int n)
{
    static uint8_t images[MANY * PIXELS];
    rng bytes = rng_open(1, "test/images", 0);
    for (int i = 0; i < n * PIXELS; i++) images[i] = (uint8_t)rng_u32(&bytes);
    return images;
}

static inline void set_target(emixer *e)
{
    enum { MOST = REPORTS * 4 * 64 };
    float ids[MOST], previous[MOST], bags[MOST], stops[MOST];
    int text_ids = e->o.sentences * e->o.words, bag = e->o.sentences * e->o.vocabulary;
    for (int i = 0; i < REPORTS; i++)
        report_encode_target(&e->o, e->words, reports[i], ids + i * text_ids, previous + i * text_ids,
                             bags + i * bag, stops + i * e->o.sentences);
    ASSERT_OK(nn_set(e->n, e->in.writer.target.ids, ids));
    ASSERT_OK(nn_set(e->n, e->in.writer.target.previous, previous));
    ASSERT_OK(nn_set(e->n, e->in.writer.target.bags, bags));
    ASSERT_OK(nn_set(e->n, e->in.writer.target.stops, stops));
}

/* Learns `reports` of the first noise images by heart; the other images of the batch have none. */
static inline void learn(emixer *e, int updates)
{
    float images[8 * PIXELS], labels[8 * TINY_LABELS], loss;
    const uint8_t *bytes = noise_images(8);
    for (int i = 0; i < 8 * PIXELS; i++) images[i] = (float)bytes[i] / 127.5F - 1;
    for (int i = 0; i < 8 * TINY_LABELS; i++) labels[i] = NAN;
    ASSERT_OK(nn_set(e->n, e->in.writer.images, images));
    ASSERT_OK(nn_set(e->n, e->in.writer.labels, labels));
    set_target(e);
    for (int t = 0; t < updates; t++) ASSERT_OK(update_player(e, PLAYER_WRITER, (uint64_t)t, &loss));
    cr_expect_lt(loss, 0.1F, "not learned");
}

static inline void write_texts(emixer *e, const uint8_t *images, int n, emixer_writing how, text *out)
{
    memset(out, 0, (size_t)n * sizeof *out);
    ASSERT_OK(emixer_write(e, images, n, &how, out));
    for (int i = 0; i < n; i++) cr_assert_gt(out[i].length, 0);
}

static inline void close_texts(text *texts, int n)
{
    for (int i = 0; i < n; i++) text_close(&texts[i]);
}

#endif
