/* A small DenseNet (Huang et al., CVPR 2017): within a block every layer sees the outputs of all layers
 * before it. */
#include "downstream/internal.h"

enum { BLOCKS = 3 };

/* BN-ReLU-conv3x3 adds `growth` channels to x. */
static nn_t dense_layer(net *n, nn_t x, int growth, bool training)
{
    nn_t h = nn_batch_norm(n, x, (batch_norm_opts){.name = "norm", .training = training, .act = ACT_RELU});
    h = nn_conv(n, h, (conv_opts){.name = "conv", .out = growth, .k = 3});
    return nn_concat(n, (nn_t[]){x, h}, 2, 1);
}

/* BN-ReLU-conv1x1 to half the channels, then half the side. The pooling comes before the convolution: the
 * result is the same, at a quarter of the work. */
static nn_t transition(net *n, nn_t x, bool training)
{
    nn_t h = nn_batch_norm(n, x, (batch_norm_opts){.name = "norm", .training = training, .act = ACT_RELU});
    h = nn_pool(n, h, POOL_AVERAGE, 2, 2, 0);
    return nn_conv(n, h, (conv_opts){.name = "conv", .out = nn_shape_of(n, x).d[1] / 2, .k = 1});
}

nn_t densenet_small(net *n, const classifier_opts *o, nn_t images, bool training)
{
    nn_t h =
        nn_conv(n, images, (conv_opts){.name = "stem", .out = 2 * o->growth, .k = 4, .stride = 2, .pad = 1});
    for (int block = 0; block < BLOCKS; block++) {
        for (int layer = 0; layer < o->layers_per_block; layer++) {
            nn_enter(n, "block%d.layer%d", block, layer);
            h = dense_layer(n, h, o->growth, training);
            nn_leave(n);
        }
        if (block == BLOCKS - 1) break;
        nn_enter(n, "transition%d", block);
        h = transition(n, h, training);
        nn_leave(n);
    }
    return nn_batch_norm(n, h, (batch_norm_opts){.name = "norm", .training = training, .act = ACT_RELU});
}

/* A dense block of n layers of growth g at c channels takes about 18 g (c + n g / 2) n per pixel; the blocks
 * are at half, quarter and eighth of the side. */
double densenet_small_pixel_flops(const classifier_opts *o)
{
    double layers = o->layers_per_block, growth = o->growth, channels = 2 * growth, share = 0.25, flops = 0;
    for (int block = 0; block < BLOCKS; block++) {
        flops += 18 * growth * layers * (channels + layers * growth / 2) * share;
        channels = (channels + layers * growth) / 2;
        share /= 4;
    }
    return flops;
}
