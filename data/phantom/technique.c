/* How patients are built and how their films are taken.
 *
 * Adult lungs on a PA film are about 22-26 cm high and the chest 26-33 cm wide inside; the cardiothoracic
 * ratio of healthy adults lies near 0.40-0.49 (Danzer 1919; above 0.5 on a PA film is enlarged); the right
 * dome stands 1-2.5 cm above the left. PA films are taken at 180 cm, portable AP ones at 100-130 cm, with
 * less inspiration, more rotation, and more scatter. */
#include "data/phantom/latents.h"

#include "base/rng.h"

#include <math.h>

static float normal(rng *r, double mean, double deviation, double low, double high)
{
    return (float)fmin(high, fmax(low, mean + deviation * rng_normal(r)));
}

static float between(rng *r, double low, double high)
{
    return (float)rng_between(r, low, high);
}

anatomy anatomy_draw(uint64_t seed, uint32_t patient)
{
    rng r = rng_open(seed, "phantom/anatomy", patient);
    bool female = rng_uniform(&r) < 0.46;
    double stature = rng_normal(&r) * 0.05 + (female ? 0.96 : 1.03);
    anatomy a = {.height = normal(&r, stature, 0.035, 0.82, 1.2),
                 .width = normal(&r, stature, 0.035, 0.85, 1.2),
                 .depth = normal(&r, stature, 0.05, 0.8, 1.25),
                 .fat = (float)fmax(-0.8, 0.9 * rng_normal(&r) + 0.4),
                 .bone = normal(&r, female ? 0.94 : 1.04, 0.14, 0.6, 1.4),
                 .heart_ratio = normal(&r, 0.445, 0.025, 0.38, 0.49),
                 .heart_tilt = normal(&r, 0.75, 0.14, 0.45, 1.1),
                 .mediastinum = normal(&r, 1.0, 0.09, 0.8, 1.18),
                 .knob = normal(&r, 1.65, 0.22, 1.2, 2.3)};
    a.breast = female ? normal(&r, 5.6, 1.3, 3.0, 8.5) : 0.0F;
    a.rib_spacing = normal(&r, 2.12, 0.07, 1.9, 2.35);
    a.rib_radius = normal(&r, 0.56, 0.05, 0.42, 0.72);
    a.rib_slope = normal(&r, 1.0, 0.17, 0.6, 1.5);
    a.clavicle_slope = normal(&r, 1.6, 1.0, -0.6, 4.0);
    a.scoliosis = normal(&r, 0.0, 0.45, -1.4, 1.4);
    a.dome_right = normal(&r, 0.765, 0.02, 0.7, 0.82);
    a.dome_gap = normal(&r, 1.3, 0.5, 0.2, 2.6);
    a.lung_density = normal(&r, 1.0, 0.15, 0.65, 1.45);
    a.vessel = normal(&r, 1.0, 0.13, 0.7, 1.4);
    return a;
}

static view view_draw(rng *r, bool portable)
{
    double degree = 0.017453292519943295;
    view v = {.yaw = (float)(degree * (portable ? 4.5 : 2.2) * rng_normal(r)),
              .roll = (float)(degree * (portable ? 2.6 : 1.2) * rng_normal(r)),
              .source_distance = portable ? between(r, 100.0, 130.0) : 180.0F,
              .detector_z = portable ? -13.0F : 13.0F};
    v.yaw = fminf(0.22F, fmaxf(-0.22F, v.yaw));
    v.roll = fminf(0.12F, fmaxf(-0.12F, v.roll));
    v.centre_y = normal(r, 11.5, 1.6, 7.0, 16.0);
    v.shift_x = normal(r, 0.0, portable ? 1.3 : 0.7, -3.0, 3.0);
    v.field = normal(r, portable ? 38.0 : 35.5, 2.2, 31.5, 43.0);
    return v;
}

static void collimate(technique *t, rng *r)
{
    if (rng_uniform(r) > 0.15) return;
    for (int edge = 0; edge < 4; edge++)
        if (rng_uniform(r) < 0.5) t->collimated[edge] = between(r, 0.01, 0.09);
}

technique technique_draw(uint64_t seed, uint32_t patient, uint32_t index, double portable_chance)
{
    rng p = rng_open(seed, "phantom/patient technique", patient),
        r = rng_open(seed, "phantom/technique", index);
    /* In-patients get portable films again and again: half of the choice is the patient's. */
    double mixed = rng_uniform(&p), own = rng_uniform(&r);
    technique t = {.portable = (rng_uniform(&r) < 0.5 ? mixed : own) < portable_chance};
    t.view = view_draw(&r, t.portable);
    t.inspiration = normal(&r, t.portable ? -1.3 : 0.2, 0.9, -4.0, 2.2);
    t.arms = t.portable ? between(&r, 0.0, 0.7) : between(&r, 0.3, 1.0);
    t.gas = rng_uniform(&r) < 0.6;
    t.marker = rng_uniform(&r) < 0.6;
    collimate(&t, &r);
    t.photons = (float)exp(rng_between(&r, log(3e3), log(6e4)));
    t.scatter = t.portable ? between(&r, 0.5, 1.3) : between(&r, 0.25, 0.7);
    t.blur = between(&r, 0.5, 1.4);
    t.window_low = normal(&r, 0.04, 0.07, -0.12, 0.22);
    t.window_high = normal(&r, 0.03, 0.07, -0.12, 0.2);
    t.toe = normal(&r, 0.22, 0.25, -0.4, 0.75);
    return t;
}
