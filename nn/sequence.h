/* Operators on sequences and on the rows of tables: what texts and transformers need; included beside
 * nn/net.h. What each computes is said in nn/backend.h.
 *
 * A batch of sequences is (B,T,D), row-major. Token ids, lengths and positions are floats with whole values,
 * so that they are inputs like all others. */
#ifndef NN_SEQUENCE_H
#define NN_SEQUENCE_H

#include "nn/net.h"

/* a (R,K) or (B,T,K) times b (K,N), or with transpose_b times the transpose of b (N,K): -> (R,N) or (B,T,N).
 * Similarities of all pairs of rows; or a table looked up by a distribution instead of an id. */
nn_t nn_matmul(net *n, nn_t a, nn_t b, bool transpose_b);

/* Elements first .. first + count - 1 of an axis: 0 of any rank, 1 or 2 of rank 2 or 3. */
nn_t nn_slice_axis(net *n, nn_t x, int axis, int first, int count);

nn_t nn_multiply(net *n, nn_t a, nn_t b); /* element by element; both of one shape of rank 1 to 3 */

/* Repeats x along a new axis: (T,D) -> (times,T,D) for axis 0, one table for every sample; (B,D) ->
 * (B,times,D) for axis 1, one row for every time. x has rank 1 or 2. */
nn_t nn_repeat(net *n, nn_t x, int axis, int times);

typedef struct embedding_opts {
    const char *name; /* parameter name.weight (count, width) */
    int count, width; /* ids 0 .. count - 1; elements of a row */
    init_opts init;   /* INIT_ZEROS (the default) means INIT_NORMAL of scale 1, as PyTorch has it */
} embedding_opts;

/* The rows of a table by ids: (B) -> (B,width), (B,T) -> (B,T,width). Zeros for ids that are not in the
 * table: give padding the id -1. */
nn_t nn_embedding(net *n, nn_t ids, embedding_opts o);

/* The same table, looked up by distributions over its ids: (B,count) -> (B,width), (B,T,count) ->
 * (B,T,width). */
nn_t nn_soft_embedding(net *n, nn_t distributions, embedding_opts o);

/* One row of each sequence: x (B,T,D), at (B) -> (B,D), row at[b] of sample b; zeros if it has none. The last
 * state of an LSTM is that at length - 1. */
nn_t nn_gather(net *n, nn_t x, nn_t at);

typedef struct layer_norm_opts {
    const char *name; /* parameters name.weight and name.bias, both (D) */
    float epsilon;    /* 0 means 1e-5 */
} layer_norm_opts;

/* (..,D) of rank 1 to 3: every row to mean 0 and variance 1, then a gain and a bias (Ba et al. 2016). */
nn_t nn_layer_norm(net *n, nn_t x, layer_norm_opts o);

nn_t nn_normalize(net *n,
                  nn_t x); /* (..,D) of rank 1 to 3: every row to Euclidean length 1; rows of zeros stay */

typedef enum nn_softmax_kind {
    SOFTMAX_PLAIN,
    SOFTMAX_LOG,
    SOFTMAX_HARD /* one-hot at the largest, with the gradient of SOFTMAX_PLAIN (straight-through) */
} nn_softmax_kind;

/* softmax(x / temperature) of every row of (..,K), rank 1 to 3. temperature > 0. */
nn_t nn_softmax(net *n, nn_t x, nn_softmax_kind kind, float temperature);

/* The same of logits with Gumbel noise, fresh in every run: SOFTMAX_HARD draws from softmax(logits), and is
 * differentiated as the soft draw is (Jang et al. 2017; Maddison et al. 2017). `purpose` keys the noise. */
nn_t nn_gumbel_softmax(net *n, nn_t logits, const char *purpose, nn_softmax_kind kind, float temperature);

/* The mean of -log softmax(logits)[id] over the tokens whose id is in 0 .. V-1; others (padding: -1) do not
 * count. logits (N,V) or (B,T,V), ids (N) or (B,T) -> (1). weights: NULL, or one per sequence (N) or (B), not
 * negative, for a weighted mean. */
nn_t nn_token_cross_entropy(net *n, nn_t logits, nn_t ids, const nn_t *weights);

/* Zeros a share `rate` of the elements, others anew in every run, and divides the rest by 1 - rate
 * (Srivastava et al. 2014); rank 1 to 3, rate in [0,1). `purpose` keys the draws, as for nn_random. For
 * evaluation record with rate 0: that is x itself. */
nn_t nn_dropout(net *n, nn_t x, const char *purpose, float rate);

nn_t nn_grid_rows(net *n, nn_t x);                        /* (B,C,H,W) -> (B,H*W,C): a row for each pixel */
nn_t nn_rows_grid(net *n, nn_t x, int height, int width); /* (B,height*width,C) -> (B,C,height,width) */

typedef struct attention_opts {
    int heads;           /* 0 means 1; divides the columns of q, k and v */
    bool causal;         /* a query sees the keys up to its own time only; as many keys as queries */
    const nn_t *lengths; /* NULL, or (B): how many of a sample's keys there are; the rest is padding */
    float scale;         /* of the products of queries and keys; 0 means 1/sqrt(columns of a head) */
} attention_opts;

/* Scaled dot-product attention (Vaswani et al. 2017) of q (B,Tq,D) to k (B,Tk,D) with values v (B,Tk,V) ->
 * (B,Tq,V). Projections are nn_linear. */
nn_t nn_attention(net *n, nn_t q, nn_t k, nn_t v, attention_opts o);

typedef struct lstm_opts {
    const char
        *name;  /* parameters name.weight_ih (4H,I), name.weight_hh (4H,H), name.bias_ih, name.bias_hh (4H) */
    int hidden; /* H */
    bool reverse;      /* from a sample's last time to its first */
    const nn_t *state; /* NULL for zeros, or (B,2H): h and c to start with, side by side */
    const nn_t *
        lengths; /* NULL, or (B): the times of each sample; out is zero after them, and they change nothing */
} lstm_opts;

/* A whole sequence: (B,T,I) -> (B,T,H). Gates, names and shapes are torch.nn.LSTM's (with a layer's suffix);
 * weights and biases start as U(+-1/sqrt(H)), as there. */
nn_t nn_lstm(net *n, nn_t x, lstm_opts o);

/* One time, for text that is not known beforehand: x (B,I), state (B,2H) -> the next state (B,2H), of which
 * nn_slice_axis(n, state, 1, 0, H) is h. With the name of an nn_lstm, it has that one's parameters. Reads
 * name and hidden only. */
nn_t nn_lstm_cell(net *n, nn_t x, nn_t state, lstm_opts o);

#endif
