/* Per sample: brightness, contrast, translation, cutout (nn/backend.h has the formulas). Together they are
 * out = k (x - mean) + mean + brightness at the pixels shown, 0 elsewhere. */
#include "nn/cuda/columns.cuh"

typedef struct images {
    uint32_t samples, channels;
    int height, width;
} images;

static images images_of(const node *n)
{
    const int *d = n->shape.d;
    return images{(uint32_t)d[0], (uint32_t)d[1], d[2], d[3]};
}

/* The mean of a sample is the sum of one column of all its elements. */
static column_plan samples_as_columns(const images &s)
{
    return plan_columns(s.samples, (size_t)s.channels * (size_t)s.height * (size_t)s.width, 1);
}

/* scratch: what the draws mean (B), means (B), partial sums. */
typedef struct tables {
    augment_draw *draws;
    float *means;
    void *partials;
} tables;

static tables tables_of(const call *c)
{
    uint32_t samples = images_of(c->n).samples;
    tables t;
    t.draws = (augment_draw *)c->scratch;
    t.means = (float *)((char *)c->scratch + cuda_aligned(samples * sizeof(augment_draw)));
    t.partials = (char *)t.means + cuda_aligned(samples * sizeof(float));
    return t;
}

static err plan(backend *b, call *c)
{
    (void)b;
    images s = images_of(c->n);
    c->scratch_bytes = cuda_aligned(s.samples * sizeof(augment_draw)) +
                       cuda_aligned(s.samples * sizeof(float)) + column_bytes(samples_as_columns(s), 1);
    return OK;
}

static __global__ void read_draws(augment_draw *draws, const float *t, augment_flags flags, images s)
{
    FOR_EACH(i, s.samples) draws[i] = augment_draw_of(t + i * AUGMENT_DRAWS, flags, s.height, s.width);
}

static err find_draws(backend *b, const call *c, const tables &t)
{
    images s = images_of(c->n);
    const diff_augment_opts *o = &c->n->a.augment;
    augment_flags flags = {o->brightness, o->contrast, o->translation, o->cutout};
    LAUNCH_EACH(b, read_draws, (size_t)s.samples, t.draws, c->in[1], flags, s);
    return OK;
}

/* An element of an image in NHWC order. */
typedef struct place {
    uint32_t sample, channel;
    int y, x;
} place;

static __device__ inline place place_of(const images &s, uint32_t i)
{
    uint32_t pixel = i / s.channels, width = (uint32_t)s.width, height = (uint32_t)s.height;
    return place{pixel / width / height, i % s.channels, (int)(pixel / width % height), (int)(pixel % width)};
}

static __device__ inline uint32_t element_at(const images &s, uint32_t sample, int y, int x, uint32_t channel)
{
    uint32_t row = sample * (uint32_t)s.height + (uint32_t)y;
    return (row * (uint32_t)s.width + (uint32_t)x) * s.channels + channel;
}

/* means: or NULL without contrast. */
template <class T>
static __global__ void augment(T *out, const T *x, const augment_draw *draws, const float *means, images s,
                               uint32_t n)
{
    FOR_EACH(i, n)
    {
        place p = place_of(s, i);
        augment_draw d = draws[p.sample];
        float value = 0;
        if (augment_shown(d, s.height, s.width, p.y, p.x)) {
            float mean = means ? means[p.sample] : 0;
            value = to_float(x[element_at(s, p.sample, p.y - d.down, p.x - d.right, p.channel)]);
            value = d.contrast * (value - mean) + mean + d.brightness;
        }
        set(out + i, value);
    }
}

static err forward(backend *b, const call *c)
{
    images s = images_of(c->n);
    tables t = tables_of(c);
    column_plan p = samples_as_columns(s);
    bool contrast = c->n->a.augment.contrast;
    size_t n = nn_count(&c->n->shape);
    TRY(find_draws(b, c, t));
    return by_element(cuda_element(b, c->n), [&]<class T>() -> err {
        add_element<T, 1> term = {(const T *)c->in[0], p.rows, 1};
        store_scaled finish = {t.means, 1, 1.0 / p.rows, false};
        if (contrast) TRY(reduce_columns<1>(b, p, term, finish, t.partials));
        LAUNCH_EACH(b, augment<T>, n, (T *)c->out, (const T *)c->in[0], (const augment_draw *)t.draws,
                    contrast ? (const float *)t.means : NULL, s, (uint32_t)n);
        return OK;
    });
}

template <class T> struct add_shown { /* dout at the pixels that show something */
    enum { width = 1 };
    const T *dout;
    const augment_draw *draws;
    images s;
    uint32_t rows;
    __device__ void operator()(float *sums, uint32_t sample, uint32_t row, uint32_t) const
    {
        uint32_t i = sample * rows + row;
        place p = place_of(s, i);
        if (augment_shown(draws[sample], s.height, s.width, p.y, p.x)) sums[0] += to_float(dout[i]);
    }
};

/* With g the gradient at the pixels shown, moved back: dx = k g + (1 - k) mean(g). */
template <class T>
static __global__ void gradient(T *dx, const T *dout, const augment_draw *draws, const float *means, images s,
                                uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        place p = place_of(s, i);
        augment_draw d = draws[p.sample];
        int y = p.y + d.down, x = p.x + d.right;
        float g = 0;
        if (augment_shown(d, s.height, s.width, y, x))
            g = to_float(dout[element_at(s, p.sample, y, x, p.channel)]);
        put(dx + i, d.contrast * g + (means ? (1 - d.contrast) * means[p.sample] : 0), add);
    }
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    images s = images_of(c->n);
    tables t = tables_of(c);
    column_plan p = samples_as_columns(s);
    bool contrast = c->n->a.augment.contrast;
    size_t n = nn_count(&c->n->shape);
    TRY(find_draws(b, c, t));
    return by_element(cuda_element(b, c->n), [&]<class T>() -> err {
        add_shown<T> term = {(const T *)c->dout, t.draws, s, p.rows};
        store_scaled finish = {t.means, 1, 1.0 / p.rows, false};
        if (contrast) TRY(reduce_columns<1>(b, p, term, finish, t.partials));
        LAUNCH_EACH(b, gradient<T>, n, (T *)c->din[0], (const T *)c->dout, (const augment_draw *)t.draws,
                    contrast ? (const float *)t.means : NULL, s, (uint32_t)n, c->add[0]);
        return OK;
    });
}

const kernel cuda_diff_augment = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
