/* The discriminator: residual blocks under spectral norm (Miyato et al., ICLR 2018), sum-pooled features, and
 * a projection of the labels onto them (Miyato & Koyama, ICLR 2018). */
#include "emixer/internal.h"

enum { LAST_SIDE = 4, MOST_WIDENING = 8 };

static const init_opts orthogonal = {.kind = INIT_ORTHOGONAL};

static nn_t spectral_conv(net *n, nn_t x, const char *name, int out, int k, int stride, int pad, nn_act act)
{
    return nn_conv(n, x,
                   (conv_opts){.name = name,
                               .out = out,
                               .k = k,
                               .stride = stride,
                               .pad = pad,
                               .bias = true,
                               .act = act,
                               .spectral_norm = true,
                               .init = orthogonal});
}

/* x (B,in,s,s) -> (B,out,s/2,s/2). The main path widens and shrinks at once, by a 4x4 convolution of stride 2
 * (4 multiply-adds per input element and channel pair, where 3x3 and pooling need 9); the skip averages
 * before its 1x1 convolution, which changes nothing but the work. The first block gets the image itself,
 * which no ReLU may cut and which is too thin to convolve twice. */
static nn_t down_block(net *n, nn_t x, int out, bool first)
{
    nn_t h = first ? x : nn_activation(n, x, ACT_RELU);
    nn_t skip = nn_pool(n, x, POOL_AVERAGE, 2, 2, 0);
    skip = spectral_conv(n, skip, "skip", out, 1, 1, PAD_SAME, ACT_NONE);
    h = spectral_conv(n, h, "conv1", first ? out : nn_shape_of(n, x).d[1], 3, 1, PAD_SAME, ACT_RELU);
    h = spectral_conv(n, h, "conv2", out, 4, 2, 1, ACT_NONE);
    return nn_add(n, h, skip);
}

nn_t discriminator_features(net *n, const emixer_opts *o, nn_t images)
{
    nn_t h = images;
    nn_enter(n, "D");
    for (int side = o->resolution, i = 0; side > LAST_SIDE; side /= 2, i++) {
        int factor = 1 << i;
        nn_enter(n, "block%d", i);
        h = down_block(n, h, o->width * (factor < MOST_WIDENING ? factor : MOST_WIDENING), i == 0);
        if (o->attention && nn_shape_of(n, h).d[2] == ATTENTION_SIDE) h = self_attention(n, h, true);
        nn_leave(n);
    }
    nn_leave(n);
    return nn_global_pool(n, nn_activation(n, h, ACT_RELU), GLOBAL_SUM);
}

nn_t discriminator_logits(net *n, nn_t h, nn_t y)
{
    nn_enter(n, "D");
    nn_t l = nn_linear(
        n, h,
        (linear_opts){.name = "logit", .out = 1, .bias = true, .spectral_norm = true, .init = orthogonal});
    nn_t e = nn_linear(
        n, y,
        (linear_opts){
            .name = "embedding", .out = nn_shape_of(n, h).d[1], .spectral_norm = true, .init = orthogonal});
    nn_leave(n);
    return nn_add(n, l, nn_row_dot(n, e, h));
}
