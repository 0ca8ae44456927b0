/* Self-supervision: what can be learned without anybody's labels.
 *
 * Rotation (Chen et al., "Self-supervised GANs via auxiliary rotation loss", CVPR 2019): the discriminator
 * tells by which quarter turn an image was turned, so images without labels teach it too. Matching: an image
 * and its report know each other. Denoising: a report with errors is restored, so reports without images
 * teach the decoder (Vincent et al., ICML 2008). */
#include "emixer/internal.h"
#include "nn/sequence.h"

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
    if (count == 0) return OK; /* no rotation is learnt */
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

/* ---- matching ---- */

const float matching_sharpness = 10;

static nn_t direction(net *n, const emixer_opts *o, nn_t x, const char *name)
{
    return nn_normalize(n, nn_linear(n, x, (linear_opts){.name = name, .out = o->embedding}));
}

directions matching_directions(net *n, const emixer_opts *o, nn_t images, nn_t reports)
{
    nn_enter(n, "R");
    nn_enter(n, "matching");
    directions d = {.image = direction(n, o, images, "image"), .report = direction(n, o, reports, "report")};
    nn_leave(n);
    nn_leave(n);
    return d;
}

/* The P x P matrix whose diagonal is right. */
static nn_t matching_targets(net *n, const emixer_opts *o)
{
    return nn_input(n, "matching targets", nn_shape(2, o->pairs, o->pairs));
}

nn_t matching_loss(net *n, const emixer_opts *o, nn_t images, nn_t reports)
{
    const float half = 0.5F;
    nn_t targets = matching_targets(n, o);
    directions d = matching_directions(n, o, images, reports);
    nn_t of_images = nn_matmul(n, d.image, d.report, true),
         of_reports = nn_matmul(n, d.report, d.image, true);
    nn_t terms[] = {
        nn_softmax_cross_entropy(n, nn_weighted_sum(n, &of_images, &matching_sharpness, 1), targets),
        nn_softmax_cross_entropy(n, nn_weighted_sum(n, &of_reports, &matching_sharpness, 1), targets)};
    return nn_weighted_sum(n, terms, (float[]){half, half}, 2);
}

err matching_set_targets(net *n, const emixer_opts *o)
{
    size_t p = (size_t)o->pairs;
    float *diagonal = calloc(p * p, sizeof *diagonal);
    if (!diagonal) return err_set(ERR_SYSTEM, "out of memory for matching targets");
    for (size_t i = 0; i < p; i++) diagonal[i * p + i] = 1;
    err error = nn_set(n, matching_targets(n, o), diagonal);
    free(diagonal);
    return error;
}

/* ---- denoising ---- */

image_code denoising_code(net *n, const emixer_opts *o, nn_t corrupted, nn_t kept)
{
    nn_t read = nn_multiply(n, report_reader(n, o, "R", corrupted), kept);
    nn_enter(n, "R");
    nn_enter(n, "denoising");
    linear_opts project = {.name = "embedding", .out = o->embedding, .bias = true, .act = ACT_TANH};
    project.init.kind = INIT_GLOROT;
    nn_t embedding = nn_linear(n, read, project);
    nn_t place = nn_linear(n, read, (linear_opts){.name = "grid", .out = o->embedding, .bias = true});
    nn_leave(n);
    nn_leave(n);
    return (image_code){.grid = nn_repeat(n, place, 1, encoder_places(o)), .embedding = embedding};
}

void corrupt(const emixer_opts *o, uint64_t index, int row, float *ids)
{
    const double lost = 0.15, wrong = 0.15;
    rng draw = rng_open(o->seed, "emixer/corrupt", index * (uint64_t)o->pairs + (uint64_t)row);
    for (int i = 0; i < o->sentences * o->words; i++) {
        double u = rng_uniform(&draw);
        int other = SPECIAL_TOKENS;
        if (o->vocabulary > SPECIAL_TOKENS) other += rng_below(&draw, o->vocabulary - SPECIAL_TOKENS);
        if (ids[i] < SPECIAL_TOKENS) continue; /* the end of a sentence stays, and what is not there */
        if (u < lost)
            ids[i] = TOKEN_UNKNOWN;
        else if (u < lost + wrong)
            ids[i] = (float)other;
    }
}
