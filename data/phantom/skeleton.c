/* Ribs (cortical tubes that run down and forwards around the lungs), spine, clavicles, scapulae, upper arms.
 * Adult sizes: rib height about 1.1 cm; vertebral bodies 1.7-2.6 cm high, 2.6-4.2 cm wide. Bone adds what it
 * attenuates beyond the soft tissue that it displaces. */
#include "data/phantom/chest.h"

#include <math.h>

enum { RIB_PIECES = 12, VERTEBRAE = 19 };

/* Where each rib ends (degrees from the spine around the chest) and how far it would drop over half a turn
 * (cm). */
static const float rib_end[RIBS] = {150, 148, 144, 142, 140, 138, 134, 126, 114, 100, 72, 52};
static const float rib_drop[RIBS] = {3.4F, 4.8F, 6.2F, 7.2F, 7.9F, 8.5F, 9.0F, 9.3F, 9.5F, 9.5F, 9.0F, 8.0F};

static const float radian = 0.017453292F;

vec3 rib_point(const chest *t, int side, int rib, float angle)
{
    const anatomy *a = &t->l->anatomy;
    float c = cosf(angle), s = sinf(angle), around = 0.5F * (1.0F - c);
    float y = a->height * (-1.0F + a->rib_spacing * (float)rib) + a->rib_slope * rib_drop[rib] * around;
    /* The back part first rises a little out of its joint with the spine. */
    y -= 0.5F * sinf(fminf(2.0F * angle, 3.1415927F));
    section cut = chest_lung(t, side, fminf(fmaxf(y, 0.05F), 0.98F * t->lung_height));
    float wall = fabsf(cut.middle + 1.0F / cut.inverse_lateral - 0.4F * t->shift) + 0.35F;
    float neck = 2.0F * a->width;
    return (vec3){.x = side_sign(side) * (neck + (wall - neck) * s),
                  .y = y,
                  .z = -0.5F - (fmaxf(cut.depth, 3.0F) + 0.5F) * c};
}

/* The piece after which a broken rib goes on displaced, or -1: severity sets how many of the ribs 4-8 are
 * broken, and the step. */
static int break_of(const chest *t, int side, int rib, float *step)
{
    const site *fracture = &t->l->sites[PHANTOM_FRACTURE];
    *step = 0.0F;
    if (!fracture->present || (int)fracture->side != side) return -1;
    rng r = rng_open(t->l->seed, "phantom/fracture", fracture->stream);
    int first = 3 + rng_below(&r, 4), count = 1 + (int)(2.6F * fracture->severity);
    int piece = 4 + rng_below(&r, 3);
    if (rib < first || rib >= first + count) return -1;
    *step = 0.35F + 0.9F * fracture->severity;
    return piece;
}

static void draw_rib(const chest *t, canvas *c, int side, int rib)
{
    const anatomy *a = &t->l->anatomy;
    float step, weight = (MU_CORTICAL - MU_SOFT) * a->bone;
    int broken = break_of(t, side, rib, &step);
    vec3 from = rib_point(t, side, rib, 0.06F);
    for (int k = 1; k <= RIB_PIECES; k++) {
        float angle = 0.06F + (rib_end[rib] * radian - 0.06F) * (float)k / (float)RIB_PIECES;
        vec3 to = rib_point(t, side, rib, angle);
        tube piece = {.from = from, .to = to, .radius = a->rib_radius, .marrow = 0.6F};
        if (broken >= 0 && k == broken) {
            /* The ends override and heal with callus: a denser, thicker knob beside the step. */
            piece.to.y += step;
            canvas_ellipsoid(c, LAYER_EXTRA,
                             (ellipsoid){.centre = {to.x, to.y + 0.5F * step, to.z},
                                         .radii = {0.7F + 0.4F * step, 0.75F + 0.5F * step, 0.8F}},
                             0.5F * weight);
        } else if (broken >= 0 && k > broken) {
            float heal = 1.0F - (float)(k - broken) / (float)(RIB_PIECES - broken + 1);
            piece.from.y -= step * heal;
            piece.to.y -= step * heal;
        }
        canvas_tube(c, LAYER_EXTRA, piece, weight);
        from = to;
    }
}

static void draw_spine(const chest *t, canvas *c)
{
    const anatomy *a = &t->l->anatomy;
    float weight = (MU_TRABECULAR - MU_SOFT) * a->bone, cortex = (MU_CORTICAL - MU_SOFT) * a->bone;
    float y = -11.0F * a->height;
    for (int k = 0; k < VERTEBRAE; k++) {
        float share = (float)k / (float)(VERTEBRAE - 1), high = (1.55F + 1.1F * share) * a->height;
        float half = (1.25F + 0.85F * share) * a->width, deep = (1.8F + 1.5F * share) * a->depth;
        float x = a->scoliosis * sinf(0.16F * y), gap = 0.28F + 0.2F * share;
        vec3 body = {x, y + 0.5F * high, -5.5F};
        canvas_block(c, LAYER_EXTRA, body, half, 0.5F * high, 0.0F, deep, weight + 0.04F * a->bone);
        for (int end = 0; end < 2; end++)
            canvas_block(c, LAYER_EXTRA, (vec3){x, y + (end ? high - 0.07F : 0.07F), -5.5F}, half + 0.1F,
                         0.09F, 0.0F, deep, 0.45F * cortex);
        for (int side = 0; side < 2; side++) {
            float s = side_sign(side);
            vec3 pedicle = {x + s * 0.78F * half, y + 0.4F * high, -7.2F};
            canvas_ellipsoid(c, LAYER_EXTRA, (ellipsoid){.centre = pedicle, .radii = {0.33F, 0.5F, 0.7F}},
                             cortex);
            tube process = {
                .from = pedicle, .to = {x + s * (half + 1.9F), y + 0.1F * high, -8.2F}, .radius = 0.4F};
            if (k >= 5 && k < 17) canvas_tube(c, LAYER_EXTRA, process, 0.35F * cortex);
        }
        canvas_ellipsoid(c, LAYER_EXTRA,
                         (ellipsoid){.centre = {x, y + 0.85F * high, -9.3F}, .radii = {0.28F, 0.75F, 1.2F}},
                         0.6F * cortex);
        y += high + gap;
    }
}

static void draw_chain(canvas *c, const vec3 *points, int n, float radius, float marrow, float weight)
{
    for (int k = 0; k + 1 < n; k++)
        canvas_tube(c, LAYER_EXTRA,
                    (tube){.from = points[k], .to = points[k + 1], .radius = radius, .marrow = marrow},
                    weight);
}

static void draw_shoulder(const chest *t, canvas *c, int side)
{
    const anatomy *a = &t->l->anatomy;
    float s = side_sign(side), arms = t->l->technique.arms, cortex = (MU_CORTICAL - MU_SOFT) * a->bone;
    float w = a->width, slope = a->clavicle_slope;
    vec3 clavicle[] = {{s * 1.9F * w, 3.4F, 7.2F},
                       {s * 4.2F * w, 3.0F - 0.25F * slope, 7.4F},
                       {s * 7.5F * w, 2.7F - 0.5F * slope, 6.2F},
                       {s * 11.0F * w, 2.3F - 0.8F * slope, 3.8F},
                       {s * 14.0F * w, 2.2F - 0.95F * slope, 1.6F},
                       {s * 16.6F * w, 2.2F - slope, 0.6F}};
    draw_chain(c, clavicle, 6, 0.68F, 0.5F, cortex);
    float out = (1.6F + 1.6F * arms) * w, top = 2.6F - 0.6F * slope;
    /* Shoulders that roll forwards (PA films) take the blade off the lung. */
    canvas_ellipsoid(c, LAYER_EXTRA,
                     (ellipsoid){.centre = {s * (12.4F * w + out), top + 6.0F, -8.0F},
                                 .radii = {2.9F * w, 6.3F, 0.3F},
                                 .tilt = s * (0.16F + 0.15F * arms)},
                     cortex);
    vec3 border[] = {{s * (15.2F * w + 0.5F * out), top + 2.5F, -6.0F},
                     {s * (13.9F * w + out), top + 7.0F, -8.0F},
                     {s * (11.7F * w + out), top + 11.6F, -8.6F}};
    draw_chain(c, border, 3, 0.38F, 0.5F, cortex);
    vec3 spine[] = {{s * (10.2F * w + out), top + 2.9F, -9.0F},
                    {s * (13.6F * w + 0.6F * out), top + 1.2F, -8.0F},
                    {s * 17.4F * w, top - 0.6F, -2.0F}};
    draw_chain(c, spine, 3, 0.45F, 0.6F, 0.8F * cortex);
    vec3 head = {s * (17.3F * w), top + 2.3F, 0.0F};
    canvas_ellipsoid(c, LAYER_EXTRA, (ellipsoid){.centre = head, .radii = {2.25F, 2.35F, 2.2F}},
                     0.22F * cortex);
    vec3 shaft = {s * (19.0F * w + 7.0F * arms), top + 26.0F, 0.0F};
    canvas_tube(c, LAYER_EXTRA, (tube){.from = head, .to = shaft, .radius = 1.15F, .marrow = 0.68F}, cortex);
}

void draw_skeleton(const chest *t, canvas *c)
{
    const anatomy *a = &t->l->anatomy;
    draw_spine(t, c);
    for (int side = 0; side < 2; side++) {
        for (int rib = 0; rib < RIBS; rib++) draw_rib(t, c, side, rib);
        draw_shoulder(t, c, side);
    }
    canvas_ellipsoid(c, LAYER_EXTRA, (ellipsoid){.centre = {0.0F, 5.6F, 8.6F}, .radii = {2.5F, 2.9F, 0.6F}},
                     0.16F * a->bone);
    canvas_block(c, LAYER_EXTRA, (vec3){0.0F, 13.0F, 9.2F}, 1.5F, 4.8F, 0.0F, 0.9F, 0.08F * a->bone);
}
