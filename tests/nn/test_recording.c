/* Mistakes of recording and compiling: the first one is told, with the node's name. */
#include "nn/backend.h"

#include <criterion/criterion.h>
#include <string.h>

static nn_t image(net *n)
{
    return nn_input(n, "image", nn_shape(4, 2, 3, 8, 6));
}

static nn_t rows(net *n)
{
    return nn_input(n, "rows", nn_shape(2, 4, 5));
}

static nn_t other_rows(net *n)
{
    return nn_input(n, "other rows", nn_shape(2, 4, 6));
}

static nn_t conv_of_rows(net *n)
{
    return nn_conv(n, rows(n), (conv_opts){.name = "c", .out = 4, .k = 3});
}

static nn_t conv_too_large(net *n)
{
    return nn_conv(n, image(n), (conv_opts){.name = "c", .out = 4, .k = 7, .pad = PAD_NONE});
}

static nn_t linear_of_image(net *n)
{
    return nn_linear(n, image(n), (linear_opts){.name = "l", .out = 4});
}

static nn_t linear_reused(net *n)
{
    nn_t y = nn_linear(n, rows(n), (linear_opts){.name = "l", .out = 4});
    return nn_linear(n, y, (linear_opts){.name = "l", .out = 4});
}

static nn_t norm_of_vector(net *n)
{
    return nn_batch_norm(n, nn_input(n, "v", nn_shape(1, 5)), (batch_norm_opts){.name = "b"});
}

static nn_t norm_with_tanh(net *n)
{
    return nn_batch_norm(n, rows(n), (batch_norm_opts){.name = "b", .act = ACT_TANH});
}

static nn_t norm_of_other_gain(net *n)
{
    return nn_conditional_batch_norm(n, rows(n), rows(n), other_rows(n), (batch_norm_opts){.name = "b"});
}

static nn_t norm_behind_activation(net *n)
{
    return nn_conv_norm(n, image(n), (conv_opts){.name = "c", .out = 2, .k = 1, .act = ACT_RELU},
                        (batch_norm_opts){.name = "norm"});
}

static nn_t sum_of_unlike(net *n)
{
    return nn_add(n, rows(n), other_rows(n));
}

static nn_t sum_of_nothing(net *n)
{
    return nn_weighted_sum(n, NULL, NULL, 0);
}

static nn_t dot_of_unlike(net *n)
{
    return nn_row_dot(n, rows(n), other_rows(n));
}

static nn_t upsample_rows(net *n)
{
    return nn_upsample(n, rows(n));
}

static nn_t pool_too_large(net *n)
{
    return nn_pool(n, image(n), POOL_MAX, 7, 1, 0);
}

static nn_t global_pool_of_rows(net *n)
{
    return nn_global_pool(n, rows(n), GLOBAL_SUM);
}

static nn_t concat_of_unlike(net *n)
{
    return nn_concat(n, (nn_t[]){rows(n), other_rows(n)}, 2, 0);
}

static nn_t concat_of_one(net *n)
{
    return nn_concat(n, (nn_t[]){rows(n)}, 1, 0);
}

static nn_t concat_far_axis(net *n)
{
    return nn_concat(n, (nn_t[]){image(n), image(n)}, 2, 2);
}

static nn_t slice_too_far(net *n)
{
    return nn_slice(n, rows(n), 3, 2);
}

static nn_t reshape_to_more(net *n)
{
    return nn_reshape(n, rows(n), nn_shape(2, 4, 6));
}

static nn_t augment_without_draws(net *n)
{
    return nn_diff_augment(n, image(n), rows(n), (diff_augment_opts){0});
}

static nn_t rotate_oblong(net *n)
{
    return nn_rotate(n, image(n));
}

static nn_t hinge_of_image(net *n)
{
    return nn_hinge(n, image(n), HINGE_REAL);
}

static nn_t softmax_of_unlike(net *n)
{
    return nn_softmax_cross_entropy(n, rows(n), other_rows(n));
}

static nn_t binary_of_image(net *n)
{
    return nn_binary_cross_entropy(n, image(n), image(n));
}

static nn_t random_image(net *n)
{
    return nn_random(n, "z", nn_shape(4, 1, 1, 2, 2), DISTRIBUTION_NORMAL);
}

static nn_t input_again(net *n)
{
    (void)rows(n);
    return nn_input(n, "rows", nn_shape(2, 4, 6));
}

static nn_t parameter_again(net *n)
{
    (void)nn_parameter(n, "w", nn_shape(1, 5), (init_opts){0});
    return nn_parameter(n, "w", nn_shape(1, 6), (init_opts){0});
}

static nn_t state_as_parameter(net *n)
{
    (void)nn_state(n, "w", nn_shape(1, 5), (init_opts){0});
    return nn_parameter(n, "w", nn_shape(1, 5), (init_opts){0});
}

static nn_t parameter_of_nothing(net *n)
{
    return nn_parameter(n, "w", nn_shape(2, 5, 0), (init_opts){0});
}

static nn_t no_node(net *n)
{
    return nn_upsample(n, (nn_t){77});
}

static nn_t after_a_mistake(net *n)
{
    nn_t bad = nn_upsample(n, rows(n));
    return nn_hinge(n, nn_global_pool(n, nn_rotate(n, bad), GLOBAL_SUM), HINGE_REAL);
}

static nn_t leave_too_often(net *n)
{
    for (int i = 0; i < 3; i++) nn_leave(n); /* two were entered */
    return rows(n);
}

static const struct {
    nn_t (*record)(net *n);
    const char *told; /* part of the message */
} mistakes[] = {
    {conv_of_rows, "D/block1/conv"},
    {conv_too_large, "D/block1/conv: a kernel of 7"},
    {linear_of_image, "D/block1/linear"},
    {linear_reused, "D/block1/l.weight"},
    {norm_of_vector, "D/block1/"},
    {norm_with_tanh, "D/block1/batch_norm"},
    {norm_of_other_gain, "D/block1/batch_norm"},
    {norm_behind_activation, "D/block1/c: an activation"},
    {sum_of_unlike, "D/block1/sum: input 1"},
    {sum_of_nothing, "D/block1/sum"},
    {dot_of_unlike, "D/block1/row_dot"},
    {upsample_rows, "D/block1/upsample"},
    {pool_too_large, "D/block1/pool"},
    {global_pool_of_rows, "D/block1/global_pool"},
    {concat_of_unlike, "D/block1/concat: input 1"},
    {concat_of_one, "D/block1/concat"},
    {concat_far_axis, "D/block1/concat"},
    {slice_too_far, "D/block1/slice: rows 3..4 of 4"},
    {reshape_to_more, "D/block1/reshape: 20 elements cannot become 24"},
    {augment_without_draws, "D/block1/diff_augment"},
    {rotate_oblong, "D/block1/rotate"},
    {hinge_of_image, "D/block1/hinge"},
    {softmax_of_unlike, "D/block1/softmax_cross_entropy"},
    {binary_of_image, "D/block1/binary_cross_entropy"},
    {random_image, "random z"},
    {input_again, "rows"},
    {parameter_again, "D/block1/w"},
    {state_as_parameter, "D/block1/w"},
    {parameter_of_nothing, "dimension 1"},
    {no_node, "D/block1/upsample: input 0"},
    {after_a_mistake, "D/block1/upsample"},
    {leave_too_often, "nn_leave"},
};

Test(recording, the_first_mistake_is_told_when_compiling)
{
    for (size_t k = 0; k < sizeof mistakes / sizeof *mistakes; k++) {
        net *n;
        step *s;
        cr_assert_eq(net_open(nn_on(&be_ref), 1, &n), OK);
        nn_enter(n, "D");
        nn_enter(n, "block%d", 1);
        nn_t x = mistakes[k].record(n);
        cr_expect_eq(net_compile(n, &x, 1, NULL, &s), ERR_INTERNAL, "mistake %zu (%s) was not found", k,
                     mistakes[k].told);
        cr_expect_null(s);
        cr_expect(strstr(err_message(), mistakes[k].told), "\"%s\" does not tell of \"%s\"", err_message(),
                  mistakes[k].told);
        float value[64];
        cr_expect_eq(net_get_parameter(n, "w", value), ERR_INTERNAL);
        net_close(n);
    }
}

static void expect_refused(net *n, nn_t loss, const char *scope, const char *told)
{
    step *s;
    cr_expect_eq(net_compile(n, &loss, 1, scope, &s), ERR_INTERNAL, "%s", told);
    cr_expect(strstr(err_message(), told), "\"%s\" does not tell of \"%s\"", err_message(), told);
}

Test(recording, steps_that_cannot_be_trained_are_refused)
{
    net *n;
    step *s;
    cr_assert_eq(net_open(nn_on(&be_ref), 1, &n), OK);
    nn_t y = nn_linear(n, rows(n), (linear_opts){.name = "D/l", .out = 1});
    nn_t loss = nn_hinge(n, y, HINGE_REAL);
    (void)nn_parameter(n, "G/w", nn_shape(1, 5), (init_opts){0});
    expect_refused(n, y, "D/", "scalar");
    expect_refused(n, loss, "E/", "E/");
    expect_refused(n, loss, "G/", "does not depend");
    cr_assert_eq(net_compile(n, &loss, 1, "D/", &s), OK, "%s", err_message());
    (void)nn_parameter(n, "D/late", nn_shape(1, 5), (init_opts){0});
    expect_refused(n, loss, "D/", "D/late");
    net_close(n);
}

Test(recording, values_that_are_not_kept_cannot_be_read)
{
    net *n;
    step *s;
    float value[20] = {0};
    cr_assert_eq(net_open(nn_on(&be_ref), 1, &n), OK);
    nn_t x = rows(n), h = nn_activation(n, x, ACT_TANH), y = nn_activation(n, h, ACT_RELU);
    cr_assert_eq(net_compile(n, &y, 1, NULL, &s), OK);
    cr_expect_eq(nn_get(s, h, value), ERR_INTERNAL);
    cr_expect_eq(nn_get(s, (nn_t){-1}, value), ERR_INTERNAL);
    cr_expect_eq(nn_set(n, h, value), ERR_INTERNAL);
    cr_expect_eq(net_get_parameter(n, "none", value), ERR_USAGE);
    cr_expect_eq(net_set_parameter(n, "none", value), ERR_USAGE);
    net_close(n);
}

Test(recording, names_follow_the_scopes)
{
    net *n;
    cr_assert_eq(net_open(nn_on(&be_ref), 1, &n), OK);
    nn_enter(n, "D");
    nn_enter(n, "block%d", 2);
    (void)nn_conv(n, image(n),
                  (conv_opts){.name = "conv", .out = 4, .k = 3, .bias = true, .spectral_norm = true});
    nn_leave(n);
    (void)nn_batch_norm(n, rows(n), (batch_norm_opts){.name = "norm"});
    nn_leave(n);
    static const char *const names[] = {"D/block2/conv.weight",   "D/block2/conv.weight.u",
                                        "D/block2/conv.weight.v", "D/block2/conv.bias",
                                        "D/norm.weight",          "D/norm.bias",
                                        "D/norm.running_mean",    "D/norm.running_var"};
    cr_assert_eq(net_parameter_count(n), 8);
    for (int i = 0; i < 8; i++) cr_expect_str_eq(net_parameter_name(n, i), names[i]);
    nn_shape_t shape = net_parameter_shape(n, 0);
    cr_expect(shape.rank == 4 && shape.d[0] == 4 && shape.d[1] == 3 && shape.d[2] == 3 && shape.d[3] == 3);
    net_close(n);
}

Test(recording, closing_nothing_is_fine)
{
    net_close(NULL);
    optimizer_close(NULL);
}
