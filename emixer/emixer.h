/* EMIXER (Biswal et al., MLHC 2022), the image half: a class-conditional residual generator and a projection
 * discriminator with spectral norm, hinge loss, EMA, DiffAugment, and rotation self-supervision that also
 * learns from unlabelled images. The files read like the paper: generator.c, discriminator.c,
 * self_supervision.c, train.c, synthesize.c. */
#ifndef EMIXER_EMIXER_H
#define EMIXER_EMIXER_H

#include "data/dataset.h"
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
    uint64_t seed;
} emixer_opts;

extern const emixer_opts emixer_defaults; /* n_labels and seed are to be set */

typedef struct emixer emixer;

/* Records and compiles the networks on `device`. ERR_CONFIG naming the option for a value out of range. */
err emixer_open(nn_device device, const emixer_opts *o, emixer **out);
void emixer_close(emixer *e);

/* Called after every generator update with the step (1..steps); return other than OK stops training with that
 * code. */
typedef err (*emixer_progress)(void *context, int step, float discriminator_loss, float generator_loss);

/* Trains to o.steps on the labelled samples (class-balanced draws with their labels) and the unlabelled ones
 * (rotation self-supervision only: half of that loss's images). With `checkpoint` (may be NULL) the state is
 * written there every `checkpoint_seconds` and at the end, and training resumes from it if it exists: the
 * result is bit-identical. ERR_DIVERGED naming the step and the seed. */
err emixer_train(emixer *e, const dataset *set, const samples *labelled, const samples *unlabelled,
                 const char *checkpoint, double checkpoint_seconds, emixer_progress progress, void *context);

err emixer_save(emixer *e, const char *path); /* .safetensors, settings in its metadata */
err emixer_load(emixer *e,
                const char *path); /* ERR_DATA naming the first tensor or setting that does not fit */

/* Reads the settings that emixer_save wrote, so that emixer_open makes a model that the file fits.
 * ERR_NO_INPUT; ERR_DATA naming the first setting that is missing or out of range. */
err emixer_read_options(const char *path, emixer_opts *out);

/* Makes n images (n,R,R) for labels (n,K) with the averaged (EMA) generator. Image i depends on the weights,
 * `seed`, i and labels[i] only. */
err emixer_synthesize(emixer *e, const float *labels, int n, uint64_t seed, uint8_t *images);

/* FLOPs of one generator update with its discriminator updates, the bytes of the arenas, and how many numbers
 * are trained. */
double emixer_step_flops(const emixer *e);
size_t emixer_bytes(const emixer *e);
size_t emixer_trained_count(const emixer *e);

/* One update without data handling, for `bench perf`: the same work as in emixer_train on the batch last
 * used. */
err emixer_update(emixer *e, uint64_t t, float *discriminator_loss, float *generator_loss);
void emixer_profile(emixer *e, bool on);
/* Every convolution of one update (see step_convolutions), `discriminator_steps` times for the
 * discriminator's. */
void emixer_convolutions(const emixer *e, convolution_visitor visit, void *context);
/* Sum of the operator times since profiling was switched on (OP_COUNT entries into out). */
void emixer_times(const emixer *e, op_time *out);

#endif
