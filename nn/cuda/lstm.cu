/* One product makes the input's part of all gates; then the times run one after another, each a product of
 * the states with W_hh and one kernel over the gates. The formulas are in nn/ref/lstm.c.
 *
 * saved: the gates (B,T,4H), activated, h and c from before each time (B,T,H each), and h and c at the end
 * (B,H each). Backward turns the gates into their gradients where they lie. A time that a sample does not
 * have leaves its h and c as they were. */
#include "nn/cuda/launch.cuh"
#include "nn/cuda/product.h"

#include <stdlib.h>

enum { X, W_IH, W_HH, B_IH, B_HH, STATE };

typedef struct products {
    product input, state;                   /* forward */
    product before, data, w_input, w_state; /* backward: dh, dx, dW_ih, dW_hh */
} products;

/* What the kernels work on. */
typedef struct recurrence {
    lstm_sizes s;
    float *gates, *h, *c, *end_h, *end_c; /* saved */
    float *dh, *dc;                       /* scratch of backward */
    const float *b_ih, *b_hh, *lengths;   /* lengths: or NULL */
    uint32_t width;                       /* floats of one sample and time of the output */
} recurrence;

static lstm_sizes sizes_of(const node *n)
{
    const nn_shape_t *x = &n->in[X]->shape;
    uint32_t times = n->op == OP_LSTM_CELL ? 1 : (uint32_t)x->d[1];
    return lstm_sizes{(uint32_t)x->d[0], times, (uint32_t)x->d[x->rank - 1],
                      (uint32_t)n->in[W_HH]->shape.d[1]};
}

/* ---- memory ---- */

static size_t part_bytes(size_t rows, lstm_sizes s)
{
    return cuda_aligned(rows * s.hidden * sizeof(float));
}

static size_t saved_bytes(lstm_sizes s)
{
    size_t rows = (size_t)s.batch * s.times;
    return part_bytes(4 * rows, s) + 2 * part_bytes(rows, s) + 2 * part_bytes(s.batch, s);
}

static char *take(char **at, size_t bytes)
{
    char *part = *at;
    *at += bytes;
    return part;
}

/* scratch: what is saved where nothing is, or dh and dc of backward; then *workspace, of the products. */
static recurrence recurrence_of(const call *c, char **workspace)
{
    recurrence r = {};
    lstm_sizes s = r.s = sizes_of(c->n);
    size_t rows = (size_t)s.batch * s.times;
    int at = STATE + c->n->a.state;
    char *scratch = cuda_workspace(c);
    char *saved = c->backward ? (char *)c->saved : take(&scratch, saved_bytes(s));
    r.gates = (float *)take(&saved, part_bytes(4 * rows, s));
    r.h = (float *)take(&saved, part_bytes(rows, s));
    r.c = (float *)take(&saved, part_bytes(rows, s));
    r.end_h = (float *)take(&saved, part_bytes(s.batch, s));
    r.end_c = (float *)take(&saved, part_bytes(s.batch, s));
    if (c->backward) {
        r.dh = (float *)take(&scratch, part_bytes(s.batch, s));
        r.dc = (float *)take(&scratch, part_bytes(s.batch, s));
    }
    r.b_ih = c->in[B_IH];
    r.b_hh = c->in[B_HH];
    r.lengths = c->n->n_in > at ? c->in[at] : NULL;
    r.width = c->n->op == OP_LSTM_CELL ? 2 * s.hidden : s.hidden;
    *workspace = scratch;
    return r;
}

/* ---- plan ---- */

static product_shape shape_of(size_t rows, size_t columns, size_t inner, size_t lda, size_t ldb)
{
    product_shape s = {}; /* C++ warns of what a designated initialiser leaves out */
    s.rows = (int)rows;
    s.columns = (int)columns;
    s.inner = (int)inner;
    s.lda = (int)lda;
    s.ldb = (int)ldb;
    return s;
}

static err open_forward(backend *b, lstm_sizes s, products *p)
{
    size_t rows = (size_t)s.batch * s.times, n = s.hidden;
    product_shape input = shape_of(rows, 4 * n, s.in, s.in, s.in),
                  state = shape_of(s.batch, 4 * n, n, s.times * n, n);
    input.transpose_b = state.transpose_b = true;
    state.ldd = (int)(s.times * 4 * n);
    state.alignment = lstm_alignment(s.hidden); /* one time starts in the middle of its matrix */
    TRY(cuda_product_open(b, input, &p->input));
    return cuda_product_open(b, state, &p->state);
}

static err open_backward(backend *b, lstm_sizes s, products *p)
{
    size_t rows = (size_t)s.batch * s.times, n = s.hidden;
    product_shape before = shape_of(s.batch, n, 4 * n, s.times * 4 * n, n);
    product_shape data = shape_of(rows, s.in, 4 * n, 4 * n, s.in);
    product_shape w_input = shape_of(4 * n, s.in, rows, 4 * n, s.in),
                  w_state = shape_of(4 * n, n, rows, 4 * n, n);
    before.alignment = lstm_alignment(s.hidden);
    w_input.transpose_a = w_state.transpose_a = true;
    TRY(cuda_product_open(b, before, &p->before));
    TRY(cuda_product_open(b, data, &p->data));
    TRY(cuda_product_open(b, w_input, &p->w_input));
    return cuda_product_open(b, w_state, &p->w_state);
}

static void unplan(backend *b, call *c)
{
    (void)b;
    products *p = (products *)c->plan;
    if (!p) return;
    product *all[] = {&p->input, &p->state, &p->before, &p->data, &p->w_input, &p->w_state};
    for (product *one : all) cuda_product_close(one);
    free(p);
    c->plan = NULL;
}

static size_t most_workspace(const products *p, size_t bytes)
{
    const product *all[] = {&p->input, &p->state, &p->before, &p->data, &p->w_input, &p->w_state};
    for (const product *one : all)
        if (one->workspace > bytes) bytes = one->workspace;
    return bytes;
}

static err plan(backend *b, call *c)
{
    lstm_sizes s = sizes_of(c->n);
    size_t rows = (size_t)s.batch * s.times;
    TRY(cuda_check_count(4 * rows * s.hidden));
    products *p = (products *)calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory while planning an LSTM");
    c->plan = p;
    err error = open_forward(b, s, p);
    if (error == OK && c->backward) error = open_backward(b, s, p);
    if (error != OK) {
        unplan(b, c);
        return error;
    }
    size_t sums = c->backward ? cuda_column_sums_bytes(rows, 4 * s.hidden) : 0;
    if (c->backward) c->saved_bytes = saved_bytes(s);
    c->scratch_bytes = CUDA_ALIGNMENT + (c->backward ? 2 * part_bytes(s.batch, s) : saved_bytes(s)) +
                       most_workspace(p, sums);
    int states = 1 + c->backward + c->wants[W_HH], inputs = 1 + c->wants[X] + c->wants[W_IH];
    c->flops = 8.0 * (double)rows * s.hidden * ((double)s.hidden * states + (double)s.in * inputs);
    return OK;
}

/* ---- forward ---- */

static __device__ inline bool has_time(const recurrence &r, uint32_t b, uint32_t t)
{
    return !r.lengths || t < known_length(r.lengths[b], r.s.times);
}

/* state (B,2H), or NULL for zeros. */
static __global__ void start_states(recurrence r, const float *state, uint32_t t, uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t b = i / r.s.hidden, j = i % r.s.hidden, at = lstm_row(r.s, b, t) * r.s.hidden + j;
        r.h[at] = state ? state[2 * b * r.s.hidden + j] : 0;
        r.c[at] = state ? state[(2 * b + 1) * r.s.hidden + j] : 0;
    }
}

/* Time t of every sample: h and c go to the output and to time `after`, or the end if there is none. */
static __global__ void run_gates(float *out, recurrence r, uint32_t t, uint32_t after, uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t b = i / r.s.hidden, j = i % r.s.hidden, row = lstm_row(r.s, b, t);
        uint32_t at = row * r.s.hidden + j, next = lstm_row(r.s, b, after) * r.s.hidden + j;
        bool last = after == r.s.times, runs = has_time(r, b, t);
        lstm_states now = {r.h[at], r.c[at]};
        if (runs) {
            float *z = r.gates + 4 * row * r.s.hidden + j;
            lstm_gates g = lstm_gates_of(z, r.b_ih + j, r.b_hh + j, r.s.hidden);
            now = lstm_step(g, now.c);
            lstm_put(z, g, r.s.hidden);
        }
        *(last ? r.end_h + i : r.h + next) = now.h;
        *(last ? r.end_c + i : r.c + next) = now.c;
        out[row * r.width + j] = runs ? now.h : 0;
        if (r.width > r.s.hidden) out[row * r.width + r.s.hidden + j] = now.c;
    }
}

static err forward(backend *b, const call *c)
{
    char *workspace;
    recurrence r = recurrence_of(c, &workspace);
    const products *p = (const products *)c->plan;
    size_t n = (size_t)r.s.batch * r.s.hidden;
    bool reverse = c->n->a.reverse, state = c->n->a.state;
    TRY(cuda_product_run(b, &p->input, c->in[X], c->in[W_IH], r.gates, false, workspace));
    LAUNCH_EACH(b, start_states, n, r, state ? c->in[STATE] : NULL, lstm_time(r.s, reverse, 0), (uint32_t)n);
    for (uint32_t k = 0; k < r.s.times; k++) {
        uint32_t t = lstm_time(r.s, reverse, k), after = lstm_time(r.s, reverse, k + 1);
        if (k > 0 || state)
            TRY(cuda_product_run(b, &p->state, r.h + (size_t)t * r.s.hidden, c->in[W_HH],
                                 r.gates + (size_t)t * 4 * r.s.hidden, true, workspace));
        LAUNCH_EACH(b, run_gates, n, c->out, r, t, after, (uint32_t)n);
    }
    return OK;
}

/* ---- backward ---- */

/* The cell's dc comes with dout. */
static __global__ void start_gradients(recurrence r, const float *dout, uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t b = i / r.s.hidden, j = i % r.s.hidden;
        r.dh[i] = 0;
        r.dc[i] = r.width > r.s.hidden ? dout[b * r.width + r.s.hidden + j] : 0;
    }
}

/* The gates become their gradients; dc goes to the time before, and dh waits for the product. */
static __global__ void run_gradients(const float *dout, recurrence r, uint32_t t, uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t b = i / r.s.hidden, j = i % r.s.hidden, row = lstm_row(r.s, b, t);
        float *z = r.gates + 4 * row * r.s.hidden + j;
        lstm_gates d = {0, 0, 0, 0};
        if (has_time(r, b, t)) {
            lstm_gates g = {z[0], z[r.s.hidden], z[2 * r.s.hidden], z[3 * r.s.hidden]};
            lstm_states down = {r.dh[i] + dout[row * r.width + j], r.dc[i]};
            d = lstm_step_back(g, r.c[row * r.s.hidden + j], down, r.dc + i);
            r.dh[i] = 0;
        }
        lstm_put(z, d, r.s.hidden);
    }
}

static __global__ void keep_state_gradients(float *dstate, recurrence r, uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        uint32_t b = i / r.s.hidden, j = i % r.s.hidden;
        put(dstate + 2 * b * r.s.hidden + j, r.dh[i], add);
        put(dstate + (2 * b + 1) * r.s.hidden + j, r.dc[i], add);
    }
}

/* What is left when every gate's gradient is known. */
static err parameter_gradients(backend *b, const call *c, const recurrence &r, char *workspace)
{
    const products *p = (const products *)c->plan;
    size_t rows = (size_t)r.s.batch * r.s.times;
    if (c->din[X]) TRY(cuda_product_run(b, &p->data, r.gates, c->in[W_IH], c->din[X], c->add[X], workspace));
    if (c->din[W_IH])
        TRY(cuda_product_run(b, &p->w_input, r.gates, c->in[X], c->din[W_IH], c->add[W_IH], workspace));
    if (c->din[W_HH])
        TRY(cuda_product_run(b, &p->w_state, r.gates, r.h, c->din[W_HH], c->add[W_HH], workspace));
    for (int k = B_IH; k <= B_HH; k++)
        if (c->din[k])
            TRY(cuda_column_sums(b, c->din[k], ELEMENT_FLOAT, r.gates, rows, 4 * r.s.hidden, c->add[k],
                                 workspace));
    return OK;
}

static err backward(backend *b, const call *c)
{
    char *workspace;
    recurrence r = recurrence_of(c, &workspace);
    const products *p = (const products *)c->plan;
    size_t n = (size_t)r.s.batch * r.s.hidden;
    bool state = c->n->a.state && c->din[STATE];
    LAUNCH_EACH(b, start_gradients, n, r, c->dout, (uint32_t)n);
    for (uint32_t k = r.s.times; k-- > 0;) {
        uint32_t t = lstm_time(r.s, c->n->a.reverse, k);
        LAUNCH_EACH(b, run_gradients, n, c->dout, r, t, (uint32_t)n);
        if (k > 0 || state)
            TRY(cuda_product_run(b, &p->before, r.gates + (size_t)t * 4 * r.s.hidden, c->in[W_HH], r.dh, true,
                                 workspace));
    }
    if (state) LAUNCH_EACH(b, keep_state_gradients, n, c->din[STATE], r, (uint32_t)n, c->add[STATE]);
    return parameter_gradients(b, c, r, workspace);
}

const kernel cuda_lstm = {.plan = plan, .unplan = unplan, .forward = forward, .backward = backward};
const kernel cuda_lstm_cell = {.plan = plan, .unplan = unplan, .forward = forward, .backward = backward};
