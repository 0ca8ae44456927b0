#include "data/augment.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SIDE = 33, PIXELS = SIDE * SIDE };

/* A picture with edges and slopes, within [-1,1]. */
static void picture(float *out)
{
    for (int i = 0; i < PIXELS; i++) out[i] = (float)((i * 7919) % 1000) / 500 - 1;
}

static void ramp(float *out, float a, float b, float c)
{
    for (int i = 0; i < PIXELS; i++) out[i] = a + b * (float)(i % SIDE) + c * (float)(i / SIDE);
}

Test(augment, nothing_asked_is_nothing_done)
{
    float in[PIXELS], out[PIXELS];
    augment_opts none = {0};
    picture(in);
    for (uint64_t draw = 0; draw < 5; draw++) {
        augment_image(in, out, SIDE, &none, 3, draw);
        cr_expect_arr_eq(in, out, sizeof in);
    }
}

Test(augment, a_draw_depends_on_seed_and_number_only)
{
    float in[PIXELS], first[PIXELS], again[PIXELS], other[PIXELS];
    picture(in);
    augment_image(in, first, SIDE, &augment_classic, 3, 8);
    augment_image(in, other, SIDE, &augment_classic, 3, 9);
    augment_image(in, again, SIDE, &augment_classic, 3, 8);
    cr_expect_arr_eq(first, again, sizeof first);
    cr_expect_neq(memcmp(first, other, sizeof first), 0);
    augment_image(in, other, SIDE, &augment_classic, 4, 8);
    cr_expect_neq(memcmp(first, other, sizeof first), 0);
}

/* Shifting a + b x + c y by (tx,ty) gives a - b tx - c ty + b x + c y wherever the edge is not met. */
Test(augment, a_shifted_ramp_is_a_constant_lower)
{
    float across[PIXELS], down[PIXELS], out[PIXELS];
    augment_opts shift = {.translate = 0.2F};
    double largest = 0, smallest = 0;
    ramp(across, -0.5F, 0.03F, 0);
    ramp(down, -0.5F, 0, 0.03F);
    for (uint64_t draw = 0; draw < 40; draw++) {
        const float *const ramps[] = {across, down};
        for (int axis = 0; axis < 2; axis++) {
            augment_image(ramps[axis], out, SIDE, &shift, 3, draw);
            int middle = PIXELS / 2;
            float moved = out[middle] - ramps[axis][middle];
            double pixels = -(double)moved / 0.03;
            largest = fmax(largest, pixels);
            smallest = fmin(smallest, pixels);
            for (int y = 8; y < SIDE - 8; y++)
                for (int x = 8; x < SIDE - 8; x++) {
                    int i = y * SIDE + x;
                    cr_expect_float_eq(out[i] - ramps[axis][i], moved, 1e-5F);
                }
        }
    }
    cr_expect(largest > 5 && largest <= 0.2 * SIDE, "the largest of 80 shifts is %g pixels", largest);
    cr_expect(smallest < -5 && smallest >= -0.2 * SIDE, "the smallest of 80 shifts is %g pixels", smallest);
}

Test(augment, a_shift_leaves_the_edge_pixel_behind)
{
    float in[PIXELS], out[PIXELS];
    augment_opts shift = {.translate = 0.5F};
    ramp(in, -0.9F, 0.05F, 0);
    for (uint64_t draw = 0; draw < 20; draw++) {
        augment_image(in, out, SIDE, &shift, 3, draw);
        for (int y = 0; y < SIDE; y++) {
            const float *row = out + y * SIDE;
            cr_expect(row[0] == in[0] || row[SIDE - 1] == in[SIDE - 1], "one side shows the input's edge");
            for (int x = 1; x < SIDE; x++) cr_expect(row[x] >= row[x - 1]);
        }
    }
}

/* Turning b x (x from the centre) by t gives b (x cos t + y sin t): gradients of the length b, the centre
 * unmoved. */
Test(augment, rotation_turns_the_gradient_about_the_centre)
{
    float in[PIXELS], out[PIXELS];
    augment_opts turn = {.degrees = 30};
    double widest = 0, degree = acos(-1) / 180;
    int centre = PIXELS / 2;
    ramp(in, -0.48F, 0.03F, 0);
    for (uint64_t draw = 0; draw < 40; draw++) {
        augment_image(in, out, SIDE, &turn, 3, draw);
        double gx = (double)(out[centre + 4] - out[centre - 4]) / 8;
        double gy = (double)(out[centre + 4 * SIDE] - out[centre - 4 * SIDE]) / 8;
        cr_expect_float_eq(out[centre], in[centre], 1e-5F);
        cr_expect_float_eq(hypot(gx, gy), 0.03, 1e-5);
        widest = fmax(widest, fabs(atan2(gy, gx)));
    }
    cr_expect(widest > 20 * degree && widest <= 30.01 * degree, "%g", widest);
}

Test(augment, zoom_scales_the_gradient)
{
    float in[PIXELS], out[PIXELS];
    augment_opts zoom = {.scale = 0.4F};
    double least = 1, most = 1;
    int centre = PIXELS / 2;
    ramp(in, -0.32F, 0.02F, 0);
    for (uint64_t draw = 0; draw < 40; draw++) {
        augment_image(in, out, SIDE, &zoom, 3, draw);
        double factor = (double)(out[centre + 4] - out[centre - 4]) / 8 / 0.02;
        double down = (double)(out[centre + 4 * SIDE] - out[centre - 4 * SIDE]);
        cr_expect_float_eq(out[centre], in[centre], 1e-5F);
        cr_expect_float_eq(down, 0, 1e-5);
        least = fmin(least, factor);
        most = fmax(most, factor);
    }
    cr_expect(least < exp(-0.3) && least >= exp(-0.401), "%g", least);
    cr_expect(most > exp(0.3) && most <= exp(0.401), "%g", most);
}

/* Where in the input the output's centre lies, from ramps that are 0.02 a pixel and 0 in the centre. */
static void source_of_centre(const augment_opts *o, uint64_t draw, double *x, double *y)
{
    float in[PIXELS], out[PIXELS];
    ramp(in, -0.32F, 0.02F, 0);
    augment_image(in, out, SIDE, o, 3, draw);
    *x = (double)out[PIXELS / 2] / 0.02;
    ramp(in, -0.32F, 0, 0.02F);
    augment_image(in, out, SIDE, o, 3, draw);
    *y = (double)out[PIXELS / 2] / 0.02;
}

/* A shift of t after a turn R and a zoom z fetches the centre from -R'(t)/z: as far away as t, divided by z.
 * One draw has the same t and the same R and z whichever of them are asked for. */
Test(augment, the_shift_comes_after_turn_and_zoom)
{
    augment_opts shift = {.translate = 0.2F}, turned = {.degrees = 80, .translate = 0.2F};
    augment_opts zoomed = {.translate = 0.2F, .scale = 0.4F}, zoom = {.scale = 0.4F}, turn = {.degrees = 80};
    for (uint64_t draw = 0; draw < 10; draw++) {
        float in[PIXELS], out[PIXELS];
        double x, y, tx, ty;
        int centre = PIXELS / 2;
        source_of_centre(&shift, draw, &tx, &ty);
        ramp(in, -0.32F, 0.02F, 0);
        augment_image(in, out, SIDE, &zoom, 3, draw);
        double inverse = (double)(out[centre + 1] - out[centre]) / 0.02;
        source_of_centre(&zoomed, draw, &x, &y);
        cr_expect_float_eq(x, tx * inverse, 1e-3);
        cr_expect_float_eq(y, ty * inverse, 1e-3);
        augment_image(in, out, SIDE, &turn, 3, draw);
        double xx = (double)(out[centre + 1] - out[centre]) / 0.02;
        double xy =
            (double)(out[centre + SIDE] - out[centre]) / 0.02; /* the input's x along the output's y */
        source_of_centre(&turned, draw, &x, &y);
        cr_expect_float_eq(x, xx * tx + xy * ty, 1e-3);
        cr_expect_float_eq(y, -xy * tx + xx * ty, 1e-3);
    }
}

static double mean_of(const float *image)
{
    double sum = 0;
    for (int i = 0; i < PIXELS; i++) sum += (double)image[i];
    return sum / PIXELS;
}

Test(augment, brightness_adds_and_contrast_stretches_about_the_mean)
{
    float in[PIXELS], out[PIXELS];
    augment_opts light = {.brightness = 0.3F}, contrast = {.contrast = 0.3F};
    picture(in);
    for (int i = 0; i < PIXELS; i++) in[i] *= 0.4F; /* away from the clipping */
    double mean = mean_of(in);
    for (uint64_t draw = 0; draw < 10; draw++) {
        augment_image(in, out, SIDE, &light, 3, draw);
        float added = out[0] - in[0];
        cr_expect(fabsf(added) <= 0.3F);
        for (int i = 0; i < PIXELS; i++) cr_expect_float_eq(out[i] - in[i], added, 1e-6F);
        augment_image(in, out, SIDE, &contrast, 3, draw);
        double factor = ((double)out[0] - mean) / ((double)in[0] - mean);
        cr_expect(factor >= exp(-0.3001) && factor <= exp(0.3001));
        cr_expect_float_eq(mean_of(out), mean, 1e-6);
        for (int i = 0; i < PIXELS; i++)
            cr_expect_float_eq(out[i], mean + ((double)in[i] - mean) * factor, 1e-5);
    }
}

Test(augment, noise_has_no_mean_and_at_most_the_deviation_asked)
{
    float in[PIXELS] = {0}, out[PIXELS];
    augment_opts noise = {.noise = 0.1F};
    double largest = 0;
    for (uint64_t draw = 0; draw < 20; draw++) {
        double squares = 0;
        augment_image(in, out, SIDE, &noise, 3, draw);
        for (int i = 0; i < PIXELS; i++) squares += (double)out[i] * (double)out[i];
        double deviation = sqrt(squares / PIXELS);
        cr_expect(fabs(mean_of(out)) <= 5 * deviation / SIDE, "mean %g, deviation %g", mean_of(out),
                  deviation);
        largest = fmax(largest, deviation);
    }
    cr_expect(largest > 0.07 && largest < 0.11, "%g", largest);
}

/* The noise of a gray image that is larger than one draw of it: the pixels have nothing to do with each
 * other. */
Test(augment, noise_does_not_repeat_within_an_image)
{
    enum { LARGE = 96, ALL = LARGE * LARGE };
    static float in[ALL], out[ALL];
    augment_opts noise = {.noise = 0.1F};
    double squares = 0;
    augment_image(in, out, LARGE, &noise, 3, 1);
    for (int i = 0; i < ALL; i++) squares += (double)out[i] * (double)out[i];
    for (int apart = 1; apart < ALL / 2; apart++) {
        double products = 0;
        for (int i = apart; i < ALL; i++) products += (double)out[i] * (double)out[i - apart];
        /* 6 standard deviations: a repetition would be at 50 and more */
        cr_expect_float_eq(products / squares, 0, 6 * sqrt(ALL - apart) / ALL, "%d pixels apart", apart);
    }
}

Test(augment, results_stay_in_range)
{
    float in[PIXELS], out[PIXELS];
    augment_opts strong = {90, 0.5F, 0.5F, 2, 1, 1};
    picture(in);
    for (uint64_t draw = 0; draw < 20; draw++) {
        augment_image(in, out, SIDE, &strong, 3, draw);
        for (int i = 0; i < PIXELS; i++) cr_expect(out[i] >= -1 && out[i] <= 1);
    }
}
