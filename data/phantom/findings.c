/* Findings as physical changes. What each looks like follows Hansell et al., "Fleischner Society: glossary of
 * terms for thoracic imaging" (Radiology 2008), and, for COVID-19, Wong et al. (Radiology 2020). Consolidated
 * lung attenuates nearly as soft tissue does; ground glass takes a
 * fifth to a half of the air's place (-700 to -400 HU where aerated lung has -850). Size and
 * density grow with severity: at its lowest a finding is at the limit of what noise and vessels let one see.
 *
 * Cardiomegaly, widened mediastinum, effusion and loss of volume change the chest's geometry (chest.c,
 * organs.c), fractures the ribs (skeleton.c). */
#include "data/phantom/chest.h"

#include <math.h>

/* Streams of shapes: one per finding and side, independent of whether another finding is present. */
static rng shape_stream(const chest *t, phantom_finding finding, int side)
{
    uint64_t stream =
        (t->l->sites[finding].stream * PHANTOM_FINDINGS + (uint64_t)finding) * 2 + (uint64_t)side;
    return rng_open(t->l->seed, "phantom/shape", stream);
}

static bool on_side(const site *s, int side)
{
    return s->side == SIDE_BOTH || (int)s->side == side;
}

static float between(rng *r, float low, float high)
{
    return low + (high - low) * (float)rng_uniform(r);
}

/* Height in the lung, 0 apex to 1 dome. */
static float zone_height(lung_zone z, rng *r)
{
    static const float low[] = {0.17F, 0.42F, 0.68F}, high[] = {0.38F, 0.62F, 0.92F};
    return between(r, low[z], high[z]);
}

/* An ill-defined opacity: overlapping hazes around a point, `depth` cm of water in its middle. */
static void draw_patch(canvas *c, vec3 at, float radius, float depth, rng *r)
{
    enum { PARTS = 7 };
    canvas_haze(c, LAYER_INFILTRATE,
                (ellipsoid){.centre = at, .radii = {1.25F * radius, 1.25F * radius, radius}}, 0.7F * depth);
    for (int k = 0; k < PARTS; k++) {
        vec3 near = {at.x + radius * between(r, -0.6F, 0.6F), at.y + radius * between(r, -0.6F, 0.6F), at.z};
        float a = radius * between(r, 0.25F, 0.65F), b = radius * between(r, 0.25F, 0.65F);
        canvas_haze(c, LAYER_INFILTRATE,
                    (ellipsoid){.centre = near, .radii = {a, b, a}, .tilt = between(r, -1.5F, 1.5F)},
                    depth * between(r, 0.12F, 0.5F));
    }
}

/* Thickened septa and small vessels: short, thin strands. */
static void draw_strands(canvas *c, vec3 at, float reach, int count, float radius, rng *r)
{
    for (int k = 0; k < count; k++) {
        vec3 from = {at.x + between(r, -reach, reach), at.y + between(r, -reach, reach), at.z};
        float angle = between(r, -3.14F, 3.14F), length = between(r, 0.5F, 1.6F);
        vec3 to = {from.x + length * cosf(angle), from.y + length * sinf(angle), at.z};
        canvas_tube(c, LAYER_INFILTRATE, (tube){.from = from, .to = to, .radius = radius}, 2.0F);
    }
}

/* One dense area (lobar) or several small ones (patchy) in the zone. */
static void draw_airspace(const chest *t, canvas *c, phantom_finding finding, float lightest, float densest,
                          bool patchy)
{
    const site *s = &t->l->sites[finding];
    for (int side = 0; side < 2; side++) {
        if (!on_side(s, side)) continue;
        rng r = shape_stream(t, finding, side);
        int count = patchy ? 2 + (int)(3.0F * s->severity) : 1;
        float density = lightest + (densest - lightest) * s->severity;
        for (int k = 0; k < count; k++) {
            vec3 at = chest_lung_point(t, side, between(&r, -0.35F, 0.6F), zone_height(s->zone, &r), 0.0F);
            float radius = patchy ? 2.4F + 1.5F * s->severity : 3.7F + 2.8F * s->severity;
            draw_patch(c, at, radius * between(&r, 0.85F, 1.15F), density * 2.0F * radius, &r);
        }
    }
}

static void draw_covid(const chest *t, canvas *c)
{
    const site *s = &t->l->sites[PHANTOM_COVID_19];
    for (int side = 0; side < 2; side++) {
        if (!on_side(s, side) || s->severity <= 0.0F) continue;
        rng r = shape_stream(t, PHANTOM_COVID_19, side);
        int count = 2 + (int)(4.6F * s->severity * between(&r, 0.7F, 1.3F) + between(&r, 0.0F, 1.0F));
        for (int k = 0; k < count; k++) {
            /* Most lie in the favoured zone, the rest anywhere. */
            lung_zone z = rng_uniform(&r) < 0.7 ? s->zone : (lung_zone)rng_below(&r, 3);
            float lateral = s->form & COVID_PERIPHERAL ? between(&r, 0.5F, 0.95F) : between(&r, -0.3F, 0.9F);
            vec3 at = chest_lung_point(t, side, lateral, zone_height(z, &r), 0.0F);
            float radius = between(&r, 2.0F, 3.2F) + 1.4F * s->severity;
            draw_patch(c, at, radius, (0.24F + 0.36F * s->severity) * 2.2F * radius, &r);
            draw_strands(c, at, 0.7F * radius, (int)(8.0F * s->severity), 0.06F, &r);
        }
    }
}

/* Bat-wing haze around the hila, hazy bases, and Kerley B lines at the lateral bases. */
static void draw_edema(const chest *t, canvas *c)
{
    const site *s = &t->l->sites[PHANTOM_EDEMA];
    for (int side = 0; side < 2; side++) {
        rng r = shape_stream(t, PHANTOM_EDEMA, side);
        float sign = side_sign(side), share = between(&r, 0.8F, 1.2F);
        vec3 wing = {sign * 5.2F + t->shift, t->hilum_y + 1.8F, 0.0F};
        canvas_haze(c, LAYER_INFILTRATE,
                    (ellipsoid){.centre = wing, .radii = {4.6F, 6.8F, 5.0F}, .tilt = sign * 0.35F},
                    share * (0.5F + 4.0F * s->severity));
        draw_patch(c, wing, 3.6F, share * (0.2F + 1.6F * s->severity), &r);
        vec3 base = chest_lung_point(t, side, 0.1F, 0.85F, 0.0F);
        canvas_haze(c, LAYER_INFILTRATE, (ellipsoid){.centre = base, .radii = {8.0F, 7.0F, 5.0F}},
                    share * (0.3F + 1.4F * s->severity));
        draw_strands(c, wing, 4.5F, 8 + (int)(24.0F * s->severity), 0.07F, &r);
        for (int k = 0; k < 4 + (int)(8.0F * s->severity); k++) {
            vec3 wall = chest_lung_point(t, side, 0.97F, between(&r, 0.72F, 1.0F), 0.0F);
            tube line = {.from = wall, .to = {wall.x - sign * 1.7F, wall.y + 0.1F, wall.z}, .radius = 0.07F};
            canvas_tube(c, LAYER_INFILTRATE, line, 6.0F);
        }
    }
}

/* Plates of collapsed lung at the base: thin across, some cm deep. */
static void draw_atelectasis(const chest *t, canvas *c)
{
    const site *s = &t->l->sites[PHANTOM_ATELECTASIS];
    for (int side = 0; side < 2; side++) {
        if (!on_side(s, side)) continue;
        rng r = shape_stream(t, PHANTOM_ATELECTASIS, side);
        int plates = 1 + (int)(3.0F * s->severity);
        for (int k = 0; k < plates; k++) {
            vec3 at = chest_lung_point(t, side, between(&r, -0.4F, 0.4F), between(&r, 0.78F, 0.95F), 0.0F);
            float half = between(&r, 1.6F, 3.2F), rise = between(&r, -0.35F, 0.35F);
            float radius = between(&r, 0.18F, 0.3F) + 0.15F * s->severity, depth = 1.3F + 3.2F * s->severity;
            tube plate = {.from = {at.x - half, at.y - half * rise, at.z},
                          .to = {at.x + half, at.y + half * rise, at.z},
                          .radius = radius};
            canvas_tube(c, LAYER_INFILTRATE, plate, depth / (2.0F * radius));
        }
        vec3 base = chest_lung_point(t, side, -0.2F, 0.93F, -0.5F);
        float depth = s->form == ATELECTASIS_VOLUME_LOSS ? 2.5F + 5.0F * s->severity : 0.8F * s->severity;
        draw_patch(c, base, 4.2F, depth, &r);
    }
}

static void draw_lesions(const chest *t, canvas *c)
{
    const site *s = &t->l->sites[PHANTOM_LUNG_LESION];
    for (int side = 0; side < 2; side++) {
        if (!on_side(s, side)) continue;
        rng r = shape_stream(t, PHANTOM_LUNG_LESION, side);
        int count = s->form == LESION_NODULES ? 3 + (int)(4.0F * s->severity) : 1;
        for (int k = 0; k < count; k++) {
            lung_zone z = s->form == LESION_NODULES ? (lung_zone)rng_below(&r, 3) : s->zone;
            vec3 at = chest_lung_point(t, side, between(&r, 0.0F, 0.72F), zone_height(z, &r),
                                       between(&r, -0.4F, 0.4F));
            float radius = s->form == LESION_NODULES
                               ? between(&r, 0.5F, 0.7F) + 0.5F * s->severity
                               : 0.6F + (s->form == LESION_MASS ? 2.6F : 1.5F) * s->severity;
            canvas_ellipsoid(c, LAYER_INFILTRATE,
                             (ellipsoid){.centre = at,
                                         .radii = {radius * between(&r, 0.85F, 1.15F), radius, radius},
                                         .tilt = between(&r, -1.0F, 1.0F)},
                             1.0F);
        }
    }
}

float lung_kept(const chest *t, int side)
{
    const site *s = &t->l->sites[PHANTOM_PNEUMOTHORAX];
    if (!s->present || (int)s->side != side) return 1.0F;
    return 0.92F - 0.42F * s->severity;
}

enum { ROWS_MOST = 1024 };

/* The lung shrinks towards its hilum by `kept`. What lies between it and the wall is air, its pleura a thin
 * line. */
static void draw_pneumothorax(const chest *t, canvas *c, int size)
{
    int side = (int)t->l->sites[PHANTOM_PNEUMOTHORAX].side;
    float kept = lung_kept(t, side), hilum = side_sign(side) * 3.0F + t->shift, pleura = 0.985F;
    section outer[ROWS_MOST], lung[ROWS_MOST], within[ROWS_MOST];
    for (int row = 0; row < size; row++) {
        float y = canvas_row_height(c, row, side);
        outer[row] = chest_lung(t, side, y);
        section s = chest_lung(t, side, t->hilum_y + (y - t->hilum_y) / kept);
        lung[row] = (section){.middle = hilum + kept * (s.middle - hilum),
                              .inverse_lateral = s.inverse_lateral / kept,
                              .inverse_medial = s.inverse_medial / kept,
                              .depth = s.depth * kept};
        within[row] = lung[row];
        within[row].inverse_lateral /= pleura;
        within[row].depth *= pleura;
        /* The medial pleura stays on the mediastinum. */
        outer[row].inverse_medial = fabsf(outer[row].inverse_medial) < fabsf(lung[row].inverse_medial)
                                        ? outer[row].inverse_medial
                                        : lung[row].inverse_medial;
    }
    const dome *floor = &t->domes[side];
    canvas_shell(c, LAYER_EXTRA, outer, lung, floor, -MU_LUNG);
    canvas_shell(c, LAYER_EXTRA, lung, within, floor, MU_SOFT);
}

/* Thickening: soft tissue inside the lateral wall over part of its height, thickest in the middle of it. */
static void draw_thickening(const chest *t, canvas *c, int side, int size, rng *r)
{
    static const float centre[] = {0.1F, 0.5F, 0.85F};
    const site *s = &t->l->sites[PHANTOM_PLEURAL_OTHER];
    float y0 = t->domes[side].y * (centre[s->zone] + between(r, -0.08F, 0.08F));
    float reach = 3.5F + 5.0F * s->severity, thickness = 0.35F + 1.3F * s->severity;
    section outer[ROWS_MOST], inner[ROWS_MOST];
    for (int row = 0; row < size; row++) {
        float y = canvas_row_height(c, row, side), e = (y - y0) / reach;
        outer[row] = inner[row] = chest_lung(t, side, y);
        if (fabsf(e) >= 1.0F) {
            outer[row].depth = 0.0F;
            continue;
        }
        float width = 1.0F / fabsf(inner[row].inverse_lateral);
        inner[row].inverse_lateral *= width / fmaxf(0.3F * width, width - thickness * (1.0F - e * e));
    }
    canvas_shell(c, LAYER_EXTRA, outer, inner, &t->domes[side], MU_SOFT - MU_LUNG);
}

/* Calcified plaques, seen edge-on along the wall and from the front. */
static void draw_plaques(const chest *t, canvas *c, int side, rng *r)
{
    const site *s = &t->l->sites[PHANTOM_PLEURAL_OTHER];
    int count = 2 + (int)(4.0F * s->severity);
    for (int k = 0; k < count; k++) {
        bool edge = k % 2 == 0;
        vec3 at =
            chest_lung_point(t, side, edge ? 0.96F : between(r, -0.1F, 0.7F), between(r, 0.35F, 0.95F), 0.7F);
        float size = 0.7F + 1.1F * s->severity;
        ellipsoid plaque = {.centre = at,
                            .radii = {edge ? 0.25F : size, size * between(r, 0.7F, 1.3F), edge ? size : 0.3F},
                            .tilt = edge ? 0.0F : between(r, -1.0F, 1.0F)};
        canvas_ellipsoid(c, LAYER_EXTRA, plaque, MU_CORTICAL - MU_SOFT);
    }
}

static void draw_pleural_other(const chest *t, canvas *c, int size)
{
    const site *s = &t->l->sites[PHANTOM_PLEURAL_OTHER];
    for (int side = 0; side < 2; side++) {
        if (!on_side(s, side)) continue;
        rng r = shape_stream(t, PHANTOM_PLEURAL_OTHER, side);
        if (s->form == PLEURAL_THICKENING)
            draw_thickening(t, c, side, size, &r);
        else
            draw_plaques(t, c, side, &r);
    }
}

void draw_findings(const chest *t, canvas *c, int size)
{
    const site *s = t->l->sites;
    if (s[PHANTOM_LUNG_OPACITY].severity > 0.0F)
        draw_airspace(t, c, PHANTOM_LUNG_OPACITY, 0.12F, 0.45F, false);
    if (s[PHANTOM_CONSOLIDATION].present) draw_airspace(t, c, PHANTOM_CONSOLIDATION, 0.4F, 1.0F, false);
    if (s[PHANTOM_PNEUMONIA].present)
        draw_airspace(t, c, PHANTOM_PNEUMONIA, 0.4F, 1.0F, s[PHANTOM_PNEUMONIA].form == PNEUMONIA_PATCHY);
    if (s[PHANTOM_COVID_19].present) draw_covid(t, c);
    if (s[PHANTOM_EDEMA].present) draw_edema(t, c);
    if (s[PHANTOM_ATELECTASIS].present) draw_atelectasis(t, c);
    if (s[PHANTOM_LUNG_LESION].present) draw_lesions(t, c);
    if (s[PHANTOM_PNEUMOTHORAX].present) draw_pneumothorax(t, c, size);
    if (s[PHANTOM_PLEURAL_OTHER].present) draw_pleural_other(t, c, size);
}
