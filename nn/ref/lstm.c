/* Of a sample at a time, with h and c from the time before, and the gates' rows in PyTorch's order i, f, g,
 * o: (i, f, g, o) = x W_ih^T + b_ih + h W_hh^T + b_hh c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' =
 * sigmoid(o) tanh(c') Backward, with dh and dc from the time after and from dout, and the gates from here on
 * activated: do = dh tanh(c') o (1 - o),  dc' = dc + dh o (1 - tanh(c')^2) di = dc' g i (1 - i),  df = dc' c
 * f (1 - f),  dg = dc' i (1 - g^2) dx = d W_ih,  dh = d W_hh,  dc = dc' f,  with d = (di, df, dg, do) saved,
 * in double: the activated gates (B,T,4H), then h and c from before each time (B,T,H). scratch, in double: d
 * (B,T,4H), then dh and dc (B,H). */
#include "nn/ref/ref.h"

#include <math.h>
#include <string.h>

typedef struct sizes {
    size_t batch, times, in, hidden;
    bool cell; /* one time; the output is h and c side by side */
} sizes;

static sizes sizes_of(const node *n)
{
    const nn_shape_t *x = &n->in[0]->shape;
    bool cell = n->op == OP_LSTM_CELL;
    return (sizes){(size_t)x->d[0], cell ? 1 : (size_t)x->d[1], (size_t)x->d[x->rank - 1],
                   (size_t)n->in[2]->shape.d[1], cell};
}

enum { X, W_IH, W_HH, B_IH, B_HH, STATE };

/* How many times sample b has. */
static size_t length_of(const call *c, sizes s, size_t b)
{
    int at = STATE + c->n->a.state;
    return c->n->n_in > at ? ref_length(c->in[at][b], s.times) : s.times;
}

/* The time of step k of a sample. */
static size_t time_of(const call *c, size_t length, size_t k)
{
    return c->n->a.reverse ? length - 1 - k : k;
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    size_t rows = s.batch * s.times, saved = 6 * rows * s.hidden * sizeof(double);
    *(c->backward ? &c->saved_bytes : &c->scratch_bytes) = saved;
    if (c->backward) c->scratch_bytes = (4 * rows + 2 * s.batch) * s.hidden * sizeof(double);
    int products = 1 + (c->backward ? 1 + c->wants[W_HH] : 0), inputs = 1 + c->wants[X] + c->wants[W_IH];
    c->flops =
        8.0 * (double)(rows * s.hidden) * (double)(s.hidden * (size_t)products + s.in * (size_t)inputs);
    return OK;
}

/* What is saved of one sample and time. */
typedef struct moment {
    double *gates, *h, *c; /* h, c: from before */
} moment;

static moment moment_of(double *saved, sizes s, size_t b, size_t t)
{
    size_t row = b * s.times + t, rows = s.batch * s.times;
    return (moment){saved + row * 4 * s.hidden, saved + (4 * rows + row) * s.hidden,
                    saved + (5 * rows + row) * s.hidden};
}

static void activate_gates(const call *c, sizes s, moment m, const float *x)
{
    for (size_t k = 0; k < 4 * s.hidden; k++) {
        double z = (double)c->in[B_IH][k] + c->in[B_HH][k];
        for (size_t i = 0; i < s.in; i++) z += (double)x[i] * c->in[W_IH][k * s.in + i];
        for (size_t j = 0; j < s.hidden; j++) z += m.h[j] * c->in[W_HH][k * s.hidden + j];
        m.gates[k] = ref_activate(k / s.hidden == 2 ? ACT_TANH : ACT_SIGMOID, z);
    }
}

static double next_c(sizes s, moment m, size_t j)
{
    return m.gates[s.hidden + j] * m.c[j] + m.gates[j] * m.gates[2 * s.hidden + j];
}

static double next_h(sizes s, moment m, size_t j)
{
    return m.gates[3 * s.hidden + j] * tanh(next_c(s, m, j));
}

static void forward_sample(const call *c, sizes s, double *saved, size_t b)
{
    size_t length = length_of(c, s, b), width = s.cell ? 2 * s.hidden : s.hidden;
    for (size_t t = length; t < s.times; t++)
        memset(c->out + (b * s.times + t) * width, 0, width * sizeof *c->out);
    for (size_t k = 0; k < length; k++) {
        size_t t = time_of(c, length, k);
        moment m = moment_of(saved, s, b, t), before;
        if (k > 0) before = moment_of(saved, s, b, time_of(c, length, k - 1));
        const float *state = c->n->a.state ? c->in[STATE] + b * 2 * s.hidden : NULL;
        for (size_t j = 0; j < s.hidden; j++) {
            m.h[j] = k > 0 ? next_h(s, before, j) : state ? state[j] : 0;
            m.c[j] = k > 0 ? next_c(s, before, j) : state ? state[s.hidden + j] : 0;
        }
        activate_gates(c, s, m, c->in[X] + (b * s.times + t) * s.in);
        for (size_t j = 0; j < s.hidden; j++) {
            c->out[(b * s.times + t) * width + j] = (float)next_h(s, m, j);
            if (s.cell) c->out[b * width + s.hidden + j] = (float)next_c(s, m, j);
        }
    }
}

static err forward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
#pragma omp parallel for
    for (size_t b = 0; b < s.batch; b++)
        forward_sample(c, s, (double *)(c->backward ? c->saved : c->scratch), b);
    return OK;
}

/* dh and dc go from what comes from after the time to what goes to before it; d becomes the gates' gradient.
 */
static void backward_moment(const call *c, sizes s, moment m, double *d, double *dh, double *dc)
{
    size_t n = s.hidden;
    for (size_t j = 0; j < n; j++) {
        double i = m.gates[j], f = m.gates[n + j], g = m.gates[2 * n + j], o = m.gates[3 * n + j];
        double squashed = tanh(next_c(s, m, j)), dcell = dc[j] + dh[j] * o * (1 - squashed * squashed);
        d[j] = dcell * g * i * (1 - i);
        d[n + j] = dcell * m.c[j] * f * (1 - f);
        d[2 * n + j] = dcell * i * (1 - g * g);
        d[3 * n + j] = dh[j] * squashed * o * (1 - o);
        dc[j] = dcell * f;
    }
    for (size_t j = 0; j < n; j++) {
        dh[j] = 0;
        for (size_t k = 0; k < 4 * n; k++) dh[j] += d[k] * c->in[W_HH][k * n + j];
    }
}

static void backward_sample(const call *c, sizes s, size_t b)
{
    double *d = c->scratch, *dh = d + (4 * s.batch * s.times + b) * s.hidden, *dc = dh + s.batch * s.hidden;
    size_t length = length_of(c, s, b), width = s.cell ? 2 * s.hidden : s.hidden;
    for (size_t j = 0; j < s.hidden; j++) dh[j] = dc[j] = 0;
    memset(d + b * s.times * 4 * s.hidden, 0, s.times * 4 * s.hidden * sizeof *d);
    for (size_t k = length; k-- > 0;) {
        size_t t = time_of(c, length, k), row = b * s.times + t;
        for (size_t j = 0; j < s.hidden; j++) {
            dh[j] += c->dout[row * width + j];
            if (s.cell) dc[j] += c->dout[b * width + s.hidden + j];
        }
        backward_moment(c, s, moment_of(c->saved, s, b, t), d + row * 4 * s.hidden, dh, dc);
    }
    for (size_t j = 0; c->n->a.state && c->din[STATE] && j < s.hidden; j++) {
        ref_store(&c->din[STATE][b * 2 * s.hidden + j], dh[j], c->add[STATE]);
        ref_store(&c->din[STATE][b * 2 * s.hidden + s.hidden + j], dc[j], c->add[STATE]);
    }
}

/* Whether time t of sample b was run: what is saved of the others was never written. */
static bool ran(const call *c, sizes s, size_t b, size_t t)
{
    return t < length_of(c, s, b);
}

/* Gradients of the weights and biases of gate row k: sums over samples and times. */
static void backward_gate(const call *c, sizes s, size_t k)
{
    const double *d = c->scratch;
    size_t rows = s.batch * s.times, n = s.hidden;
    double bias = 0;
    for (size_t r = 0; r < rows; r++) bias += d[r * 4 * n + k];
    if (c->din[B_IH]) ref_store(&c->din[B_IH][k], bias, c->add[B_IH]);
    if (c->din[B_HH]) ref_store(&c->din[B_HH][k], bias, c->add[B_HH]);
    for (size_t i = 0; c->din[W_IH] && i < s.in; i++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++) sum += d[r * 4 * n + k] * c->in[X][r * s.in + i];
        ref_store(&c->din[W_IH][k * s.in + i], sum, c->add[W_IH]);
    }
    for (size_t j = 0; c->din[W_HH] && j < n; j++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++)
            if (ran(c, s, r / s.times, r % s.times))
                sum += d[r * 4 * n + k] * moment_of(c->saved, s, r / s.times, r % s.times).h[j];
        ref_store(&c->din[W_HH][k * n + j], sum, c->add[W_HH]);
    }
}

static err backward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
#pragma omp parallel for
    for (size_t b = 0; b < s.batch; b++) backward_sample(c, s, b);
#pragma omp parallel for
    for (size_t k = 0; k < 4 * s.hidden; k++) backward_gate(c, s, k);
    const double *d = c->scratch;
    for (size_t e = 0; c->din[X] && e < s.batch * s.times * s.in; e++) {
        double sum = 0;
        for (size_t k = 0; k < 4 * s.hidden; k++)
            sum += d[e / s.in * 4 * s.hidden + k] * c->in[W_IH][k * s.in + e % s.in];
        ref_store(&c->din[X][e], sum, c->add[X]);
    }
    return OK;
}

const kernel ref_lstm = {.plan = plan, .forward = forward, .backward = backward};
const kernel ref_lstm_cell = {.plan = plan, .forward = forward, .backward = backward};
