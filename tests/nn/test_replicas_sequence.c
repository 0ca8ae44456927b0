/* Operators on sequences with replicas against one device: every value and gradient of a net that uses all.
 */
#include "base/rng.h"
#include "nn/sequence.h"
#include "tests/nn/replicas.h"

#ifdef HAVE_CUDA
#include "nn/cuda/cuda.h"
#endif

#include <stdlib.h>

enum { B = 8, T = 5, V = 7, D = 6, H = 4, KEPT = 256 };

typedef struct reader {
    net *n;
    nn_t ids, next, lengths, last, weights; /* inputs */
    nn_t loss;
    step *s;
} reader;

/* (B,T,D): what stands where, seen by what comes after. */
static nn_t encode(reader *r)
{
    net *n = r->n;
    nn_t places = nn_parameter(n, "places", nn_shape(2, T, D), (init_opts){.kind = INIT_NORMAL});
    nn_t x = nn_embedding(n, r->ids, (embedding_opts){.name = "words", .count = V, .width = D});
    x = nn_add(n, x, nn_repeat(n, places, 0, B));
    x = nn_dropout(n, nn_layer_norm(n, x, (layer_norm_opts){.name = "norm"}), "dropout", 0.3F);
    nn_t q = nn_linear(n, x, (linear_opts){.name = "q", .out = D, .bias = true});
    nn_t k = nn_linear(n, x, (linear_opts){.name = "k", .out = D});
    attention_opts o = {.heads = 2, .causal = true, .lengths = &r->lengths};
    return nn_add(n, x, nn_activation(n, nn_attention(n, q, k, x, o), ACT_GELU));
}

/* (B,T,2H): forwards, and backwards from a state that depends on the whole. */
static nn_t read_both_ways(reader *r, nn_t x)
{
    net *n = r->n;
    nn_t there = nn_lstm(n, x, (lstm_opts){.name = "there", .hidden = H, .lengths = &r->lengths});
    nn_t end = nn_linear(n, nn_gather(n, there, r->last), (linear_opts){.name = "end", .out = 2 * H});
    lstm_opts back = {.name = "back", .hidden = H, .reverse = true, .state = &end, .lengths = &r->lengths};
    return nn_concat(n, (nn_t[]){there, nn_lstm(n, x, back)}, 2, 2);
}

/* (B,D): a word drawn from what the next state says, and what it means. */
static nn_t draw_word(reader *r, nn_t h)
{
    net *n = r->n;
    nn_t state =
        nn_repeat(n, nn_parameter(n, "start", nn_shape(1, 2 * H), (init_opts){.kind = INIT_NORMAL}), 0, B);
    state = nn_lstm_cell(n, nn_gather(n, h, r->last), state, (lstm_opts){.name = "cell", .hidden = H});
    nn_t logits = nn_linear(n, nn_slice_axis(n, state, 1, 0, H), (linear_opts){.name = "draw", .out = V});
    nn_t word = nn_gumbel_softmax(n, logits, "gumbel", SOFTMAX_PLAIN, 0.7F);
    return nn_soft_embedding(n, word, (embedding_opts){.name = "words", .count = V, .width = D});
}

/* (B,D): a picture of the first four places, normalised over the batch. */
static nn_t picture(reader *r, nn_t x)
{
    net *n = r->n;
    nn_t y = nn_rows_grid(n, nn_slice_axis(n, x, 1, 0, 4), 2, 2);
    y = nn_batch_norm(n, y, (batch_norm_opts){.name = "picture", .training = true});
    y = nn_slice_axis(n, nn_grid_rows(n, y), 1, 1, 1);
    return nn_normalize(n, nn_reshape(n, y, nn_shape(2, B, D)));
}

static void record(reader *r)
{
    net *n = r->n;
    nn_enter(n, "S");
    r->ids = nn_input(n, "ids", nn_shape(2, B, T));
    r->next = nn_input(n, "next", nn_shape(2, B, T));
    r->lengths = nn_input(n, "lengths", nn_shape(1, B));
    r->last = nn_input(n, "last", nn_shape(1, B));
    r->weights = nn_input(n, "weights", nn_shape(1, B));
    nn_t x = encode(r), h = read_both_ways(r, x);
    nn_t logits = nn_linear(n, h, (linear_opts){.name = "logits", .out = V, .bias = true});
    nn_t rows = nn_reshape(n, logits, nn_shape(2, B * T, V)),
         flat = nn_reshape(n, r->next, nn_shape(1, B * T));
    nn_t likeness = nn_row_dot(n, draw_word(r, h), picture(r, x));
    nn_t terms[] = {nn_token_cross_entropy(n, logits, r->next, &r->weights),
                    nn_token_cross_entropy(n, rows, flat, NULL),
                    nn_hinge(n, nn_multiply(n, likeness, likeness), HINGE_GENERATOR)};
    r->loss = nn_weighted_sum(n, terms, (float[]){1, 0.5F, 0.1F}, 3);
    nn_leave(n);
}

static reader reader_open(nn_device device)
{
    reader r = {0};
    nn_t keep[KEPT];
    int count = 1;
    ASSERT_OK(net_open(device, 5, &r.n));
    record(&r);
    keep[0] = r.loss;
    cr_assert_lt(r.loss.id, KEPT);
    for (int id = 0; id < r.loss.id; id++) keep[count++] = (nn_t){id};
    ASSERT_OK(net_compile(r.n, keep, count, "S/", &r.s));
    return r;
}

/* Sequences of all lengths; what is behind them is padding. */
static void feed(reader *r)
{
    float ids[B * T], next[B * T], lengths[B], last[B], weights[B];
    rng draw = rng_open(1, "sequences", 0);
    for (int b = 0; b < B; b++) {
        lengths[b] = (float)(1 + b % T);
        last[b] = lengths[b] - 1;
        weights[b] = (float)(b % 3);
        for (int t = 0; t < T; t++) {
            ids[b * T + t] = t <= b % T ? (float)rng_below(&draw, V) : -1;
            next[b * T + t] = t < b % T ? (float)rng_below(&draw, V) : -1;
        }
    }
    ASSERT_OK(nn_set(r->n, r->ids, ids));
    ASSERT_OK(nn_set(r->n, r->next, next));
    ASSERT_OK(nn_set(r->n, r->lengths, lengths));
    ASSERT_OK(nn_set(r->n, r->last, last));
    ASSERT_OK(nn_set(r->n, r->weights, weights));
}

static void compare_gradients(net *one, net *many, nn_device device)
{
    float expected[512], value[512];
    int compared = 0;
    for (int i = 0; i < net_parameter_count(one); i++) {
        const char *name = net_parameter_name(one, i);
        nn_shape_t shape = net_parameter_shape(one, i);
        cr_assert_leq(nn_count(&shape), 512);
        if (net_get_gradient(one, name, expected) != OK) continue; /* a state */
        ASSERT_OK(net_get_gradient(many, name, value));
        expect_close(value, expected, nn_count(&shape), 1e-5, device, name);
        compared++;
    }
    cr_expect_gt(compared, 20);
}

static void compare(nn_device device)
{
    reader one = reader_open(single(device)), many = reader_open(device);
    feed(&one);
    feed(&many);
    ASSERT_OK(step_run(one.s, 3));
    ASSERT_OK(step_run(many.s, 3));
    expect_same_values(one.n, one.s, many.n, many.s, one.loss, 1e-5, device);
    compare_gradients(one.n, many.n, device);
    net_close(one.n);
    net_close(many.n);
}

Test(replicas, sequences_are_those_of_one_device)
{
    for (int k = 0; k < SEVERAL; k++) compare(several[k]);
}

#ifdef HAVE_CUDA
Test(cuda_replicas, sequences_are_those_of_one_device)
{
    const nn_device two_gpus = {.backend = &be_cuda, .replicas = 2};
    require(two_gpus);
    compare(two_gpus);
}
#endif
