/* Every architecture against torchvision's, forward and backward, in names, shapes and values: see
 * tests/golden/classifiers_make.py, whose rule for the weights is repeated here. */
#include "base/rng.h"
#include "downstream/internal.h"
#include "nn/safetensors.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASSERT_OK(call) cr_assert_eq((call), OK, "%s", err_message())

enum { BATCH = 2, SIDE = 64, CLASSES = 3 };
static const double tolerance = 1e-4; /* of the Euclidean norm of what is compared */

static float *draw(uint64_t seed, const char *name, size_t n)
{
    float *values = malloc(n * sizeof *values);
    cr_assert(values);
    rng_fill_normal(rng_key(seed, name), 0, values, n);
    return values;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The rule of the weights. */
static float *made(uint64_t seed, const char *name, const nn_shape_t *shape)
{
    size_t n = nn_count(shape);
    float *values = draw(seed, name, n);
    double scale = sqrt(2.0 * shape->d[0] / (double)n);
    for (size_t i = 0; i < n; i++) {
        double v = (double)values[i];
        if (shape->rank > 1)
            v *= scale;
        else if (ends_with(name, ".weight"))
            v = 1 + 0.1 * v;
        else if (ends_with(name, ".bias"))
            v = 0.3 * v + (v > 0 ? 2 : -2);
        else
            v = ends_with(name, "running_mean") ? 0.3 * v : 1 + 0.5 * tanh(v);
        values[i] = (float)v;
    }
    return values;
}

/* The images are a parameter here, so that they get a gradient. */
typedef struct fixture {
    uint64_t seed;
    net *n;
    nn_t logits, loss;
    step *training, *evaluation;
    safetensors *golden;
    FILE *rows;
} fixture;

static const float *golden(const fixture *f, const char *name, size_t count)
{
    nn_shape_t shape;
    const float *values;
    ASSERT_OK(safetensors_read(f->golden, name, &shape, &values));
    cr_assert_eq(nn_count(&shape), count, "%s", name);
    return values;
}

static void record(fixture *f, const char *model, int channels)
{
    classifier_opts o = {.model = model, .resolution = SIDE, .channels = channels, .n_classes = CLASSES};
    float targets[BATCH * CLASSES] = {0};
    for (int b = 0; b < BATCH; b++) targets[b * CLASSES + b % CLASSES] = 1;
    nn_enter(f->n, "C");
    nn_t images = nn_parameter(f->n, "images", nn_shape(4, BATCH, channels, SIDE, SIDE), (init_opts){0});
    nn_leave(f->n);
    images = nn_reshape(f->n, images, nn_shape_of(f->n, images)); /* into the layout of activations */
    nn_t y = nn_input(f->n, "targets", nn_shape(2, BATCH, CLASSES));
    f->logits = network(f->n, &o, images, false, NULL);
    f->loss = nn_softmax_cross_entropy(f->n, network(f->n, &o, images, true, NULL), y);
    ASSERT_OK(net_compile(f->n, &f->logits, 1, NULL, &f->evaluation));
    ASSERT_OK(net_compile(f->n, &f->loss, 1, "C/", &f->training));
    ASSERT_OK(nn_set(f->n, y, targets));
}

static void fill(net *n, uint64_t seed)
{
    for (int i = 0; i < net_parameter_count(n); i++) {
        const char *full = net_parameter_name(n, i), *name = full + strlen("C/");
        nn_shape_t shape = net_parameter_shape(n, i);
        bool image = strcmp(name, "images") == 0;
        float *values = image ? draw(seed, name, nn_count(&shape)) : made(seed, name, &shape);
        ASSERT_OK(net_set_parameter(n, full, values));
        free(values);
    }
}

static fixture open_fixture(const char *model, uint64_t seed, int channels)
{
    fixture f = {.seed = seed};
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/classifier_%s.safetensors", TEST_GOLDEN, model);
    ASSERT_OK(safetensors_open(path, &f.golden));
    (void)snprintf(path, sizeof path, "%s/classifier_%s.csv", TEST_GOLDEN, model);
    f.rows = fopen(path, "r");
    cr_assert(f.rows);
    ASSERT_OK(net_open(nn_on(&be_cpu), seed, &f.n));
    record(&f, model, channels);
    fill(f.n, seed);
    return f;
}

static void close_fixture(fixture *f)
{
    net_close(f->n);
    safetensors_close(f->golden);
    (void)fclose(f->rows);
}

static void expect_near(const char *what, const float *got, const float *want, size_t n)
{
    double error = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        norm += (double)want[i] * want[i];
    }
    cr_expect_leq(sqrt(error / norm), tolerance, "%s: relative error %.3g", what, sqrt(error / norm));
}

static void compare_outputs(fixture *f)
{
    float logits[BATCH * CLASSES], loss;
    ASSERT_OK(step_run(f->evaluation, 0)); /* before training moves the running statistics */
    ASSERT_OK(nn_get(f->evaluation, f->logits, logits));
    expect_near("logits", logits, golden(f, "logits", BATCH * CLASSES), BATCH * CLASSES);
    ASSERT_OK(step_run(f->training, 0));
    ASSERT_OK(step_loss(f->training, &loss));
    expect_near("loss", &loss, golden(f, "loss", 1), 1);
}

/* The gradients that the file has in full. */
static void compare_gradients(fixture *f)
{
    for (int i = 0; i < safetensors_count(f->golden); i++) {
        char full[NN_NAME_BYTES];
        nn_shape_t shape;
        const float *want;
        const char *name = safetensors_name(f->golden, i);
        if (strcmp(name, "logits") == 0 || strcmp(name, "loss") == 0) continue;
        (void)snprintf(full, sizeof full, "C/%.80s", name);
        ASSERT_OK(safetensors_read(f->golden, name, &shape, &want));
        float *got = malloc(nn_count(&shape) * sizeof *got);
        cr_assert(got);
        ASSERT_OK(net_get_gradient(f->n, full, got));
        expect_near(name, got, want, nn_count(&shape));
        free(got);
    }
}

/* Norm of a gradient (or, of a state, its value), and its product with the direction of its name. */
static void measure(const fixture *f, const char *name, size_t count, double *norm, double *product)
{
    char full[NN_NAME_BYTES], direction[NN_NAME_BYTES];
    (void)snprintf(full, sizeof full, "C/%.80s", name);
    (void)snprintf(direction, sizeof direction, "%.80s/direction", name);
    float *along = draw(f->seed, direction, count), *got = malloc(count * sizeof *got);
    cr_assert(got);
    err error = net_get_gradient(f->n, full, got);
    if (error == ERR_USAGE) error = net_get_parameter(f->n, full, got);
    cr_assert_eq(error, OK, "%s", err_message());
    *norm = *product = 0;
    for (size_t i = 0; i < count; i++) {
        *norm += (double)got[i] * got[i];
        *product += (double)got[i] * along[i];
    }
    *norm = sqrt(*norm);
    free(along);
    free(got);
}

static void shape_text(const nn_shape_t *shape, char text[64])
{
    int used = 0;
    for (int i = 0; i < shape->rank; i++)
        used += snprintf(text + used, 64 - (size_t)used, "%s%d", i ? "x" : "", shape->d[i]);
}

/* Every tensor of the model, in the order of torchvision's state. */
static void compare_all(fixture *f)
{
    char name[128], size[64], found[64];
    double norm, product, want_norm, want_product;
    cr_assert_eq(fscanf(f->rows, "%127[^\n]", name), 1); /* the header line */
    int i = 1;                                           /* parameter 0 are the images */
    for (; fscanf(f->rows, "\n%127[^,],%63[^,],%lf,%lf", name, size, &want_norm, &want_product) == 4; i++) {
        cr_assert_lt(i, net_parameter_count(f->n), "the model has no %s", name);
        cr_assert_str_eq(net_parameter_name(f->n, i) + strlen("C/"), name);
        nn_shape_t shape = net_parameter_shape(f->n, i);
        shape_text(&shape, found);
        cr_assert_str_eq(found, size, "%s", name);
        measure(f, name, nn_count(&shape), &norm, &product);
        cr_expect_float_eq(norm, want_norm, tolerance * want_norm, "%s: norm %.9g, want %.9g", name, norm,
                           want_norm);
        cr_expect_float_eq(product, want_product, tolerance * want_norm, "%s: product %.9g, want %.9g", name,
                           product, want_product);
    }
    cr_assert_eq(i, net_parameter_count(f->n), "the model has %s, torchvision's has not",
                 i < net_parameter_count(f->n) ? net_parameter_name(f->n, i) : "");
}

/* On `cpu` alone: plain loops take a minute for these, and operator by operator the two are compared
 * elsewhere. */
static void compare(const char *model, uint64_t seed, int channels)
{
    fixture f = open_fixture(model, seed, channels);
    compare_outputs(&f);
    compare_gradients(&f);
    compare_all(&f);
    close_fixture(&f);
}

Test(architectures, densenet121_agrees_with_torchvision)
{
    compare("densenet121", 9, 1);
}

Test(architectures, resnet18_agrees_with_torchvision)
{
    compare("resnet18", 7, 3);
}

Test(architectures, vit_tiny_agrees_with_torchvision)
{
    compare("vit_tiny", 3, 1);
}

Test(architectures, resnet50_agrees_with_torchvision)
{
    compare("resnet50", 1, 1);
}
