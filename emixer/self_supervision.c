/* Self-supervision by rotation (Chen et al., "Self-supervised GANs via auxiliary rotation loss", CVPR 2019):
 * the discriminator tells by which quarter turn an image was turned. It needs no labels, so images without
 * labels teach it too. */
#include "emixer/internal.h"

#include "base/rng.h"

#include <stdlib.h>

int rotation_batch(const emixer_opts *o)
{
    int half = o->batch / 2 / ROTATIONS * ROTATIONS;
    if (o->rotation_weight <= 0) return 0;
    return half > ROTATIONS ? half : ROTATIONS;
}

nn_t rotation_loss(net *n, const emixer_opts *o, nn_t features)
{
    nn_t targets = nn_input(n, "rotation targets", nn_shape(2, rotation_batch(o), (int)ROTATIONS));
    nn_enter(n, "D");
    nn_t logits = nn_linear(n, features,
                            (linear_opts){.name = "rotation",
                                          .out = ROTATIONS,
                                          .bias = true,
                                          .spectral_norm = true,
                                          .init = {.kind = INIT_ORTHOGONAL}});
    nn_leave(n);
    return nn_softmax_cross_entropy(n, logits, targets);
}

err rotation_set_targets(net *n, const emixer_opts *o)
{
    int count = rotation_batch(o);
    float *targets = calloc((size_t)count * ROTATIONS, sizeof *targets);
    if (!targets) return err_set(ERR_SYSTEM, "out of memory for rotation targets");
    for (int b = 0; b < count; b++) targets[b * ROTATIONS + b % ROTATIONS] = 1.0F;
    err error = nn_set(n, nn_input(n, "rotation targets", nn_shape(2, count, (int)ROTATIONS)), targets);
    free(targets);
    return error;
}

void rotation_draw(const emixer_opts *o, const emixer_data *data, uint64_t index, float *out)
{
    const samples *unlabelled = data->unlabelled;
    rng draw = rng_open(o->seed, "emixer/rotation", index);
    size_t pixels = (size_t)o->resolution * (size_t)o->resolution;
    int count = rotation_batch(o);
    for (int b = 0; b < count; b++) {
        bool hidden = unlabelled && unlabelled->n > 0 && ((uint64_t)(b / ROTATIONS) + index) % 2 == 0;
        const samples *from = hidden ? unlabelled : data->labelled;
        dataset_pixels(data->set, from->index[rng_below(&draw, from->n)], out + (size_t)b * pixels);
    }
}
