/* What the files of the report generators share. */
#ifndef DOWNSTREAM_REPORT_INTERNAL_H
#define DOWNSTREAM_REPORT_INTERNAL_H

#include "downstream/report_generator.h"
#include "nn/sequence.h"

/* What a model is recorded with. */
typedef struct recording {
    net *n;
    const report_generator_opts *o;
    int vocabulary; /* V */
    bool training;  /* batch norm's; and whether there is dropout */
} recording;

/* What a text goes on from: given by `start` (a row per text), read again by `next` (a row per hypothesis).
 * The contexts of a text never change, its state does. */
enum { MOST_CONTEXTS = 2 };
typedef struct text_state {
    bool recurrent;
    nn_t state; /* (rows, 2E): h and c, if recurrent */
    nn_t contexts[MOST_CONTEXTS];
    int n_contexts;
    nn_t stops; /* hierarchical: (B,S,2), logits of going on and of stopping before each sentence */
} text_state;

/* A batch of pairs, as inputs. A report is one text of T tokens, or S sentences of T tokens. */
typedef struct report_batch {
    nn_t images;   /* (B,1,R,R) */
    nn_t words;    /* (B,T), (B,S T): begin and the words; -1 behind them */
    nn_t targets;  /* of the same shape: the words and the end; -1 behind them */
    nn_t findings; /* hierarchical: (B,K) */
    nn_t stops;    /* hierarchical: (B,S): 0 before a sentence, 1 after the last one, -1 behind that */
} report_batch;

typedef struct report_model {
    const char *name;
    bool by_sentence; /* S texts a report */
    bool prefix;      /* `next` reads all tokens so far (rows,T), -1 behind them, and how many less one */
    /* The loss (1), and the logits of the words (texts,T,V). */
    nn_t (*loss)(const recording *r, const report_batch *b, nn_t *logits);
    void (*start)(const recording *r, nn_t images, text_state *out);
    /* tokens (rows), or the prefix and `at` (rows) -> logits (rows,V); s->state becomes the next one. */
    nn_t (*next)(const recording *r, nn_t tokens, nn_t at, text_state *s);
    err (*prepare)(const recording *r); /* sets states that are not learnt; NULL: there are none */
} report_model;

extern const report_model cnn_lstm, cnn_lstm_att, hierarchical, report_transformer;

/* report_generator.c: by name, or NULL. */
const report_model *report_model_find(const char *name);

/* ---- report_layers.c: parts of several models ---- */

/* The encoder's last maps of images (B,1,R,R): (B,F,h,w). */
nn_t report_maps(const recording *r, nn_t images);

/* A linear layer with bias; it starts as Glorot & Bengio 2010, or He et al. 2015 before ReLU. */
nn_t report_dense(const recording *r, nn_t x, const char *name, int out, nn_act act);

nn_t report_embed(const recording *r, nn_t ids, const char *name); /* (B) or (B,T) -> (..,E) */
nn_t report_dropout(const recording *r, nn_t x, const char *purpose);

/* (B,2E) -> (B,E): h of an LSTM's state. */
nn_t report_hidden(const recording *r, nn_t state);

/* Scaled dot-product attention of one query a sample (B,E) -> (B,E). */
nn_t report_look(const recording *r, nn_t query, nn_t keys, nn_t values);

/* One time of a sequence: (B,T,D) -> (B,D); and back: `count` times (B,D) -> (B,count,D). */
nn_t report_time(const recording *r, nn_t x, int time);
nn_t report_stack(const recording *r, const nn_t *times, int count);
enum { MOST_TIMES = 512 };

/* ---- the generator ---- */

struct report_generator {
    report_generator_opts o;
    const report_model *model;
    const vocabulary *v;
    int vocabulary, texts, tokens; /* V; texts of a report, 1 or S; tokens of a text at most, T */
    net *n;
    report_batch batch;
    nn_t loss, logits; /* kept by `training`: the loss */
    step *training;    /* NULL until the first update, */
    optimizer *adam;   /* and so is its optimizer */
    text_state start;  /* of the B * texts texts, kept by `encoding` */
    nn_t tokens_in, at;
    text_state next; /* inputs of rows = B * texts * beams; */
    nn_t next_state; /* kept by `saying`, as are */
    nn_t log_probabilities;
    step *encoding, *saying; /* NULL until the first report */
    bool profile;
    /* A batch on the host: (B,R,R) twice, the other inputs. */
    float *raw, *images, *words, *targets, *findings, *stops;
};

/* report_batches.c: where the pairs of a batch come from. */
typedef struct report_source {
    report_pairs from;
    int *members; /* samples that have a report; owned */
    int n;
} report_source;

/* ERR_DATA for images of another size, other labels than a hierarchical model's, or no pair; ERR_USAGE for
 * texts of another set. */
err report_source_open(const report_pairs *from, const report_generator_opts *o, report_source *out);
void report_source_close(report_source *s);

/* Draws `count` pairs under (o->seed, purpose, t) into the host's batch from row `first` on. Pair j depends
 * on (seed, purpose, t, j) only. */
void report_source_draw(const report_source *s, report_generator *g, const char *purpose, uint64_t t,
                        int first, int count);

/* A report and its findings (K; NULL: unknown) into row i of the host's batch. */
void report_batch_set(report_generator *g, int i, const float *findings, const char *cleaned);

/* The host's batch becomes the net's. */
err report_batch_upload(report_generator *g);

/* report_generator_train.c: compiles the update, once. */
err report_training_compile(report_generator *g);

#endif
