/* Downstream generators of reports from X-rays: what a synthetic pair of image and report is worth is
 * measured on them. */
#ifndef DOWNSTREAM_REPORT_GENERATOR_H
#define DOWNSTREAM_REPORT_GENERATOR_H

#include "data/dataset.h"
#include "data/report_text.h"
#include "data/vocabulary.h"
#include "nn/net.h"

/* The models; E is `width`. The last maps of the encoder, (B,F,h,w), are the image's grid of P = h w rows.
 *
 * - cnn_lstm: Vinyals et al., "Show and tell", CVPR 2015: the grid's mean, projected to E, is the LSTM's
 * first word
 * - cnn_lstm_att: Xu et al., "Show, attend and tell", ICML 2015, with soft attention: before every word the
 * LSTM's state asks the grid, and start and output are as theirs. The attention is the scaled dot product of
 * Vaswani et al. 2017, not their additive one; there is no gate, and no penalty on where it looks
 * - hierarchical: Jing et al., "On the automatic generation of medical imaging reports", ACL 2018: a sentence
 * LSTM with co-attention (here by scaled dot products) on the grid and on the embeddings of the predicted
 * findings makes a topic and a decision to stop; a word LSTM says each sentence. All K findings are attended
 * to, each embedding times its probability, in place of the ten likeliest of 210 tags. The losses of words,
 * stops and findings are added up, each a mean
 * - transformer: the encoder-decoder of R2Gen (Chen et al., EMNLP 2020) without its relational memory:
 * normalised before each part, positions by sines, feed-forward parts of width E
 *
 * Dropout is on embeddings, on what is read of the grid, on what words are made of and on what each part of
 * the transformer adds; nowhere within an LSTM, or on attention's weights. */
typedef struct report_generator_opts {
    const char *model;     /* a name of the list above; the text must outlive the generator */
    const char *encoder;   /* a model of downstream/classifier.h, without its last layer */
    int resolution;        /* side R of the image, as that model wants it; one channel */
    int growth;            /* encoder densenet_small: channels that each dense layer adds */
    int layers_per_block;  /* encoder densenet_small: in each block */
    int width;             /* E: of embeddings, states and projected features */
    int layers, heads;     /* transformer: layers of encoder and decoder each; heads divide the width */
    int length;            /* tokens of a report, begin and end counted; R2Gen: 60 for IU, 100 for MIMIC */
    int sentences, words;  /* hierarchical: of a report, and of a sentence without its end */
    int n_findings;        /* hierarchical: K, the labels of the sets, NaN = unknown */
    float dropout;         /* 0..0.9 */
    int batch;             /* B */
    int steps;             /* updates; every arm gets the same number */
    float learning_rate;   /* Adam, cosine decay to 0 */
    float weight_decay;    /* decoupled */
    float clip_norm;       /* of the gradient's Euclidean norm; 0: off */
    bool augment;          /* classical augmentation (data/augment.h) of every image */
    float synthetic_share; /* share of each batch that comes from the synthetic set, 0..1 */
    int beams;             /* 1 is greedy; nn/decoding.h says how the others are used. hierarchical: */
    float length_penalty;  /* each sentence is a text of its own, in searching as in blocking */
    bool block_trigrams;
    uint64_t seed; /* initial weights and draws */
} report_generator_opts;

extern const report_generator_opts report_generator_defaults; /* n_findings and seed are to be set */

typedef struct report_generator report_generator;

/* ERR_CONFIG naming the first option that is out of range. */
err report_generator_check(const report_generator_opts *o);

/* A generator of o->model on `device`. The vocabulary, made of the training split alone, stays the caller's
 * and must outlive the generator. ERR_CONFIG as report_generator_check. */
err report_generator_open(nn_device device, const report_generator_opts *o, const vocabulary *v,
                          report_generator **out);
void report_generator_close(report_generator *g);

/* Images with their reports: the samples of `set` that `which` lists (NULL: all) and that have a report in
 * `texts`, which are the set's (report_texts_open). */
typedef struct report_pairs {
    const dataset *set;
    const samples *which;
    const report_texts *texts;
} report_pairs;

typedef err (*report_generator_progress)(void *context, int step, float loss);

/* Trains with the words so far given (teacher forcing), for o->steps updates of round(batch * (1 -
 * synthetic_share)) pairs of `real`, each as likely as any other, and the rest of `synthetic` (NULL if
 * synthetic_share is 0; real may be empty or NULL if it is 1). The draw of real pair j of step t depends on
 * (seed, t, j) only, so arms of one seed see the same real pairs. ERR_DATA for sets that do not fit, or
 * without a pair; ERR_CONFIG for a share without a synthetic set; ERR_DIVERGED naming step and seed. progress
 * may be NULL. */
err report_generator_train(report_generator *g, const report_pairs *real, const report_pairs *synthetic,
                           report_generator_progress progress, void *context);

/* The reports of samples of a set, as cleaned text: of out->n = which->n, the i-th is that of
 * which->index[i]. Close with report_texts_close. Never says padding, begin or <unk>. ERR_DATA for images of
 * another size; ERR_DIVERGED if the weights are not finite. */
err report_generator_predict(report_generator *g, const dataset *set, const samples *which,
                             report_texts *out);

/* Writes all tensors as .safetensors, with the model's name and the vocabulary's hash; atomic. Loading wants
 * the same of both, and of names and shapes: ERR_NO_INPUT; ERR_DATA naming what differs. */
err report_generator_save(report_generator *g, const char *path);
err report_generator_load(report_generator *g, const char *path);

/* Hash of the model's name and of all tensors, names and values. The vocabulary's is not in it. */
err report_generator_hash(report_generator *g, hash *out);

/* For `bench perf`: one update, or the reports of one batch, without data handling, on the batch last used
 * (zeros before any). report_generator_set_batch gives another one: images (B,R,R) in [-1,1], findings (B,K)
 * (NULL: all unknown), B cleaned reports. */
err report_generator_set_batch(report_generator *g, const float *images, const float *findings,
                               const char *const *cleaned);
err report_generator_update(report_generator *g, uint64_t t, float *loss);
err report_generator_infer(report_generator *g);

/* FLOPs of one update; of encoding a batch and of its next token (one of at most
 * report_generator_tokens(o)); the bytes of the largest arena. What has not been used yet counts 0. */
double report_generator_step_flops(const report_generator *g);
double report_generator_encode_flops(const report_generator *g);
double report_generator_token_flops(const report_generator *g);
size_t report_generator_bytes(const report_generator *g);
size_t report_generator_trained_count(const report_generator *g); /* numbers in all trainable parameters */

/* Tokens of a text at most, its end counted: length - 1, or of a sentence words + 1. */
int report_generator_tokens(const report_generator_opts *o);

/* Sum of the operator times of updates and decoding since profiling was switched on (OP_COUNT entries into
 * out). */
void report_generator_profile(report_generator *g, bool on);
void report_generator_times(const report_generator *g, op_time *out);
/* Every convolution of one update (see step_convolutions). */
void report_generator_convolutions(const report_generator *g, convolution_visitor visit, void *context);

#endif
