/* Path lengths against rays traced in double precision, and Beer-Lambert's law end to end. */
#include "data/phantom/canvas.h"
#include "data/phantom/chest.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 256 };

/* Almost parallel rays, so that the magnification is 1. */
static const view tilted = {.yaw = 0.3F, .roll = 0.2F, .source_distance = 1e7F, .field = 25.6F};

typedef struct ray {
    double origin[3], along[3]; /* body coordinates, cm */
} ray;

/* The ray through a pixel: undo the roll, then the yaw. */
static ray ray_of(const view *v, int column, int row)
{
    double pixel = v->field / SIZE, x = (column - (SIZE - 1) / 2.0) * pixel,
           y = (row - (SIZE - 1) / 2.0) * pixel;
    double u = x * cos(v->roll) + y * sin(v->roll), w = y * cos(v->roll) - x * sin(v->roll);
    double c = cos(v->yaw), s = sin(v->yaw);
    return (ray){.origin = {u * c, w + v->centre_y, u * s}, .along = {-s, 0.0, c}};
}

/* Distance between the roots of |A (o + t d)|^2 = 1; 0 if none. */
static double chord(double a[3][3], const ray *r, const double *centre)
{
    double qa = 0.0, qb = 0.0, qc = -1.0;
    for (int i = 0; i < 3; i++) {
        double o = 0.0, d = 0.0;
        for (int j = 0; j < 3; j++) {
            o += a[i][j] * (r->origin[j] - centre[j]);
            d += a[i][j] * r->along[j];
        }
        qa += d * d;
        qb += 2.0 * o * d;
        qc += o * o;
    }
    double disc = qb * qb - 4.0 * qa * qc;
    return disc > 0.0 ? sqrt(disc) / qa : 0.0;
}

static canvas *canvas_for(const view *v)
{
    canvas *c = NULL;
    cr_assert_eq(canvas_open(SIZE, v, &c), OK);
    return c;
}

Test(canvas, ellipsoid_lengths_are_those_of_traced_rays)
{
    canvas *c = canvas_for(&tilted);
    ellipsoid e = {.centre = {1.5F, -2.0F, 1.0F}, .radii = {4.0F, 2.0F, 3.0F}, .tilt = 0.5F};
    canvas_ellipsoid(c, LAYER_EXTRA, e, 1.0F);
    double ct = cos(0.5), st = sin(0.5), centre[3] = {1.5, -2.0, 1.0};
    double a[3][3] = {{ct / 4.0, st / 4.0, 0.0}, {-st / 2.0, ct / 2.0, 0.0}, {0.0, 0.0, 1.0 / 3.0}};
    const float *got = canvas_layer(c, LAYER_EXTRA);
    int compared = 0;
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            ray r = ray_of(&tilted, x, y);
            double want = chord(a, &r, centre);
            if (want < 1.0) continue;
            compared++;
            cr_assert_float_eq(got[y * SIZE + x], want, 0.02, "pixel %d, %d: %g, not %g", x, y,
                               (double)got[y * SIZE + x], want);
        }
    cr_assert_gt(compared, 1000);
    canvas_close(c);
}

Test(canvas, cylinder_lengths_are_those_of_traced_rays)
{
    canvas *c = canvas_for(&tilted);
    canvas_tube(c, LAYER_EXTRA,
                (tube){.from = {-9.0F, -3.0F, -6.0F}, .to = {9.0F, 3.0F, 6.0F}, .radius = 2.0F}, 1.0F);
    /* Distance from the axis: subtract the part along it. */
    double n = sqrt(81.0 + 9.0 + 36.0), d[3] = {9.0 / n, 3.0 / n, 6.0 / n}, a[3][3],
           centre[3] = {0.0, 0.0, 0.0};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) a[i][j] = ((i == j) - d[i] * d[j]) / 2.0;
    const float *got = canvas_layer(c, LAYER_EXTRA);
    int compared = 0;
    for (int y = 0; y < SIZE; y++)
        for (int x = 80; x < SIZE - 80; x++) {
            ray r = ray_of(&tilted, x, y);
            double want = chord(a, &r, centre);
            if (want < 1.0) continue;
            compared++;
            cr_assert_float_eq(got[y * SIZE + x], want, 0.02, "pixel %d, %d: %g, not %g", x, y,
                               (double)got[y * SIZE + x], want);
        }
    cr_assert_gt(compared, 1000);
    canvas_close(c);
}

static double sum_of(canvas *c, layer l)
{
    double sum = 0.0;
    for (int k = 0; k < SIZE * SIZE; k++) sum += canvas_layer(c, l)[k];
    return sum * (double)canvas_pixel(c) * (double)canvas_pixel(c);
}

Test(canvas, mass_is_kept_below_a_pixel)
{
    view v = {.source_distance = 1e7F, .field = 25.6F};
    canvas *c = canvas_for(&v);
    canvas_tube(c, LAYER_EXTRA,
                (tube){.from = {-6.0F, 1.3F, 0.0F}, .to = {5.0F, 4.0F, 2.0F}, .radius = 0.03F}, 1.0F);
    double volume = 3.14159265 * 0.03 * 0.03 * sqrt(121.0 + 2.7 * 2.7 + 4.0);
    cr_assert_float_eq(sum_of(c, LAYER_EXTRA), volume, 0.02 * volume, "tube: %g, not %g",
                       sum_of(c, LAYER_EXTRA), volume);
    canvas_ellipsoid(c, LAYER_INFILTRATE,
                     (ellipsoid){.centre = {2.03F, 1.01F, 0.0F}, .radii = {0.07F, 0.05F, 0.2F}}, 1.0F);
    volume = 4.0 / 3.0 * 3.14159265 * 0.07 * 0.05 * 0.2;
    cr_assert_float_eq(sum_of(c, LAYER_INFILTRATE), volume, 0.1 * volume, "ellipsoid: %g, not %g",
                       sum_of(c, LAYER_INFILTRATE), volume);
    canvas_close(c);
}

Test(canvas, a_chain_of_tubes_has_no_joint)
{
    canvas *whole = canvas_for(&tilted), *parts = canvas_for(&tilted);
    vec3 a = {-7.0F, -2.0F, 0.0F}, m = {-1.0F, -0.8F, 1.2F}, b = {8.0F, 1.0F, 3.0F};
    canvas_tube(whole, LAYER_EXTRA, (tube){.from = a, .to = b, .radius = 0.4F, .marrow = 0.5F}, 1.0F);
    canvas_tube(parts, LAYER_EXTRA, (tube){.from = a, .to = m, .radius = 0.4F, .marrow = 0.5F}, 1.0F);
    canvas_tube(parts, LAYER_EXTRA, (tube){.from = m, .to = b, .radius = 0.4F, .marrow = 0.5F}, 1.0F);
    for (int k = 0; k < SIZE * SIZE; k++)
        cr_assert_float_eq(canvas_layer(whole, LAYER_EXTRA)[k], canvas_layer(parts, LAYER_EXTRA)[k], 2e-3);
    canvas_close(whole);
    canvas_close(parts);
}

Test(canvas, a_sphere_is_magnified_by_the_cone)
{
    view v = {.source_distance = 100.0F, .detector_z = -10.0F, .field = 25.6F};
    canvas *c = canvas_for(&v);
    canvas_ellipsoid(c, LAYER_EXTRA, (ellipsoid){.centre = {0.0F, 0.0F, 10.0F}, .radii = {4.0F, 4.0F, 4.0F}},
                     1.0F);
    const float *line = canvas_layer(c, LAYER_EXTRA) + (size_t)SIZE * (SIZE / 2);
    int width = 0;
    for (int x = 0; x < SIZE; x++) width += line[x] > 0.0F;
    /* Its centre is 20 cm from the detector: 8 cm times 100 / 80. */
    cr_assert_float_eq(width * 0.1, 10.0, 0.25, "width %g cm", width * 0.1);
    cr_assert_float_eq(line[SIZE / 2], 8.0, 0.02);
    canvas_close(c);
}

/* A slab of trunk, one square lung, a mass in it larger than the lung itself, and bone: each by hand. */
Test(canvas, compose_is_beer_lamberts_exponent)
{
    view v = {.source_distance = 1e7F, .field = 25.6F};
    canvas *c = canvas_for(&v);
    row_sections rows[SIZE];
    section lung = {.middle = 4.0F, .inverse_lateral = 0.5F, .inverse_medial = -0.5F, .depth = 3.0F};
    for (int y = 0; y < SIZE; y++)
        rows[y] = (row_sections){.body_inverse = 0.1F, .body_depth = 5.0F, .lung = {{.middle = -4.0F}, lung}};
    dome far = {.y = 1e3F, .depth_gain = 1.0F, .fluid_level = 1e3F, .fluid_inverse_softness = 1.0F};
    dome domes[2] = {far, far};
    canvas_block(c, LAYER_EXTRA, (vec3){0.0F, 0.0F, 0.0F}, 1.0F, 1.0F, 0.0F, 2.0F, 0.3F);
    canvas_block(c, LAYER_INFILTRATE, (vec3){4.0F, 5.0F, 0.0F}, 0.5F, 0.5F, 0.0F, 100.0F, 1.0F);
    float *out = malloc(sizeof(float) * SIZE * SIZE);
    cr_assert(out);
    canvas_compose(c, rows, domes, (mu_tissue){.soft = 0.2F, .lung = 0.05F}, out);
#define AT(x, y) out[(int)(((y) + 12.75) * 10.0 + 0.5) * SIZE + (int)(((x) + 12.75) * 10.0 + 0.5)]
    double edge = sqrt(1.0 - 0.16);
    cr_assert_float_eq(AT(0.0, 3.0), 0.2 * 10.0, 5e-3);
    cr_assert_float_eq(AT(0.0, 0.0), 0.2 * 10.0 + 0.3 * 2.0, 5e-3);
    cr_assert_float_eq(AT(4.0, 0.0), 0.2 * (10.0 * edge - 6.0) + 0.05 * 6.0, 2e-2);
    cr_assert_float_eq(AT(4.0, 5.0), 0.2 * 10.0 * edge, 2e-2); /* all of the lung is taken, not more */
    cr_assert_float_eq(AT(11.0, 0.0), 0.0, 1e-6);
    free(out);
    canvas_close(c);
}

/* Without scatter, blur and noise the picture is linear in the attenuation, as the logarithm of exp(-mu L)
 * is. */
Test(exposure, the_picture_is_linear_in_attenuation)
{
    latents l = {
        .technique = {.view = {.field = 25.6F}, .photons = 1e12F, .blur = 1e-3F, .window_low = 0.1F}};
    float *attenuation = malloc(sizeof(float) * SIZE * SIZE);
    uint8_t *pixels = malloc(SIZE * SIZE);
    cr_assert(attenuation && pixels);
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) attenuation[y * SIZE + x] = 0.8F + (float)(x / 64);
    cr_assert_eq(expose(&l, attenuation, SIZE, SIZE, pixels), OK);
    int steps[3];
    for (int k = 0; k < 3; k++) steps[k] = pixels[32 + 64 * (k + 1)] - pixels[32 + 64 * k];
    cr_assert_gt(steps[0], 40);
    cr_assert_leq(abs(steps[1] - steps[0]), 1, "%d %d %d", steps[0], steps[1], steps[2]);
    cr_assert_leq(abs(steps[2] - steps[1]), 1, "%d %d %d", steps[0], steps[1], steps[2]);
    free(attenuation);
    free(pixels);
}

/* Noise has the variance of Poisson counts: after the logarithm, 1 / (photons exp(-mu L)). */
Test(exposure, noise_is_poisson)
{
    double photons = 400.0 / (10.0 * 25.6 / SIZE * 10.0 * 25.6 / SIZE);
    latents l = {.technique = {
                     .view = {.field = 25.6F}, .photons = (float)photons, .blur = 1e-3F, .window_low = 0.1F}};
    float *attenuation = malloc(sizeof(float) * SIZE * SIZE);
    uint8_t *pixels = malloc(SIZE * SIZE);
    cr_assert(attenuation && pixels);
    for (int k = 0; k < SIZE * SIZE; k++)
        attenuation[k] = k % SIZE < 64 ? 0.5F : k % SIZE < 192 ? 1.0F : 1.5F;
    cr_assert_eq(expose(&l, attenuation, SIZE, SIZE, pixels), OK);
    double mean[3] = {0}, square[3] = {0};
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            int part = x < 64 ? 0 : x < 192 ? 1 : 2;
            double n = part == 1 ? 128.0 * SIZE : 64.0 * SIZE, v = pixels[y * SIZE + x];
            mean[part] += v / n;
            square[part] += v * v / n;
        }
    double per_unit = mean[2] - mean[0]; /* gray levels for one unit of attenuation */
    for (int part = 1; part < 2; part++) {
        double deviation = sqrt(square[part] - mean[part] * mean[part]) / per_unit;
        double want = sqrt(exp(0.5 + 0.5 * part) / 400.0);
        cr_assert_float_eq(deviation, want, 0.08 * want, "part %d: %g, not %g", part, deviation, want);
    }
    free(attenuation);
    free(pixels);
}
