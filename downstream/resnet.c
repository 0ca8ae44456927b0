/* ResNet-18 and ResNet-50 (He et al., "Deep residual learning for image recognition", CVPR 2016) as
 * torchvision builds them, with torchvision's names. In ResNet-50 the 3x3 convolution of a block strides, not
 * the first 1x1 one ("v1.5"). */
#include "downstream/internal.h"

#include <math.h>

enum { STAGES = 4, STEM = 64, EXPANSION = 4 };

/* Convolution and batch norm without bias, started as He et al. 2015 do for the backward pass (fan_out). */
static nn_t conv_norm(net *n, nn_t x, layer_name conv, layer_name norm, conv_opts o, nn_act act,
                      bool training)
{
    o.name = conv.text;
    o.init = (init_opts){.kind = INIT_NORMAL, .scale = sqrtf(2.0F / (float)(o.out * o.k * o.k))};
    return nn_conv_norm(n, x, o, (batch_norm_opts){.name = norm.text, .training = training, .act = act});
}

/* The i-th convolution of a block and its batch norm. */
static nn_t conv_i(net *n, nn_t x, layer_name block, int i, conv_opts o, nn_act act, bool training)
{
    return conv_norm(n, x, name_of("%s.conv%d", block.text, i), name_of("%s.bn%d", block.text, i), o, act,
                     training);
}

/* x, or its projection where a block changes width or side. */
static nn_t shortcut(net *n, nn_t x, layer_name block, int width, int stride, bool training)
{
    if (nn_shape_of(n, x).d[1] == width && stride == 1) return x;
    return conv_norm(n, x, name_of("%s.downsample.0", block.text), name_of("%s.downsample.1", block.text),
                     (conv_opts){.out = width, .k = 1, .stride = stride}, ACT_NONE, training);
}

/* (B,C,H,W) -> (B,width,H/stride,W/stride): two 3x3 convolutions. */
static nn_t basic_block(net *n, nn_t x, layer_name block, int width, int stride, bool training)
{
    nn_t h = conv_i(n, x, block, 1, (conv_opts){.out = width, .k = 3, .stride = stride}, ACT_RELU, training);
    h = conv_i(n, h, block, 2, (conv_opts){.out = width, .k = 3}, ACT_NONE, training);
    return nn_activation(n, nn_add(n, h, shortcut(n, x, block, width, stride, training)), ACT_RELU);
}

/* (B,C,H,W) -> (B,4 width,H/stride,W/stride): 1x1 to width, 3x3, 1x1 to four times that. */
static nn_t bottleneck(net *n, nn_t x, layer_name block, int width, int stride, bool training)
{
    int out = EXPANSION * width;
    nn_t h = conv_i(n, x, block, 1, (conv_opts){.out = width, .k = 1}, ACT_RELU, training);
    h = conv_i(n, h, block, 2, (conv_opts){.out = width, .k = 3, .stride = stride}, ACT_RELU, training);
    h = conv_i(n, h, block, 3, (conv_opts){.out = out, .k = 1}, ACT_NONE, training);
    return nn_activation(n, nn_add(n, h, shortcut(n, x, block, out, stride, training)), ACT_RELU);
}

typedef nn_t (*block_builder)(net *n, nn_t x, layer_name block, int width, int stride, bool training);

static nn_t resnet(net *n, nn_t images, block_builder build, const int blocks[STAGES], bool training)
{
    nn_t h = conv_norm(n, images, name_of("conv1"), name_of("bn1"),
                       (conv_opts){.out = STEM, .k = 7, .stride = 2}, ACT_RELU, training);
    h = nn_pool(n, h, POOL_MAX, 3, 2, 1);
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < blocks[stage]; i++)
            h = build(n, h, name_of("layer%d.%d", stage + 1, i), STEM << stage, stage > 0 && i == 0 ? 2 : 1,
                      training);
    return h;
}

nn_t resnet18(net *n, const classifier_opts *o, nn_t images, bool training)
{
    (void)o; /* nothing to choose */
    return resnet(n, images, basic_block, (const int[STAGES]){2, 2, 2, 2}, training);
}

nn_t resnet50(net *n, const classifier_opts *o, nn_t images, bool training)
{
    (void)o;
    return resnet(n, images, bottleneck, (const int[STAGES]){3, 4, 6, 3}, training);
}
