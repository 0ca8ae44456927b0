/* A made-up data set, tiny options, and checks, for the tests of emixer. */
#ifndef TESTS_EMIXER_TINY_H
#define TESTS_EMIXER_TINY_H

#include "base/files.h"
#include "base/rng.h"
#include "emixer/internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define ASSERT_OK(call) cr_assert_eq((call), OK, "%s", err_message())

enum { TINY_SIDE = 16, TINY_LABELS = 3, TINY_IMAGES = 12, TINY_LABELLED = 9 };

static const char *const tiny_names[] = {"a", "b", "c"};

/* The options of models_make.py. */
static inline emixer_opts tiny_options(void)
{
    emixer_opts o = emixer_defaults;
    o.resolution = TINY_SIDE;
    o.n_labels = TINY_LABELS;
    o.width = 2;
    o.latent = 6;
    o.batch = 8;
    o.steps = 10;
    o.discriminator_steps = 1;
    o.generator_rate = 1e-3F;
    o.discriminator_rate = 2e-3F;
    o.beta1 = 0.1F;
    o.beta2 = 0.9F;
    o.ema_decay = 0.9F;
    o.rotation_weight = 0.5F;
    o.augment = true;
    o.seed = 4;
    return o;
}

/* The set of models_make.py: noise images; one-hot labels, but sample 1 has two and sample 2 none. */
static inline dataset *tiny_set(void)
{
    static uint8_t images[TINY_IMAGES * TINY_SIDE * TINY_SIDE];
    float labels[TINY_IMAGES * TINY_LABELS] = {0};
    rng bytes = rng_open(0, "golden/images", 0);
    for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)rng_u32(&bytes);
    for (int i = 0; i < TINY_IMAGES; i++) labels[i * TINY_LABELS + i % TINY_LABELS] = 1;
    labels[TINY_LABELS + 0] = 1;
    labels[2 * TINY_LABELS + 2] = 0;
    dataset *set;
    ASSERT_OK(
        dataset_from_arrays(images, labels, TINY_IMAGES, TINY_SIDE, TINY_LABELS, tiny_names, "tiny", &set));
    return set;
}

static inline int *tiny_index(void)
{
    static int index[TINY_IMAGES];
    for (int i = 0; i < TINY_IMAGES; i++) index[i] = i;
    return index;
}

static inline samples tiny_labelled(void)
{
    return (samples){.index = tiny_index(), .n = TINY_LABELLED};
}

static inline samples tiny_unlabelled(void)
{
    return (samples){.index = tiny_index() + TINY_LABELLED, .n = TINY_IMAGES - TINY_LABELLED};
}

static inline emixer *tiny_open_on(nn_device device, emixer_opts o)
{
    emixer *e;
    ASSERT_OK(emixer_open(device, &o, &e));
    return e;
}

static inline emixer *tiny_open(const backend_i *interface, emixer_opts o)
{
    return tiny_open_on(nn_on(interface), o);
}

/* What emixer_pairs_make.py has: reports of the labelled images but two, those of the others, which nothing
 * may look at, and reports without images. */
static const char *const tiny_reports[TINY_IMAGES] = {"the heart is normal . lungs are clear .",
                                                      "effusion .",
                                                      "no effusion . heart is large . lungs are clear .",
                                                      NULL,
                                                      "heart is normal .",
                                                      "lungs are clear .",
                                                      "the lungs are clear . effusion .",
                                                      NULL,
                                                      "heart is large .",
                                                      "never looked at .",
                                                      "never looked at .",
                                                      "never looked at ."};
static const char *const tiny_unpaired[] = {"the lungs are clear . no effusion .", "heart is large .",
                                            "the heart is clear ."};
enum { TINY_UNPAIRED = sizeof tiny_unpaired / sizeof tiny_unpaired[0] };

/* The options of emixer_pairs_make.py. */
static inline emixer_opts tiny_pair_options(const vocabulary *words)
{
    emixer_opts o = tiny_options();
    o.unlabelled_share = 0.25F;
    o.lecam_weight = 0.3F;
    o.label_weight = 0.5F;
    o.pairs = 4;
    o.vocabulary = vocabulary_size(words);
    o.sentences = 2;
    o.words = 4;
    o.embedding = 6;
    o.writer_rate = 1e-3F;
    o.report_weight = 0.2F;
    o.joint_weight = 0.5F;
    o.judgement_weight = 1;
    o.matching_weight = 0.2F;
    o.denoising_weight = 0.2F;
    return o;
}

/* All that a model with reports learns from; tiny_pairs_close frees it. */
typedef struct tiny_pairs {
    dataset *set;
    samples labelled, unlabelled;
    vocabulary *words;
    emixer_data data;
} tiny_pairs;

/* In memory that does not move: data points into it. */
static inline void tiny_pairs_open(tiny_pairs *p)
{
    const char *texts[TINY_LABELLED + TINY_UNPAIRED];
    int all[TINY_LABELLED + TINY_UNPAIRED];
    samples every = {.index = all, .n = TINY_LABELLED + TINY_UNPAIRED};
    for (int i = 0; i < every.n; i++) {
        texts[i] = i < TINY_LABELLED ? tiny_reports[i] : tiny_unpaired[i - TINY_LABELLED];
        all[i] = i;
    }
    *p = (tiny_pairs){.set = tiny_set(), .labelled = tiny_labelled(), .unlabelled = tiny_unlabelled()};
    ASSERT_OK(vocabulary_build(texts, &every, 1, &p->words));
    p->data = (emixer_data){.set = p->set,
                            .labelled = &p->labelled,
                            .unlabelled = &p->unlabelled,
                            .words = p->words,
                            .reports = tiny_reports,
                            .unpaired = tiny_unpaired,
                            .n_unpaired = TINY_UNPAIRED};
}

static inline void tiny_pairs_close(tiny_pairs *p)
{
    dataset_close(p->set);
    vocabulary_close(p->words);
}

/* Trains without a checkpoint file. */
static inline void tiny_train(emixer *e, const samples *unlabelled)
{
    dataset *set = tiny_set();
    samples labelled = tiny_labelled();
    ASSERT_OK(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled, .unlabelled = unlabelled},
                           NULL, 0, NULL, NULL));
    dataset_close(set);
}

static inline void assert_same_files(const char *a, const char *b)
{
    char *x, *y;
    size_t n, m;
    ASSERT_OK(file_read(a, 1U << 26, &x, &n));
    ASSERT_OK(file_read(b, 1U << 26, &y, &m));
    cr_assert_eq(n, m);
    cr_assert_eq(memcmp(x, y, n), 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

#endif
