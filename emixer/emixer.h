/* EMIXER (Biswal et al., MLHC 2022): labels in, an X-ray and its report out.
 *
 * (1) A generator makes an image of labels and noise (generator.c). (2) An encoder turns an image into a grid
 * and an embedding (encoder.c). (3) A hierarchical decoder writes the report from them (report_decoder.c,
 * report_writing.c). (4) Discriminators judge the image, the report, and both together (discriminator.c,
 * report_discriminator.c). Self-supervision learns from images without labels and from reports without
 * images (self_supervision.c). Three players are updated in turn: "D/", all the discriminators; "G/", the
 * generator; "R/", the encoder and the decoder. Without pairs (`pairs` = 0) there is only the image half. */
#ifndef EMIXER_EMIXER_H
#define EMIXER_EMIXER_H

#include "data/dataset.h"
#include "data/vocabulary.h"
#include "nn/net.h"

typedef struct emixer_opts {
    int resolution; /* a power of two, 16 to 256 */
    int n_labels;   /* K; labels are a 0/1 vector (B,K) */
    int width;      /* channels at the finest generator block; coarser ones have 2, 4, 8 times as many */
    int latent;     /* length of z */
    int batch;
    int steps;                                /* generator updates */
    int discriminator_steps;                  /* discriminator updates per generator update, >= 1 */
    float generator_rate, discriminator_rate; /* Adam */
    float beta1, beta2;
    float ema_decay;
    float rotation_weight; /* of the self-supervised rotation loss (Chen et al., SS-GAN, CVPR 2019); 0: off */
    bool augment;          /* DiffAugment */
    bool balanced;         /* each label is drawn as often as any other; else as often as it is in the data */
    float unlabelled_share; /* of the real images that D judges: those without labels, by the unconditional
                               part */
    float
        lecam_weight; /* of LeCam's regularisation of the image's logits (Tseng et al., CVPR 2021); 0: off */
    bool attention;   /* self-attention (Zhang et al., ICML 2019) where the image is 16 x 16, in G and D */
    float label_weight; /* of the labels that R's encoder, which learns them from real images, reads in G's
                           images, in G's loss; 0: off */

    int choose_every; /* updates between two looks of emixer_data's judge, of which the best generator is
                         kept; 0: the last update's */

    /* The report half. */
    int pairs;           /* images with reports in a step, at most `batch`; 0: no reports */
    int vocabulary;      /* V, special tokens included (data/vocabulary.h) */
    int sentences;       /* S, of a report at most */
    int words;           /* W, of a sentence at most, its end included */
    int embedding;       /* E: length of an image's embedding, and of the states of the LSTMs */
    int writer_steps;    /* updates of R per generator update, >= 1 */
    float writer_rate;   /* Adam's, of R */
    bool writer_decay;   /* R's rate falls to 0 over the updates, as half a cosine; else it stays */
    float report_weight; /* of the report discriminator; 0: off */
    float joint_weight;  /* of the joint discriminator; 0: off */
    bool joint_shared; /* the joint discriminator knows images and reports as R's encoder and reader do, where
                          matching_weight or reading_weight teaches these; else as D does */
    bool joint_words;  /* the joint discriminator reaches G through the written words, too; else through the
                          image alone */
    bool joint_real_reports; /* G's images are judged with the real report of the sample whose labels they
                                were made from (after Reed et al., ICML 2016), not with what R writes of them;
                                joint_words is not looked at */
    float judgement_weight; /* of what these two say of written reports, in R's loss, times their own weights:
                               the gradient through drawn words is noisy, and drowns the words' likelihood */
    float matching_weight;  /* of the contrastive image-report loss of R; 0: off */
    float reading_weight;   /* of the labels that R reads in reports; 0: off */
    float denoising_weight; /* of restoring reports that have no image; 0: off */
    uint64_t seed;
} emixer_opts;

extern const emixer_opts emixer_defaults; /* n_labels and seed are to be set */

typedef struct emixer emixer;

/* Records and compiles the networks on `device`. ERR_CONFIG naming the option for a value out of range. */
err emixer_open(nn_device device, const emixer_opts *o, emixer **out);
void emixer_close(emixer *e);

/* What each player minimised in its last update; writer: R, 0 without the report half. */
typedef struct emixer_losses {
    float discriminator, generator, writer;
} emixer_losses;

/* Called after every generator update with the step (1..steps); return other than OK stops training with that
 * code. */
typedef err (*emixer_progress)(void *context, int step, const emixer_losses *losses);

/* Scores the images that emixer_synthesize makes in the middle of training; less is better, and one that is
 * not finite is not chosen. Must depend on the model and on the training data alone. */
typedef err (*emixer_judge)(void *context, emixer *e, double *score);

/* What a model learns from. All of it is the caller's. */
typedef struct emixer_data {
    const dataset *set;
    const samples *labelled;     /* of set; at least one */
    const samples *unlabelled;   /* of set: neither their labels nor their reports are looked at; or NULL */
    const vocabulary *words;     /* of the report half; NULL without it */
    const char *const *reports;  /* (set->n) cleaned (data/report_text.h), NULL where there is none */
    const char *const *unpaired; /* (n_unpaired) cleaned reports that have no image */
    int n_unpaired;
    emixer_judge judge; /* asked if choose_every > 0; else it may be NULL */
    void *judge_context;
} emixer_data;

/* Trains to o.steps on the labelled samples (class-balanced draws with their labels), the unlabelled ones
 * (rotation self-supervision, and the unconditional part of D), the labelled ones' reports, and the unpaired
 * reports. With `checkpoint` (may be NULL) the state is written there every `checkpoint_seconds` and at the
 * end, and training resumes from it if it exists: the result is bit-identical. With choose_every the images
 * are those of the best update in the end; the checkpoint can go on from the last one. ERR_DIVERGED naming
 * the step and the seed; ERR_CONFIG or ERR_DATA for data that the model does not fit. */
err emixer_train(emixer *e, const emixer_data *data, const char *checkpoint, double checkpoint_seconds,
                 emixer_progress progress, void *context);

err emixer_save(emixer *e, const char *path); /* .safetensors, settings in its metadata */
err emixer_load(emixer *e,
                const char *path); /* ERR_DATA naming the first tensor or setting that does not fit */

/* Reads the settings that emixer_save wrote, so that emixer_open makes a model that the file fits.
 * ERR_NO_INPUT; ERR_DATA naming the first setting that is missing or out of range. */
err emixer_read_options(const char *path, emixer_opts *out);

/* The update whose images were the best (see choose_every), and its score, which may be NULL; 0 and NaN if
 * there was no choice. */
err emixer_choice(emixer *e, int *update, double *score);

/* Makes n images (n,R,R) for labels (n,K) with the averaged (EMA) generator. Image i depends on the weights,
 * `seed`, i and labels[i] only. */
err emixer_synthesize(emixer *e, const float *labels, int n, uint64_t seed, uint8_t *images);

/* Draws n label vectors (n,K) from the 512 that the model keeps of its training distribution. Vector i
 * depends on the model, `seed` and i only. ERR_USAGE before training. */
err emixer_draw_labels(emixer *e, int n, uint64_t seed, float *labels);

/* ---- the report half; ERR_USAGE without it (pairs = 0) ---- */

/* The words and the names of the labels that the model was trained with; NULL before that. Owned by e. */
const vocabulary *emixer_vocabulary(const emixer *e);
const char *emixer_label_name(const emixer *e, int label);

typedef struct emixer_writing {
    enum { WRITING_GREEDY, WRITING_SAMPLE, WRITING_BEAM } kind;
    float temperature; /* WRITING_SAMPLE; 0 means 1 */
    float top_p;    /* WRITING_SAMPLE: the smallest set of words that has this much probability; 0 means 1 */
    int beams;      /* WRITING_BEAM; divides the model's batch */
    uint64_t seed;  /* WRITING_SAMPLE; report i depends on the weights, seed, i and image i only */
    int candidates; /* WRITING_SAMPLE: so many reports are drawn of an image, and that one is kept which R
                       takes for the image's, by its matching (matching_weight), and by the labels that it
                       reads in both (reading_weight); 0 means 1; more need one of these weights */
    const float *labels; /* (n,K) in {0,1}, or NULL: what the images are known to show, as those that were
                            made from labels are. Candidates are held against these, NaN apart, and not
                            against what R sees in the image. */
    err (*progress)(void *context, long done, long total); /* told of reports now and then; what it returns
                                                              but OK ends the writing; may be NULL */
    void *progress_context;
} emixer_writing;

/* Writes the reports of images (n,R,R), as cleaned text, appended to reports[0..n). images NULL: n reports of
 * no image, as denoising learns to write some from nothing; ERR_USAGE if denoising is off, or for candidates,
 * which only an image tells apart. */
err emixer_write(emixer *e, const uint8_t *images, int n, const emixer_writing *how, text *reports);

/* What the encoder sees in images (n,R,R): embeddings (n,E) and probabilities of the labels (n,K); either may
 * be NULL. */
err emixer_encode(emixer *e, const uint8_t *images, int n, float *embeddings, float *probabilities);

/* FLOPs of one generator update with its discriminator updates, the bytes of the arenas, and how many numbers
 * are trained. */
double emixer_step_flops(const emixer *e);
size_t emixer_bytes(const emixer *e);
size_t emixer_trained_count(const emixer *e);

/* One update without data handling, for `bench perf`: the same work as in emixer_train on the batch last
 * used. */
err emixer_update(emixer *e, uint64_t t, emixer_losses *losses);
void emixer_profile(emixer *e, bool on);
/* Every convolution of one update (see step_convolutions), `discriminator_steps` times for the
 * discriminator's. */
void emixer_convolutions(const emixer *e, convolution_visitor visit, void *context);
/* Sum of the operator times since profiling was switched on (OP_COUNT entries into out). */
void emixer_times(const emixer *e, op_time *out);

#endif
