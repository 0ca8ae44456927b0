#include "tests/nn/cases.h"

/* One row a line, in columns. */
/* clang-format off */

/* Shapes. Where a macro takes one, it is the last argument, since its commas are not protected. */
#define S1(a) {1, {a}}
#define S2(a, b) {2, {a, b}}
#define S3(b, t, d) {3, {b, t, d}}
#define S4(b, c, h, w) {4, {b, c, h, w}}
#define WINDOWS(size, k, s, p) (((size) + 2 * (p) - (k)) / (s) + 1)

/* Inputs. */
#define IN(fill_, ...) {.shape = __VA_ARGS__, .fill = fill_, .gradient = true}
#define NORMAL(...) IN(FILL_NORMAL, __VA_ARGS__)
#define CONSTANT(fill_, ...) {.shape = __VA_ARGS__, .fill = fill_}
#define WEIGHT(...) {.shape = __VA_ARGS__, .fill = FILL_WEIGHT, .gradient = true, .parameter = true}
#define VECTOR(n) {.shape = S1(n), .gradient = true, .parameter = true}
#define STATE(fill_, n) {.shape = S1(n), .fill = fill_, .parameter = true, .state = true}
#define WHOLE(low_, high_, ...) {.shape = __VA_ARGS__, .fill = FILL_WHOLE, .low = low_, .high = high_}

/* Rows. */
#define RANDOM(name_, kind_, key_, ...) \
    {.name = name_, .op = OP_RANDOM, .shape = __VA_ARGS__, .a = {.kind = kind_, .key = key_}}
#define CONV(name_, b, c, h, w, o, k_, s, p, bias, act_) \
    {.name = name_, .op = OP_CONV, .shape = S4(b, o, WINDOWS(h, k_, s, p), WINDOWS(w, k_, s, p)), \
     .n_in = 2 + (bias), .in = {NORMAL(S4(b, c, h, w)), WEIGHT(S4(o, c, k_, k_)), VECTOR(o)}, \
     .a = {.k = k_, .stride = s, .pad = p, .act = act_}}
/* Enough channels and pixels for Winograd's way; too many for finite differences, which smaller rows have. */
#define BIG(name_, b, c, h, w, o, k_, s, p, bias, act_) \
    {.name = name_, .op = OP_CONV, .shape = S4(b, o, WINDOWS(h, k_, s, p), WINDOWS(w, k_, s, p)), \
     .n_in = 2 + (bias), .in = {NORMAL(S4(b, c, h, w)), WEIGHT(S4(o, c, k_, k_)), VECTOR(o)}, \
     .a = {.k = k_, .stride = s, .pad = p, .act = act_}, .no_difference = true}
#define UPCONV(name_, b, c, h, w, o, bias, act_) \
    {.name = name_, .op = OP_CONV, .shape = S4(b, o, 2 * (h), 2 * (w)), .n_in = 2 + (bias), \
     .in = {NORMAL(S4(b, c, h, w)), WEIGHT(S4(o, c, 3, 3)), VECTOR(o)}, \
     .a = {.k = 3, .stride = 1, .pad = 1, .upsample = true, .act = act_}}
#define BIG_UPCONV(name_, b, c, h, w, o, bias, act_) \
    {.name = name_, .op = OP_CONV, .shape = S4(b, o, 2 * (h), 2 * (w)), .n_in = 2 + (bias), \
     .in = {NORMAL(S4(b, c, h, w)), WEIGHT(S4(o, c, 3, 3)), VECTOR(o)}, \
     .a = {.k = 3, .stride = 1, .pad = 1, .upsample = true, .act = act_}, .no_difference = true}
#define LINEAR(name_, b, i, o, bias, act_) \
    {.name = name_, .op = OP_LINEAR, .shape = S2(b, o), .n_in = 2 + (bias), \
     .in = {NORMAL(S2(b, i)), WEIGHT(S2(o, i)), VECTOR(o)}, .a = {.act = act_}}
#define LINEAR3(name_, b, t, i, o, bias, act_) \
    {.name = name_, .op = OP_LINEAR, .shape = S3(b, t, o), .n_in = 2 + (bias), \
     .in = {NORMAL(S3(b, t, i)), WEIGHT(S2(o, i)), VECTOR(o)}, .a = {.act = act_}}
#define MATMUL(name_, transposed_, from, w, ...) \
    {.name = name_, .op = OP_LINEAR, .shape = __VA_ARGS__, .n_in = 2, .in = {from, w}, .a.transposed = transposed_}
#define NORM(name_, training_, act_, c, ...) \
    {.name = name_, .op = OP_BATCH_NORM, .shape = __VA_ARGS__, .n_in = 5, \
     .in = {NORMAL(__VA_ARGS__), VECTOR(c), VECTOR(c), STATE(FILL_NORMAL, c), STATE(FILL_POSITIVE, c)}, \
     .a = {.training = training_, .act = act_, .epsilon = 1e-4F, .momentum = 0.1F}}
#define CONDITIONAL(name_, training_, act_, b, c, ...) \
    {.name = name_, .op = OP_BATCH_NORM, .shape = __VA_ARGS__, .n_in = 5, \
     .in = {NORMAL(__VA_ARGS__), NORMAL(S2(b, c)), NORMAL(S2(b, c)), \
            STATE(FILL_NORMAL, c), STATE(FILL_POSITIVE, c)}, \
     .a = {.training = training_, .act = act_, .epsilon = 1e-4F, .momentum = 0.25F}}
#define FOLD(name_, c, ...) \
    {.name = name_, .op = OP_FOLD_NORM, .shape = __VA_ARGS__, .n_in = 3, \
     .in = {WEIGHT(__VA_ARGS__), VECTOR(c), STATE(FILL_POSITIVE, c)}, .a.epsilon = 1e-4F, .plain = true}
#define ACT(name_, act_, ...) \
    {.name = name_, .op = OP_ACTIVATION, .shape = __VA_ARGS__, .n_in = 1, .in = {IN(FILL_AWAY, __VA_ARGS__)}, \
     .a = {.act = act_}}
#define SUM(name_, count, x, y, z, ...) \
    {.name = name_, .op = OP_SUM, .shape = __VA_ARGS__, .n_in = count, \
     .in = {NORMAL(__VA_ARGS__), NORMAL(__VA_ARGS__), NORMAL(__VA_ARGS__)}, \
     .a.coefficients = {x, y, z}}
#define DOT(name_, b, d_) \
    {.name = name_, .op = OP_ROW_DOT, .shape = S2(b, 1), .n_in = 2, \
     .in = {NORMAL(S2(b, d_)), NORMAL(S2(b, d_))}}
#define UPSAMPLE(name_, b, c, h, w) \
    {.name = name_, .op = OP_UPSAMPLE, .shape = S4(b, c, 2 * (h), 2 * (w)), .n_in = 1, \
     .in = {NORMAL(S4(b, c, h, w))}}
#define POOL(name_, kind_, fill_, b, c, h, w, k_, s, p) \
    {.name = name_, .op = OP_POOL, .shape = S4(b, c, WINDOWS(h, k_, s, p), WINDOWS(w, k_, s, p)), .n_in = 1, \
     .in = {IN(fill_, S4(b, c, h, w))}, .a = {.kind = kind_, .k = k_, .stride = s, .pad = p}, \
     .no_difference = (fill_) == FILL_TIES}
#define GLOBAL(name_, kind_, b, c, h, w) \
    {.name = name_, .op = OP_GLOBAL_POOL, .shape = S2(b, c), .n_in = 1, .in = {NORMAL(S4(b, c, h, w))}, \
     .a = {.kind = kind_}}
#define CONCAT2(name_, axis_, first, second, ...) \
    {.name = name_, .op = OP_CONCAT, .shape = __VA_ARGS__, .n_in = 2, .a.axis = axis_, .in = {first, second}}
#define CONCAT3(name_, axis_, first, second, third, ...) \
    {.name = name_, .op = OP_CONCAT, .shape = __VA_ARGS__, .n_in = 3, .a.axis = axis_, .in = {first, second, third}}
#define SLICE(name_, first_, from, ...) \
    {.name = name_, .op = OP_SLICE, .shape = __VA_ARGS__, .n_in = 1, .a.first = first_, .in = {from}}
#define SLICE_AXIS(name_, axis_, first_, from, ...) \
    {.name = name_, .op = OP_SLICE, .shape = __VA_ARGS__, .n_in = 1, .a = {.axis = axis_, .first = first_}, .in = {from}}
#define RESHAPE(name_, from, ...) \
    {.name = name_, .op = OP_RESHAPE, .shape = __VA_ARGS__, .n_in = 1, .in = {from}}
/* While training u and v move with w, but their derivative is left out. */
#define SPECTRAL(name_, training_, rows, columns, ...) \
    {.name = name_, .op = OP_SPECTRAL_NORM, .shape = __VA_ARGS__, .n_in = 3, \
     .in = {WEIGHT(__VA_ARGS__), STATE(FILL_UNIT, rows), STATE(FILL_UNIT, columns)}, \
     .a = {.training = training_, .epsilon = 1e-6F}, .plain = true, .no_difference = training_}
#define AUGMENT(name_, b, c, h, w, ...) \
    {.name = name_, .op = OP_DIFF_AUGMENT, .shape = S4(b, c, h, w), .n_in = 2, \
     .in = {NORMAL(S4(b, c, h, w)), CONSTANT(FILL_UNIFORM, S2(b, 6))}, .a = {.augment = {__VA_ARGS__}}}
#define ROTATE(name_, b, c, h) \
    {.name = name_, .op = OP_ROTATE, .shape = S4(b, c, h, h), .n_in = 1, .in = {NORMAL(S4(b, c, h, h))}}
#define HINGE(name_, kind_, ...) \
    {.name = name_, .op = OP_HINGE, .shape = S1(1), .n_in = 1, .in = {IN(FILL_AWAY, __VA_ARGS__)}, \
     .a = {.kind = kind_}}
#define LOSS(name_, op_, logits, targets, b, k_) \
    {.name = name_, .op = op_, .shape = S1(1), .n_in = 2, \
     .in = {IN(logits, S2(b, k_)), CONSTANT(targets, S2(b, k_))}}
#define MULTIPLY(name_, ...) \
    {.name = name_, .op = OP_MULTIPLY, .shape = __VA_ARGS__, .n_in = 2, \
     .in = {NORMAL(__VA_ARGS__), NORMAL(__VA_ARGS__)}}
#define REPEAT(name_, axis_, from, ...) \
    {.name = name_, .op = OP_REPEAT, .shape = __VA_ARGS__, .n_in = 1, .a.axis = axis_, .in = {from}}
#define LAYER_NORM(name_, d_, ...) \
    {.name = name_, .op = OP_LAYER_NORM, .shape = __VA_ARGS__, .n_in = 3, \
     .in = {NORMAL(__VA_ARGS__), VECTOR(d_), VECTOR(d_)}, .a.epsilon = 1e-5F}
#define NORMALIZE(name_, epsilon_, ...) \
    {.name = name_, .op = OP_NORMALIZE, .shape = __VA_ARGS__, .n_in = 1, .in = {NORMAL(__VA_ARGS__)}, \
     .a.epsilon = epsilon_}
/* The differences of a saturated softmax (1 less 1e-35) do not show in floats. */
#define SOFTMAX(name_, kind_, scale_, fill_, ...) \
    {.name = name_, .op = OP_SOFTMAX, .shape = __VA_ARGS__, .n_in = 1, .in = {IN(fill_, __VA_ARGS__)}, \
     .a = {.kind = kind_, .scale = scale_}, \
     .no_difference = kind_ == SOFTMAX_HARD || (kind_ == SOFTMAX_PLAIN && fill_ == FILL_LARGE)}
#define GUMBEL(name_, kind_, scale_, ...) \
    {.name = name_, .op = OP_SOFTMAX, .shape = __VA_ARGS__, .n_in = 2, \
     .in = {NORMAL(__VA_ARGS__), CONSTANT(FILL_UNIFORM, __VA_ARGS__)}, \
     .a = {.kind = kind_, .scale = scale_}, .no_difference = kind_ == SOFTMAX_HARD}
#define TOKENS(name_, weighted, fill_, b, t, v, known) \
    {.name = name_, .op = OP_TOKEN_CROSS_ENTROPY, .shape = S1(1), .n_in = 2 + (weighted), \
     .in = {IN(fill_, S3(b, t, v)), known, CONSTANT(FILL_UNIFORM, S1(b))}}
#define DROPOUT(name_, rate_, ...) \
    {.name = name_, .op = OP_DROPOUT, .shape = __VA_ARGS__, .n_in = 2, \
     .in = {NORMAL(__VA_ARGS__), CONSTANT(FILL_UNIFORM, __VA_ARGS__)}, .a.rate = rate_}
#define GRID_ROWS(name_, b, c, h, w) \
    {.name = name_, .op = OP_GRID_ROWS, .shape = S3(b, (h) * (w), c), .n_in = 1, .in = {NORMAL(S4(b, c, h, w))}}
#define ROWS_GRID(name_, b, c, h, w) \
    {.name = name_, .op = OP_GRID_ROWS, .shape = S4(b, c, h, w), .n_in = 1, .in = {NORMAL(S3(b, (h) * (w), c))}}
#define ATTENTION(name_, h, b, tq, tk, d, v, causal_, with_lengths, low_) \
    {.name = name_, .op = OP_ATTENTION, .shape = S3(b, tq, v), .n_in = 3 + (with_lengths), \
     .in = {NORMAL(S3(b, tq, d)), NORMAL(S3(b, tk, d)), NORMAL(S3(b, tk, v)), WHOLE(low_, (tk) + 1, S1(b))}, \
     .a = {.heads = h, .causal = causal_, .scale = 0.5F}}
#define LSTM(name_, b, t, i, h, reverse_, ...) \
    {.name = name_, .op = OP_LSTM, .shape = S3(b, t, h), \
     .in = {NORMAL(S3(b, t, i)), WEIGHT(S2(4 * (h), i)), WEIGHT(S2(4 * (h), h)), VECTOR(4 * (h)), VECTOR(4 * (h)), \
            __VA_ARGS__}, .a.reverse = reverse_
#define CELL(name_, b, i, h) \
    {.name = name_, .op = OP_LSTM_CELL, .shape = S2(b, 2 * (h)), .n_in = 6, .a.state = true, \
     .in = {NORMAL(S2(b, i)), WEIGHT(S2(4 * (h), i)), WEIGHT(S2(4 * (h), h)), VECTOR(4 * (h)), VECTOR(4 * (h)), \
            NORMAL(S2(b, 2 * (h)))}}

const test_case test_cases[] = {
    RANDOM("random_uniform",      DISTRIBUTION_UNIFORM,                  7, S1(13)),
    RANDOM("random_uniform_rows", DISTRIBUTION_UNIFORM, 0xF00000000000000F, S2(5, 6)),
    RANDOM("random_uniform_3",    DISTRIBUTION_UNIFORM,                  9, S3(2, 3, 5)),
    RANDOM("random_normal",       DISTRIBUTION_NORMAL,                   8, S2(3, 7)),

    /*                                B   C   H   W   O  k  s  p  bias */
    CONV("conv_1x1",                  2, 12,  7,  7, 20, 1, 1, 0, 0, ACT_NONE),
    CONV("conv_1x1_stride2",          2,  8,  7,  6,  8, 1, 2, 0, 1, ACT_NONE),
    CONV("conv_3x3",                  2,  3,  6,  5, 12, 3, 1, 1, 1, ACT_NONE),
    CONV("conv_3x3_image",            1,  1,  8,  8,  1, 3, 1, 1, 1, ACT_NONE),
    CONV("conv_3x3_relu",             2, 16,  8,  8, 32, 3, 1, 1, 0, ACT_RELU),
    CONV("conv_3x3_odd",              1, 17,  5,  6, 33, 3, 1, 1, 1, ACT_NONE),
    CONV("conv_3x3_valid",            2,  4,  5,  4,  5, 3, 1, 0, 1, ACT_LEAKY_RELU),
    CONV("conv_3x3_tanh",             2, 12,  6,  6,  1, 3, 1, 1, 1, ACT_TANH),
    CONV("conv_3x3_sigmoid",          2,  5,  6,  5, 12, 3, 1, 1, 1, ACT_SIGMOID),
    CONV("conv_3x3_stride2_relu",     3,  8,  9,  7, 16, 3, 2, 1, 1, ACT_RELU),
    CONV("conv_3x3_stride3_leftover", 1,  4,  8,  8,  3, 3, 3, 0, 0, ACT_NONE),
    CONV("conv_4x4_stride2",          2,  3,  6,  6,  5, 4, 2, 1, 1, ACT_LEAKY_RELU),
    CONV("conv_4x4_stride2_leaky",    2, 20,  8,  8, 12, 4, 2, 1, 1, ACT_LEAKY_RELU),
    CONV("conv_4x4_whole",            3, 16,  4,  4,  1, 4, 1, 0, 1, ACT_NONE),
    CONV("conv_4x4_same",             1,  3,  5,  5,  4, 4, 1, 2, 0, ACT_NONE),
    BIG("conv_3x3_many",               2, 32, 32, 32, 32, 3, 1, 1, 1, ACT_RELU),
    CONV("conv_4x4_stride2_many",     2, 16,  8,  8, 64, 4, 2, 1, 1, ACT_RELU),
    CONV("conv_4x4_stride2_blocks",   3, 32, 10, 14, 48, 4, 2, 1, 1, ACT_NONE),
    BIG("conv_4x4_stride2_strings",    3, 16, 40, 28, 16, 4, 2, 1, 1, ACT_NONE),
    CONV("conv_3x3_stride2_even",     3, 32, 10,  6, 16, 3, 2, 1, 1, ACT_NONE),
    BIG("conv_3x3_parts",             17, 16, 16, 15, 16, 3, 1, 1, 0, ACT_NONE),
    BIG("conv_3x3_leaky",              5, 48, 13, 11, 32, 3, 1, 1, 1, ACT_LEAKY_RELU),
    BIG("conv_3x3_padded",             4, 24, 12, 10, 40, 3, 1, 1, 1, ACT_LEAKY_RELU),
    BIG("conv_4x4_stride2_padded",     4, 24, 24, 22, 40, 4, 2, 1, 1, ACT_RELU),
    BIG("conv_3x3_few_tiles",         32, 16,  4,  4, 64, 3, 1, 1, 1, ACT_TANH),
    BIG("conv_4x4_stride2_tiles",      5, 32, 20, 28, 48, 4, 2, 1, 1, ACT_LEAKY_RELU),
    BIG("conv_4x4_stride2_few_tiles", 32, 64,  8,  8, 16, 4, 2, 1, 0, ACT_RELU),
    CONV("conv_3x3_few_pixels",       2, 24,  3,  4, 72, 3, 1, 1, 0, ACT_NONE),
    UPCONV("conv_upsample_many",       1, 64,  3,  2,  8, 0, ACT_NONE),
    UPCONV("conv_upsample_blocks",     3, 48,  5,  7, 32, 1, ACT_RELU),
    BIG_UPCONV("conv_upsample_tiles",    3, 48, 10, 13, 32, 1, ACT_LEAKY_RELU),
    BIG_UPCONV("conv_upsample_padded",   4, 40, 12, 10, 24, 1, ACT_RELU),
    BIG_UPCONV("conv_upsample_few_tiles", 32, 16, 4, 4, 64, 1, ACT_SIGMOID),
    UPCONV("conv_upsample",            2, 16,  4,  5, 24, 0, ACT_NONE),
    UPCONV("conv_upsample_bias_leaky", 1, 20,  3,  3,  9, 1, ACT_LEAKY_RELU),
    UPCONV("conv_upsample_sigmoid",    1,  8,  2,  3, 10, 1, ACT_SIGMOID),
    UPCONV("conv_upsample_image",      2, 12,  4,  4,  1, 1, ACT_TANH),
    UPCONV("conv_upsample_one",        1,  1,  1,  1,  1, 0, ACT_NONE),
    CONV("conv_1x1_thin_in",          3,  2,  5,  9, 24, 1, 1, 0, 1, ACT_RELU),
    CONV("conv_3x3_thin_in",          2,  3,  4, 19, 40, 3, 1, 1, 1, ACT_LEAKY_RELU),
    CONV("conv_3x3_thin_in_wider",    2,  1,  5,  3, 16, 3, 1, 3, 1, ACT_RELU),
    CONV("conv_3x3_thin_in_stride2",  2,  3,  9, 20, 16, 3, 2, 1, 1, ACT_LEAKY_RELU),
    CONV("conv_3x3_thin_out",         2, 40,  4, 18,  3, 3, 1, 1, 1, ACT_LEAKY_RELU),
    CONV("conv_2x2_thin_out_wider",   2, 17,  3, 10,  2, 2, 1, 2, 1, ACT_NONE),
    CONV("conv_7x7_stride2",          1,  1, 12, 12,  8, 7, 2, 3, 0, ACT_RELU),

    /*                        B    I   O  bias */
    LINEAR("linear",          7,  20, 12, 1, ACT_NONE),
    LINEAR("linear_one",      1,   1,  1, 1, ACT_NONE),
    LINEAR("linear_relu",     5,   3, 17, 0, ACT_RELU),
    LINEAR("linear_leaky",    4,  16,  8, 1, ACT_LEAKY_RELU),
    LINEAR("linear_tanh",     4,  33, 10, 1, ACT_TANH),
    LINEAR("linear_sigmoid",  1,  12,  5, 1, ACT_SIGMOID),
    LINEAR("linear_wide",    16, 100, 24, 0, ACT_NONE),

    LINEAR3("linear_rows",      3, 4,  5, 6, 1, ACT_NONE),
    LINEAR3("linear_rows_tanh", 2, 7, 20, 9, 1, ACT_TANH),
    LINEAR3("linear_rows_one",  1, 1,  3, 1, 0, ACT_NONE),
    MATMUL("matmul",            true,  NORMAL(S2(5, 7)),      NORMAL(S2(7, 3)),  S2(5, 3)),
    MATMUL("matmul_rows",       true,  NORMAL(S3(2, 3, 11)),  NORMAL(S2(11, 4)), S3(2, 3, 4)),
    MATMUL("matmul_pairs",      false, NORMAL(S2(5, 6)),      NORMAL(S2(4, 6)),  S2(5, 4)),
    {.name = "linear_transposed", .op = OP_LINEAR, .shape = S2(6, 10), .n_in = 3,
     .in = {NORMAL(S2(6, 4)), WEIGHT(S2(4, 10)), VECTOR(10)}, .a = {.transposed = true, .act = ACT_SIGMOID}},

    NORM("batch_norm",              true,  ACT_NONE, 12, S4(2, 12, 5, 5)),
    NORM("batch_norm_relu",         true,  ACT_RELU, 20, S4(3, 20, 4, 3)),
    NORM("batch_norm_image",        true,  ACT_NONE,  1, S4(2, 1, 4, 4)),
    NORM("batch_norm_one_sample",   true,  ACT_RELU, 16, S4(1, 16, 3, 3)),
    NORM("batch_norm_rows",         true,  ACT_NONE,  5, S2(6, 5)),
    NORM("batch_norm_running",      false, ACT_NONE, 12, S4(2, 12, 3, 5)),
    NORM("batch_norm_running_relu", false, ACT_RELU,  3, S4(2, 3, 4, 4)),
    NORM("batch_norm_running_rows", false, ACT_RELU,  9, S2(4, 9)),
    CONDITIONAL("batch_norm_conditional",         true,  ACT_NONE, 3, 12, S4(3, 12, 4, 4)),
    CONDITIONAL("batch_norm_conditional_relu",    true,  ACT_RELU, 2, 20, S4(2, 20, 5, 4)),
    CONDITIONAL("batch_norm_conditional_wide",    true,  ACT_RELU, 4, 32, S4(4, 32, 2, 2)),
    CONDITIONAL("batch_norm_conditional_rows",    true,  ACT_NONE, 8,  3, S2(8, 3)),
    CONDITIONAL("batch_norm_conditional_running", false, ACT_RELU, 2, 12, S4(2, 12, 3, 3)),
    CONDITIONAL("batch_norm_conditional_image",   false, ACT_NONE, 2,  1, S4(2, 1, 3, 3)),

    FOLD("fold_norm",        12, S2(12, 20)),
    FOLD("fold_norm_conv",    5, S4(5, 3, 3, 3)),
    FOLD("fold_norm_vector", 33, S1(33)),
    FOLD("fold_norm_one",     1, S2(1, 7)),
    FOLD("fold_norm_wide",    3, S4(3, 70, 3, 3)),

    ACT("relu",           ACT_RELU,       S4(2, 12, 3, 5)),
    ACT("relu_rows",      ACT_RELU,       S2(5, 9)),
    ACT("leaky_relu",     ACT_LEAKY_RELU, S4(1, 20, 4, 4)),
    ACT("tanh",           ACT_TANH,       S4(2, 1, 4, 4)),
    ACT("tanh_blocks",    ACT_TANH,       S4(2, 16, 3, 3)),
    ACT("sigmoid",        ACT_SIGMOID,    S4(2, 12, 3, 3)),
    ACT("sigmoid_vector", ACT_SIGMOID,    S1(11)),

    SUM("sum_two",    2,     1,     1,  0, S4(2, 12, 3, 3)),
    SUM("sum_one",    1, -0.5F,     0,  0, S2(3, 5)),
    SUM("sum_losses", 3,     1, 0.25F, -3, S1(1)),
    SUM("sum_blocks", 3,     2,    -1,  0, S4(1, 20, 2, 2)),
    {.name = "sum_parameters", .op = OP_SUM, .shape = S4(12, 3, 3, 3), .n_in = 2, .plain = true,
     .in = {WEIGHT(S4(12, 3, 3, 3)), WEIGHT(S4(12, 3, 3, 3))}, .a.coefficients = {2, -1}},
    {.name = "sum_eight", .op = OP_SUM, .shape = S2(4, 3), .n_in = 8, .a.coefficients = {1, -2, 3, -4, 5, -6, 7, 0},
     .in = {NORMAL(S2(4, 3)), NORMAL(S2(4, 3)), NORMAL(S2(4, 3)),
            NORMAL(S2(4, 3)), NORMAL(S2(4, 3)), NORMAL(S2(4, 3)),
            NORMAL(S2(4, 3)), NORMAL(S2(4, 3))}},

    DOT("row_dot",       5,  7),
    DOT("row_dot_one",   1,  1),
    DOT("row_dot_wide", 16, 64),

    UPSAMPLE("upsample",        2, 12, 3, 5),
    UPSAMPLE("upsample_image",  1,  1, 4, 4),
    UPSAMPLE("upsample_blocks", 2, 16, 2, 2),
    UPSAMPLE("upsample_pixel",  3, 20, 1, 1),

    /*                                                        B   C  H  W  k  s  p */
    POOL("pool_max",             POOL_MAX,     FILL_DISTINCT, 2, 12, 6, 4, 2, 2, 0),
    POOL("pool_max_overlap",     POOL_MAX,     FILL_DISTINCT, 1, 20, 7, 5, 3, 2, 1),
    POOL("pool_max_image",       POOL_MAX,     FILL_DISTINCT, 2,  1, 5, 5, 3, 1, 1),
    POOL("pool_max_leftover",    POOL_MAX,     FILL_DISTINCT, 2,  3, 5, 7, 2, 2, 0),
    POOL("pool_max_ties",        POOL_MAX,     FILL_TIES,     2, 12, 6, 6, 3, 2, 1),
    POOL("pool_average",         POOL_AVERAGE, FILL_NORMAL,   2, 12, 6, 4, 2, 2, 0),
    POOL("pool_average_overlap", POOL_AVERAGE, FILL_NORMAL,   1, 20, 7, 5, 3, 2, 1),
    POOL("pool_average_image",   POOL_AVERAGE, FILL_NORMAL,   3,  1, 4, 4, 3, 3, 1),
    POOL("pool_average_blocks",  POOL_AVERAGE, FILL_NORMAL,   2, 16, 4, 4, 2, 2, 0),

    GLOBAL("global_sum",           GLOBAL_SUM,     2, 12, 4, 5),
    GLOBAL("global_average",       GLOBAL_AVERAGE, 3, 20, 3, 3),
    GLOBAL("global_average_image", GLOBAL_AVERAGE, 3,  1, 4, 4),
    GLOBAL("global_sum_blocks",    GLOBAL_SUM,     2, 16, 2, 2),
    GLOBAL("global_sum_pixel",     GLOBAL_SUM,     1,  9, 1, 1),

    CONCAT2("concat_channels", 1, NORMAL(S4(2, 12, 3, 3)), NORMAL(S4(2, 5, 3, 3)),  S4(2, 17, 3, 3)),
    CONCAT2("concat_blocks",   1, NORMAL(S4(2, 16, 2, 3)), NORMAL(S4(2, 32, 2, 3)), S4(2, 48, 2, 3)),
    CONCAT2("concat_images",   1, NORMAL(S4(2, 1, 3, 3)),  NORMAL(S4(2, 1, 3, 3)),  S4(2, 2, 3, 3)),
    CONCAT2("concat_batch",    0, NORMAL(S4(2, 12, 2, 3)), NORMAL(S4(3, 12, 2, 3)), S4(5, 12, 2, 3)),
    CONCAT2("concat_rows",     0, NORMAL(S2(3, 6)),        NORMAL(S2(1, 6)),        S2(4, 6)),
    CONCAT2("concat_vectors",  0, NORMAL(S1(4)),           NORMAL(S1(5)),           S1(9)),
    CONCAT3("concat_half_blocks", 1, NORMAL(S4(1, 8, 2, 2)), NORMAL(S4(1, 8, 2, 2)), NORMAL(S4(1, 8, 2, 2)), S4(1, 24, 2, 2)),
    CONCAT3("concat_few",         1, NORMAL(S4(2, 1, 3, 2)), NORMAL(S4(2, 3, 3, 2)), NORMAL(S4(2, 4, 3, 2)), S4(2, 8, 3, 2)),
    CONCAT3("concat_columns",     1, NORMAL(S2(3, 4)),       NORMAL(S2(3, 1)),       NORMAL(S2(3, 7)),       S2(3, 12)),

    CONCAT2("concat_times",       1, NORMAL(S3(2, 3, 5)),    NORMAL(S3(2, 1, 5)), S3(2, 4, 5)),
    CONCAT2("concat_sequences",   0, NORMAL(S3(1, 3, 5)),    NORMAL(S3(2, 3, 5)), S3(3, 3, 5)),
    CONCAT3("concat_features",    2, NORMAL(S3(2, 3, 4)),    NORMAL(S3(2, 3, 1)), NORMAL(S3(2, 3, 9)), S3(2, 3, 14)),

    SLICE("slice",        1, NORMAL(S4(4, 12, 3, 3)), S4(2, 12, 3, 3)),
    SLICE("slice_last",   2, NORMAL(S4(3, 3, 4, 2)),  S4(1, 3, 4, 2)),
    SLICE("slice_rows",   0, NORMAL(S2(5, 7)),        S2(3, 7)),
    SLICE("slice_vector", 3, NORMAL(S1(9)),           S1(4)),

    SLICE_AXIS("slice_columns",  1, 2, NORMAL(S2(4, 7)),    S2(4, 3)),
    SLICE_AXIS("slice_times",    1, 1, NORMAL(S3(3, 4, 5)), S3(3, 2, 5)),
    SLICE_AXIS("slice_features", 2, 3, NORMAL(S3(2, 3, 7)), S3(2, 3, 4)),
    SLICE_AXIS("slice_feature",  2, 0, NORMAL(S3(3, 2, 5)), S3(3, 2, 1)),

    RESHAPE("reshape_unflatten",   NORMAL(S2(2, 48)),       S4(2, 12, 2, 2)),
    RESHAPE("reshape_flatten",     NORMAL(S4(2, 20, 2, 3)), S2(2, 120)),
    RESHAPE("reshape_regroup",     NORMAL(S4(2, 12, 2, 2)), S4(1, 24, 4, 1)),
    RESHAPE("reshape_to_image",    NORMAL(S4(2, 16, 2, 2)), S4(2, 1, 8, 8)),
    RESHAPE("reshape_vector",      NORMAL(S2(3, 5)),        S1(15)),
    RESHAPE("reshape_from_vector", NORMAL(S1(36)),          S4(1, 9, 2, 2)),
    RESHAPE("reshape_to_vector",   NORMAL(S4(2, 10, 1, 2)), S1(40)),
    RESHAPE("reshape_merge",       NORMAL(S3(3, 4, 5)),     S2(12, 5)),
    RESHAPE("reshape_split",       NORMAL(S2(6, 20)),       S3(6, 4, 5)),
    RESHAPE("reshape_image_rows",  NORMAL(S4(2, 12, 3, 2)), S3(2, 12, 6)),
    RESHAPE("reshape_rows_image",  NORMAL(S3(2, 9, 4)),     S4(2, 9, 2, 2)),
    RESHAPE("reshape_parameter",   WEIGHT(S4(12, 3, 2, 2)),          S4(12, 3, 2, 2)),

    SPECTRAL("spectral_norm",             true,  12, 20, S2(12, 20)),
    SPECTRAL("spectral_norm_conv",        true,   5, 27, S4(5, 3, 3, 3)),
    SPECTRAL("spectral_norm_one",         true,   1,  7, S2(1, 7)),
    SPECTRAL("spectral_norm_frozen",      false, 12, 20, S2(12, 20)),
    SPECTRAL("spectral_norm_frozen_conv", false, 16, 72, S4(16, 8, 3, 3)),
    SPECTRAL("spectral_norm_frozen_tall", false,  7,  1, S2(7, 1)),

    AUGMENT("diff_augment",             7,  1,  8,  8, true,  true,  true,  true),
    AUGMENT("diff_augment_blocks",      3, 12, 12, 12, true,  true,  true,  true),
    AUGMENT("diff_augment_colour",      4,  3,  6,  8, true,  true,  true,  true),
    AUGMENT("diff_augment_brightness",  2,  1,  4,  4, true,  false, false, false),
    AUGMENT("diff_augment_contrast",    2,  3,  4,  5, false, true,  false, false),
    AUGMENT("diff_augment_translation", 5,  1, 12, 12, false, false, true,  false),
    AUGMENT("diff_augment_cutout",      5,  1,  8,  8, false, false, false, true),
    AUGMENT("diff_augment_nothing",     2,  1,  4,  4, false, false, false, false),

    ROTATE("rotate",          5,  1, 4),
    ROTATE("rotate_odd",      9,  3, 5),
    ROTATE("rotate_channels", 4, 12, 3),
    ROTATE("rotate_one",      1, 16, 2),

    HINGE("hinge_real",        HINGE_REAL,      S2(9, 1)),
    HINGE("hinge_fake",        HINGE_FAKE,      S2(9, 1)),
    HINGE("hinge_generator",   HINGE_GENERATOR, S2(9, 1)),
    HINGE("hinge_real_vector", HINGE_REAL,      S1(20)),
    HINGE("hinge_fake_one",    HINGE_FAKE,      S1(1)),

    LOSS("softmax_cross_entropy",        OP_SOFTMAX_CROSS_ENTROPY, FILL_NORMAL, FILL_TARGETS, 6, 10),
    LOSS("softmax_cross_entropy_three",  OP_SOFTMAX_CROSS_ENTROPY, FILL_NORMAL, FILL_TARGETS, 4,  3),
    LOSS("softmax_cross_entropy_large",  OP_SOFTMAX_CROSS_ENTROPY, FILL_LARGE,  FILL_TARGETS, 5,  4),
    LOSS("softmax_cross_entropy_binary", OP_SOFTMAX_CROSS_ENTROPY, FILL_NORMAL, FILL_BINARY,  3,  2),

    LOSS("binary_cross_entropy",         OP_BINARY_CROSS_ENTROPY, FILL_NORMAL, FILL_PARTIAL, 4, 14),
    LOSS("binary_cross_entropy_one",     OP_BINARY_CROSS_ENTROPY, FILL_NORMAL, FILL_BINARY,  1,  1),
    LOSS("binary_cross_entropy_large",   OP_BINARY_CROSS_ENTROPY, FILL_LARGE,  FILL_BINARY,  3,  5),
    LOSS("binary_cross_entropy_unknown", OP_BINARY_CROSS_ENTROPY, FILL_NORMAL, FILL_UNKNOWN, 2,  3),

    MULTIPLY("multiply",          S3(2, 3, 7)),
    MULTIPLY("multiply_vector",   S1(33)),
    MULTIPLY("multiply_rows",     S2(5, 9)),

    REPEAT("repeat_table",    0, NORMAL(S2(4, 5)), S3(3, 4, 5)),
    REPEAT("repeat_vector",   0, NORMAL(S1(9)),    S2(6, 9)),
    REPEAT("repeat_rows",     1, NORMAL(S2(5, 7)), S3(5, 4, 7)),
    REPEAT("repeat_elements", 2, NORMAL(S2(3, 4)), S3(3, 4, 3)),
    REPEAT("repeat_once",     1, NORMAL(S2(2, 3)), S3(2, 1, 3)),

    {.name = "embedding",          .op = OP_EMBEDDING, .shape = S3(3, 5, 7), .n_in = 2,
     .in = {WHOLE(-1, 10, S2(3, 5)), NORMAL(S2(11, 7))}},
    {.name = "embedding_vector",   .op = OP_EMBEDDING, .shape = S2(9, 33), .n_in = 2,
     .in = {WHOLE(-2, 5, S1(9)), NORMAL(S2(4, 33))}},
    {.name = "embedding_one",      .op = OP_EMBEDDING, .shape = S3(1, 1, 1), .n_in = 2,
     .in = {WHOLE(0, 0, S2(1, 1)), NORMAL(S2(1, 1))}},
    {.name = "embedding_unknown",  .op = OP_EMBEDDING, .shape = S3(2, 3, 5), .n_in = 2,
     .in = {CONSTANT(FILL_UNKNOWN, S2(2, 3)), NORMAL(S2(6, 5))}},

    {.name = "gather",     .op = OP_GATHER, .shape = S2(7, 5), .n_in = 2, .in = {NORMAL(S3(7, 3, 5)), WHOLE(-1, 3, S1(7))}},
    {.name = "gather_one", .op = OP_GATHER, .shape = S2(1, 1), .n_in = 2, .in = {NORMAL(S3(1, 1, 1)), WHOLE(0, 0, S1(1))}},
    {.name = "gather_wide", .op = OP_GATHER, .shape = S2(3, 40), .n_in = 2,
     .in = {NORMAL(S3(3, 6, 40)), WHOLE(0, 5, S1(3))}},

    LAYER_NORM("layer_norm",        20, S3(3, 4, 20)),
    LAYER_NORM("layer_norm_rows",    7, S2(5, 7)),
    LAYER_NORM("layer_norm_vector", 33, S1(33)),
    LAYER_NORM("layer_norm_wide",  300, S2(3, 300)),

    NORMALIZE("normalize",       1e-6F, S2(5, 9)),
    NORMALIZE("normalize_rows",  1e-6F, S3(2, 3, 33)),
    NORMALIZE("normalize_short",   100, S2(4, 6)),
    NORMALIZE("normalize_wide",  1e-6F, S2(2, 300)),

    SOFTMAX("softmax",         SOFTMAX_PLAIN,    1, FILL_NORMAL,   S3(2, 3, 7)),
    SOFTMAX("softmax_cool",    SOFTMAX_PLAIN,    2, FILL_NORMAL,   S2(4, 33)),
    SOFTMAX("softmax_large",   SOFTMAX_PLAIN,    1, FILL_LARGE,    S2(3, 5)),
    SOFTMAX("softmax_one",     SOFTMAX_PLAIN,    1, FILL_NORMAL,   S1(1)),
    SOFTMAX("softmax_wide",    SOFTMAX_PLAIN, 0.5F, FILL_NORMAL,   S2(2, 600)),
    SOFTMAX("softmax_log",     SOFTMAX_LOG,      1, FILL_NORMAL,   S3(2, 2, 9)),
    SOFTMAX("softmax_log_large", SOFTMAX_LOG, 0.5F, FILL_LARGE,    S2(3, 6)),
    SOFTMAX("softmax_hard",    SOFTMAX_HARD,     1, FILL_DISTINCT, S2(5, 8)),
    SOFTMAX("softmax_ties",    SOFTMAX_HARD,     1, FILL_TIES,     S2(6, 11)),
    GUMBEL("gumbel",           SOFTMAX_PLAIN,    1,                S2(4, 9)),
    GUMBEL("gumbel_log",       SOFTMAX_LOG,   0.5F,                S2(3, 5)),
    GUMBEL("gumbel_hard",      SOFTMAX_HARD,     2,                S3(2, 3, 12)),

    TOKENS("token_cross_entropy",          0, FILL_NORMAL, 3, 4, 7,  WHOLE(-1, 7, S2(3, 4))),
    TOKENS("token_cross_entropy_weighted", 1, FILL_NORMAL, 5, 3, 9,  WHOLE(-1, 8, S2(5, 3))),
    TOKENS("token_cross_entropy_large",    0, FILL_LARGE,  2, 3, 5,  WHOLE(0, 4, S2(2, 3))),
    TOKENS("token_cross_entropy_wide",     1, FILL_NORMAL, 2, 2, 300, WHOLE(0, 299, S2(2, 2))),
    TOKENS("token_cross_entropy_none",     0, FILL_NORMAL, 2, 3, 4,  CONSTANT(FILL_UNKNOWN, S2(2, 3))),
    {.name = "token_cross_entropy_rows", .op = OP_TOKEN_CROSS_ENTROPY, .shape = S1(1), .n_in = 3,
     .in = {NORMAL(S2(6, 5)), WHOLE(-1, 4, S1(6)), CONSTANT(FILL_UNIFORM, S1(6))}},

    DROPOUT("dropout",        0.5F, S3(2, 3, 7)),
    DROPOUT("dropout_little", 0.1F, S2(5, 33)),
    DROPOUT("dropout_most",   0.9F, S1(20)),

    ACT("gelu",        ACT_GELU, S3(2, 3, 7)),
    ACT("gelu_rows",   ACT_GELU, S2(5, 33)),
    {.name = "gelu_large", .op = OP_ACTIVATION, .shape = S1(40), .n_in = 1, .in = {IN(FILL_LARGE, S1(40))},
     .a = {.act = ACT_GELU}},

    GRID_ROWS("grid_rows",        2, 12, 3, 4),
    GRID_ROWS("grid_rows_blocks", 3, 32, 2, 2),
    GRID_ROWS("grid_rows_image",  2,  1, 3, 5),
    GRID_ROWS("grid_rows_few",    2,  3, 2, 3),
    GRID_ROWS("grid_rows_pixel",  2, 20, 1, 1),
    ROWS_GRID("rows_grid",        2, 12, 3, 4),
    ROWS_GRID("rows_grid_blocks", 1, 16, 2, 3),
    ROWS_GRID("rows_grid_few",    2,  5, 2, 2),

    /*                             heads B Tq Tk   D   V  causal lengths */
    ATTENTION("attention",             2, 2, 3, 5,  8,  6, false, 0, 0),
    ATTENTION("attention_causal",      1, 2, 5, 5,  7,  7, true,  0, 0),
    ATTENTION("attention_lengths",     3, 5, 4, 6,  9, 12, false, 1, 1),
    ATTENTION("attention_no_keys",     2, 6, 3, 4,  4,  4, false, 1, -1),
    ATTENTION("attention_both",        2, 6, 5, 5,  6,  8, true,  1, 0),
    ATTENTION("attention_one_query",   1, 3, 1, 9, 20,  5, false, 1, 1),
    ATTENTION("attention_one",         1, 1, 1, 1,  1,  1, false, 0, 0),
    ATTENTION("attention_wide",        4, 2, 9, 33, 64, 64, false, 0, 0),

    LSTM("lstm",                2, 3, 5, 4, false, {.fill = 0}), .n_in = 5},
    LSTM("lstm_state",          3, 4, 3, 5, false, NORMAL(S2(3, 10))), .n_in = 6, .a.state = true},
    LSTM("lstm_lengths",        6, 4, 2, 3, false, WHOLE(-1, 5, S1(6))), .n_in = 6},
    LSTM("lstm_reverse",        2, 4, 3, 3, true,  {.fill = 0}), .n_in = 5},
    LSTM("lstm_all",            5, 4, 3, 2, true,  NORMAL(S2(5, 4)), WHOLE(0, 4, S1(5))), .n_in = 7, .a.state = true},
    LSTM("lstm_all_forward",    5, 3, 3, 8, false, NORMAL(S2(5, 16)), WHOLE(0, 3, S1(5))), .n_in = 7, .a.state = true},
    LSTM("lstm_one",            1, 1, 1, 1, false, {.fill = 0}), .n_in = 5},
    LSTM("lstm_wide",           3, 5, 20, 33, false, {.fill = 0}), .n_in = 5},

    CELL("lstm_cell",      3,  5,  4),
    CELL("lstm_cell_one",  1,  1,  1),
    CELL("lstm_cell_wide", 5, 20, 33),
};

/* clang-format on */

const int test_case_count = (int)(sizeof test_cases / sizeof *test_cases);
