/* Every finding against the same study without it: the attenuation changes where it should, and by how bad it
 * is. Regions are found by projecting a few body points, not from the code that draws the findings. */
#include "data/phantom/chest.h"
#include "data/phantom/latents.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 96, PIXELS = SIZE * SIZE, CASES = 6 };

/* A healthy study of the cohort, on a film without rotation. */
static latents healthy(uint32_t number)
{
    latents l;
    for (uint32_t index = 0;; index++) {
        latents_draw(PHANTOM_COVID, 77, index, &l);
        if (l.sites[PHANTOM_NO_FINDING].present && l.study == 0 && number-- == 0) break;
    }
    l.sites[PHANTOM_SUPPORT_DEVICES].present = false;
    l.technique.view.yaw = l.technique.view.roll = 0.0F;
    l.technique.view.shift_x = l.technique.view.shift_y = 0.0F;
    l.technique.view.centre_y = 12.0F;
    l.technique.view.field = 42.0F;
    l.technique.portable = false;
    l.technique.view.detector_z = 13.0F;
    l.technique.view.source_distance = 180.0F;
    return l;
}

typedef struct change {
    double up, down;       /* sums of what was added and of what was taken away */
    double right, left;    /* sums of |change| in either half of the patient */
    double height, across; /* centre of |change|: share of the way from apex to right dome; |x|, cm */
    double most;
} change;

/* site applied to a healthy study, minus the study. */
static change change_of(const latents *base, phantom_finding finding, site s)
{
    static float with[PIXELS], without[PIXELS];
    latents l = *base;
    s.present = true;
    s.finding = finding;
    s.stream = base->index + 1000;
    l.sites[finding] = s;
    cr_assert_eq(latents_attenuation(base, SIZE, without), OK);
    cr_assert_eq(latents_attenuation(&l, SIZE, with), OK);
    canvas *c = NULL;
    chest t;
    chest_build(base, &t);
    cr_assert_eq(canvas_open(SIZE, &base->technique.view, &c), OK);
    float middle, apex, dome_row, m, ignored;
    canvas_project(c, (vec3){0.0F, 0.0F, 0.0F}, &middle, &apex, &m);
    canvas_project(c, (vec3){0.0F, t.domes[0].y, 0.0F}, &ignored, &dome_row, &m);
    canvas_close(c);
    change d = {0};
    double pixel = base->technique.view.field / SIZE / (double)m, sum = 0.0;
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            double delta = (double)with[y * SIZE + x] - (double)without[y * SIZE + x], size = fabs(delta);
            if (delta > 0.0) d.up += delta;
            if (delta < 0.0) d.down -= delta;
            *((float)x < middle ? &d.right : &d.left) += size;
            d.height += size * (y - (double)apex) / ((double)dome_row - (double)apex);
            d.across += size * fabs(x - (double)middle) * pixel;
            d.most = fmax(d.most, size);
            sum += size;
        }
    if (sum > 0.0) {
        d.height /= sum;
        d.across /= sum;
    }
    return d;
}

/* A severe finding changes more than a mild one, and a mild one something. */
static void expect_growth(phantom_finding finding, site s)
{
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        s.severity = 0.1F;
        change mild = change_of(&base, finding, s);
        s.severity = 0.55F;
        change gross = change_of(&base, finding, s);
        cr_assert_gt(mild.up + mild.down, 0.0, "%s", phantom_finding_names[finding]);
        cr_assert_gt(gross.up + gross.down, 1.3 * (mild.up + mild.down), "%s, case %u: %g, mild %g",
                     phantom_finding_names[finding], k, gross.up + gross.down, mild.up + mild.down);
    }
}

/* On its side, `share` of the change; denser unless `lucent`. */
static void expect_side(phantom_finding finding, site s, double share, bool lucent)
{
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        for (int side = 0; side < 2; side++) {
            s.side = (body_side)side;
            change d = change_of(&base, finding, s);
            double here = side == 0 ? d.right : d.left;
            cr_assert_gt(here, share * (d.left + d.right), "%s, case %u: %g on side %d of %g",
                         phantom_finding_names[finding], k, here, side, d.left + d.right);
            cr_assert(lucent ? d.down > 2.0 * d.up : d.up > 10.0 * d.down, "%s, case %u: +%g -%g",
                      phantom_finding_names[finding], k, d.up, d.down);
        }
    }
}

static const phantom_finding opacities[] = {PHANTOM_LUNG_OPACITY, PHANTOM_CONSOLIDATION, PHANTOM_PNEUMONIA};

Test(findings, opacities_lie_in_their_side_and_zone)
{
    for (size_t f = 0; f < 3; f++) {
        site s = {.severity = 0.5F, .zone = ZONE_MIDDLE};
        expect_growth(opacities[f], s);
        expect_side(opacities[f], s, 0.95, false);
        for (uint32_t k = 0; k < CASES; k++) {
            latents base = healthy(k);
            double height[3];
            for (int zone = 0; zone < 3; zone++) {
                s.zone = (lung_zone)zone;
                height[zone] = change_of(&base, opacities[f], s).height;
            }
            cr_assert(height[0] < 0.46 && height[1] > 0.34 && height[1] < 0.72 && height[2] > 0.58,
                      "%s, case %u: heights %g %g %g", phantom_finding_names[opacities[f]], k, height[0],
                      height[1], height[2]);
        }
    }
}

Test(findings, consolidation_is_denser_than_a_hazy_opacity)
{
    site s = {.severity = 0.8F, .zone = ZONE_MIDDLE};
    double dense = 0.0, hazy = 0.0;
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        dense += change_of(&base, PHANTOM_CONSOLIDATION, s).up;
        hazy += change_of(&base, PHANTOM_LUNG_OPACITY, s).up;
    }
    cr_assert_gt(dense, 1.5 * hazy);
}

Test(findings, effusion_fills_the_base)
{
    site s = {.severity = 0.4F, .side = SIDE_LEFT};
    expect_growth(PHANTOM_PLEURAL_EFFUSION, s);
    expect_side(PHANTOM_PLEURAL_EFFUSION, s, 0.97, false);
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        change d = change_of(&base, PHANTOM_PLEURAL_EFFUSION, s);
        cr_assert_gt(d.height, 0.75, "case %u: height %g", k, d.height);
        cr_assert_gt(d.across, 6.0, "case %u: %g cm from the midline", k, d.across);
    }
}

Test(findings, pneumothorax_is_lucent_and_peripheral)
{
    site s = {.severity = 0.5F, .side = SIDE_LEFT, .zone = ZONE_UPPER};
    expect_side(PHANTOM_PNEUMOTHORAX, s, 0.97, true);
    expect_growth(PHANTOM_PNEUMOTHORAX, s);
}

Test(findings, edema_is_bilateral_and_around_the_hila)
{
    site s = {.severity = 0.5F, .side = SIDE_BOTH};
    expect_growth(PHANTOM_EDEMA, s);
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        change d = change_of(&base, PHANTOM_EDEMA, s);
        cr_assert(d.left > 0.3 * (d.left + d.right) && d.right > 0.3 * (d.left + d.right));
        cr_assert(d.across < 8.0 && d.height > 0.4 && d.height < 0.85, "case %u: %g cm, height %g", k,
                  d.across, d.height);
    }
}

Test(findings, atelectasis_is_basal_and_takes_volume)
{
    site s = {.severity = 0.4F, .side = SIDE_LEFT, .form = ATELECTASIS_LINEAR};
    expect_growth(PHANTOM_ATELECTASIS, s);
    expect_side(PHANTOM_ATELECTASIS, s, 0.95, false);
    latents base = healthy(0);
    cr_assert_gt(change_of(&base, PHANTOM_ATELECTASIS, s).height, 0.7);
    s.form = ATELECTASIS_VOLUME_LOSS;
    s.severity = 0.9F;
    s.present = true;
    chest before, after;
    chest_build(&base, &before);
    base.sites[PHANTOM_ATELECTASIS] = s;
    chest_build(&base, &after);
    cr_assert_lt(after.domes[1].y, before.domes[1].y - 1.0F);
    cr_assert_eq(after.domes[0].y, before.domes[0].y);
}

Test(findings, lesions_are_small_and_round_on_their_side)
{
    site s = {.severity = 0.5F, .side = SIDE_RIGHT, .zone = ZONE_UPPER, .form = LESION_NODULE};
    expect_growth(PHANTOM_LUNG_LESION, s);
    expect_side(PHANTOM_LUNG_LESION, s, 0.99, false);
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        change nodule = change_of(&base, PHANTOM_LUNG_LESION, s),
               patch = change_of(&base, PHANTOM_CONSOLIDATION, s);
        cr_assert_lt(nodule.up, 0.5 * patch.up);
    }
}

Test(findings, fracture_changes_a_rib_only)
{
    site s = {.severity = 0.5F, .side = SIDE_RIGHT};
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        change d = change_of(&base, PHANTOM_FRACTURE, s);
        cr_assert_gt(d.most, 0.02, "case %u: %g", k, d.most);
        cr_assert_gt(d.right, 0.999 * (d.left + d.right));
        cr_assert_gt(d.across, 5.0, "case %u: %g cm from the midline", k, d.across);
    }
}

Test(findings, other_pleural_disease_lies_on_the_wall)
{
    site s = {.severity = 0.5F, .side = SIDE_RIGHT, .zone = ZONE_MIDDLE, .form = PLEURAL_THICKENING};
    expect_growth(PHANTOM_PLEURAL_OTHER, s);
    expect_side(PHANTOM_PLEURAL_OTHER, s, 0.99, false);
    latents base = healthy(1);
    change d = change_of(&base, PHANTOM_PLEURAL_OTHER, s);
    cr_assert_gt(d.across, 9.0, "%g cm from the midline", d.across);
    s.form = PLEURAL_PLAQUES;
    expect_side(PHANTOM_PLEURAL_OTHER, s, 0.99, false);
}

Test(findings, every_device_is_dense_and_in_its_place)
{
    static const struct {
        int device;
        double most_across;
    } kit[] = {{DEVICE_TUBE, 2.0},
               {DEVICE_CATHETER, 12.0},
               {DEVICE_PACEMAKER, 12.0},
               {DEVICE_FEEDING, 5.0},
               {DEVICE_WIRES, 1.5}};
    for (size_t k = 0; k < sizeof kit / sizeof kit[0]; k++) {
        latents base = healthy((uint32_t)k);
        site s = {.severity = 0.5F, .form = kit[k].device};
        change d = change_of(&base, PHANTOM_SUPPORT_DEVICES, s);
        cr_assert_gt(d.most, 0.1, "device %d: %g", kit[k].device, d.most);
        cr_assert_gt(d.up, 50.0 * d.down, "device %d", kit[k].device);
        cr_assert_lt(d.across, kit[k].most_across, "device %d: %g cm", kit[k].device, d.across);
    }
}

Test(findings, covid_follows_its_distribution)
{
    double near = 0.0, far = 0.0;
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        site s = {.severity = 0.6F, .side = SIDE_BOTH, .zone = ZONE_LOWER, .form = COVID_BILATERAL};
        near += change_of(&base, PHANTOM_COVID_19, s).across / CASES;
        s.form |= COVID_PERIPHERAL;
        change d = change_of(&base, PHANTOM_COVID_19, s);
        far += d.across / CASES;
        cr_assert(d.left > 0.15 * (d.left + d.right) && d.right > 0.15 * (d.left + d.right));
        cr_assert_gt(d.height, 0.5, "case %u: height %g", k, d.height);
        s.severity = 0.0F;
        change none = change_of(&base, PHANTOM_COVID_19, s);
        cr_assert_eq(none.up + none.down, 0.0);
    }
    cr_assert_gt(far, near + 1.0, "peripheral %g cm, else %g cm", far, near);
    expect_growth(PHANTOM_COVID_19, (site){.side = SIDE_BOTH, .zone = ZONE_LOWER, .form = COVID_BILATERAL});
}

/* Where an image row first falls below, going out from column `at`, and then rises above a level between the
 * lung's darkest pixel and the middle. */
static void borders(const float *line, int at, int step, double pixel, int *heart, int *chest_wall)
{
    int darkest = at;
    for (int x = at; x > 4 && x < SIZE - 4 && abs(x - at) * pixel < 12.0; x += step)
        if (line[x] < line[darkest]) darkest = x;
    float level = line[darkest] + 0.15F * (line[at] - line[darkest]);
    for (*heart = at; line[*heart] > level; *heart += step) continue;
    for (*chest_wall = darkest; line[*chest_wall]<level && * chest_wall> 0 && *chest_wall < SIZE - 1;
         *chest_wall += step)
        continue;
}

/* The cardiothoracic ratio as radiologists take it: the heart's largest extent to either side of the midline,
 * over the largest inner width of the chest; from the picture alone, between hila and domes.
 * Bones and vessels are left out so that a level finds the borders. */
static double measured_ratio(const latents *l)
{
    static float image[PIXELS];
    latents bare = *l;
    bare.anatomy.bone = bare.anatomy.breast = bare.anatomy.vessel = 0.0F;
    chest t;
    chest_build(&bare, &t);
    canvas *c = NULL;
    cr_assert_eq(canvas_open(SIZE, &bare.technique.view, &c), OK);
    float middle, first, last, m;
    canvas_project(c, (vec3){0.0F, t.hilum_y + 2.0F, 0.0F}, &middle, &first, &m);
    canvas_project(c, (vec3){0.0F, t.domes[0].y - 2.0F, 0.0F}, &middle, &last, &m);
    canvas_close(c);
    cr_assert_eq(latents_attenuation(&bare, SIZE, image), OK);
    double pixel = bare.technique.view.field / SIZE / m;
    int heart[2] = {(int)middle, (int)middle}, inner[2] = {(int)middle, (int)middle};
    for (int y = (int)first; y <= (int)last; y++) {
        int right, right_wall, left, left_wall;
        borders(image + (size_t)SIZE * (size_t)y, (int)middle, -1, pixel, &right, &right_wall);
        borders(image + (size_t)SIZE * (size_t)y, (int)middle, 1, pixel, &left, &left_wall);
        if (right < heart[0]) heart[0] = right;
        if (left > heart[1]) heart[1] = left;
        if (right_wall < inner[0]) inner[0] = right_wall;
        if (left_wall > inner[1]) inner[1] = left_wall;
    }
    return (double)(heart[1] - heart[0]) / (double)(inner[1] - inner[0]);
}

Test(findings, cardiomegaly_is_a_cardiothoracic_ratio_above_one_half)
{
    for (uint32_t k = 0; k < CASES; k++) {
        latents l = healthy(k);
        double normal = measured_ratio(&l);
        cr_assert_lt(normal, 0.52, "case %u: healthy ratio %g", k, normal);
        double last = normal;
        for (int grade = 1; grade <= 3; grade++) {
            l.sites[PHANTOM_CARDIOMEGALY] =
                (site){.finding = PHANTOM_CARDIOMEGALY, .present = true, .severity = 0.2F * (float)grade};
            double big = measured_ratio(&l);
            cr_assert(big > 0.5 && big > last, "case %u, grade %d: ratio %g after %g", k, grade, big, last);
            last = big;
        }
    }
}

Test(findings, enlarged_mediastinum_is_wide_above_the_heart)
{
    site s = {.severity = 0.5F};
    expect_growth(PHANTOM_ENLARGED_CARDIOMEDIASTINUM, s);
    for (uint32_t k = 0; k < CASES; k++) {
        latents base = healthy(k);
        change d = change_of(&base, PHANTOM_ENLARGED_CARDIOMEDIASTINUM, s);
        cr_assert(d.across < 6.0 && d.height < 0.6 && d.up > 10.0 * d.down, "case %u: %g cm, height %g", k,
                  d.across, d.height);
    }
}
