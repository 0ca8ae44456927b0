/* What the files of emixer/ share. */
#ifndef EMIXER_INTERNAL_H
#define EMIXER_INTERNAL_H

#include "emixer/emixer.h"

enum {
    ROTATIONS = 4,       /* quarter turns */
    LABEL_POOL = 512,    /* label vectors that stand for the training distribution */
    METADATA_PAIRS = 80, /* keys and values of a checkpoint's settings */
    METADATA_VALUE_BYTES = 32
};

/* A state (LABEL_POOL,K) of the net: label vectors drawn as training draws them. */
#define LABEL_POOL_NAME "labels/pool"

/* ---- options.c ---- */

/* ERR_CONFIG naming the first option out of its range. */
err options_check(const emixer_opts *o);

typedef struct options_metadata {
    const char *pairs[METADATA_PAIRS]; /* key, value, ...; ended by NULL */
    char values[METADATA_PAIRS / 2][METADATA_VALUE_BYTES];
} options_metadata;

/* The settings and the number of updates done, for a checkpoint's metadata. */
void options_write(const emixer_opts *o, int updates, options_metadata *out);

/* Compares a checkpoint's settings with `o` (all but `steps`, so that training can go on for longer) and
 * reads the number of updates done. ERR_DATA naming the first setting that differs or is missing. */
err options_compare(const emixer_opts *o, const char *path, int *updates);

/* ---- generator.c ---- */

typedef enum generator_mode {
    GENERATOR_TRAINING,   /* batch statistics; the running ones follow slowly */
    GENERATOR_STATISTICS, /* batch statistics; the running ones become those of this batch */
    GENERATOR_SAMPLING    /* running statistics: each image is independent of its neighbours */
} generator_mode;

/* z (B,latent), y (B,K) -> images (B,1,R,R) in (-1,1). */
nn_t generator(net *n, const emixer_opts *o, nn_t z, nn_t y, generator_mode mode);

/* ---- discriminator.c ---- */

/* Images (B,1,R,R) -> features (B,C). */
nn_t discriminator_features(net *n, const emixer_opts *o, nn_t images);

/* Features h (B,C), labels y (B,K) -> logits (B,1): l(h) + <e(y), h> (Miyato & Koyama, ICLR 2018). Labels of
 * zeros leave the unconditional part. */
nn_t discriminator_logits(net *n, nn_t h, nn_t y);

/* ---- self_supervision.c ---- */

/* Images in the rotation batch: half the batch, a multiple of four; 0 if rotation is off. */
int rotation_batch(const emixer_opts *o);

/* Features (N,C) of images whose b-th was turned by (b mod 4) quarter turns -> cross-entropy (1) of telling
 * the turn. */
nn_t rotation_loss(net *n, const emixer_opts *o, nn_t features);

/* Fills the inputs that never change. */
err rotation_set_targets(net *n, const emixer_opts *o);

/* Fills `out` (rotation_batch, R*R): groups of four images from the labelled and the unlabelled ones in turn,
 * so that each source is seen in all four turns. `index` keys the draw. */
void rotation_draw(const emixer_opts *o, const emixer_data *data, uint64_t index, float *out);

/* ---- encoder.c ---- */

/* What the report half knows of images. */
typedef struct image_code {
    nn_t grid;      /* (B,P,E): a row for each of the P places of a coarse grid */
    nn_t embedding; /* (B,E) */
} image_code;

/* Images (B,1,R,R) -> their code. R's batch norms use the batch and follow it if `training`, else their
 * running statistics. */
image_code encoder(net *n, const emixer_opts *o, nn_t images, bool training);
int encoder_places(const emixer_opts *o); /* P */

/* Embedding (B,E) -> logits (B,K) of the labels. */
nn_t encoder_labels(net *n, const emixer_opts *o, nn_t embedding);

/* ---- report_decoder.c ----
 *
 * A report is up to S sentences of up to W words. As ids it is (B,S*W), a sentence after the other; each
 * sentence that is there is ended by TOKEN_END (unless it was cut at W), and -1 stands where nothing is.
 *
 * A sentence LSTM reads the image's embedding and the words of the sentence before, attends to the grid, and
 * emits a topic, and whether this is the last sentence (Krause et al., CVPR 2017; the sentence before, after
 * Xue et al., MICCAI 2018: else two sentences cannot know of each other). A word LSTM writes the sentence
 * from its topic, attending to the grid at every word (Xu et al., ICML 2015). */

/* A report to learn from. All are inputs or computed from inputs alone. */
typedef struct report_target {
    nn_t ids;      /* (B,S*W) the words to write */
    nn_t previous; /* (B,S*W) the word before each: TOKEN_BEGIN at the start of a sentence; -1 with no ids */
    nn_t bags;     /* (B,S,V) how often each word is in the sentence before; zeros for the first */
    nn_t stops;    /* (B,S) 1 at the last sentence, 0 before it, NaN after it */
} report_target;

/* Teacher forcing: the mean cross-entropy of the words (1) and of the stops (1). */
typedef struct decoder_losses {
    nn_t words, stops;
} decoder_losses;
decoder_losses decoder_teach(net *n, const emixer_opts *o, image_code code, report_target target);

/* Free running, for a discriminator: draws every word and every stop, with the gradient of the soft draws
 * (straight-through Gumbel-softmax). -> (B,S*W,V): one-hot rows, and zeros where nothing is. */
nn_t decoder_write(net *n, const emixer_opts *o, image_code code, const char *purpose);

/* One step of each LSTM, for text that is drawn on the host. States are (B,2E), h and c side by side. */
typedef struct sentence_step {
    nn_t state; /* (B,2E) the next */
    nn_t topic; /* (B,E) */
    nn_t stop;  /* (B,1) logit of being the last sentence */
} sentence_step;
sentence_step decoder_sentence(net *n, const emixer_opts *o, image_code code, nn_t bag, nn_t state);

typedef struct word_step {
    nn_t state;  /* (B,2E) the next */
    nn_t logits; /* (B,V) of the next word */
} word_step;
/* previous: embedded words, as decoder_embed makes them of ids. */
word_step decoder_word(net *n, const emixer_opts *o, image_code code, nn_t topic, nn_t previous, nn_t state);
nn_t decoder_embed(net *n, const emixer_opts *o, nn_t ids); /* (B) or (B,T) -> (B,E) or (B,T,E) */

/* ---- report_reader.c: reports in, embeddings out; once for D, once for R (each with its own weights) ----
 */

/* Reports, one-hot or zero rows (B,S*W,V) or ids (B,S*W), -> (B,E). `name` is the scope under the player's.
 */
nn_t report_reader(net *n, const emixer_opts *o, const char *player, nn_t report);

/* ---- balance.c ---- */

/* The labelled samples by label: group k holds those with label k, the last group those without any. A draw
 * takes each group that is not empty with the same chance, then each of its samples; an unknown label (NaN)
 * counts as 0. */
typedef struct balance {
    const dataset *set;
    int *members; /* dataset indices, group after group; owned */
    int *first;   /* (groups + 1) where each group starts in members; owned; empty groups are left out */
    int groups;
} balance;

err balance_open(const dataset *set, const samples *labelled, balance *out);
void balance_close(balance *b);

/* Draws `n` samples under (seed, purpose, index). images (n,R*R) may be NULL; labels (n,K). */
void balance_draw(const balance *b, uint64_t seed, const char *purpose, uint64_t index, int n, float *images,
                  float *labels);

/* ---- model.c ---- */

struct emixer {
    emixer_opts o;
    net *n;
    struct {
        nn_t real, real_labels, fake_labels; /* of a discriminator update */
        nn_t rotation;                       /* real images, labelled or not; unset if rotation is off */
        nn_t generator_labels;               /* of a generator update */
        nn_t statistics_labels;
        nn_t z, labels; /* of the images to make */
    } in;
    nn_t images; /* kept by `sampling` */
    step *discriminating, *generating, *statistics, *sampling;
    optimizer *optimizers[2]; /* G, D */
    int updates;              /* generator updates done */
};

/* One update of one player on the batch in the inputs; `t` keys its draws. */
err update_discriminator(emixer *e, uint64_t t, float *loss);
err update_generator(emixer *e, uint64_t t, float *loss);

#endif
