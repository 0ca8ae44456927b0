/* What the tests of nets with replicas share. */
#ifndef TESTS_NN_REPLICAS_H
#define TESTS_NN_REPLICAS_H

#include "nn/internal.h"
#include "tests/nn/harness.h"

#include <criterion/criterion.h>
#include <string.h>

#define ASSERT_OK(call) cr_assert_eq((call), OK, "%s", err_message())

static const nn_device several[] = {{.backend = &be_ref, .replicas = 2},
                                    {.backend = &be_ref, .replicas = 4},
                                    {.backend = &be_cpu, .replicas = 2},
                                    {.backend = &be_cpu, .replicas = 4}};
enum { SEVERAL = sizeof several / sizeof several[0] };

/* One device of the same kind. */
static inline nn_device single(nn_device device)
{
    device.replicas = 1;
    return device;
}

/* Ends the test as skipped where the machine lacks them. */
static inline void require(nn_device device)
{
    net *n;
    err error = net_open(device, 1, &n);
    if (error == ERR_UNAVAILABLE) cr_skip_test("skipped: %s", err_message());
    ASSERT_OK(error);
    net_close(n);
}

/* Fails where `value` differs from `expected` by more than `most` of the largest expected. */
static inline void expect_close(const float *value, const float *expected, size_t n, double most,
                                nn_device device, const char *what)
{
    double error = relative_error(value, expected, n);
    cr_expect_leq(error, most, "%d replicas of %s: %s is off by %.2g", device.replicas, device.backend->name,
                  what, error);
}

/* The values of all nodes up to `last`, which both steps keep. */
static inline void expect_same_values(net *one, step *a, net *many, step *b, nn_t last, double most,
                                      nn_device device)
{
    enum { MOST_FLOATS = 4096 };
    static float expected[MOST_FLOATS], value[MOST_FLOATS];
    for (int id = 0; id <= last.id; id++) {
        nn_shape_t shape = nn_shape_of(one, (nn_t){id}), whole = nn_shape_of(many, (nn_t){id});
        cr_assert(nn_count(&shape) <= MOST_FLOATS && memcmp(&shape, &whole, sizeof shape) == 0);
        memset(value, 0, sizeof value);
        ASSERT_OK(nn_get(a, (nn_t){id}, expected));
        ASSERT_OK(nn_get(b, (nn_t){id}, value));
        expect_close(value, expected, nn_count(&shape), most, device, net_node(one, (nn_t){id})->name);
    }
}

#endif
