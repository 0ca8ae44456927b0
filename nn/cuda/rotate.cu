/* Sample b is turned anticlockwise by (b mod 4) quarter turns; its gradient is turned back. */
#include "nn/cuda/launch.cuh"

template <class T>
static __global__ void turn(T *to, const T *from, uint32_t side, uint32_t channels, uint32_t n,
                            uint32_t replicas, uint32_t rank, bool back, bool add)
{
    FOR_EACH(i, n)
    {
        uint32_t channel = i % channels, pixel = i / channels;
        uint32_t x = pixel % side, y = pixel / side % side, sample = pixel / (side * side);
        uint32_t turns = (sample * replicas + rank) % 4, quarters = back ? (4 - turns) % 4 : turns;
        uint32_t source = sample * side * side + turned_from(quarters, side, y, x);
        put(to + i, to_float(from[source * channels + channel]), add);
    }
}

static err rotate(backend *b, const call *c, void *to, const void *from, bool back, bool add)
{
    const node *n = c->n;
    size_t count = nn_count(&n->shape);
    uint32_t replicas = c->replicas > 1 ? (uint32_t)c->replicas : 1;
    return by_element(cuda_element(b, n), [&]<class T>() -> err {
        LAUNCH_EACH(b, turn<T>, count, (T *)to, (const T *)from, (uint32_t)n->shape.d[2],
                    (uint32_t)n->shape.d[1], (uint32_t)count, replicas, (uint32_t)c->rank, back, add);
        return OK;
    });
}

static err forward(backend *b, const call *c)
{
    return rotate(b, c, c->out, c->in[0], false, false);
}

static err backward(backend *b, const call *c)
{
    return c->din[0] ? rotate(b, c, c->din[0], c->dout, true, c->add[0]) : OK;
}

const kernel cuda_rotate = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
