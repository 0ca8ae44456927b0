/* EMIXER on replicas against EMIXER on one device: losses, gradients, trained weights and images. */
#include "nn/backend.h"
#include "tiny.h"

#include <math.h>
#include <string.h>

enum { UPDATES = 6, MOST = 8192, IMAGES = 11, PIXELS = TINY_SIDE * TINY_SIDE };

static const nn_device several[] = {{.backend = &be_ref, .replicas = 2},
                                    {.backend = &be_ref, .replicas = 4},
                                    {.backend = &be_cpu, .replicas = 2},
                                    {.backend = &be_cpu, .replicas = 4}};

typedef struct losses {
    float d[UPDATES], g[UPDATES];
} losses;

static err keep_losses(void *context, int done, const emixer_losses *last)
{
    losses *l = context;
    l->d[done - 1] = last->discriminator;
    l->g[done - 1] = last->generator;
    return OK;
}

static emixer *trained(nn_device device, int steps, losses *l)
{
    emixer_opts o = tiny_options();
    samples labelled = tiny_labelled(), unlabelled = tiny_unlabelled();
    dataset *set = tiny_set();
    o.steps = steps;
    emixer *e = tiny_open_on(device, o);
    ASSERT_OK(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled, .unlabelled = &unlabelled},
                           NULL, 0, keep_losses, l));
    dataset_close(set);
    return e;
}

typedef err (*getter)(net *n, const char *name, float *host);

/* Every value that `get` gives of `many` is within `most` of the largest of `one`. */
static void compare(emixer *one, emixer *many, getter get, double most, nn_device device)
{
    static float expected[MOST], value[MOST];
    for (int i = 0; i < net_parameter_count(one->n); i++) {
        const char *name = net_parameter_name(one->n, i);
        nn_shape_t shape = net_parameter_shape(one->n, i);
        double worst = 0, largest = 0;
        cr_assert_leq(nn_count(&shape), MOST);
        err error = get(one->n, name, expected);
        cr_assert_eq(get(many->n, name, value), error);
        if (error == ERR_USAGE) continue; /* a state has no gradient */
        for (size_t k = 0; k < nn_count(&shape); k++) {
            worst = fmax(worst, fabs((double)value[k] - (double)expected[k]));
            largest = fmax(largest, fabs((double)expected[k]));
        }
        cr_expect_leq(worst, most * largest, "%d replicas of %s: %s is off by %.2g", device.replicas,
                      device.backend->name, name, worst / largest);
    }
}

static void compare_gradients(nn_device device)
{
    losses expected, l;
    emixer *one = trained(nn_on(device.backend), 1, &expected), *many = trained(device, 1, &l);
    compare(one, many, net_get_gradient, 1e-5, device);
    emixer_close(one);
    emixer_close(many);
}

Test(replicas, gradients_are_those_of_one_device)
{
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) compare_gradients(several[k]);
}

static void compare_images(emixer *one, emixer *many)
{
    static uint8_t expected[IMAGES * PIXELS], images[IMAGES * PIXELS];
    float labels[IMAGES * TINY_LABELS] = {0};
    for (int i = 0; i < IMAGES; i++) labels[i * TINY_LABELS + i % TINY_LABELS] = 1;
    ASSERT_OK(emixer_synthesize(one, labels, IMAGES, 1, expected));
    ASSERT_OK(emixer_synthesize(many, labels, IMAGES, 1, images));
    for (int i = 0; i < IMAGES * PIXELS; i++)
        cr_assert(abs(images[i] - expected[i]) <= 1, "pixel %d is %d, not %d", i, images[i], expected[i]);
}

static void compare_training(nn_device device)
{
    losses expected, l;
    emixer *one = trained(nn_on(device.backend), UPDATES, &expected), *many = trained(device, UPDATES, &l);
    for (int t = 0; t < UPDATES; t++) {
        cr_expect_float_eq(l.d[t], expected.d[t], 1e-5, "update %d", t);
        cr_expect_float_eq(l.g[t], expected.g[t], 1e-5, "update %d", t);
    }
    compare(one, many, net_get_parameter, 1e-4, device);
    compare_images(one, many);
    emixer_close(one);
    emixer_close(many);
}

Test(replicas, training_is_that_of_one_device)
{
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) compare_training(several[k]);
}

Test(replicas, a_batch_that_they_cannot_share_is_refused)
{
    emixer_opts o = tiny_options();
    emixer *e;
    cr_expect_eq(emixer_open((nn_device){.backend = &be_cpu, .replicas = 3}, &o, &e), ERR_CONFIG);
    cr_expect(strstr(err_message(), "8 cannot be shared evenly by 3 replicas"), "%s", err_message());
}
