/* When steps are captured and replayed, on a fake backend: ref, whose calls are written down instead of done
 * while it captures. */
#include "nn/backend.h"
#include "nn/step.h"
#include "tests/nn/devices.h"
#include "tests/nn/model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CALLS = 512, MOST_EVENTS = 64 };

/* A call of forward, backward or fill. */
typedef struct written_call {
    call *c; /* NULL: fill */
    bool backward;
    float *x, value;
    size_t n;
} written_call;

struct capture {
    written_call calls[MOST_CALLS];
    int n;
};

/* What happened since the test began, one letter each: c the first call of a run that is made, [ begin, ]
 * end, r replay, x close. */
static char events[MOST_EVENTS];
static capture *open_capture; /* between begin and end */
static bool begin_fails, calls_fail;

static void happened(char what)
{
    size_t n = strlen(events);
    cr_assert_lt(n + 1, (size_t)MOST_EVENTS);
    events[n] = what;
}

static void expect_events(const char *expected)
{
    cr_expect_str_eq(events, expected);
    memset(events, 0, sizeof events);
}

/* ---- the fake ---- */

static err write_down(written_call w)
{
    if (calls_fail) return err_set(ERR_SYSTEM, "this call cannot be captured");
    cr_assert_lt(open_capture->n, MOST_CALLS);
    open_capture->calls[open_capture->n++] = w;
    return OK;
}

static err do_call(backend *b, const written_call *w)
{
    if (!w->c) return be_ref.fill(b, w->x, w->n, w->value);
    const kernel *op = be_ref.ops[w->c->n->op];
    return w->backward ? op->backward(b, w->c) : op->forward(b, w->c);
}

static err fake_plan(backend *b, call *c)
{
    const kernel *op = be_ref.ops[c->n->op];
    return op->plan ? op->plan(b, c) : OK;
}

static void fake_unplan(backend *b, call *c)
{
    const kernel *op = be_ref.ops[c->n->op];
    if (op->unplan) op->unplan(b, c);
}

/* A run begins with the forward of the net's first node that is no leaf. */
static const node *first_node;

static err fake_forward(backend *b, const call *c)
{
    written_call w = {.c = (call *)(uintptr_t)c};
    if (!first_node) first_node = c->n;
    if (open_capture) return write_down(w);
    if (c->n == first_node) happened('c');
    return do_call(b, &w);
}

static err fake_backward(backend *b, const call *c)
{
    written_call w = {.c = (call *)(uintptr_t)c, .backward = true};
    return open_capture ? write_down(w) : do_call(b, &w);
}

static err fake_fill(backend *b, float *x, size_t n, float value)
{
    written_call w = {.x = x, .n = n, .value = value};
    return open_capture ? write_down(w) : do_call(b, &w);
}

static err fake_begin(backend *b)
{
    (void)b;
    happened('[');
    if (begin_fails) return err_set(ERR_SYSTEM, "there is no capturing now");
    cr_assert_null(open_capture, "one capture in another");
    open_capture = calloc(1, sizeof *open_capture);
    cr_assert(open_capture);
    return OK;
}

static err fake_end(backend *b, capture **out)
{
    (void)b;
    happened(']');
    *out = open_capture;
    open_capture = NULL;
    if (!calls_fail) return OK;
    free(*out);
    *out = NULL;
    return err_set(ERR_SYSTEM, "the capture is spoilt");
}

static err fake_replay(backend *b, capture *c, uint64_t t)
{
    cr_assert_null(open_capture);
    happened('r');
    for (int k = 0; k < c->n; k++) {
        if (c->calls[k].c) c->calls[k].c->t = t;
        TRY(do_call(b, &c->calls[k]));
    }
    return OK;
}

static void fake_close(capture *c)
{
    if (c) happened('x');
    free(c);
}

static const kernel fake_kernel = {
    .plan = fake_plan, .unplan = fake_unplan, .forward = fake_forward, .backward = fake_backward};
static backend_i fake = {.ops = {
#define X(name, text) [OP_##name] = &fake_kernel,
#include "nn/ops.def"
#undef X
                         }};

static void make_fake(void)
{
    fake.name = "fake";
    fake.open = be_ref.open;
    fake.close = be_ref.close;
    fake.allocate = be_ref.allocate;
    fake.release = be_ref.release;
    fake.value_bytes = be_ref.value_bytes;
    fake.upload = be_ref.upload;
    fake.download = be_ref.download;
    fake.fill = fake_fill;
    fake.adam = be_ref.adam;
    fake.sgd = be_ref.sgd;
    fake.ema = be_ref.ema;
    fake.swap = be_ref.swap;
    fake.sum_squares = be_ref.sum_squares;
    fake.capture_begin = fake_begin;
    fake.capture_end = fake_end;
    fake.capture_replay = fake_replay;
    fake.capture_close = fake_close;
}

TestSuite(capture, .init = make_fake);

/* ---- a small net: a random row through a linear layer; gradients for w and, to be cleared, unused ---- */

enum { B = 3, D = 5 };

typedef struct toy {
    net *n;
    nn_t x, y, loss;
    step *s;
} toy;

static toy toy_open(const backend_i *interface)
{
    toy t = {0};
    first_node = NULL;
    cr_assert_eq(net_open(nn_on(interface), 9, &t.n), OK, "%s", err_message());
    t.x = nn_input(t.n, "x", nn_shape(2, B, D));
    nn_t z = nn_random(t.n, "z", nn_shape(2, B, D), DISTRIBUTION_NORMAL);
    nn_t h = nn_linear(t.n, nn_add(t.n, t.x, z), (linear_opts){.name = "S/l", .out = 1, .act = ACT_TANH});
    (void)nn_parameter(t.n, "S/unused", nn_shape(1, D), (init_opts){.kind = INIT_ONES});
    t.loss = nn_hinge(t.n, h, HINGE_FAKE);
    cr_assert_eq(net_compile(t.n, &t.loss, 1, "S/", &t.s), OK, "%s", err_message());
    return t;
}

/* Runs both with one input and t; results must be equal bit for bit. */
static void run_both(toy *tested, toy *expected, uint64_t t)
{
    float x[B * D], loss[2], gradient[2][D], unused[D], zero[D] = {0};
    toy *both[] = {tested, expected};
    for (int i = 0; i < B * D; i++) x[i] = (float)(i % 7) - (float)(t % 5);
    for (int k = 0; k < 2; k++) {
        cr_assert_eq(nn_set(both[k]->n, both[k]->x, x), OK);
        cr_assert_eq(step_run(both[k]->s, t), OK, "%s", err_message());
        cr_assert_eq(step_loss(both[k]->s, &loss[k]), OK);
        cr_assert_eq(net_get_gradient(both[k]->n, "S/l.weight", gradient[k]), OK);
    }
    cr_expect_eq(loss[0], loss[1], "run %d", (int)t);
    cr_expect_arr_eq(gradient[0], gradient[1], sizeof gradient[0], "run %d", (int)t);
    cr_assert_eq(net_get_gradient(tested->n, "S/unused", unused), OK);
    cr_expect_arr_eq(unused, zero, sizeof zero);
}

/* Another step of the net that needs a larger arena and more scratch than the first. */
static step *compile_larger(toy *t)
{
    step *s;
    nn_t wide = nn_linear(t->n, t->x, (linear_opts){.name = "T/wide", .out = 5000});
    nn_t loss = nn_hinge(t->n, nn_activation(t->n, wide, ACT_RELU), HINGE_REAL);
    cr_assert_eq(net_compile(t->n, &loss, 1, "T/", &s), OK, "%s", err_message());
    return s;
}

/* ---- the tests ---- */

Test(capture, a_step_is_called_twice_then_captured_then_replayed)
{
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    first_node = NULL;
    for (uint64_t t = 0; t < 5; t++) run_both(&a, &b, t);
    expect_events("cc[]rrr");
    net_close(a.n);
    expect_events("x");
    net_close(b.n);
}

Test(capture, memory_that_moved_is_captured_anew)
{
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    for (uint64_t t = 0; t < 4; t++) run_both(&a, &b, t);
    expect_events("cc[]rr");
    (void)compile_larger(&a);
    for (uint64_t t = 4; t < 7; t++) run_both(&a, &b, t);
    expect_events("x[]rrr");
    net_close(a.n);
    expect_events("x");
    net_close(b.n);
}

Test(capture, memory_that_moved_before_the_capture_changes_nothing)
{
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    run_both(&a, &b, 0);
    (void)compile_larger(&a);
    for (uint64_t t = 1; t < 4; t++) run_both(&a, &b, t);
    expect_events("cc[]rr");
    net_close(a.n);
    net_close(b.n);
}

Test(capture, steps_are_captured_each_for_itself)
{
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    step *forward;
    cr_assert_eq(net_compile(a.n, &a.loss, 1, NULL, &forward), OK, "%s", err_message());
    for (uint64_t t = 0; t < 3; t++) {
        cr_assert_eq(step_run(forward, t), OK, "%s", err_message());
        run_both(&a, &b, t);
    }
    expect_events("cccc[]r[]r");
    net_close(a.n);
    expect_events("xx");
    net_close(b.n);
}

Test(capture, a_profile_is_of_calls)
{
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    step_profile(a.s, true);
    for (uint64_t t = 0; t < 4; t++) run_both(&a, &b, t);
    expect_events("cccc");
    step_profile(a.s, false);
    for (uint64_t t = 4; t < 8; t++) run_both(&a, &b, t);
    expect_events("cc[]rr");
    step_profile(a.s, true);
    run_both(&a, &b, 8);
    step_profile(a.s, false);
    run_both(&a, &b, 9);
    expect_events("cr");
    net_close(a.n);
    net_close(b.n);
}

Test(capture, what_cannot_be_captured_is_called)
{
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    calls_fail = true;
    for (uint64_t t = 0; t < 5; t++) run_both(&a, &b, t);
    expect_events("cc[]ccc");
    net_close(a.n);
    expect_events("");
    net_close(b.n);
}

Test(capture, a_capture_that_does_not_begin_is_not_tried_again)
{
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    begin_fails = true;
    for (uint64_t t = 0; t < 5; t++) run_both(&a, &b, t);
    expect_events("cc[ccc");
    net_close(a.n);
    net_close(b.n);
}

Test(capture, a_backend_without_it_only_calls)
{
    fake.capture_begin = NULL;
    toy a = toy_open(&fake), b = toy_open(&be_ref);
    for (uint64_t t = 0; t < 4; t++) run_both(&a, &b, t);
    expect_events("cccc");
    net_close(a.n);
    net_close(b.n);
}

/* Two steps that share memory, states that move, optimizers between: the same numbers as without captures. */
Test(capture, a_model_trains_as_without)
{
    model a = model_open(&fake, 6, false), b = model_open(&be_ref, 6, false);
    size_t n;
    model_train(&a, 0, 6);
    model_train(&b, 0, 6);
    float *x = model_parameters(&a, &n), *y = model_parameters(&b, &n);
    cr_expect_eq(memcmp(x, y, n * sizeof *x), 0);
    expect_events("cccc[]r[]rrrrrrr");
    free(x);
    free(y);
    model_close(&a);
    model_close(&b);
}

/* Every operator of the model can be captured: none waits or allocates on its way. */
#ifdef HAVE_CUDA
static void expect_captures(nn_device device)
{
    model m = model_open_on(device, 6, false);
    model_train(&m, 0, 3);
    cr_expect(m.d->captured && m.g->captured, "%s", device_text(device));
    model_close(&m);
}

Test(cuda_capture, a_model_is_captured)
{
    run_on_gpu(expect_captures);
}
#endif
