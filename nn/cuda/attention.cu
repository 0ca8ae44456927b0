/* Forward, one block has one query of one head. Backward, one block has one query (for dS and dq), then one
 * block one key (for dk and dv), so that every sum has one owner and a fixed order. saved: the weights P
 * (B,heads,Tq,Tk), zero for keys that a query does not see. */
#include "nn/cuda/launch.cuh"

typedef struct attended {
    attention_sizes s;
    const float *q, *k, *v, *lengths; /* lengths: or NULL */
    float scale;
    bool causal;
} attended;

static attended attended_of(const call *c)
{
    const int *q = c->n->in[0]->shape.d, *v = c->n->in[2]->shape.d;
    uint32_t heads = (uint32_t)c->n->a.heads;
    attention_sizes s = {(uint32_t)q[0],        heads, (uint32_t)q[1], (uint32_t)v[1], (uint32_t)q[2] / heads,
                         (uint32_t)v[2] / heads};
    const float *lengths = c->n->n_in > 3 ? c->in[3] : NULL;
    return attended{s, c->in[0], c->in[1], c->in[2], lengths, c->n->a.scale, c->n->a.causal};
}

static __device__ inline uint32_t seen(const attended &a, uint32_t b, uint32_t query)
{
    return keys_seen(a.lengths ? known_length(a.lengths[b], a.s.keys) : a.s.keys, a.causal, query);
}

static __device__ inline float dot(const float *x, const float *y, uint32_t n)
{
    float sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static __global__ void attend(float *out, float *weights, attended a)
{
    __shared__ float shared[THREADS];
    attention_row r = attention_row_of(a.s.queries, a.s.heads, blockIdx.x);
    uint32_t n = seen(a, r.b, r.t);
    const float *q = a.q + attention_offset(a.s.heads, a.s.queries, a.s.width, r);
    float *row = weights + blockIdx.x * a.s.keys, most = -INFINITY, sum = 0;
    for (uint32_t j = threadIdx.x; j < n; j += THREADS) {
        attention_row key = {r.b, r.h, j};
        row[j] = a.scale * dot(q, a.k + attention_offset(a.s.heads, a.s.keys, a.s.width, key), a.s.width);
        if (row[j] > most) most = row[j];
    }
    most = block_max(most, shared);
    for (uint32_t j = threadIdx.x; j < n; j += THREADS) {
        row[j] = expf(row[j] - most);
        sum += row[j];
    }
    sum = block_sum(sum, shared);
    for (uint32_t j = threadIdx.x; j < a.s.keys; j += THREADS) row[j] = j < n ? row[j] / sum : 0;
    __syncthreads(); /* the row is complete */
    attention_row first = {r.b, r.h, 0};
    const float *v = a.v + attention_offset(a.s.heads, a.s.keys, a.s.value_width, first);
    float *to = out + attention_offset(a.s.heads, a.s.queries, a.s.value_width, r);
    for (uint32_t e = threadIdx.x; e < a.s.value_width; e += THREADS) {
        float value = 0;
        for (uint32_t j = 0; j < n; j++) value += row[j] * v[j * a.s.heads * a.s.value_width + e];
        to[e] = value;
    }
}

/* dS = P (dP - sum_j P dP) with dP = dout v^T, and dq = scale dS k. */
static __global__ void query_gradients(float *dq, float *slopes, const float *weights, const float *dout,
                                       attended a, bool add)
{
    __shared__ float shared[THREADS];
    attention_row r = attention_row_of(a.s.queries, a.s.heads, blockIdx.x);
    uint32_t n = seen(a, r.b, r.t);
    const float *d = dout + attention_offset(a.s.heads, a.s.queries, a.s.value_width, r);
    const float *p = weights + blockIdx.x * a.s.keys;
    float *row = slopes + blockIdx.x * a.s.keys, along = 0;
    for (uint32_t j = threadIdx.x; j < n; j += THREADS) {
        attention_row key = {r.b, r.h, j};
        row[j] = dot(d, a.v + attention_offset(a.s.heads, a.s.keys, a.s.value_width, key), a.s.value_width);
        along += p[j] * row[j];
    }
    along = block_sum(along, shared);
    for (uint32_t j = threadIdx.x; j < a.s.keys; j += THREADS) row[j] = j < n ? p[j] * (row[j] - along) : 0;
    __syncthreads(); /* the row is complete */
    attention_row first = {r.b, r.h, 0};
    const float *k = a.k + attention_offset(a.s.heads, a.s.keys, a.s.width, first);
    float *to = dq + attention_offset(a.s.heads, a.s.queries, a.s.width, r);
    for (uint32_t e = threadIdx.x; dq && e < a.s.width; e += THREADS) {
        float value = 0;
        for (uint32_t j = 0; j < n; j++) value += row[j] * k[j * a.s.heads * a.s.width + e];
        put(to + e, a.scale * value, add);
    }
}

/* to (B,Tk,heads*width) = factor weights^T from, or += that, with from (B,Tq,heads*width). */
static __global__ void key_gradients(float *to, const float *weights, const float *from, attention_sizes s,
                                     uint32_t width, float factor, bool add)
{
    attention_row r = attention_row_of(s.keys, s.heads, blockIdx.x);
    attention_row first = {r.b, r.h, 0};
    const float *x = from + attention_offset(s.heads, s.queries, width, first);
    const float *column = weights + (r.b * s.heads + r.h) * s.queries * s.keys + r.t;
    for (uint32_t e = threadIdx.x; e < width; e += THREADS) {
        float value = 0;
        for (uint32_t i = 0; i < s.queries; i++) value += column[i * s.keys] * x[i * s.heads * width + e];
        put(to + attention_offset(s.heads, s.keys, width, r) + e, factor * value, add);
    }
}

static err plan(backend *b, call *c)
{
    (void)b;
    attention_sizes s = attended_of(c).s;
    size_t pairs = (size_t)s.batch * s.heads * s.queries * s.keys;
    TRY(cuda_check_count(pairs));
    if (c->backward) c->saved_bytes = pairs * sizeof(float);
    c->scratch_bytes = pairs * sizeof(float); /* P where there is no backward; dS in it */
    c->flops = 2.0 * (double)pairs * (s.width + s.value_width) * (c->backward ? 3 : 1);
    return OK;
}

static err forward(backend *b, const call *c)
{
    attended a = attended_of(c);
    float *weights = (float *)(c->backward ? c->saved : c->scratch);
    LAUNCH(b, attend, a.s.batch * a.s.heads * a.s.queries, THREADS, c->out, weights, a);
    return OK;
}

static err backward(backend *b, const call *c)
{
    attended a = attended_of(c);
    const float *weights = (const float *)c->saved;
    float *slopes = (float *)c->scratch;
    uint32_t queries = a.s.batch * a.s.heads * a.s.queries, keys = a.s.batch * a.s.heads * a.s.keys;
    if (c->din[0] || c->din[1])
        LAUNCH(b, query_gradients, queries, THREADS, c->din[0], slopes, weights, c->dout, a, c->add[0]);
    if (c->din[1])
        LAUNCH(b, key_gradients, keys, THREADS, c->din[1], (const float *)slopes, a.q, a.s, a.s.width,
               a.scale, c->add[1]);
    if (c->din[2])
        LAUNCH(b, key_gradients, keys, THREADS, c->din[2], weights, c->dout, a.s, a.s.value_width, 1.0F,
               c->add[2]);
    return OK;
}

const kernel cuda_attention = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
