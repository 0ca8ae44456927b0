/* ViT-Ti (Touvron et al., "Training data-efficient image transformers", ICML 2021) in torchvision's
 * VisionTransformer (Dosovitskiy et al., ICLR 2021), with torchvision's names: square patches as words, a
 * class token, learned positions, twelve layers that normalise what they read. */
#include "downstream/internal.h"
#include "nn/sequence.h"

#include <math.h>

enum { WIDTH = 192, HEADS = 3, LAYERS = 12, HIDDEN = 4 * WIDTH };

/* 16 pixels, as it was published for images of 224; where that would leave few words of an image, 8 or 4: 64
 * words at least from 32 pixels on. */
static int patch_side(int resolution)
{
    return resolution >= 128 ? 16 : resolution >= 64 ? 8 : 4;
}

static int word_count(int resolution)
{
    int side = resolution / patch_side(resolution);
    return side * side + 1;
}

/* Products of queries with keys, and of the shares with values, are 4 T^2 E a layer. */
double vit_tiny_pixel_flops(const classifier_opts *o)
{
    double words = word_count(o->resolution), patch = patch_side(o->resolution);
    double weights = LAYERS * (4.0 * WIDTH * WIDTH + 2.0 * WIDTH * HIDDEN) + patch * patch * WIDTH;
    double flops = 2 * words * weights + LAYERS * 4 * words * words * WIDTH;
    return flops / o->resolution / o->resolution;
}

static nn_t norm(net *n, nn_t x, layer_name name)
{
    return nn_layer_norm(n, x, (layer_norm_opts){.name = name.text, .epsilon = 1e-6F});
}

static nn_t dense(net *n, nn_t x, layer_name name, int out, init_opts init, nn_act act)
{
    return nn_linear(n, x,
                     (linear_opts){.name = name.text, .out = out, .bias = true, .act = act, .init = init});
}

/* (B,T,E) -> (B,T,E); queries, keys and values are rows of one weight, as in PyTorch's MultiheadAttention. */
static nn_t attend(net *n, nn_t x, layer_name name)
{
    const init_opts uniform = {.kind = INIT_UNIFORM, .scale = 1 / sqrtf((float)WIDTH)};
    nn_t weight = nn_parameter(n, name_of("%s.in_proj_weight", name.text).text, nn_shape(2, 3 * WIDTH, WIDTH),
                               (init_opts){.kind = INIT_GLOROT});
    nn_t bias =
        nn_parameter(n, name_of("%s.in_proj_bias", name.text).text, nn_shape(1, 3 * WIDTH), (init_opts){0});
    nn_t all = nn_linear_with(n, x, weight, &bias, ACT_NONE), part[3];
    for (int i = 0; i < 3; i++) part[i] = nn_slice_axis(n, all, 2, i * WIDTH, WIDTH);
    nn_t h = nn_attention(n, part[0], part[1], part[2], (attention_opts){.heads = HEADS});
    return dense(n, h, name_of("%s.out_proj", name.text), WIDTH, uniform, ACT_NONE);
}

static nn_t feed_forward(net *n, nn_t x, layer_name name)
{
    const init_opts glorot = {.kind = INIT_GLOROT};
    nn_t h = dense(n, x, name_of("%s.0", name.text), HIDDEN, glorot, ACT_GELU);
    return dense(n, h, name_of("%s.3", name.text), WIDTH, glorot, ACT_NONE);
}

static nn_t encoder_layer(net *n, nn_t x, layer_name name)
{
    nn_t seen = attend(n, norm(n, x, name_of("%s.ln_1", name.text)), name_of("%s.self_attention", name.text));
    nn_t h = nn_add(n, x, seen);
    return nn_add(n, h,
                  feed_forward(n, norm(n, h, name_of("%s.ln_2", name.text)), name_of("%s.mlp", name.text)));
}

/* Images (B,C,R,R) -> words (B,1+P,E): the class token, then the patches, row by row; with their positions.
 */
static nn_t words_of(net *n, const classifier_opts *o, nn_t images)
{
    int batch = nn_shape_of(n, images).d[0], patch = patch_side(o->resolution);
    int words = word_count(o->resolution);
    float scale = 1 / sqrtf((float)(o->channels * patch * patch));
    nn_t token = nn_parameter(n, "class_token", nn_shape(3, 1, 1, WIDTH), (init_opts){0});
    nn_t patches = nn_conv(n, images,
                           (conv_opts){.name = "conv_proj",
                                       .out = WIDTH,
                                       .k = patch,
                                       .stride = patch,
                                       .pad = PAD_NONE,
                                       .bias = true,
                                       .init = {.kind = INIT_NORMAL, .scale = scale}});
    nn_t positions = nn_parameter(n, "encoder.pos_embedding", nn_shape(3, 1, words, WIDTH),
                                  (init_opts){.kind = INIT_NORMAL, .scale = 0.02F});
    nn_t first = nn_repeat(n, nn_reshape(n, token, nn_shape(2, 1, WIDTH)), 0, batch);
    nn_t all = nn_concat(n, (nn_t[]){first, nn_grid_rows(n, patches)}, 2, 1);
    return nn_add(n, all, nn_repeat(n, nn_reshape(n, positions, nn_shape(2, words, WIDTH)), 0, batch));
}

/* The class token alone is read, so that it is all of a map of one pixel. */
nn_t vit_tiny(net *n, const classifier_opts *o, nn_t images, bool training)
{
    (void)training; /* nothing is drawn, and there are no statistics */
    nn_t h = words_of(n, o, images);
    for (int i = 0; i < LAYERS; i++) h = encoder_layer(n, h, name_of("encoder.layers.encoder_layer_%d", i));
    nn_t read = norm(n, nn_slice_axis(n, h, 1, 0, 1), name_of("encoder.ln"));
    return nn_reshape(n, read, nn_shape(4, nn_shape_of(n, images).d[0], WIDTH, 1, 1));
}
