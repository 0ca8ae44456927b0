/* One product makes the input's part of all gates; then the times run one after another, each a product of
 * the states with W_hh and a fused loop over the gates. The formulas are in nn/ref/lstm.c.
 *
 * Samples do not meet between the first product and the last ones, so each thread takes some samples through
 * all times on its own, and no thread waits for another at every time.
 *
 * saved: the gates (B,T,4H), activated, h and c from before each time (B,T,H each), and h and c at the end
 * (B,2,H). Backward turns the gates into their gradients where they lie. A time that a sample does not have
 * leaves its h and c as they were. */
#include "nn/cpu/elementwise.h"

#include <omp.h>

enum { X, W_IH, W_HH, B_IH, B_HH, STATE };

typedef struct sizes {
    int batch, times, in, hidden;
    bool cell; /* one time; the output is h and c side by side */
} sizes;

static sizes sizes_of(const node *n)
{
    const nn_shape_t *x = &n->in[0]->shape;
    bool cell = n->op == OP_LSTM_CELL;
    return (sizes){x->d[0], cell ? 1 : x->d[1], x->d[x->rank - 1], n->in[2]->shape.d[1], cell};
}

static size_t rows_of(sizes s)
{
    return (size_t)s.batch * (size_t)s.times;
}

/* Where one sample and time lies in the memory that is saved; time -1 is what comes after the last. */
typedef struct moment {
    float *gates, *h, *c; /* h, c: from before */
} moment;

static moment moment_of(float *saved, sizes s, int b, int t)
{
    size_t rows = rows_of(s), row = (size_t)b * (size_t)s.times + (size_t)t, n = (size_t)s.hidden;
    float *end = saved + (6 * rows + 2 * (size_t)b) * n;
    if (t < 0) return (moment){NULL, end, end + n};
    return (moment){saved + row * 4 * n, saved + (4 * rows + row) * n, saved + (5 * rows + row) * n};
}

static size_t saved_floats(sizes s)
{
    return (6 * rows_of(s) + 2 * (size_t)s.batch) * (size_t)s.hidden;
}

static int length_of(const call *c, sizes s, int b)
{
    int at = STATE + c->n->a.state;
    return c->n->n_in > at ? cpu_length(c->in[at][b], s.times) : s.times;
}

/* One time alone is multiplied with W_hh as it lies: turning it would cost more. */
static size_t turned_floats(sizes s)
{
    return s.times > 1 ? 4 * (size_t)s.hidden * (size_t)s.hidden : 0;
}

/* The k-th time that runs; -1 after the last. */
static int time_of(const call *c, sizes s, int k)
{
    if (k == s.times) return -1;
    return c->n->a.reverse ? s.times - 1 - k : k;
}

/* scratch: the sum of the biases, or their gradient (4H); then forward W_hh transposed (H,4H) if it is used
 * more than once, and what is saved where nothing is, backward dh and dc (B,H each). */
static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    size_t n = (size_t)s.hidden, states_floats = 2 * (size_t)s.batch * n;
    size_t forward = turned_floats(s) + (c->backward ? 0 : saved_floats(s));
    if (c->backward) c->saved_bytes = saved_floats(s) * sizeof(float);
    c->scratch_bytes = (4 * n + (forward > states_floats ? forward : states_floats)) * sizeof(float);
    int states = 1 + c->backward + c->wants[W_HH], inputs = 1 + c->wants[X] + c->wants[W_IH];
    c->flops = 8.0 * (double)rows_of(s) * s.hidden * ((double)s.hidden * states + (double)s.in * inputs);
    return OK;
}

/* Samples first .. end - 1 of the calling thread. */
static void share_samples(int batch, int *first, int *end)
{
    int threads = omp_get_num_threads(), thread = omp_get_thread_num();
    *first = (int)((long)batch * thread / threads);
    *end = (int)((long)batch * (thread + 1) / threads);
}

/* ---- forward ---- */

/* The gates become activated; h and c come out. */
CPU_KERNEL static void gate_row(moment m, const float *restrict bias, float *restrict h, float *restrict c,
                                size_t n)
{
    float *restrict i = m.gates, *restrict f = m.gates + n, *restrict g = m.gates + 2 * n;
    float *restrict o = m.gates + 3 * n;
    const float *restrict before = m.c;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float in = activated(ACT_SIGMOID, i[j] + bias[j]), keep = activated(ACT_SIGMOID, f[j] + bias[n + j]);
        float fresh = activated(ACT_TANH, g[j] + bias[2 * n + j]);
        float show = activated(ACT_SIGMOID, o[j] + bias[3 * n + j]), cell = keep * before[j] + in * fresh;
        i[j] = in;
        f[j] = keep;
        g[j] = fresh;
        o[j] = show;
        c[j] = cell;
        h[j] = show * activated(ACT_TANH, cell);
    }
}

/* Time t of one sample; h and c go to the output, and to time `after`. */
static void forward_row(const call *c, sizes s, const float *bias, float *saved, int b, int t, int after)
{
    size_t n = (size_t)s.hidden, bytes = n * sizeof(float);
    moment m = moment_of(saved, s, b, t), next = moment_of(saved, s, b, after);
    float *out = c->out + ((size_t)b * (size_t)s.times + (size_t)t) * n * (s.cell ? 2 : 1);
    if (t >= length_of(c, s, b)) {
        memset(out, 0, bytes);
        memcpy(next.h, m.h, bytes);
        memcpy(next.c, m.c, bytes);
        return;
    }
    gate_row(m, bias, out, next.c, n);
    memcpy(next.h, out, bytes);
    if (s.cell) memcpy(out + n, next.c, bytes);
}

static void start_samples(const call *c, sizes s, float *saved, int first, int end)
{
    size_t n = (size_t)s.hidden, bytes = n * sizeof(float);
    for (int b = first; b < end; b++) {
        moment m = moment_of(saved, s, b, time_of(c, s, 0));
        const float *state = c->n->a.state ? c->in[STATE] + (size_t)b * 2 * n : NULL;
        if (state) {
            memcpy(m.h, state, bytes);
            memcpy(m.c, state + n, bytes);
        } else {
            memset(m.h, 0, bytes);
            memset(m.c, 0, bytes);
        }
    }
}

/* to (columns,rows) = x (rows,columns) transposed. */
static void transpose(float *to, const float *x, int rows, int columns)
{
    enum { TILE = 16 };
#pragma omp parallel for schedule(static)
    for (int top = 0; top < rows; top += TILE)
        for (int left = 0; left < columns; left += TILE)
            for (int j = left; j < columns && j < left + TILE; j++)
                for (int i = top; i < rows && i < top + TILE; i++)
                    to[(size_t)j * (size_t)rows + (size_t)i] = x[(size_t)i * (size_t)columns + (size_t)j];
}

/* turned: W_hh transposed, for more than one time. */
static bool forward_samples(const call *c, sizes s, const float *bias, const float *turned, float *saved,
                            int first, int end)
{
    int n = s.hidden;
    bool fine = true;
    start_samples(c, s, saved, first, end);
    for (int k = 0; k < s.times; k++) {
        int t = time_of(c, s, k);
        moment m = moment_of(saved, s, first, t);
        if (s.times > 1 && (k > 0 || c->n->a.state))
            fine = fine && cpu_matmul('N', 'N', end - first, 4 * n, n, 1, m.h, s.times * n, turned, 4 * n,
                                      true, m.gates, s.times * 4 * n);
        for (int b = first; b < end; b++) forward_row(c, s, bias, saved, b, t, time_of(c, s, k + 1));
    }
    return fine;
}

static err forward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
    size_t n = (size_t)s.hidden;
    float *bias = c->scratch, *turned = bias + 4 * n;
    float *saved = c->backward ? c->saved : turned + turned_floats(s);
    bool fine = true;
    TRY(cpu_matmul_done(cpu_matmul('N', 'T', s.batch * s.times, 4 * s.hidden, s.in, 1, c->in[X], s.in,
                                   c->in[W_IH], s.in, false, saved, 4 * s.hidden)));
    for (size_t k = 0; k < 4 * n; k++) bias[k] = c->in[B_IH][k] + c->in[B_HH][k];
    if (s.times > 1)
        transpose(turned, c->in[W_HH], 4 * s.hidden, s.hidden);
    else if (c->n->a.state)
        TRY(cpu_matmul_done(cpu_matmul('N', 'T', s.batch, 4 * s.hidden, s.hidden, 1, c->in[STATE],
                                       2 * s.hidden, c->in[W_HH], s.hidden, true, saved, 4 * s.hidden)));
#pragma omp parallel if (s.batch > 1) reduction(&& : fine)
    {
        int first, end;
        share_samples(s.batch, &first, &end);
        fine = first == end || forward_samples(c, s, bias, turned, saved, first, end);
    }
    return cpu_matmul_done(fine);
}

/* ---- backward ---- */

/* The gates become their gradients; dc goes to the time before. */
CPU_KERNEL static void gradient_row(moment m, float *restrict dh, float *restrict dc,
                                    const float *restrict dout, size_t n)
{
    float *restrict i = m.gates, *restrict f = m.gates + n, *restrict g = m.gates + 2 * n;
    float *restrict o = m.gates + 3 * n;
    const float *restrict before = m.c;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): see backward_row */
        float in = i[j], keep = f[j], fresh = g[j], show = o[j];
        float squashed = activated(ACT_TANH, keep * before[j] + in * fresh), d = dh[j] + dout[j];
        float dcell = dc[j] + d * show * (1 - squashed * squashed);
        i[j] = dcell * fresh * in * (1 - in);
        f[j] = dcell * before[j] * keep * (1 - keep);
        g[j] = dcell * in * (1 - fresh * fresh);
        o[j] = d * squashed * show * (1 - show);
        dc[j] = dcell * keep;
        dh[j] = 0; /* the product adds what goes to the time before */
    }
}

static void backward_row(const call *c, sizes s, float *dh, float *dc, int b, int t)
{
    size_t n = (size_t)s.hidden, row = (size_t)b * (size_t)s.times + (size_t)t;
    moment m = moment_of(c->saved, s, b, t); /* t is 0 or more here, so that there are gates */
    if (t >= length_of(c, s, b))             /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
        memset(m.gates, 0, 4 * n * sizeof *m.gates);
    else
        gradient_row(m, dh + (size_t)b * n, dc + (size_t)b * n, c->dout + row * n * (s.cell ? 2 : 1), n);
}

static bool backward_samples(const call *c, sizes s, float *dh, float *dc, int first, int end)
{
    int n = s.hidden;
    bool state = c->n->a.state && c->din[STATE], fine = true;
    for (int b = first; b < end; b++) {
        size_t at = (size_t)b * (size_t)n, bytes = (size_t)n * sizeof(float);
        memset(dh + at, 0, bytes);
        if (s.cell)
            memcpy(dc + at, c->dout + 2 * at + n, bytes);
        else
            memset(dc + at, 0, bytes);
    }
    for (int k = s.times - 1; k >= 0; k--) {
        int t = time_of(c, s, k);
        moment m = moment_of(c->saved, s, first, t);
        for (int b = first; b < end; b++) backward_row(c, s, dh, dc, b, t);
        if (k > 0 || state)
            fine = fine && cpu_matmul('N', 'N', end - first, n, 4 * n, 1, m.gates, s.times * 4 * n,
                                      c->in[W_HH], n, true, dh + (size_t)first * (size_t)n, n);
    }
    for (int b = first; b < end && state; b++) {
        size_t at = (size_t)b * (size_t)n;
        cpu_store(false, c->din[STATE] + 2 * at, dh + at, (size_t)n, c->add[STATE]);
        cpu_store(false, c->din[STATE] + 2 * at + n, dc + at, (size_t)n, c->add[STATE]);
    }
    return fine;
}

/* dw (4H,columns) = the gates' gradients^T times x (B*T,columns). */
static bool weight_gradient(const float *gates, sizes s, const float *x, int columns, float *dw, bool add)
{
    return cpu_matmul('T', 'N', 4 * s.hidden, columns, s.batch * s.times, 1, gates, 4 * s.hidden, x, columns,
                      add, dw, columns);
}

static err backward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
    size_t n = (size_t)s.hidden;
    float *bias = c->scratch, *dh = bias + 4 * n, *dc = dh + (size_t)s.batch * n, *gates = c->saved;
    bool fine = true;
#pragma omp parallel if (s.batch > 1) reduction(&& : fine)
    {
        int first, end;
        share_samples(s.batch, &first, &end);
        fine = first == end || backward_samples(c, s, dh, dc, first, end);
    }
    if (c->din[X])
        fine = cpu_matmul('N', 'N', s.batch * s.times, s.in, 4 * s.hidden, 1, gates, 4 * s.hidden,
                          c->in[W_IH], s.in, c->add[X], c->din[X], s.in) &&
               fine;
    if (c->din[W_IH]) fine = weight_gradient(gates, s, c->in[X], s.in, c->din[W_IH], c->add[W_IH]) && fine;
    if (c->din[W_HH])
        fine = weight_gradient(gates, s, gates + 4 * rows_of(s) * n, s.hidden, c->din[W_HH], c->add[W_HH]) &&
               fine;
    if (c->din[B_IH] || c->din[B_HH]) cpu_column_sums(bias, gates, s.batch * s.times, 4 * s.hidden, false);
    for (int k = B_IH; k <= B_HH; k++)
        if (c->din[k]) cpu_store(false, c->din[k], bias, 4 * n, c->add[k]);
    return cpu_matmul_done(fine);
}

const kernel cpu_lstm = {.plan = plan, .forward = forward, .backward = backward};
const kernel cpu_lstm_cell = {.plan = plan, .forward = forward, .backward = backward};
