/* The image encoder: an X-ray in, a grid of features and one embedding out. A small residual network; the
 * grid is its last feature map, which the decoder attends to. */
#include "emixer/internal.h"
#include "nn/sequence.h"

enum { GRID = 8, MOST_WIDENING = 8 };

static batch_norm_opts and_relu(const char *name, bool training)
{
    return (batch_norm_opts){.name = name, .training = training, .act = ACT_RELU};
}

/* x (B,in,s,s) -> (B,out,s/2,s/2), normalised before each convolution (He et al., ECCV 2016). */
static nn_t down_block(net *n, nn_t x, int out, bool training)
{
    nn_t h = nn_batch_norm(n, x, and_relu("norm1", training));
    nn_t skip = nn_pool(n, x, POOL_AVERAGE, 2, 2, 0);
    skip = nn_conv(n, skip, (conv_opts){.name = "skip", .out = out, .k = 1});
    conv_opts halving = {.name = "conv1", .out = out, .k = 4, .stride = 2, .pad = 1};
    h = nn_conv_norm(n, h, halving, and_relu("norm2", training));
    h = nn_conv(n, h, (conv_opts){.name = "conv2", .out = out, .k = 3});
    return nn_add(n, h, skip);
}

/* A side of the grid: small images are halved at least once. */
static int grid_side(const emixer_opts *o)
{
    return o->resolution / 2 < GRID ? o->resolution / 2 : GRID;
}

int encoder_places(const emixer_opts *o)
{
    return grid_side(o) * grid_side(o);
}

image_code encoder(net *n, const emixer_opts *o, nn_t images, bool training)
{
    nn_enter(n, "R");
    nn_enter(n, "encoder");
    nn_t h = nn_conv(n, images, (conv_opts){.name = "stem", .out = o->width, .k = 3});
    for (int side = o->resolution, i = 0; side > grid_side(o); side /= 2, i++) {
        int factor = 2 << i;
        nn_enter(n, "block%d", i);
        h = down_block(n, h, o->width * (factor < MOST_WIDENING ? factor : MOST_WIDENING), training);
        nn_leave(n);
    }
    h = nn_batch_norm(n, h, and_relu("norm", training));
    linear_opts project = {.name = "grid", .out = o->embedding, .bias = true};
    image_code code = {.grid = nn_linear(n, nn_grid_rows(n, h), project)};
    /* The mean alone would hide a small finding: the embedding sees the largest of each feature, too. */
    nn_t peaks = nn_pool(n, h, POOL_MAX, grid_side(o), grid_side(o), 0);
    nn_shape_t shape = nn_shape_of(n, peaks);
    peaks = nn_reshape(n, peaks, nn_shape(2, shape.d[0], shape.d[1]));
    nn_t both = nn_concat(n, (nn_t[]){nn_global_pool(n, h, GLOBAL_AVERAGE), peaks}, 2, 1);
    project = (linear_opts){.name = "embedding", .out = o->embedding, .bias = true, .act = ACT_TANH};
    project.init.kind = INIT_GLOROT;
    code.embedding = nn_linear(n, both, project);
    nn_leave(n);
    nn_leave(n);
    return code;
}

nn_t encoder_labels(net *n, const emixer_opts *o, nn_t embedding)
{
    nn_enter(n, "R");
    nn_t logits = nn_linear(n, embedding, (linear_opts){.name = "labels", .out = o->n_labels, .bias = true});
    nn_leave(n);
    return logits;
}
