/* What the files of emixer/ share. */
#ifndef EMIXER_INTERNAL_H
#define EMIXER_INTERNAL_H

#include "base/strings.h"
#include "base/text.h"
#include "emixer/emixer.h"

enum {
    ROTATIONS = 4,        /* quarter turns */
    LABEL_POOL = 512,     /* label vectors that stand for the training distribution */
    METADATA_PAIRS = 128, /* keys and values of a checkpoint's settings */
    METADATA_VALUE_BYTES = 32,
    MOST_SENTENCES = 64, /* that options_check allows */
    MOST_WORDS = 256
};

/* A state (LABEL_POOL,K) of the net: label vectors drawn as training draws them. */
#define LABEL_POOL_NAME "labels/pool"
/* A state (2) of the net: LeCam's averages of the logits of real and of fake images. */
#define AVERAGES_NAME "lecam/averages"
/* Keys of a checkpoint's metadata, none of them an option's name. */
#define LABELS_KEY "labels_csv"
#define WORDS_KEY "words_csv"

/* ---- options.c ---- */

/* ERR_CONFIG naming the first option out of its range. */
err options_check(const emixer_opts *o);

typedef struct options_metadata {
    const char *pairs[METADATA_PAIRS]; /* key, value, ...; ended by NULL */
    int n;
    char values[METADATA_PAIRS / 2][METADATA_VALUE_BYTES];
    text labels, words; /* as CSV, the names of the labels and the vocabulary */
} options_metadata;

/* The settings, the number of updates done, and the names, for a checkpoint's metadata. Close also after a
 * failure. */
err options_write(const emixer *e, options_metadata *out);
void options_metadata_close(options_metadata *m);

/* Compares a checkpoint's settings with e's (all but `steps`, so that training can go on for longer, if no
 * rate depends on it), and reads the number of updates done and the names. ERR_DATA naming the first setting
 * that differs or is missing. */
err options_compare(emixer *e, const char *path, int *updates);

/* ---- self_attention.c ---- */

/* x (B,C,H,W) plus what each place sees of the others. `spectral`: under spectral norm, but for the last
 * layer. */
nn_t self_attention(net *n, nn_t x, bool spectral);
enum { ATTENTION_SIDE = 16 }; /* of the images that attend, if o.attention */

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

/* Embeddings of images and of their reports (P,E) -> (1): each must tell the other's partner among all of the
 * batch (InfoNCE both ways: Zhang et al., "Contrastive learning of medical visual representations", MLHC
 * 2022; temperature 0.1). */
extern const float matching_sharpness; /* 1 / temperature */
nn_t matching_loss(net *n, const emixer_opts *o, nn_t images, nn_t reports);

/* The same embeddings (B,E) as the unit vectors whose product says how well they match. */
typedef struct directions {
    nn_t image, report; /* (B,E) */
} directions;
directions matching_directions(net *n, const emixer_opts *o, nn_t images, nn_t reports);

err matching_set_targets(net *n, const emixer_opts *o);

/* The code that stands for the image of a report that has none, made of the report with its errors, ids
 * (P,S*W). Rows of zeros in kept (P,E) hide it: then the decoder must write from nothing. */
image_code denoising_code(net *n, const emixer_opts *o, nn_t corrupted, nn_t kept);

/* ids (S*W): every word is lost with chance 0.15 and another one with 0.15. Keyed by (seed, index, row). */
void corrupt(const emixer_opts *o, uint64_t index, int row, float *ids);

/* ---- report_decoder.c ----
 *
 * A report is up to S sentences of up to W words. As ids it is (B,S*W), a sentence after the other; each
 * sentence that is there is ended by TOKEN_END (unless it was cut at W), and -1 stands where nothing is. The
 * TOKEN_END is one of a sentence's words, and is counted in its bag.
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
    nn_t stops;    /* (B,S) 1 at the report's last sentence, 0 before it, NaN after it */
} report_target;

/* What comes at every time of a report that is known. */
typedef struct decoder_logits {
    nn_t words; /* (B,S*W,V) */
    nn_t stops; /* (B,S) of being the last sentence */
} decoder_logits;
decoder_logits decoder_read(net *n, const emixer_opts *o, image_code code, report_target target);

/* Teacher forcing: the mean cross-entropy of the words (1) and of the stops (1). */
typedef struct decoder_losses {
    nn_t words, stops;
} decoder_losses;
decoder_losses decoder_teach(net *n, const emixer_opts *o, image_code code, report_target target);

/* Free running, for a discriminator: draws every word and every stop, with the gradient of the soft draws
 * (straight-through Gumbel-softmax), under "purpose/word<s>.<w>" and "purpose/stop<s>". -> (B,S*W,V): one-hot
 * rows, and zeros where nothing is. Nothing is forbidden to it: R learns what real reports do not have. */
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

/* ---- reports.c ---- */

/* One cleaned report ("": none) as the inputs of a report_target: ids, previous (S*W), bags (S*V), stops (S).
 * Sentences beyond S are cut: then none is the last. A sentence of W words or more is cut to W, and has no
 * TOKEN_END.
 */
void report_encode_target(const emixer_opts *o, const vocabulary *v, const char *cleaned, float *ids,
                          float *previous, float *bags, float *stops);

/* A report in words (S,W), counts[s] of them in sentence s, as ids (S*W). */
void report_encode_ids(const emixer_opts *o, const int *words, const int *counts, float *ids);

/* ---- report_reader.c: reports in, embeddings out; once for D, once for R (each with its own weights) ----
 */

/* Reports, one-hot or zero rows (B,S*W,V) or ids (B,S*W), -> (B,E). `name` is the scope under the player's.
 */
nn_t report_reader(net *n, const emixer_opts *o, const char *player, nn_t report);

/* What R's reader made of reports (B,E) -> logits (B,K) of the labels. */
nn_t report_labels(net *n, const emixer_opts *o, nn_t read);

/* ---- report_discriminator.c ---- */

/* Images and reports as the discriminators know them; what no discriminator needs is unset. */
typedef struct pair {
    nn_t report;       /* (B,E) of report_reader("D", ..), for the report discriminator */
    nn_t labels;       /* (B,K) that the report is judged under */
    nn_t image, words; /* (B,C), (B,E) for the joint one: of discriminator_features and of that reader; or of
                          encoder and report_reader("R", ..) */
} pair;

/* -> logits (B,1). */
nn_t report_logits(net *n, const emixer_opts *o, nn_t report, nn_t y);
nn_t joint_logits(net *n, const emixer_opts *o, nn_t image, nn_t words);

/* D's losses (1). The joint one sees matched real pairs, one or more kinds of generated pairs, and mismatched
 * real ones: image i with report i + 1; all but the first share a weight of 1 equally. */
enum { MOST_KINDS = 2 }; /* of generated pairs */
nn_t report_hinge(net *n, const emixer_opts *o, pair real, pair fake);
nn_t joint_hinge(net *n, const emixer_opts *o, pair real, const pair *made, int kinds);

/* ---- players.c ---- */

/* Records what each player minimises, and compiles it into e->steps[PLAYER_..]. */
err record_players(emixer *e);

/* Is there an R: for reports, or for the labels that it reads in images? */
bool has_writer(const emixer_opts *o);

/* Does any discriminator read reports? */
bool players_read(const emixer_opts *o);
bool is_judged(const emixer_opts *o); /* does R's loss have what they say? */

/* Does R learn which reports fit an image? */
bool fits_reports(const emixer_opts *o);

/* Are fakes judged with the real report of their labels? */
bool has_label_reports(const emixer_opts *o);

/* Rows of D's real images that have no label: the last ones. */
int unlabelled_rows(const emixer_opts *o);

/* Sets the inputs that never change, once e->n is compiled. */
err players_set_constants(emixer *e);

/* ---- balance.c ---- */

/* The labelled samples by label: group k holds those with label k, the last group those without any; or all
 * in one group. A draw takes each group that is not empty with the same chance, then each of its samples; an
 * unknown label (NaN) counts as 0. */
typedef struct balance {
    const dataset *set;
    int *members; /* (n) dataset indices, group after group; owned */
    int *first;   /* (groups + 1) where each group starts in members; owned; empty groups are left out */
    int groups, n;
} balance;

err balance_open(const dataset *set, const samples *labelled, bool balanced, balance *out);
void balance_close(balance *b);

/* Draws `n` samples under (seed, purpose, index). images (n,R*R) and chosen (n) may be NULL; labels (n,K). */
void balance_draw(const balance *b, uint64_t seed, const char *purpose, uint64_t index, int n, float *images,
                  float *labels, int *chosen);

/* ---- model.c ---- */

/* Who is updated in turn. */
enum { PLAYER_DISCRIMINATOR, PLAYER_GENERATOR, PLAYER_WRITER, PLAYERS };

/* The inputs of the nets, by the player whose update reads them; those of a part that is off are unset. P is
 * o.pairs. */
typedef struct emixer_inputs {
    struct {
        nn_t real, real_labels;          /* (B,1,R,R), (B,K): zeros for the unlabelled rows */
        nn_t fake_labels, judged;        /* (B,K) the labels that fakes are made of, and judged under */
        nn_t rotation;                   /* real images, labelled or not */
        nn_t reports;                    /* (P,S*W) ids: those of the first images of `real` */
        nn_t label_reports;              /* (P,S*W) ids: of the samples with the first fakes' labels */
        nn_t real_average, fake_average; /* (B,1) LeCam's moving averages of the logits, in every row */
    } discriminator;
    struct {
        nn_t labels, judged; /* (B,K) */
        nn_t label_reports;  /* (P,S*W) */
    } generator;
    struct {
        nn_t images, labels;    /* (B,1,R,R), (B,K) NaN = unknown; the first P have reports */
        nn_t reports;           /* (P,S*W) ids: what the decoder is to write */
        report_target target;   /* of them */
        nn_t corrupted;         /* (P,S*W) ids of reports with words missing or wrong */
        nn_t kept;              /* (P,E) rows of ones, or of zeros: then the decoder knows nothing */
        report_target restored; /* what they were */
        nn_t fake_labels;       /* (P,K) */
    } writer;
    nn_t statistics_labels;
    nn_t z, labels; /* of the images to make */
    nn_t encoded;   /* (B,1,R,R) images to encode */
} emixer_inputs;

struct emixer {
    emixer_opts o;
    net *n;
    emixer_inputs in;
    nn_t images; /* kept by `sampling` */
    struct {
        image_code code;
        nn_t labels; /* (B,K) logits */
    } seen;          /* kept by `encoding` */
    struct {
        nn_t real, fake; /* (B,1) logits that D's step keeps for LeCam */
    } judged;
    step *steps[PLAYERS]; /* WRITER: NULL without the report half */
    step *statistics, *sampling, *encoding;
    optimizer *optimizers[PLAYERS];
    float averages[2];        /* of the logits of real and of fake images */
    vocabulary *words;        /* owned; NULL until known */
    const char **label_names; /* (K), owned; NULL until known */
    string_store label_strings;
    int updates;             /* generator updates done */
    struct writing *writing; /* report_writing.c: what writes reports; NULL until asked for */
};

/* Copies. */
err take_label_names(emixer *e, const char *const *names);
err take_vocabulary(emixer *e, const vocabulary *words);

/* ---- choice.c ---- */

/* Records where the best generator is kept; after all of G's tensors. */
err choice_record(emixer *e);
/* Asks the judge, if it is time, and keeps the averaged generator if it is the best so far. */
err choice_look(emixer *e, const emixer_data *data);
/* Makes the kept one the averaged generator, at the end of training. */
err choice_take(emixer *e);

/* ---- encode.c ---- */
err record_encoding(emixer *e);

/* ---- report_writing.c ---- */
void writing_close(struct writing *w);

/* ---- model.c ---- */

/* How often a player is updated for one update of the generator. */
int turns(const emixer *e, int player);

/* One update of one player on the batch in the inputs; `t`, the number of its updates before, keys its draws.
 */
err update_player(emixer *e, int player, uint64_t t, float *loss);

#endif
