/* The two discriminators that read: one judges a report, the other an image and a report together, which is
 * what ties them.
 *
 * The joint one sees images through the features of the image discriminator and reads with the reader of D;
 * neither must know what is in them, and from these alone it does not learn to tell a pair from a mismatched
 * one. With joint_shared it knows both as R does, whose encoder and reader learned labels and pairs: text to
 * image models, too, judge pairs by embeddings that matching taught (Reed et al., ICML 2016). */
#include "emixer/internal.h"

static nn_t spectral_linear(net *n, nn_t x, const char *name, int out, bool bias)
{
    return nn_linear(n, x,
                     (linear_opts){.name = name,
                                   .out = out,
                                   .bias = bias,
                                   .spectral_norm = true,
                                   .init = {.kind = INIT_ORTHOGONAL}});
}

nn_t report_logits(net *n, const emixer_opts *o, nn_t report, nn_t y)
{
    nn_enter(n, "D");
    nn_enter(n, "report");
    nn_t l = spectral_linear(n, report, "logit", 1, true);
    nn_t e = spectral_linear(n, y, "embedding", o->embedding, false);
    nn_leave(n);
    nn_leave(n);
    return nn_add(n, l, nn_row_dot(n, e, report));
}

nn_t joint_logits(net *n, const emixer_opts *o, nn_t image, nn_t words)
{
    nn_enter(n, "D");
    nn_enter(n, "joint");
    nn_t a = spectral_linear(n, image, "image", o->embedding, true);
    nn_t b = spectral_linear(n, words, "report", o->embedding, true);
    nn_t h = nn_activation(n, nn_concat(n, (nn_t[]){a, b}, 2, 1), ACT_LEAKY_RELU);
    h = nn_activation(n, spectral_linear(n, h, "hidden", o->embedding, true), ACT_LEAKY_RELU);
    nn_t l = spectral_linear(n, h, "logit", 1, true);
    nn_leave(n);
    nn_leave(n);
    return nn_add(n, l, nn_row_dot(n, a, b));
}

/* Row i gets what row i + 1 had, the last what the first had. */
static nn_t shifted(net *n, nn_t rows)
{
    int count = nn_shape_of(n, rows).d[0];
    return nn_concat(n, (nn_t[]){nn_slice(n, rows, 1, count - 1), nn_slice(n, rows, 0, 1)}, 2, 0);
}

nn_t report_hinge(net *n, const emixer_opts *o, pair real, pair fake)
{
    nn_t terms[] = {nn_hinge(n, report_logits(n, o, real.report, real.labels), HINGE_REAL),
                    nn_hinge(n, report_logits(n, o, fake.report, fake.labels), HINGE_FAKE)};
    return nn_weighted_sum(n, terms, (float[]){1, 1}, 2);
}

nn_t joint_hinge(net *n, const emixer_opts *o, pair real, const pair *made, int kinds)
{
    nn_t terms[MOST_KINDS + 2] = {nn_hinge(n, joint_logits(n, o, real.image, real.words), HINGE_REAL)};
    float weights[MOST_KINDS + 2] = {1};
    for (int i = 0; i <= kinds; i++) {
        pair false_one = i < kinds ? made[i] : (pair){.image = real.image, .words = shifted(n, real.words)};
        terms[i + 1] = nn_hinge(n, joint_logits(n, o, false_one.image, false_one.words), HINGE_FAKE);
        weights[i + 1] = 1.0F / (float)(kinds + 1);
    }
    return nn_weighted_sum(n, terms, weights, kinds + 2);
}
