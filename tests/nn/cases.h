/* The one table of operators x shapes x attributes. Every row is run forward and backward on every backend
 * (test_backends.c), differentiated numerically (test_gradients.c) and, where PyTorch's values are committed
 * under its name, compared with them (test_golden.c). A new operator needs rows here and nothing else. */
#ifndef TESTS_NN_CASES_H
#define TESTS_NN_CASES_H

#include "nn/backend.h"

/* How an input's values are drawn. Kinks are where a derivative jumps: finite differences must stay clear. */
typedef enum fill {
    FILL_NORMAL,
    FILL_WEIGHT,   /* normal, scaled by 1/sqrt(fan in) so that sums stay of order 1 */
    FILL_UNIFORM,  /* [0,1) */
    FILL_POSITIVE, /* [0.5,2) */
    FILL_UNIT,     /* a vector of length 1 */
    FILL_DISTINCT, /* multiples of 0.1 in random order: no two alike, so maxima have no ties */
    FILL_TIES,     /* 0, 1 or 2: many ties */
    FILL_AWAY,     /* normal, and at least 0.1 away from -1, 0 and 1 */
    FILL_LARGE,    /* normal times 50: exp() of it would overflow */
    FILL_TARGETS,  /* not negative; rows do not sum to 1; every third row is zero */
    FILL_BINARY,   /* 0 or 1 */
    FILL_PARTIAL,  /* [0,1), a third NaN */
    FILL_UNKNOWN,  /* all NaN */
    FILL_WHOLE     /* whole numbers low .. high, low at least once */
} fill;

typedef struct test_input {
    nn_shape_t shape;
    fill fill;
    bool gradient;  /* has one */
    bool parameter; /* plain even with rank 4 */
    bool state;
    int low, high; /* of FILL_WHOLE */
} test_input;

typedef struct test_case {
    const char *name; /* unique; golden tensors carry it */
    nn_op op;
    nn_shape_t shape; /* of the output */
    int n_in;
    test_input in[NN_MAX_INPUTS];
    attributes a;
    bool plain;         /* the output is, although of rank 4 */
    bool no_difference; /* its gradient is by definition not the derivative of its forward */
} test_case;

extern const test_case test_cases[];
extern const int test_case_count;

/* Draws the values of input i; always the same ones. `host` holds nn_count of its shape. */
void test_fill(const test_case *t, int i, float *host);

/* As test_fill for anything else: normal, keyed by the case and a purpose. */
void test_normal(const test_case *t, const char *purpose, float *host, size_t n);

#endif
