/* The reference's gradients against signed central differences of its forward, and that the check can fail.
 *
 * For a direction d of one input, the slope of L = <dout, out> is <din, d> by the kernel, and by differences
 * (Fornberg 1988, four points, error of order h^4)
 *     <dout, 8 (out(+h) - out(-h)) - (out(+2h) - out(-2h))> / 12 h. */
#include "tests/nn/harness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ELEMENTS of each input are checked one by one. Sanitizers and valgrind (Makefile.bench) look at memory, for
 * which a few are as good as many. */
#if defined(__SANITIZE_ADDRESS__) || defined(CHECKED_BY_VALGRIND)
enum { POINTS = 4, ELEMENTS = 3 };
#else
enum { POINTS = 4, ELEMENTS = 12 };
#endif
static const double spacing = 0.02, tolerance = 1e-3;
static const double offsets[POINTS] = {1, -1, 2, -2}, weights[POINTS] = {8, -8, -1, 1};

typedef struct check {
    const test_case *t;
    harness *h;
    tensors x;
    int input;
    size_t n; /* elements of the input */
    float *base, *direction, *dout, *out[POINTS];
    double factor; /* what the kernel's gradient is multiplied by: 1, or a mistake to be found */
    int disagreements;
} check;

static err check_open(const test_case *t, int input, double factor, check *c)
{
    *c = (check){.t = t, .input = input, .n = nn_count(&t->in[input].shape), .factor = factor};
    size_t outputs = nn_count(&t->shape);
    request r = {0};
    r.wants[input] = true;
    TRY(tensors_open(t, &c->x));
    c->base = calloc(c->n, sizeof *c->base);
    c->direction = calloc(c->n, sizeof *c->direction);
    c->dout = calloc(outputs, sizeof *c->dout);
    bool fine = c->base && c->direction && c->dout;
    for (int p = 0; p < POINTS; p++) {
        c->out[p] = calloc(outputs, sizeof *c->out[p]);
        fine = fine && c->out[p];
    }
    if (!fine) return err_set(ERR_SYSTEM, "out of memory");
    memcpy(c->base, c->x.in[input], c->n * sizeof *c->base);
    return harness_open(nn_on(&be_ref), t, &r, &c->h);
}

static void check_close(check *c)
{
    harness_close(c->h);
    tensors_close(&c->x);
    free(c->base);
    free(c->direction);
    free(c->dout);
    for (int p = 0; p < POINTS; p++) free(c->out[p]);
}

/* Forward at base + offset * spacing * direction. */
static err evaluate(check *c, double offset, float *out)
{
    for (size_t i = 0; i < c->n; i++)
        c->x.in[c->input][i] = (float)(c->base[i] + offset * spacing * c->direction[i]);
    return harness_forward(c->h, c->x.in, 0, out);
}

/* Outputs that cross the kink of their activation between the points have no weight in L. */
static void drop_kinks(check *c)
{
    bool kinked = c->t->a.act == ACT_RELU || c->t->a.act == ACT_LEAKY_RELU;
    size_t outputs = nn_count(&c->t->shape);
    for (size_t i = 0; i < outputs; i++) {
        bool crosses = false;
        for (int p = 1; p < POINTS; p++) crosses = crosses || (c->out[p][i] > 0) != (c->out[0][i] > 0);
        c->dout[i] = kinked && crosses ? 0 : c->x.dout[i];
    }
}

/* Each output that depends on the input was rounded once to float; the difference quotient magnifies that. A
 * loss depends on all, even where floats do not show it. */
static void difference(const check *c, double *slope, double *noise)
{
    size_t outputs = nn_count(&c->t->shape);
    *slope = *noise = 0;
    for (size_t i = 0; i < outputs; i++) {
        double sum = 0;
        for (int p = 0; p < POINTS; p++) sum += weights[p] * c->out[p][i] * c->dout[i];
        *slope += sum / (12 * spacing);
        if (sum != 0 || outputs == 1)
            *noise += fabs((double)c->out[0][i] * c->dout[i]) * 18 * 0x1p-24 / (12 * spacing);
    }
}

static err compare_slopes(check *c)
{
    double slope, noise, claimed = 0;
    for (int p = 0; p < POINTS; p++) TRY(evaluate(c, offsets[p], c->out[p]));
    drop_kinks(c);
    difference(c, &slope, &noise);
    TRY(evaluate(c, 0, c->x.out));
    TRY(harness_backward(c->h, c->dout, c->x.din));
    for (size_t i = 0; i < c->n; i++) claimed += c->factor * (double)c->x.din[c->input][i] * c->direction[i];
    if (!(fabs(claimed - slope) <= tolerance * fmax(fabs(claimed), fabs(slope)) + noise)) {
        c->disagreements++;
        (void)err_set(ERR_INTERNAL, "%s, input %d: the slope is %.6g, its gradient says %.6g (noise %.1g)",
                      c->t->name, c->input, slope, claimed, noise);
    }
    return OK;
}

/* All elements at once, each in the direction of its own gradient, so that nothing cancels; length 1. */
static err whole_direction(check *c)
{
    double squares = 0;
    TRY(evaluate(c, 0, c->x.out));
    TRY(harness_backward(c->h, c->x.dout, c->x.din));
    test_normal(c->t, "direction", c->direction, c->n);
    for (size_t i = 0; i < c->n; i++) {
        float gradient = c->x.din[c->input][i];
        if (gradient != 0) c->direction[i] = copysignf(c->direction[i], gradient);
        squares += (double)c->direction[i] * c->direction[i];
    }
    for (size_t i = 0; i < c->n; i++) c->direction[i] = (float)(c->direction[i] / sqrt(squares));
    return compare_slopes(c);
}

/* Element k: the largest gradient first, the corners, then some between. */
static size_t element(const check *c, int k, size_t largest)
{
    if (k == 0) return largest;
    if (k == 1) return 0;
    if (k == 2) return c->n - 1;
    return (size_t)k * (c->n / ELEMENTS + 1) % c->n;
}

static err single_elements(check *c)
{
    size_t largest = 0;
    const float *din = c->x.din[c->input];
    for (size_t i = 1; i < c->n; i++)
        if (fabsf(din[i]) > fabsf(din[largest])) largest = i;
    for (int k = 0; k < ELEMENTS && (size_t)k < c->n; k++) {
        memset(c->direction, 0, c->n * sizeof *c->direction);
        c->direction[element(c, k, largest)] = 1;
        TRY(compare_slopes(c));
    }
    return OK;
}

/* How often kernel and differences disagree about one gradient; -1 on an error. *zero: it vanishes. */
static int disagreements(const test_case *t, int input, double factor, bool *zero)
{
    check c;
    err error = check_open(t, input, factor, &c);
    if (error == OK) error = whole_direction(&c);
    *zero = error == OK;
    for (size_t i = 0; error == OK && i < c.n; i++) *zero = *zero && c.x.din[input][i] == 0;
    if (error == OK && factor == 1) error = single_elements(&c);
    int found = error == OK ? c.disagreements : -1;
    check_close(&c);
    return found;
}

static bool checkable(const test_case *t, int input)
{
    return t->in[input].gradient && !t->no_difference;
}

static void check_operator(nn_op op)
{
    bool zero;
    for (int k = 0; k < test_case_count; k++)
        for (int i = 0; i < test_cases[k].n_in; i++)
            if (test_cases[k].op == op && checkable(&test_cases[k], i))
                cr_expect_eq(disagreements(&test_cases[k], i, 1, &zero), 0, "%s", err_message());
}

#define X(name, text)                                                                                        \
    Test(gradients, name)                                                                                    \
    {                                                                                                        \
        check_operator(OP_##name);                                                                           \
    }
#include "nn/ops.def"
#undef X

/* For every row and input: a gradient multiplied by `factor` must be found out. */
static void must_be_found(double factor)
{
    int mistakes = 0;
    for (int k = 0; k < test_case_count; k++)
        for (int i = 0; i < test_cases[k].n_in; i++) {
            bool zero;
            if (!checkable(&test_cases[k], i)) continue;
            int found = disagreements(&test_cases[k], i, factor, &zero);
            cr_expect(found > 0 || (zero && found == 0), "%s: gradient %d times %g goes unnoticed",
                      test_cases[k].name, i, factor);
            mistakes += found > 0;
        }
    cr_expect_gt(mistakes, 100, "only %d gradients were not zero", mistakes);
}

Test(gradients, a_flipped_sign_is_found)
{
    must_be_found(-1);
}

Test(gradients, five_percent_too_much_is_found)
{
    must_be_found(1.05);
}

Test(gradients, a_gradient_left_at_zero_is_found)
{
    must_be_found(0);
}
