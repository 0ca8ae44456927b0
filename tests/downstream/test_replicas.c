/* Classifiers on replicas against the same on one device: losses, gradients, trained weights and predictions.
 */
#include "nn/backend.h"
#include "tiny.h"

#include <math.h>
#include <stdlib.h>

static const nn_device several[] = {{.backend = &be_ref, .replicas = 2},
                                    {.backend = &be_ref, .replicas = 4},
                                    {.backend = &be_cpu, .replicas = 2},
                                    {.backend = &be_cpu, .replicas = 4}};

typedef struct trained {
    classifier *c;
    float losses[TINY_STEPS], p[REAL * CLASSES];
} trained;

static err keep_loss(void *context, int done, float loss)
{
    ((trained *)context)->losses[done - 1] = loss;
    return OK;
}

static trained train(nn_device device, classifier_opts o, const dataset *set)
{
    samples which = all_of(set);
    trained t = {.c = open_tiny_on(device, o)};
    ASSERT_OK(classifier_train(t.c, set, &which, NULL, keep_loss, &t));
    ASSERT_OK(classifier_predict(t.c, set, &which, t.p));
    return t;
}

typedef err (*getter)(net *n, const char *name, float *host);

/* Every value that `get` gives of `many` is within `most` of the largest of `one`. */
static void compare(classifier *one, classifier *many, getter get, double most, nn_device device)
{
    for (int i = 0; i < net_parameter_count(one->n); i++) {
        const char *name = net_parameter_name(one->n, i);
        nn_shape_t shape = net_parameter_shape(one->n, i);
        size_t n = nn_count(&shape);
        double worst = 0, largest = 0;
        float *expected = calloc(2 * n, sizeof *expected), *value = expected + n;
        cr_assert(expected);
        err error = get(one->n, name, expected);
        cr_assert_eq(get(many->n, name, value), error);
        for (size_t k = 0; k < n && error == OK; k++) { /* a state has no gradient */
            worst = fmax(worst, fabs((double)value[k] - (double)expected[k]));
            largest = fmax(largest, fabs((double)expected[k]));
        }
        cr_expect_leq(worst, most * largest, "%d replicas of %s: %s is off by %.2g", device.replicas,
                      device.backend->name, name, worst / largest);
        free(expected);
    }
}

/* Two labels of three are known of the first images, one of the others; replicas so know different numbers.
 */
static dataset *half_known_set(void)
{
    float labels[REAL * CLASSES];
    dataset *noise = noise_set(0, REAL), *set;
    for (int i = 0; i < REAL * CLASSES; i++)
        labels[i] = i % CLASSES <= (i / CLASSES < 7) ? (float)(i % 4 == 0) : NAN;
    ASSERT_OK(dataset_from_arrays(noise->images, labels, REAL, SIDE, CLASSES, tiny_names, "made", &set));
    dataset_close(noise);
    return set;
}

static void compare_training(nn_device device, classifier_opts o)
{
    dataset *set = o.multi_label ? half_known_set() : noise_set(0, REAL);
    trained one = train(nn_on(device.backend), o, set), many = train(device, o, set);
    for (int t = 0; t < o.steps; t++)
        cr_expect_float_eq(many.losses[t], one.losses[t], 1e-5F, "update %d of %s", t, o.model);
    for (int i = 0; i < REAL * CLASSES; i++) cr_expect_float_eq(many.p[i], one.p[i], 1e-5F);
    if (o.steps == 1) compare(one.c, many.c, net_get_gradient, 1e-5, device);
    compare(one.c, many.c, net_get_parameter, 1e-4, device);
    classifier_close(one.c);
    classifier_close(many.c);
    dataset_close(set);
}

Test(replicas, gradients_are_those_of_one_device)
{
    classifier_opts o = tiny();
    o.steps = 1;
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) compare_training(several[k], o);
}

Test(replicas, training_is_that_of_one_device)
{
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) compare_training(several[k], tiny());
}

/* The loss is over the known labels of the whole batch, of which each replica has another number. */
Test(replicas, unknown_labels_count_for_none_of_them)
{
    classifier_opts o = tiny();
    o.multi_label = true;
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) compare_training(several[k], o);
}

Test(replicas, features_make_the_same_prototypes)
{
    classifier_opts o = tiny();
    o.prototypes = o.head_only = true;
    o.steps = 2;
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) compare_training(several[k], o);
}
