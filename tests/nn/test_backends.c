/* The fast backends against the reference, on every row of the table. The tolerance is that of fp32 sums of a
 * few thousand terms. */
#include "tests/nn/harness.h"

#ifdef HAVE_CUDA
#include "nn/cuda/cuda.h"
#endif

#include <criterion/criterion.h>
#include <string.h>

static const double tolerance = 1e-4;

/* One forward and, if r wants gradients, one backward; states end up in x->in. */
static err run(const backend_i *interface, const test_case *t, const request *r, bool backward, tensors *x)
{
    harness *h = NULL;
    err error = tensors_open(t, x);
    if (error == OK) error = harness_open(interface, t, r, &h);
    if (error == OK) error = harness_forward(h, x->in, 3, x->out);
    if (error == OK && backward) error = harness_backward(h, x->dout, x->din);
    for (int i = 0; i < t->n_in && error == OK; i++)
        if (t->in[i].state) error = harness_input(h, i, x->in[i]);
    harness_close(h);
    return error;
}

static void compare(const test_case *t, const char *what, int i, const float *value, const float *expected,
                    const nn_shape_t *shape)
{
    double error = relative_error(value, expected, nn_count(shape));
    cr_expect_leq(error, tolerance, "%s: %s %d differs by %.2g of its largest value", t->name, what, i,
                  error);
}

static void compare_runs(const backend_i *interface, const test_case *t, const request *r)
{
    tensors reference = {0}, tested = {0};
    bool backward = false;
    for (int i = 0; i < t->n_in; i++) backward = backward || r->wants[i];
    err error = run(&be_ref, t, r, backward, &reference);
    if (error == OK) error = run(interface, t, r, backward, &tested);
    cr_expect_eq(error, OK, "%s", err_message());
    if (error == OK) compare(t, "output", 0, tested.out, reference.out, &t->shape);
    for (int i = 0; i < t->n_in && error == OK; i++) {
        if (t->in[i].state) compare(t, "state", i, tested.in[i], reference.in[i], &t->in[i].shape);
        if (r->wants[i]) compare(t, "gradient", i, tested.din[i], reference.din[i], &t->in[i].shape);
    }
    tensors_close(&reference);
    tensors_close(&tested);
}

/* Forward alone; all gradients stored; all added; each alone, stored or added in turn. */
static void compare_case(const backend_i *interface, const test_case *t)
{
    request nothing = {0}, stored = request_all(t, false), added = request_all(t, true);
    compare_runs(interface, t, &nothing);
    if (t->n_in == 0) return;
    compare_runs(interface, t, &stored);
    compare_runs(interface, t, &added);
    for (int i = 0; i < t->n_in && t->n_in > 1; i++) {
        request alone = {0};
        alone.wants[i] = t->in[i].gradient;
        alone.add[i] = alone.wants[i] && i % 2;
        if (alone.wants[i]) compare_runs(interface, t, &alone);
    }
}

static void compare_operator(const backend_i *interface, nn_op op)
{
    int rows = 0;
    for (int k = 0; k < test_case_count; k++) {
        if (test_cases[k].op != op) continue;
        compare_case(interface, &test_cases[k]);
        rows++;
    }
    cr_expect(rows >= 3 || op == OP_INPUT || op == OP_PARAMETER, "%s has %d rows in the table",
              nn_op_name(op), rows);
}

#define X(name, text)                                                                                        \
    Test(backends, name)                                                                                     \
    {                                                                                                        \
        compare_operator(&be_cpu, OP_##name);                                                                \
    }
#include "nn/ops.def"
#undef X

#ifdef HAVE_CUDA
#define X(name, text)                                                                                        \
    Test(cuda_backend, name)                                                                                 \
    {                                                                                                        \
        if (cuda_device_count() == 0) cr_skip_test("skipped: no CUDA device");                               \
        compare_operator(&be_cuda, OP_##name);                                                               \
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
        cr_assert_eq(run(&be_ref, t, &stored, true, &a), OK, "%s", err_message());
        cr_assert_eq(run(&be_ref, t, &added, true, &b), OK, "%s", err_message());
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
Test(backends, runs_are_bit_identical)
{
    const backend_i *const backends[] = {&be_ref, &be_cpu};
    for (int k = 0; k < 2 * test_case_count; k++) {
        const test_case *t = &test_cases[k / 2];
        request r = request_all(t, false);
        tensors a = {0}, b = {0};
        err error = run(backends[k % 2], t, &r, t->n_in > 0, &a);
        if (error == OK) error = run(backends[k % 2], t, &r, t->n_in > 0, &b);
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
