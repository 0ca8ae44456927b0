/* DenseNet-121 (Huang et al., "Densely connected convolutional networks", CVPR 2017) as torchvision builds
 * it, with torchvision's names. Within a block every layer sees the outputs of all layers before it. */
#include "downstream/internal.h"

enum { BLOCKS = 4, GROWTH = 32, BOTTLENECK = 4 * GROWTH, STEM = 64 };
static const int layers[BLOCKS] = {6, 12, 24, 16};

static batch_norm_opts and_relu(const layer_name *name, bool training)
{
    return (batch_norm_opts){.name = name->text, .training = training, .act = ACT_RELU};
}

static nn_t norm_relu(net *n, nn_t x, layer_name name, bool training)
{
    return nn_batch_norm(n, x, and_relu(&name, training));
}

static nn_t conv_norm_relu(net *n, nn_t x, conv_opts conv, layer_name name, bool training)
{
    return nn_conv_norm(n, x, conv, and_relu(&name, training));
}

/* (B,C,H,W) -> (B,C+32,H,W): a 1x1 convolution to 128 channels keeps the 3x3 one cheap. */
static nn_t dense_layer(net *n, nn_t x, layer_name layer, bool training)
{
    nn_t h = norm_relu(n, x, name_of("%s.norm1", layer.text), training);
    h = conv_norm_relu(n, h,
                       (conv_opts){.name = name_of("%s.conv1", layer.text).text, .out = BOTTLENECK, .k = 1},
                       name_of("%s.norm2", layer.text), training);
    h = nn_conv(n, h, (conv_opts){.name = name_of("%s.conv2", layer.text).text, .out = GROWTH, .k = 3});
    return nn_concat(n, (nn_t[]){x, h}, 2, 1);
}

/* (B,C,H,W) -> (B,C/2,H/2,W/2). torchvision convolves and then averages; a 1x1 convolution and an average
 * commute, so averaging first gives the same at a quarter of the convolution's work. */
static nn_t transition(net *n, nn_t x, layer_name name, bool training)
{
    nn_t h = norm_relu(n, x, name_of("%s.norm", name.text), training);
    h = nn_pool(n, h, POOL_AVERAGE, 2, 2, 0);
    int half = nn_shape_of(n, x).d[1] / 2;
    return nn_conv(n, h, (conv_opts){.name = name_of("%s.conv", name.text).text, .out = half, .k = 1});
}

/* A quarter of the side, 64 channels. */
static nn_t stem(net *n, nn_t images, bool training)
{
    conv_opts conv = {.name = "features.conv0", .out = STEM, .k = 7, .stride = 2, .pad = 3};
    nn_t h = conv_norm_relu(n, images, conv, name_of("features.norm0"), training);
    return nn_pool(n, h, POOL_MAX, 3, 2, 1);
}

nn_t densenet121(net *n, const classifier_opts *o, nn_t images, bool training)
{
    (void)o; /* nothing to choose */
    nn_t h = stem(n, images, training);
    for (int block = 1; block <= BLOCKS; block++) {
        for (int layer = 1; layer <= layers[block - 1]; layer++)
            h = dense_layer(n, h, name_of("features.denseblock%d.denselayer%d", block, layer), training);
        if (block < BLOCKS) h = transition(n, h, name_of("features.transition%d", block), training);
    }
    return norm_relu(n, h, name_of("features.norm5"), training);
}
