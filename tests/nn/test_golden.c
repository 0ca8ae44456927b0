/* The backends against PyTorch's values: tests/golden/nn_make.py and nn_sequence_make.py compute them for
 * rows of the table. */
#include "nn/safetensors.h"
#include "tests/nn/devices.h"
#include "tests/nn/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const files[] = {TEST_GOLDEN "/nn_operators.safetensors",
                                    TEST_GOLDEN "/nn_sequence.safetensors"};
enum { FILES = sizeof files / sizeof *files };

static safetensors *open_golden(int i)
{
    safetensors *f;
    cr_assert_eq(safetensors_open(files[i], &f), OK, "%s", err_message());
    return f;
}

/* NAME/WHAT or NAME/WHATi; NULL if the file has none. Its shape must be the table's. */
static const float *golden(const safetensors *f, const test_case *t, const char *what, int i,
                           const nn_shape_t *shape)
{
    char name[NN_NAME_BYTES];
    const float *data;
    nn_shape_t found;
    if (i < 0)
        (void)snprintf(name, sizeof name, "%s/%s", t->name, what);
    else
        (void)snprintf(name, sizeof name, "%s/%s%d", t->name, what, i);
    if (safetensors_read(f, name, &found, &data) != OK) return NULL;
    cr_assert(found.rank == shape->rank && memcmp(found.d, shape->d, (size_t)shape->rank * sizeof(int)) == 0,
              "%s has another shape than the table's row", name);
    return data;
}

static bool load(const safetensors *f, const test_case *t, tensors *x)
{
    cr_assert_eq(tensors_open(t, x), OK);
    for (int i = 0; i < t->n_in; i++) {
        const float *in = golden(f, t, "in", i, &t->in[i].shape);
        if (!in) return false;
        memcpy(x->in[i], in, nn_count(&t->in[i].shape) * sizeof *in);
    }
    const float *dout = golden(f, t, "dout", -1, &t->shape);
    if (dout) memcpy(x->dout, dout, nn_count(&t->shape) * sizeof *dout);
    return dout != NULL;
}

static void expect_near(const test_case *t, const char *what, int i, const float *value,
                        const float *expected, const nn_shape_t *shape, double tolerance)
{
    cr_assert(expected, "%s: no golden %s %d", t->name, what, i);
    double error = relative_error(value, expected, nn_count(shape));
    cr_expect_leq(error, tolerance, "%s: %s %d differs by %.2g of its largest value", t->name, what, i,
                  error);
}

/* Whether the gradient of input i has a scale that rounding may be a share of: where a rounded input can make
 * another slope or another element win it has none, nor has a single sum, whose terms may cancel. */
static bool may_be_rounded(const test_case *t, int i)
{
    if (nn_count(&t->in[i].shape) == 1) return false;
    return !(t->a.act == ACT_RELU || t->a.act == ACT_LEAKY_RELU ||
             (t->op == OP_POOL && t->a.kind == POOL_MAX));
}

static void compare(nn_device device, double tolerance, const safetensors *f, const test_case *t)
{
    tensors x;
    harness *h = NULL;
    request r = request_all(t, false);
    bool there = load(f, t, &x);
    err error = there ? harness_open(device, t, &r, &h) : OK;
    if (h) error = harness_forward(h, x.in, 0, x.out);
    if (h && error == OK) error = harness_backward(h, x.dout, x.din);
    cr_expect_eq(error, OK, "%s", err_message());
    if (h && error == OK)
        expect_near(t, "out", -1, x.out, golden(f, t, "out", -1, &t->shape), &t->shape, tolerance);
    for (int i = 0; h && error == OK && i < t->n_in; i++) {
        const nn_shape_t *shape = &t->in[i].shape;
        if (t->in[i].gradient && (device.precision == NN_FP32 || may_be_rounded(t, i)))
            expect_near(t, "din", i, x.din[i], golden(f, t, "din", i, shape), shape, tolerance);
        if (!t->in[i].state) continue;
        cr_expect_eq(harness_input(h, i, x.in[i]), OK);
        expect_near(t, "state", i, x.in[i], golden(f, t, "state", i, shape), shape, tolerance);
    }
    harness_close(h);
    tensors_close(&x);
}

static bool is_golden(const safetensors *f, const test_case *t)
{
    return t->n_in > 0 && golden(f, t, "in", 0, &t->in[0].shape);
}

static void compare_all(nn_device device, double tolerance)
{
    for (int i = 0; i < FILES; i++) {
        safetensors *f = open_golden(i);
        for (int k = 0; k < test_case_count; k++)
            if (is_golden(f, &test_cases[k])) compare(device, tolerance, f, &test_cases[k]);
        safetensors_close(f);
    }
}

Test(golden, reference)
{
    compare_all(nn_on(&be_ref), 1e-5);
}

Test(golden, cpu)
{
    compare_all(nn_on(&be_cpu), 1e-4);
}

#ifdef HAVE_CUDA
/* tf32 and bf16: as in test_backends.c, and the inputs are rounded, too. */
static void compare_precision(nn_device device)
{
    static const double tolerances[] = {[NN_FP32] = 1e-4, [NN_TF32] = 4 / 1024.0, [NN_BF16] = 12 / 512.0};
    compare_all(device, tolerances[device.precision]);
}

Test(cuda_golden, operators)
{
    run_on_gpu(compare_precision);
}
#endif

static bool is_row(const char *name, size_t length)
{
    for (int k = 0; k < test_case_count; k++)
        if (strlen(test_cases[k].name) == length && strncmp(test_cases[k].name, name, length) == 0)
            return true;
    return false;
}

/* Every operator that PyTorch has is there, and every tensor of the files belongs to a row. */
Test(golden, covers_every_operator)
{
    bool covered[OP_COUNT] = {[OP_INPUT] = true, [OP_PARAMETER] = true, [OP_RANDOM] = true};
    for (int i = 0; i < FILES; i++) {
        safetensors *f = open_golden(i);
        for (int k = 0; k < test_case_count; k++)
            if (is_golden(f, &test_cases[k])) covered[test_cases[k].op] = true;
        for (int k = 0; k < safetensors_count(f); k++) {
            const char *name = safetensors_name(f, k);
            cr_expect(is_row(name, strcspn(name, "/")), "golden tensor %s belongs to no row", name);
        }
        safetensors_close(f);
    }
    for (nn_op op = 0; op < OP_COUNT; op++) cr_expect(covered[op], "%s has no golden row", nn_op_name(op));
}
