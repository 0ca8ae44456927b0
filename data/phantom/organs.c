/* Heart, great vessels, hila, airways, arms, breasts and gas. The heart's transverse diameter is exactly the
 * cardiothoracic ratio times the inner width of the chest, a third of it right of the midline. */
#include "data/phantom/chest.h"

#include <math.h>

static void displace(canvas *c, ellipsoid e)
{
    canvas_merge(c, LAYER_DISPLACED, e);
}

static void draw_heart(const chest *t, canvas *c)
{
    float tilt = t->l->anatomy.heart_tilt, cs = cosf(tilt), sn = sinf(tilt), flat = 0.72F;
    float width = t->heart_width, middle = 0.5F * (t->heart_left + t->heart_right);
    /* Half axes such that the tilted ellipse is `width` wide. */
    float length = 0.5F * width / sqrtf(cs * cs + flat * flat * sn * sn);
    displace(c, (ellipsoid){.centre = {middle, t->heart_y, 2.5F},
                            .radii = {length, flat * length, 0.44F * width},
                            .tilt = tilt});
    /* The right atrium gives the right border its fullness. */
    displace(c, (ellipsoid){.centre = {t->heart_right + 0.22F * width, t->heart_y + 0.2F, 1.5F},
                            .radii = {0.22F * width, 0.36F * width, 0.34F * width}});
    /* Fat pad and the heart's apex on the left dome. */
    displace(c,
             (ellipsoid){.centre = {t->heart_left - 0.24F * width, t->heart_y + 0.62F * t->heart_rise, 4.0F},
                         .radii = {0.24F * width, 0.2F * width, 0.25F * width}});
}

static void draw_mediastinum(const chest *t, canvas *c)
{
    const anatomy *a = &t->l->anatomy;
    const site *wide = &t->l->sites[PHANTOM_ENLARGED_CARDIOMEDIASTINUM];
    /* Over 8 cm, or a quarter of the chest's width, is the usual rule for a widened mediastinum. */
    float m = a->mediastinum * a->width * (wide->present ? 1.25F + 0.75F * wide->severity : 1.0F),
          x = t->shift;
    float knob = a->knob * (wide->present ? 1.1F + 0.6F * wide->severity : 1.0F);
    float arch = 0.235F * t->lung_height, base = t->domes[1].y + 4.0F;
    displace(c, (ellipsoid){.centre = {x, 0.42F * t->lung_height, 1.0F}, .radii = {2.7F * m, 13.0F, 6.5F}});
    displace(c, (ellipsoid){.centre = {x - 1.7F * m, arch + 1.0F, 1.5F}, .radii = {1.25F * m, 5.5F, 3.0F}});
    displace(c, (ellipsoid){.centre = {x + 1.9F * m, arch - 3.2F, 0.0F}, .radii = {1.0F * m, 3.6F, 2.5F}});
    displace(c, (ellipsoid){.centre = {x + 2.05F * m, arch, -1.0F}, .radii = {knob * m, knob, 3.4F}});
    displace(c,
             (ellipsoid){.centre = {x + 2.3F * m, t->hilum_y - 1.4F, 2.0F}, .radii = {1.9F * m, 1.7F, 2.6F}});
    canvas_tube(
        c, LAYER_DISPLACED,
        (tube){.from = {x + 2.2F * m, arch, -4.6F}, .to = {x + 1.5F * m, base, -5.2F}, .radius = 1.2F * m},
        1.0F);
    for (int side = 0; side < 2; side++) {
        vec3 hilum = {x + side_sign(side) * 3.3F * a->width, t->hilum_y + (side == 0 ? 0.7F : -0.2F), 0.0F};
        canvas_haze(c, LAYER_INFILTRATE, (ellipsoid){.centre = hilum, .radii = {2.6F, 3.4F, 1.0F}},
                    2.4F * a->vessel);
    }
}

static void draw_airways(const chest *t, canvas *c)
{
    vec3 larynx = {0.3F * t->shift, -9.0F, 1.5F}, carina = {t->shift, t->carina_y, -1.0F};
    canvas_tube(c, LAYER_EXTRA, (tube){.from = larynx, .to = carina, .radius = 0.85F}, -MU_SOFT);
    for (int side = 0; side < 2; side++) {
        float s = side_sign(side);
        vec3 end = {t->shift + s * 3.4F, t->carina_y + (side == 0 ? 2.9F : 2.2F), -1.2F};
        canvas_tube(c, LAYER_EXTRA, (tube){.from = carina, .to = end, .radius = 0.55F}, -MU_SOFT);
    }
}

static void draw_soft_parts(const chest *t, canvas *c)
{
    const anatomy *a = &t->l->anatomy;
    float arms = t->l->technique.arms;
    for (int side = 0; side < 2; side++) {
        float s = side_sign(side), radius = 4.4F + 0.5F * a->fat, x = s * (15.8F * a->width + a->fat);
        canvas_merge(
            c, LAYER_LIMBS,
            (ellipsoid){.centre = {x, 3.6F, 0.0F}, .radii = {1.25F * radius, 1.2F * radius, 1.2F * radius}});
        canvas_merge(c, LAYER_LIMBS,
                     (ellipsoid){.centre = {x + s * (2.6F + 3.8F * arms), 15.0F, 0.0F},
                                 .radii = {radius, 16.0F, radius},
                                 .tilt = -s * (0.08F + 0.24F * arms)});
        /* Pectoral muscle, its lower edge running up to the armpit. */
        canvas_haze(c, LAYER_EXTRA,
                    (ellipsoid){.centre = {s * 9.5F * a->width, 8.0F, 9.0F},
                                .radii = {8.5F, 6.5F, 1.0F},
                                .tilt = s * -0.35F},
                    0.26F);
        if (a->breast > 0.0F)
            canvas_ellipsoid(c, LAYER_EXTRA,
                             (ellipsoid){.centre = {s * 8.6F * a->width, 16.0F + 0.5F * a->breast, 10.5F},
                                         .radii = {1.15F * a->breast, a->breast, 0.45F * a->breast}},
                             0.6F * MU_SOFT);
    }
}

static void draw_gas(const chest *t, canvas *c)
{
    rng r = rng_open(t->l->seed, "phantom/gas", t->l->index);
    const dome *left = &t->domes[1];
    if (t->l->technique.gas)
        canvas_ellipsoid(
            c, LAYER_EXTRA,
            (ellipsoid){.centre = {(float)rng_between(&r, 4.5, 7.5),
                                   left->y + (float)rng_between(&r, 2.6, 4.0), 1.0F},
                        .radii = {(float)rng_between(&r, 1.4, 3.4), (float)rng_between(&r, 0.9, 1.9), 2.6F}},
            -MU_SOFT);
    for (int k = 0; k < 5; k++) {
        vec3 at = {(float)rng_between(&r, -9.0, 11.0), left->y + (float)rng_between(&r, 7.0, 16.0), 2.0F};
        canvas_haze(
            c, LAYER_EXTRA,
            (ellipsoid){.centre = at,
                        .radii = {(float)rng_between(&r, 1.5, 4.0), (float)rng_between(&r, 1.0, 2.5), 2.0F}},
            (float)rng_between(&r, -0.5, 0.15));
    }
    /* The liver is a little denser and thicker than what it meets on the left. */
    canvas_haze(c, LAYER_EXTRA,
                (ellipsoid){.centre = {-7.0F, t->domes[0].y + 9.0F, 0.0F}, .radii = {13.0F, 11.0F, 8.0F}},
                0.22F);
}

void draw_organs(const chest *t, canvas *c)
{
    draw_heart(t, c);
    draw_mediastinum(t, c);
    draw_airways(t, c);
    draw_soft_parts(t, c);
    draw_gas(t, c);
}
