/* The harness itself must notice what it is there to notice: kernels that misbehave, one way each. */
#include "tests/nn/harness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* The row "tanh": 32 elements. */
static const test_case *row(void)
{
    for (int k = 0; k < test_case_count; k++)
        if (strcmp(test_cases[k].name, "tanh") == 0) return &test_cases[k];
    cr_assert_fail("the table has no row tanh");
    return NULL;
}

static err forward(backend *b, const call *c)
{
    return be_ref.ops[OP_ACTIVATION]->forward(b, c);
}

static err backward(backend *b, const call *c)
{
    return be_ref.ops[OP_ACTIVATION]->backward(b, c);
}

static err forward_past_the_end(backend *b, const call *c)
{
    c->out[nn_count(&c->n->shape)] = 0;
    return forward(b, c);
}

static err forward_before_the_start(backend *b, const call *c)
{
    c->out[-1] = 0;
    return forward(b, c);
}

static err forward_into_the_input(backend *b, const call *c)
{
    err error = forward(b, c);
    ((float *)c->in[0])[3] += 1; /* what const should prevent */
    return error;
}

static err forward_not_all(backend *b, const call *c)
{
    float kept = c->out[5];
    err error = forward(b, c);
    c->out[5] = kept;
    return error;
}

static err backward_past_the_end(backend *b, const call *c)
{
    c->din[0][nn_count(&c->n->shape)] = 0;
    return backward(b, c);
}

static err backward_into_dout(backend *b, const call *c)
{
    err error = backward(b, c);
    ((float *)c->dout)[0] += 1;
    return error;
}

/* tanh' from the input, whose memory net_compile has given to another value by then. */
static err backward_from_the_input(backend *b, const call *c)
{
    (void)b;
    for (size_t i = 0; i < nn_count(&c->n->shape); i++) {
        float y = tanhf(c->in[0][i]);
        c->din[0][i] = c->dout[i] * (1 - y * y);
    }
    return OK;
}

static err plan_scratch(backend *b, call *c)
{
    (void)b;
    c->scratch_bytes = 12;
    c->saved_bytes = 4;
    return OK;
}

static err forward_past_scratch(backend *b, const call *c)
{
    ((float *)c->scratch)[3] = 0;
    return forward(b, c);
}

static err forward_past_saved(backend *b, const call *c)
{
    ((float *)c->saved)[1] = 0;
    return forward(b, c);
}

/* Runs the row with kernel k: the error, and how far the results are from the reference's. */
static err run(const kernel *k, double *wrong)
{
    const backend_i bad = {.name = "bad",
                           .open = be_ref.open,
                           .close = be_ref.close,
                           .allocate = be_ref.allocate,
                           .release = be_ref.release,
                           .value_bytes = be_ref.value_bytes,
                           .upload = be_ref.upload,
                           .download = be_ref.download,
                           .ops = {[OP_ACTIVATION] = k}};
    const backend_i *const backends[] = {&be_ref, &bad};
    const test_case *t = row();
    request r = request_all(t, false);
    tensors x[2];
    err error = OK;
    for (int i = 0; i < 2; i++) {
        harness *h;
        cr_assert_eq(tensors_open(t, &x[i]), OK);
        cr_assert_eq(harness_open(nn_on(backends[i]), t, &r, &h), OK, "%s", err_message());
        error = harness_forward(h, x[i].in, 0, x[i].out);
        if (error == OK) error = harness_backward(h, x[i].dout, x[i].din);
        harness_close(h);
    }
    size_t n = nn_count(&t->shape);
    *wrong = fmax(relative_error(x[1].out, x[0].out, n), relative_error(x[1].din[0], x[0].din[0], n));
    for (int i = 0; i < 2; i++) tensors_close(&x[i]);
    return error;
}

static void expect_caught(const kernel *k, const char *told)
{
    double wrong;
    cr_expect_eq(run(k, &wrong), ERR_INTERNAL, "%s", told);
    cr_expect(strstr(err_message(), told), "\"%s\" does not tell of \"%s\"", err_message(), told);
}

Test(harness, a_good_kernel_passes)
{
    double wrong;
    cr_expect_eq(run(&(kernel){.forward = forward, .backward = backward}, &wrong), OK, "%s", err_message());
    cr_expect_eq(wrong, 0);
}

Test(harness, writing_where_it_should_not_is_caught)
{
    expect_caught(&(kernel){.forward = forward_past_the_end, .backward = backward}, "outside the output");
    expect_caught(&(kernel){.forward = forward_before_the_start, .backward = backward}, "outside the output");
    expect_caught(&(kernel){.forward = forward_into_the_input, .backward = backward}, "wrote to an input");
    expect_caught(&(kernel){.forward = forward, .backward = backward_past_the_end},
                  "outside an input's gradient");
    expect_caught(&(kernel){.forward = forward, .backward = backward_into_dout}, "its output's gradient");
    expect_caught(&(kernel){.plan = plan_scratch, .forward = forward_past_scratch, .backward = backward},
                  "outside its scratch");
    expect_caught(&(kernel){.plan = plan_scratch, .forward = forward_past_saved, .backward = backward},
                  "outside its saved");
}

Test(harness, what_is_not_written_or_not_there_any_more_shows)
{
    double wrong;
    cr_expect_eq(run(&(kernel){.forward = forward_not_all, .backward = backward}, &wrong), OK);
    cr_expect(isinf(wrong));
    cr_expect_eq(run(&(kernel){.forward = forward, .backward = backward_from_the_input}, &wrong), OK);
    cr_expect(isinf(wrong));
}

/* Padding: a sigmoid that forgets it leaves one half in the channels past the twelfth. */
static err forward_into_padding(backend *b, const call *c)
{
    size_t n = be_cpu.value_bytes(b, &c->n->shape, c->n->plain) / sizeof(float);
    err error = be_cpu.ops[OP_ACTIVATION]->forward(b, c);
    c->out[n - 1] = 0.5F; /* the last lane of the last block */
    return error;
}

Test(harness, padding_that_is_not_zero_is_caught)
{
    const kernel k = {.forward = forward_into_padding};
    const backend_i bad = {.name = "bad",
                           .open = be_cpu.open,
                           .close = be_cpu.close,
                           .allocate = be_cpu.allocate,
                           .release = be_cpu.release,
                           .value_bytes = be_cpu.value_bytes,
                           .upload = be_cpu.upload,
                           .download = be_cpu.download,
                           .ops = {[OP_ACTIVATION] = &k}};
    test_case t = *row();
    t.shape = t.in[0].shape = nn_shape(4, 2, 12, 3, 3);
    request nothing = {0};
    tensors x;
    harness *h;
    cr_assert_eq(tensors_open(&t, &x), OK);
    cr_assert_eq(harness_open(nn_on(&bad), &t, &nothing, &h), OK, "%s", err_message());
    cr_expect_eq(harness_forward(h, x.in, 0, x.out), ERR_INTERNAL);
    cr_expect(strstr(err_message(), "padding"), "%s", err_message());
    harness_close(h);
    tensors_close(&x);
}
