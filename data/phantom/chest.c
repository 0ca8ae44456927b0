/* The lungs' outline and depth, the trunk, the domes and the heart, from a few control points (as read off
 * textbook sections and films of adults: lungs 24-27 cm from apex to sulcus, 18-20 cm deep at the base). */
#include "data/phantom/chest.h"

#include <math.h>

/* One height of the control table, in cm of an average adult; height as a share of the lung's. */
typedef struct lung_knot {
    float share, lateral, medial, depth;
} lung_knot;

static const lung_knot lung_knots[] = {
    {0.00F, 5.4F, 5.4F, 0.0F},  {0.015F, 7.1F, 4.2F, 1.9F}, {0.05F, 8.7F, 3.3F, 3.4F},
    {0.12F, 10.2F, 2.6F, 5.2F}, {0.22F, 11.4F, 2.1F, 6.8F}, {0.35F, 12.4F, 1.7F, 8.0F},
    {0.50F, 13.0F, 1.4F, 8.7F}, {0.65F, 13.4F, 1.5F, 8.8F}, {0.80F, 13.5F, 2.1F, 8.5F},
    {0.92F, 13.4F, 2.7F, 7.4F}, {1.00F, 13.0F, 4.5F, 4.6F}, {1.04F, 12.8F, 6.0F, 0.0F}};

enum { KNOTS = sizeof lung_knots / sizeof lung_knots[0] };

/* Trunk: height y (cm), half width, half depth. */
static const float trunk_knots[][3] = {{-14.0F, 5.6F, 6.0F},  {-8.0F, 5.7F, 5.6F},   {-5.0F, 6.6F, 5.8F},
                                       {-3.5F, 8.8F, 6.2F},   {-2.0F, 12.2F, 6.6F},  {0.0F, 15.6F, 7.4F},
                                       {2.5F, 17.3F, 8.4F},   {5.5F, 17.2F, 9.6F},   {9.0F, 16.2F, 10.4F},
                                       {14.0F, 15.9F, 11.0F}, {22.0F, 15.9F, 11.3F}, {32.0F, 15.5F, 11.0F},
                                       {60.0F, 16.0F, 11.0F}};

enum { TRUNK_KNOTS = sizeof trunk_knots / sizeof trunk_knots[0] };

/* Catmull-Rom weights of four neighbouring knots at u in [0, 1] between the middle two. */
static void spline_weights(float u, float w[4])
{
    float u2 = u * u, u3 = u2 * u;
    w[0] = 0.5F * (-u + 2.0F * u2 - u3);
    w[1] = 0.5F * (2.0F - 5.0F * u2 + 3.0F * u3);
    w[2] = 0.5F * (u + 4.0F * u2 - 3.0F * u3);
    w[3] = 0.5F * (-u2 + u3);
}

static int clamp_index(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

section chest_lung(const chest *t, int side, float y)
{
    const anatomy *a = &t->l->anatomy;
    float share = y / t->lung_height, s = side_sign(side);
    float at = fminf(fmaxf(share, 0.0F), lung_knots[KNOTS - 1].share);
    int k = 0;
    while (k < KNOTS - 2 && at > lung_knots[k + 1].share) k++;
    float w[4], lateral = 0.0F, medial = 0.0F, depth = 0.0F;
    spline_weights((at - lung_knots[k].share) / (lung_knots[k + 1].share - lung_knots[k].share), w);
    for (int i = 0; i < 4; i++) {
        const lung_knot *knot = &lung_knots[clamp_index(k - 1 + i, KNOTS)];
        lateral += w[i] * knot->lateral;
        medial += w[i] * knot->medial;
        depth += w[i] * knot->depth;
    }
    if (share <= 0.0F || share >= lung_knots[KNOTS - 1].share || depth < 0.0F) depth = 0.0F;
    lateral *= a->width;
    medial *= a->width;
    float middle = medial + 0.36F * (lateral - medial);
    return (section){.middle = s * middle + t->shift * 0.4F,
                     .inverse_lateral = s / fmaxf(lateral - middle, 0.05F),
                     .inverse_medial = -s / fmaxf(middle - medial, 0.05F),
                     .depth = depth * a->depth};
}

static void trunk_at(const anatomy *a, float y, float *half_width, float *half_depth)
{
    int k = 0;
    while (k < TRUNK_KNOTS - 2 && y > trunk_knots[k + 1][0]) k++;
    float w[4], width = 0.0F, depth = 0.0F;
    float u = (y - trunk_knots[k][0]) / (trunk_knots[k + 1][0] - trunk_knots[k][0]);
    spline_weights(fminf(fmaxf(u, 0.0F), 1.0F), w);
    for (int i = 0; i < 4; i++) {
        const float *knot = trunk_knots[clamp_index(k - 1 + i, TRUNK_KNOTS)];
        width += w[i] * knot[1];
        depth += w[i] * knot[2];
    }
    *half_width = width * a->width + a->fat;
    *half_depth = depth * a->depth + 0.6F * a->fat;
}

void chest_rows(const chest *t, const canvas *c, int size, row_sections *rows)
{
    for (int row = 0; row < size; row++) {
        float half_width, half_depth;
        trunk_at(&t->l->anatomy, canvas_row_height(c, row, -1), &half_width, &half_depth);
        rows[row] = (row_sections){.body_middle = 0.0F,
                                   .body_inverse = 1.0F / half_width,
                                   .body_depth = half_depth,
                                   .lung = {chest_lung(t, 0, canvas_row_height(c, row, 0)),
                                            chest_lung(t, 1, canvas_row_height(c, row, 1))}};
    }
}

/* Fluid stands level in the upright patient, with a meniscus at the wall; behind the lung of a supine one it
 * is a haze without an edge. */
static void fill_effusion(const chest *t, dome *d, const site *effusion, int side)
{
    d->fluid_level = 1e3F;
    d->fluid_inverse_softness = 1.0F;
    bool here = effusion->side == SIDE_BOTH || (int)effusion->side == side;
    if (!effusion->present || !here) return;
    float severity = effusion->severity;
    /* The lesser of two sides. */
    if (effusion->side == SIDE_BOTH && side == (int)(effusion->stream & 1U)) severity *= 0.65F;
    /* 0.2 cm above the lateral sulcus (blunting, 200 ml) to half of the lung (some 2 l). */
    float sulcus = d->y + d->curvature * 36.0F;
    d->fluid_level = sulcus - 0.3F - severity * 0.5F * t->lung_height * (0.35F + 0.65F * severity);
    d->fluid_rise = 1.5F + 2.0F * severity;
    d->fluid_inverse_softness = t->l->technique.portable ? 1.0F / (2.0F + 7.0F * severity) : 1.0F / 1.4F;
}

static void place_domes(chest *t)
{
    const anatomy *a = &t->l->anatomy;
    const site *atelectasis = &t->l->sites[PHANTOM_ATELECTASIS];
    for (int side = 0; side < 2; side++) {
        float y =
            a->dome_right * t->lung_height + t->l->technique.inspiration + (side == 1 ? a->dome_gap : 0.0F);
        if (atelectasis->present && (int)atelectasis->side == side &&
            atelectasis->form == ATELECTASIS_VOLUME_LOSS)
            y -= 4.5F * (atelectasis->severity - 0.25F);
        float reach = 6.2F * a->width;
        t->domes[side] = (dome){.x = side_sign(side) * 7.0F * a->width,
                                .y = y,
                                .curvature = 3.6F / (reach * reach),
                                .depth_gain = 4.3F * a->depth};
        fill_effusion(t, &t->domes[side], &t->l->sites[PHANTOM_PLEURAL_EFFUSION], side);
    }
}

/* The cardiothoracic ratio of the film's heart: the patient's own, or enlarged: 0.52 to 0.70 by severity. */
static float heart_ratio(const latents *l)
{
    const site *big = &l->sites[PHANTOM_CARDIOMEGALY];
    return big->present ? 0.52F + 0.18F * big->severity : l->anatomy.heart_ratio;
}

void chest_build(const latents *l, chest *out)
{
    const anatomy *a = &l->anatomy;
    *out = (chest){.l = l, .lung_height = 27.0F * a->height};
    const site *loss = &l->sites[PHANTOM_ATELECTASIS];
    if (loss->present && loss->form == ATELECTASIS_VOLUME_LOSS)
        out->shift = side_sign((int)loss->side) * 2.2F * (loss->severity - 0.3F);
    const site *gas = &l->sites[PHANTOM_PNEUMOTHORAX];
    if (gas->present && gas->severity > 0.6F)
        out->shift -= side_sign((int)gas->side) * 3.0F * (gas->severity - 0.6F);
    out->thoracic_width = 26.6F * a->width;
    out->carina_y = 0.30F * out->lung_height;
    out->hilum_y = 0.385F * out->lung_height;
    place_domes(out);
    out->heart_width = heart_ratio(l) * out->thoracic_width;
    out->heart_right = -0.34F * out->heart_width + out->shift;
    out->heart_left = 0.66F * out->heart_width + out->shift;
    float c = cosf(a->heart_tilt), s = sinf(a->heart_tilt), flat = 0.72F;
    out->heart_rise =
        0.5F * out->heart_width * sqrtf((s * s + flat * flat * c * c) / (c * c + flat * flat * s * s));
    out->heart_y = out->domes[1].y + 1.3F - 0.82F * out->heart_rise;
}

float chest_lung_margin(const chest *t, int side, vec3 p)
{
    section s = chest_lung(t, side, p.y);
    if (s.depth <= 0.0F) return -1.0F;
    float d = p.x - s.middle, across = fmaxf(d * s.inverse_lateral, d * s.inverse_medial);
    float deep = (p.z + 0.5F) / s.depth, margin = 1.0F - sqrtf(across * across + deep * deep);
    const dome *floor = &t->domes[side];
    float e = p.x - floor->x, z = (p.z + 0.5F) / floor->depth_gain;
    float above = floor->y + floor->curvature * e * e + z * z - p.y;
    return above < 0.0F ? -1.0F : margin;
}

vec3 chest_lung_point(const chest *t, int side, float lateral, float height, float front)
{
    const dome *floor = &t->domes[side];
    float y = height * floor->y;
    section s = chest_lung(t, side, y);
    float inverse = lateral > 0.0F ? s.inverse_lateral : -s.inverse_medial;
    return (vec3){.x = s.middle + lateral / inverse,
                  .y = y,
                  .z = front * s.depth * sqrtf(fmaxf(0.0F, 1.0F - lateral * lateral)) - 0.5F};
}
