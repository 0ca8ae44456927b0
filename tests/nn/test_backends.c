/* The fast backends against the reference, on every row of the table. The tolerance is that of fp32 sums of a
 * few thousand terms. */
#include "tests/nn/harness.h"

#ifdef HAVE_CUDA
#include "nn/cuda/cuda.h"
#endif

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* A device and how far it may be from the reference, as a share of the largest value. fp32: sums of a few
 * thousand terms. tf32 rounds both factors by up to 2^-11 of themselves, and sums may cancel. bf16 keeps 8
 * bits: both sides get the same rounded inputs (or relu would cut differently), then results, what is added
 * to, and the weights of merged upsampling are each rounded by up to 2^-9 of themselves, and sums may cancel.
 */
typedef struct tested_device {
    const backend_i *backend;
    nn_precision precision;
    double tolerance;
} tested_device;

static const tested_device reference = {&be_ref, NN_FP32, 0};
static const tested_device cpu_fp32 = {&be_cpu, NN_FP32, 1e-4};
static const tested_device cpu_bf16 = {&be_cpu, NN_BF16, 8 / 512.0};

static nn_device device_of(const tested_device *d)
{
    return (nn_device){.backend = d->backend, .precision = d->precision};
}

/* Ends the test as skipped where the machine lacks the device. */
static void require_device(const tested_device *d)
{
    nn_device device = device_of(d);
    backend *b = NULL;
    err error = d->backend->open(&device, &b);
    if (error == ERR_UNAVAILABLE) cr_skip_test("skipped: %s", err_message());
    cr_assert_eq(error, OK, "%s", err_message());
    d->backend->close(b);
}

/* To the nearest bf16, as a float. */
static float rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x == x) bits = (bits + 0x7FFFU + (bits >> 16 & 1U)) & 0xFFFF0000U;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void round_tensors(const test_case *t, tensors *x)
{
    for (size_t k = 0; k < nn_count(&t->shape); k++) x->dout[k] = rounded(x->dout[k]);
    for (int i = 0; i < t->n_in; i++)
        for (size_t k = 0; k < nn_count(&t->in[i].shape); k++) {
            x->in[i][k] = rounded(x->in[i][k]);
            x->din[i][k] = rounded(x->din[i][k]);
        }
}

static bool has_kink(const test_case *t)
{
    return t->a.act == ACT_RELU || t->a.act == ACT_LEAKY_RELU;
}

/* Where what enters relu or leaky relu is so near to 0 that rounding decides its sign, either slope is right:
 * no gradient is sent there. `near` is a share of the largest such value. */
static err spare_kinks(const test_case *t, double near, tensors *x)
{
    test_case linear = *t;
    harness *h = NULL;
    size_t n = nn_count(&t->shape);
    double largest = 0;
    linear.a.act = ACT_NONE;
    err error = harness_open(nn_on(&be_ref), &linear, &(request){0}, &h);
    if (error == OK) error = harness_forward(h, x->in, 3, x->out);
    for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(x->out[k]));
    for (size_t k = 0; k < n; k++)
        if (fabs(x->out[k]) <= near * largest) x->dout[k] = 0;
    harness_close(h);
    return error;
}

/* One forward and, if r wants gradients, one backward, from the inputs that device `as` may have; states end
 * up in x->in. */
static err run_on(const tested_device *d, const test_case *t, const request *r, bool backward,
                  const tested_device *as, tensors *x)
{
    harness *h = NULL;
    err error = tensors_open(t, x);
    if (error == OK && as->precision == NN_BF16) round_tensors(t, x);
    if (error == OK && as->precision != NN_FP32 && has_kink(t)) error = spare_kinks(t, as->tolerance, x);
    if (error == OK) error = harness_open(device_of(d), t, r, &h);
    if (error == OK) error = harness_forward(h, x->in, 3, x->out);
    if (error == OK && backward) error = harness_backward(h, x->dout, x->din);
    for (int i = 0; i < t->n_in && error == OK; i++)
        if (t->in[i].state) error = harness_input(h, i, x->in[i]);
    harness_close(h);
    return error;
}

static err run(const tested_device *d, const test_case *t, const request *r, bool backward, tensors *x)
{
    return run_on(d, t, r, backward, &reference, x);
}

static void compare(const tested_device *d, const test_case *t, const char *what, int i, const float *value,
                    const float *expected, const nn_shape_t *shape)
{
    double error = relative_error(value, expected, nn_count(shape));
    cr_expect_leq(error, d->tolerance, "%s: %s %d differs by %.2g of its largest value", t->name, what, i,
                  error);
}

static void compare_runs(const tested_device *d, const test_case *t, const request *r)
{
    tensors expected = {0}, tested = {0};
    bool backward = false;
    for (int i = 0; i < t->n_in; i++) backward = backward || r->wants[i];
    err error = run_on(&reference, t, r, backward, d, &expected);
    if (error == OK) error = run_on(d, t, r, backward, d, &tested);
    cr_expect_eq(error, OK, "%s", err_message());
    if (error == OK) compare(d, t, "output", 0, tested.out, expected.out, &t->shape);
    for (int i = 0; i < t->n_in && error == OK; i++) {
        if (t->in[i].state) compare(d, t, "state", i, tested.in[i], expected.in[i], &t->in[i].shape);
        if (r->wants[i]) compare(d, t, "gradient", i, tested.din[i], expected.din[i], &t->in[i].shape);
    }
    tensors_close(&expected);
    tensors_close(&tested);
}

/* Forward alone; all gradients stored; all added; each alone, stored or added in turn. */
static void compare_case(const tested_device *d, const test_case *t)
{
    request nothing = {0}, stored = request_all(t, false), added = request_all(t, true);
    compare_runs(d, t, &nothing);
    if (t->n_in == 0) return;
    compare_runs(d, t, &stored);
    compare_runs(d, t, &added);
    for (int i = 0; i < t->n_in && t->n_in > 1; i++) {
        request alone = {0};
        alone.wants[i] = t->in[i].gradient;
        alone.add[i] = alone.wants[i] && i % 2;
        if (alone.wants[i]) compare_runs(d, t, &alone);
    }
}

static void compare_operator(const tested_device *d, nn_op op)
{
    require_device(d);
    int rows = 0;
    for (int k = 0; k < test_case_count; k++) {
        if (test_cases[k].op != op) continue;
        compare_case(d, &test_cases[k]);
        rows++;
    }
    cr_expect(rows >= 3 || op == OP_INPUT || op == OP_PARAMETER, "%s has %d rows in the table",
              nn_op_name(op), rows);
}

#define X(name, text)                                                                                        \
    Test(backends, name)                                                                                     \
    {                                                                                                        \
        compare_operator(&cpu_fp32, OP_##name);                                                              \
    }                                                                                                        \
    Test(backends_bf16, name)                                                                                \
    {                                                                                                        \
        compare_operator(&cpu_bf16, OP_##name);                                                              \
    }
#include "nn/ops.def"
#undef X

#ifdef HAVE_CUDA
static const tested_device cuda_fp32 = {&be_cuda, NN_FP32, 1e-4};
static const tested_device cuda_tf32 = {&be_cuda, NN_TF32, 4 / 1024.0};
static const tested_device cuda_bf16 = {&be_cuda, NN_BF16, 8 / 512.0};

#define X(name, text)                                                                                        \
    Test(cuda_backend, name)                                                                                 \
    {                                                                                                        \
        compare_operator(&cuda_fp32, OP_##name);                                                             \
    }                                                                                                        \
    Test(cuda_tf32, name)                                                                                    \
    {                                                                                                        \
        compare_operator(&cuda_tf32, OP_##name);                                                             \
    }                                                                                                        \
    Test(cuda_bf16, name)                                                                                    \
    {                                                                                                        \
        compare_operator(&cuda_bf16, OP_##name);                                                             \
    }
#include "nn/ops.def"
#undef X
#endif

/* add must add exactly what store stores: the gradient of several uses is their sum. */
Test(backends, adding_a_gradient_is_storing_it_and_adding)
{
    for (int k = 0; k < test_case_count; k++) {
        const test_case *t = &test_cases[k];
        request stored = request_all(t, false), added = request_all(t, true);
        tensors a = {0}, b = {0}, before = {0};
        if (t->n_in == 0) continue;
        cr_assert_eq(run(&reference, t, &stored, true, &a), OK, "%s", err_message());
        cr_assert_eq(run(&reference, t, &added, true, &b), OK, "%s", err_message());
        cr_assert_eq(tensors_open(t, &before), OK);
        for (int i = 0; i < t->n_in; i++) {
            size_t n = nn_count(&t->in[i].shape);
            for (size_t j = 0; j < n && t->in[i].gradient; j++) a.din[i][j] += before.din[i][j];
            double error = relative_error(b.din[i], a.din[i], n);
            cr_expect_leq(error, 1e-6, "%s: gradient %d differs by %.2g", t->name, i, error);
        }
        tensors_close(&a);
        tensors_close(&b);
        tensors_close(&before);
    }
}

/* The same call twice gives the same bits. */
static void repeat(const tested_device *d)
{
    require_device(d);
    for (int k = 0; k < test_case_count; k++) {
        const test_case *t = &test_cases[k];
        request r = request_all(t, false);
        tensors a = {0}, b = {0};
        err error = run(d, t, &r, t->n_in > 0, &a);
        if (error == OK) error = run(d, t, &r, t->n_in > 0, &b);
        cr_expect_eq(error, OK, "%s", err_message());
        if (error == OK)
            cr_expect_eq(memcmp(a.out, b.out, nn_count(&t->shape) * sizeof *a.out), 0, "%s", t->name);
        for (int i = 0; error == OK && i < t->n_in; i++)
            cr_expect_eq(memcmp(a.din[i], b.din[i], nn_count(&t->in[i].shape) * sizeof(float)), 0, "%s: %d",
                         t->name, i);
        tensors_close(&a);
        tensors_close(&b);
    }
}

Test(backends, runs_are_bit_identical)
{
    repeat(&reference);
    repeat(&cpu_fp32);
}

#ifdef HAVE_CUDA
Test(cuda_backend, runs_are_bit_identical)
{
    repeat(&cuda_fp32);
}

Test(cuda_bf16, runs_are_bit_identical)
{
    repeat(&cuda_bf16);
}
#endif
