/* The report decoder as it is recorded: against PyTorch (tests/golden/decoder_make.py), one time after
 * another against whole reports, and what it writes against what it says of that. */
#include "nn/safetensors.h"
#include "nn/sequence.h"
#include "tiny.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Those of decoder_make.py. */
enum { B = 3, P = 4, E = 6, V = 9, S = 3, W = 4, TEXT = S * W, NET_SEED = 7, TIME = 2, MOST = B * TEXT * V };

static const backend_i *const backends[] = {&be_ref, &be_cpu};
enum { BACKENDS = sizeof backends / sizeof *backends };

static emixer_opts decoder_options(void)
{
    emixer_opts o = tiny_options();
    o.embedding = E;
    o.vocabulary = V;
    o.sentences = S;
    o.words = W;
    return o;
}

typedef struct fixture {
    emixer_opts o;
    net *n;
    safetensors *golden;
    image_code code; /* parameters, so that a step leaves their gradients */
} fixture;

static const float *golden(const fixture *f, size_t count, const char *format, const char *name)
{
    char full[2 * NN_NAME_BYTES];
    const float *values;
    nn_shape_t shape;
    (void)snprintf(full, sizeof full, format, name);
    ASSERT_OK(safetensors_read(f->golden, full, &shape, &values));
    cr_assert_eq(nn_count(&shape), count, "%s", full);
    return values;
}

static fixture open_fixture(const backend_i *interface)
{
    fixture f = {.o = decoder_options()};
    ASSERT_OK(net_open(nn_on(interface), NET_SEED, &f.n));
    ASSERT_OK(safetensors_open(TEST_GOLDEN "/emixer_decoder.safetensors", &f.golden));
    nn_enter(f.n, "R");
    f.code.grid = nn_parameter(f.n, "grid", nn_shape(3, B, P, E), (init_opts){0});
    f.code.embedding = nn_parameter(f.n, "embedding", nn_shape(2, B, E), (init_opts){0});
    nn_leave(f.n);
    return f;
}

static void close_fixture(fixture *f)
{
    net_close(f->n);
    safetensors_close(f->golden);
}

static void load_weights(const fixture *f)
{
    for (int i = 0; i < net_parameter_count(f->n); i++) {
        const char *name = net_parameter_name(f->n, i);
        nn_shape_t shape = net_parameter_shape(f->n, i);
        ASSERT_OK(net_set_parameter(f->n, name, golden(f, nn_count(&shape), "%s", name)));
    }
}

static nn_t golden_input(const fixture *f, const char *name, nn_shape_t shape)
{
    nn_t x = nn_input(f->n, name, shape);
    ASSERT_OK(nn_set(f->n, x, golden(f, nn_count(&shape), "in/%s", name)));
    return x;
}

static report_target golden_target(const fixture *f)
{
    return (report_target){.ids = golden_input(f, "ids", nn_shape(2, B, TEXT)),
                           .previous = golden_input(f, "previous", nn_shape(2, B, TEXT)),
                           .bags = golden_input(f, "bags", nn_shape(3, B, S, V)),
                           .stops = golden_input(f, "stops", nn_shape(2, B, S))};
}

/* Each value is within `most` of the largest of the expected ones. */
static void expect_close(const float *values, const float *expected, size_t n, double most, const char *what)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, isfinite(values[i]) ? fabs((double)values[i] - (double)expected[i]) : INFINITY);
        largest = fmax(largest, fabs((double)expected[i]));
    }
    cr_expect_leq(worst, most * largest, "%s is off by %.2g of %.2g", what, worst, largest);
}

static void expect_golden(const fixture *f, step *s, nn_t x, const char *name)
{
    static float values[MOST];
    nn_shape_t shape = nn_shape_of(f->n, x);
    ASSERT_OK(nn_get(s, x, values));
    expect_close(values, golden(f, nn_count(&shape), "%s", name), nn_count(&shape), 1e-4, name);
}

/* The gradient of every weight, and of the image's code. */
static void expect_gradients(const fixture *f, const char *format)
{
    static float values[MOST];
    for (int i = 0; i < net_parameter_count(f->n); i++) {
        const char *name = net_parameter_name(f->n, i);
        nn_shape_t shape = net_parameter_shape(f->n, i);
        ASSERT_OK(net_get_gradient(f->n, name, values));
        expect_close(values, golden(f, nn_count(&shape), format, name), nn_count(&shape), 1e-4, name);
    }
}

static void compare_teaching(const backend_i *interface)
{
    fixture f = open_fixture(interface);
    step *s;
    report_target target = golden_target(&f);
    decoder_losses l = decoder_teach(f.n, &f.o, f.code, target);
    decoder_logits logits = decoder_read(f.n, &f.o, f.code, target);
    nn_t keep[] = {nn_add(f.n, l.words, l.stops), l.words, l.stops, logits.words, logits.stops};
    ASSERT_OK(net_compile(f.n, keep, 5, "R/", &s));
    load_weights(&f);
    ASSERT_OK(step_run(s, TIME));
    expect_golden(&f, s, l.words, "taught/words");
    expect_golden(&f, s, l.stops, "taught/stops");
    expect_golden(&f, s, logits.words, "taught/word_logits");
    expect_golden(&f, s, logits.stops, "taught/stop_logits");
    expect_gradients(&f, "taught/%s");
    close_fixture(&f);
}

Test(decoder, teaching_is_that_of_pytorch)
{
    for (int k = 0; k < BACKENDS; k++) compare_teaching(backends[k]);
}

static void compare_writing(const backend_i *interface)
{
    fixture f = open_fixture(interface);
    step *s;
    nn_t judge = golden_input(&f, "judge", nn_shape(2, B, TEXT * V));
    nn_t report = decoder_write(f.n, &f.o, f.code, "writing");
    nn_t scores = nn_row_dot(f.n, nn_reshape(f.n, report, nn_shape(2, B, TEXT * V)), judge);
    nn_t keep[] = {nn_hinge(f.n, scores, HINGE_GENERATOR), report};
    ASSERT_OK(net_compile(f.n, keep, 2, "R/", &s));
    load_weights(&f);
    ASSERT_OK(step_run(s, TIME));
    expect_golden(&f, s, report, "written/report");
    expect_gradients(&f, "written/%s");
    close_fixture(&f);
}

Test(decoder, writing_and_its_gradients_are_those_of_pytorch)
{
    for (int k = 0; k < BACKENDS; k++) compare_writing(backends[k]);
}
