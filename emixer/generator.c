/* The generator: labels and noise in, an X-ray out. A residual network whose every batch norm is conditioned
 * on both (Brock et al., "Large scale GAN training", ICLR 2019, section 3 and appendix B, with one shared
 * embedding and the whole of z for every block). */
#include "emixer/internal.h"

enum { START = 4, EMBEDDING = 32, MOST_WIDENING = 8 };

/* Batch norm whose gain and bias are linear in the condition c (B,D), then ReLU. */
static nn_t conditional_norm(net *n, nn_t x, nn_t c, const char *name, generator_mode mode)
{
    nn_enter(n, "%s", name);
    linear_opts o = {.name = "bias", .out = nn_shape_of(n, x).d[1], .bias = true};
    o.init = (init_opts){.kind = INIT_NORMAL, .scale = 0.05F};
    nn_t bias = nn_linear(n, c, o);
    o.name = "gain";
    o.bias_init.kind = INIT_ONES;
    nn_t gain = nn_linear(n, c, o);
    nn_t y = nn_conditional_batch_norm(n, x, gain, bias,
                                       (batch_norm_opts){.name = "norm",
                                                         .training = mode != GENERATOR_SAMPLING,
                                                         .momentum = mode == GENERATOR_STATISTICS ? 1.0F : 0,
                                                         .act = ACT_RELU});
    nn_leave(n);
    return y;
}

/* x (B,in,s,s) -> (B,out,2s,2s). Upsampling stands right before the second convolution, and after the skip's
 * 1x1: the usual order has it before the first convolution, at twice the work, and at an equal budget its
 * images were worse. Convolutions have no bias, since a batch norm follows every sum of theirs. */
static nn_t up_block(net *n, nn_t x, nn_t c, int out, generator_mode mode)
{
    const init_opts init = {.kind = INIT_ORTHOGONAL};
    nn_t h = conditional_norm(n, x, c, "norm1", mode);
    nn_t skip = nn_upsample(n, nn_conv(n, x, (conv_opts){.name = "skip", .out = out, .k = 1, .init = init}));
    h = nn_conv(n, h, (conv_opts){.name = "conv1", .out = out, .k = 3, .init = init});
    h = conditional_norm(n, h, c, "norm2", mode);
    h = nn_conv(n, h, (conv_opts){.name = "conv2", .out = out, .k = 3, .upsample = true, .init = init});
    return nn_add(n, h, skip);
}

static int widening(int blocks_left)
{
    int factor = 1 << blocks_left;
    return factor < MOST_WIDENING ? factor : MOST_WIDENING;
}

nn_t generator(net *n, const emixer_opts *o, nn_t z, nn_t y, generator_mode mode)
{
    const init_opts init = {.kind = INIT_ORTHOGONAL};
    int blocks = 0, batch = nn_shape_of(n, z).d[0];
    while (START << blocks < o->resolution) blocks++;
    int channels = o->width * widening(blocks);

    nn_enter(n, "G");
    nn_t embedding = nn_linear(n, y, (linear_opts){.name = "embedding", .out = EMBEDDING, .init = init});
    nn_t c = nn_concat(n, (nn_t[]){z, embedding}, 2, 1);
    nn_t h = nn_linear(
        n, c, (linear_opts){.name = "start", .out = channels * START * START, .bias = true, .init = init});
    h = nn_reshape(n, h, nn_shape(4, batch, channels, START, START));
    for (int i = 0; i < blocks; i++) {
        nn_enter(n, "block%d", i);
        h = up_block(n, h, c, o->width * widening(blocks - 1 - i), mode);
        if (o->attention && nn_shape_of(n, h).d[2] == ATTENTION_SIDE) h = self_attention(n, h, false);
        nn_leave(n);
    }
    h = nn_batch_norm(n, h,
                      (batch_norm_opts){.name = "norm",
                                        .training = mode != GENERATOR_SAMPLING,
                                        .momentum = mode == GENERATOR_STATISTICS ? 1.0F : 0,
                                        .act = ACT_RELU});
    h = nn_conv(n, h,
                (conv_opts){.name = "image", .out = 1, .k = 3, .bias = true, .act = ACT_TANH, .init = init});
    nn_leave(n);
    return h;
}
