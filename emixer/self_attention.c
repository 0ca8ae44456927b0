/* Self-attention among the places of an image (Zhang et al., "Self-attention generative adversarial
 * networks", ICML 2019), with the softmax scaled by the width of the queries, as is usual since. */
#include "emixer/internal.h"
#include "nn/sequence.h"

enum { QUERY_SHARE = 8, VALUE_SHARE = 2 }; /* of the channels, as in that paper */

static nn_t project(net *n, nn_t rows, const char *name, int out, bool spectral)
{
    return nn_linear(n, rows,
                     (linear_opts){.name = name,
                                   .out = out > 0 ? out : 1,
                                   .spectral_norm = spectral,
                                   .init = {.kind = INIT_ORTHOGONAL}});
}

nn_t self_attention(net *n, nn_t x, bool spectral)
{
    nn_shape_t shape = nn_shape_of(n, x);
    int channels = shape.d[1];
    nn_enter(n, "attention");
    nn_t rows = nn_grid_rows(n, x);
    nn_t q = project(n, rows, "query", channels / QUERY_SHARE, spectral);
    nn_t k = project(n, rows, "key", channels / QUERY_SHARE, spectral);
    nn_t v = project(n, rows, "value", channels / VALUE_SHARE, spectral);
    nn_t seen = nn_attention(n, q, k, v, (attention_opts){0});
    /* It begins as next to nothing and takes part as it learns to: that paper's scale that starts at 0. */
    nn_t out = nn_linear(
        n, seen,
        (linear_opts){.name = "out", .out = channels, .init = {.kind = INIT_NORMAL, .scale = 0.01F}});
    nn_leave(n);
    return nn_add(n, x, nn_rows_grid(n, out, shape.d[2], shape.d[3]));
}
