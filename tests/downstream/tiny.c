#include "tiny.h"

enum { MOST = 64 };

const char *const tiny_names[CLASSES] = {"a", "b", "c"};

dataset *tiny_set(const uint8_t *images, int n)
{
    float labels[MOST * CLASSES] = {0};
    dataset *set;
    cr_assert_leq(n, MOST);
    for (int i = 0; i < n; i++) labels[i * CLASSES + i % CLASSES] = 1;
    ASSERT_OK(dataset_from_arrays(images, labels, n, SIDE, CLASSES, tiny_names, "made", &set));
    return set;
}

dataset *noise_set(int first, int n)
{
    static uint8_t images[(REAL + SYNTHETIC) * SIDE * SIDE];
    rng bytes = rng_open(0, "golden/images", 0);
    for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)rng_u32(&bytes);
    return tiny_set(images + first * SIDE * SIDE, n);
}

dataset *easy_set(int n)
{
    static uint8_t images[MOST * SIDE * SIDE];
    for (int i = 0; i < n; i++) {
        rng noise = rng_open(1, "easy", (uint64_t)i);
        for (int p = 0; p < SIDE * SIDE; p++) {
            bool bar = p / SIDE / 4 == i % CLASSES;
            images[i * SIDE * SIDE + p] = (uint8_t)(rng_between(&noise, 0, 80) + (bar ? 150 : 30));
        }
    }
    return tiny_set(images, n);
}

samples all_of(const dataset *set)
{
    static int index[MOST];
    for (int i = 0; i < set->n; i++) index[i] = i;
    return (samples){.index = index, .n = set->n};
}

classifier_opts tiny(void)
{
    return (classifier_opts){.model = "densenet_small",
                             .resolution = SIDE,
                             .channels = 1,
                             .input_scale = 1,
                             .n_classes = CLASSES,
                             .growth = 3,
                             .layers_per_block = 2,
                             .batch = 8,
                             .steps = TINY_STEPS,
                             .learning_rate = 0.01F,
                             .weight_decay = 0.1F,
                             .seed = 4};
}

classifier *open_tiny_on(nn_device device, classifier_opts o)
{
    classifier *c;
    ASSERT_OK(classifier_open(device, &o, &c));
    return c;
}

classifier *open_tiny(const backend_i *interface, classifier_opts o)
{
    return open_tiny_on(nn_on(interface), o);
}
