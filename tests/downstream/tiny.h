/* A classifier and data small enough that plain loops train it in a moment. */
#ifndef TESTS_DOWNSTREAM_TINY_H
#define TESTS_DOWNSTREAM_TINY_H

#include "base/rng.h"
#include "downstream/internal.h"

#include <criterion/criterion.h>

#define ASSERT_OK(call) cr_assert_eq((call), OK, "%s", err_message())

enum { SIDE = 16, CLASSES = 3, REAL = 12, SYNTHETIC = 6, TINY_STEPS = 10 };

extern const char *const tiny_names[CLASSES];

/* n images (n,SIDE,SIDE), n up to 64, whose i-th has class i mod 3. */
dataset *tiny_set(const uint8_t *images, int n);

/* The images of tests/golden/models_make.py: noise, from number `first` on. */
dataset *noise_set(int first, int n);

/* A bright bar at the top, in the middle or at the bottom, and some noise: easy to tell apart. n up to 64. */
dataset *easy_set(int n);

/* Every sample of a set, up to 64; the list is shared by all calls. */
samples all_of(const dataset *set);

classifier_opts tiny(void);
classifier *open_tiny_on(nn_device device, classifier_opts o);
classifier *open_tiny(const backend_i *interface, classifier_opts o);

#endif
