/* Downstream X-ray classifiers: what a synthetic image is worth is measured on them. */
#ifndef DOWNSTREAM_CLASSIFIER_H
#define DOWNSTREAM_CLASSIFIER_H

#include "data/augment.h"
#include "data/dataset.h"
#include "nn/net.h"

/* The architectures:
 *
 * - densenet_small: three dense blocks of `layers_per_block` layers of `growth` channels, at half, quarter
 * and eighth of the side (after Huang et al., "Densely connected convolutional networks", CVPR 2017); R a
 * multiple of 8
 * - densenet121: of that paper; R from 32
 * - resnet18, resnet50: He et al., "Deep residual learning for image recognition", CVPR 2016; R from 32
 *
 * - vit_tiny: ViT-Ti of Touvron et al., ICML 2021: width 192, 3 heads, 12 layers; patches of 16 pixels, below
 * R = 128 of 8, below 64 of 4; R a multiple of 16
 *
 * All but the first compute what torchvision's models of these names do (the last: its VisionTransformer of
 * these sizes, without dropout), and their tensors have its names. */
typedef struct classifier_opts {
    const char *model;    /* a name of the list above; the text must outlive the classifier */
    int resolution;       /* side R of the input: up to 1024 */
    int channels;         /* C of the input, 1 or 3; with 3 each holds the same gray image */
    float input_scale;    /* what the network sees is input_scale * pixel + input_shift, */
    float input_shift;    /* of pixels in [-1,1] */
    int n_classes;        /* K */
    bool multi_label;     /* K labels, each true or not (sigmoid), rather than one of K classes (softmax) */
    int growth;           /* densenet_small: channels that each dense layer adds */
    int layers_per_block; /* densenet_small: in each block */
    int batch;            /* B */
    int steps;            /* updates; every arm gets the same number */
    float learning_rate;  /* Adam, cosine decay to 0 */
    float weight_decay;
    bool head_only;  /* only the last layer learns: a linear probe; batch norm keeps its running statistics */
    bool prototypes; /* after training the last layer is made of the class means; not with multi_label */
    bool augment;    /* classical augmentation (data/augment.h) of every image, real or synthetic */
    float synthetic_share; /* share of each batch that comes from the synthetic set, 0..1 */
    uint64_t seed;         /* initial weights and draws */
} classifier_opts;

extern const classifier_opts classifier_defaults; /* n_classes and seed are to be set */

typedef struct classifier classifier;

/* ERR_CONFIG naming the first option that is out of range. */
err classifier_check(const classifier_opts *o);

/* FLOPs of a forward pass of one image, about: what a plan steers by. */
double classifier_image_flops(const classifier_opts *o);

/* A classifier of o->model on `device`. ERR_CONFIG as classifier_check. */
err classifier_open(nn_device device, const classifier_opts *o, classifier **out);
void classifier_close(classifier *c);

typedef err (*classifier_progress)(void *context, int step, float loss);

/* Trains on class-balanced batches (multi_label: each image is as likely as any other that has a known label;
 * unknown labels, NaN, do not count in the loss): round(batch * (1 - synthetic_share)) images of `real`
 * (samples of real_set), the rest of `synthetic` (may be NULL if synthetic_share is 0). real may be empty if
 * synthetic_share is 1. The draw of real image j of step t depends on (seed, t, j) only, so arms of one seed
 * see the same real images. ERR_DIVERGED naming step and seed. progress may be NULL.
 *
 * With `prototypes` the last layer is then replaced: each class by the mean direction of its images'
 * features, real and synthetic ones (without augmentation) weighed as in a batch; classifier_predict then
 * gives softmax(10 cosine). With head_only too, there is nothing to train, and no update is made. */
err classifier_train(classifier *c, const dataset *real_set, const samples *real, const dataset *synthetic,
                     classifier_progress progress, void *context);

/* Probabilities (n,K) of samples of a set, of classes (a row sums to 1) or labels (it need not), without
 * augmentation, running statistics in batch norm. */
err classifier_predict(classifier *c, const dataset *set, const samples *which, float *probabilities);

/* What the last layer sees of them: (n,F), F the feature count. */
err classifier_features(classifier *c, const dataset *set, const samples *which, float *features);
int classifier_feature_count(const classifier *c);

/* Writes all tensors as .safetensors, under the names that torchvision's state_dict gives them
 * (densenet_small: our own); num_batches_tracked, which nothing reads, is left out. Atomic. */
err classifier_save(classifier *c, const char *path);

/* Reads a file that classifier_save wrote, or anybody from torchvision's state_dict in F32;
 * num_batches_tracked is ignored. Where the first convolution has three input channels in the file and one in
 * the model, its weight is summed over them: a gray image in all three gives the same. ERR_NO_INPUT; ERR_DATA
 * naming the first tensor that is missing, has another shape (both are told), or is not the model's; the
 * classifier is then as it was. With fresh_head the last linear layer stays as it is, whatever the file has
 * for it: for weights that were trained on other classes. */
err classifier_load(classifier *c, const char *path, bool fresh_head);

/* Hash of the model's name and of all tensors, names and values: the same for a classifier that was loaded
 * from the file of another. ERR_SYSTEM. */
err classifier_hash(classifier *c, hash *out);

/* For `bench perf`: one update, or one forward pass as in classifier_predict, without data handling, on the
 * batch last used (zeros before any). classifier_set_batch gives another one: images (B,C,R,R), targets
 * (B,K). */
err classifier_set_batch(classifier *c, const float *images, const float *targets);
err classifier_update(classifier *c, uint64_t t, float *loss);
err classifier_infer(classifier *c);

/* FLOPs of one update and of one forward pass, and the bytes of their arena. The update is compiled when it
 * is first asked for: until then its FLOPs are 0, it has no convolutions, and the bytes are those of the
 * forward pass alone. */
double classifier_step_flops(const classifier *c);
double classifier_infer_flops(const classifier *c);
size_t classifier_bytes(const classifier *c);
size_t classifier_trained_count(const classifier *c); /* numbers in all trainable parameters */
void classifier_profile(classifier *c, bool on);
/* Every convolution of one update, and of one forward pass (see step_convolutions). */
void classifier_convolutions(const classifier *c, convolution_visitor visit, void *context);
void classifier_infer_convolutions(const classifier *c, convolution_visitor visit, void *context);
/* Sum of the operator times of updates and forward passes since profiling was switched on (OP_COUNT entries
 * into out). */
void classifier_times(const classifier *c, op_time *out);

#endif
