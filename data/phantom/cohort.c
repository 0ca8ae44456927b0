/* Who is in a cohort and what they have.
 *
 * PHANTOM_CHEXPERT: prevalences are the shares of studies with a positive mention in CheXpert's training set
 * (Irvin et al., "CheXpert", AAAI 2019, table 1). Findings co-occur through a liability model: finding k is
 * present where a_k f + sqrt(1 - a_k^2) e > threshold_k with f the patient's (and, for acute findings, partly
 * the study's) severity of illness and e its own noise. Loadings a_k put heart failure's findings
 * (cardiomegaly, edema, effusion) and intensive care's (devices, atelectasis) together; they are rough. A
 * study with no finding but devices would be a "No Finding" one, whose share is published too, so those are
 * drawn first and the others' acute findings are drawn until there is one; the thresholds of acute findings
 * allow for that (found by simulating this very model, and tested on its output). As in CheXpert's label
 * hierarchy, edema, consolidation, pneumonia, atelectasis and lung lesion imply Lung Opacity.
 *
 * PHANTOM_COVID: Wong et al. (Radiology 2020; 296:E72), 64 patients with COVID-19: 31% of the first films
 * looked normal; of the 44 abnormal ones 32 were bilateral, 32 in the lower zones and 26 peripheral; effusion
 * in 2 of 64; severity peaked 10-12 days after onset, so later films are worse. Pneumonia: focal, mostly in
 * one lung and one lobe (Franquet, Eur Respir J 2001), with an effusion in a fifth to two fifths of patients
 * (Light, "Pleural Diseases").
 *
 * Portable (AP) films: 85% of CheXpert's frontal films (Irvin et al. 2019: 161,590 of 191,010). */
#include "data/phantom/latents.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

enum { GROUP_STUDIES = 8, GROUP_PATIENTS = 4, PATIENT_STUDIES = 4, DRAWS = 64 };

static const double no_finding_share = 0.0886;

/* Loading on severity, and threshold of the liability. */
typedef struct liability {
    phantom_finding finding;
    double loading, threshold;
} liability;

/* threshold = upper normal quantile of (published share / (1 - no_finding_share)). */
static const liability chronic[] = {{PHANTOM_ENLARGED_CARDIOMEDIASTINUM, 0.35, 1.6185},
                                    {PHANTOM_CARDIOMEGALY, 0.50, 1.1053},
                                    {PHANTOM_LUNG_LESION, 0.10, 1.7501},
                                    {PHANTOM_PLEURAL_OTHER, 0.10, 2.1900},
                                    {PHANTOM_FRACTURE, -0.10, 1.7228}};

/* Lung Opacity here is one that nothing more specific explains. */
static const liability acute[] = {
    {PHANTOM_LUNG_OPACITY, 0.20, 2.5183},    {PHANTOM_EDEMA, 0.80, 1.0088},
    {PHANTOM_CONSOLIDATION, 0.30, 1.9349},   {PHANTOM_PNEUMONIA, 0.30, 2.3184},
    {PHANTOM_ATELECTASIS, 0.40, 1.5126},     {PHANTOM_PNEUMOTHORAX, 0.10, 1.9418},
    {PHANTOM_PLEURAL_EFFUSION, 0.75, 0.8007}};

/* 56.40% of studies, whatever else they have. */
static const liability devices = {PHANTOM_SUPPORT_DEVICES, 0.40, -0.1611};

enum { CHRONIC = sizeof chronic / sizeof chronic[0], ACUTE = sizeof acute / sizeof acute[0] };

void cohort_place(uint64_t seed, uint32_t index, uint32_t *patient, uint32_t *study)
{
    uint32_t group = index / GROUP_STUDIES, left = index % GROUP_STUDIES;
    uint32_t sizes[GROUP_PATIENTS] = {1, 1, 1, 1};
    rng r = rng_open(seed, "phantom/group", group);
    for (int extra = GROUP_STUDIES - GROUP_PATIENTS; extra > 0;) {
        int who = rng_below(&r, GROUP_PATIENTS);
        if (sizes[who] == PATIENT_STUDIES) continue;
        sizes[who]++;
        extra--;
    }
    uint32_t who = 0;
    while (left >= sizes[who]) left -= sizes[who++];
    *patient = group * GROUP_PATIENTS + who;
    *study = left;
}

static bool liable(rng *r, const liability *l, double severity)
{
    double noise = rng_normal(r);
    return l->loading * severity + sqrt(1.0 - l->loading * l->loading) * noise > l->threshold;
}

static void draw_acute(latents *l, double patient_severity)
{
    rng r = rng_open(l->seed, "phantom/acute", l->index);
    bool any = false;
    for (int k = 0; k < CHRONIC; k++) any |= l->sites[chronic[k].finding].present;
    for (int draw = 0, found = 0; draw < DRAWS && !found; draw++) {
        double severity = 0.8 * patient_severity + 0.6 * rng_normal(&r);
        found = any;
        for (int k = 0; k < ACUTE; k++) {
            bool present = liable(&r, &acute[k], severity);
            l->sites[acute[k].finding].present = present;
            found |= present;
        }
        if (!found && draw == DRAWS - 1) l->sites[PHANTOM_PLEURAL_EFFUSION].present = true;
    }
}

static void draw_chexpert(latents *l)
{
    rng r = rng_open(l->seed, "phantom/chronic", l->patient);
    bool healthy = rng_uniform(&r) < no_finding_share;
    double severity = rng_normal(&r);
    if (!healthy) {
        for (int k = 0; k < CHRONIC; k++)
            l->sites[chronic[k].finding].present = liable(&r, &chronic[k], severity);
        draw_acute(l, severity);
    }
    rng d = rng_open(l->seed, "phantom/devices", l->index);
    l->sites[PHANTOM_SUPPORT_DEVICES].present = liable(&d, &devices, severity);
}

typedef enum diagnosis { DIAGNOSIS_COVID_19, DIAGNOSIS_NONE, DIAGNOSIS_PNEUMONIA, DIAGNOSES } diagnosis;

/* Every three patients in a row have the three diagnoses, in a random order. */
static diagnosis diagnosis_of(uint64_t seed, uint32_t patient)
{
    int order[DIAGNOSES] = {DIAGNOSIS_COVID_19, DIAGNOSIS_NONE, DIAGNOSIS_PNEUMONIA};
    rng r = rng_open(seed, "phantom/diagnosis", patient / DIAGNOSES);
    rng_shuffle(&r, order, DIAGNOSES);
    return (diagnosis)order[patient % DIAGNOSES];
}

static void draw_covid(latents *l, diagnosis d)
{
    /* Chances of what comes along, by diagnosis. */
    static const struct {
        double effusion, cardiomegaly, atelectasis, devices;
    } chance[DIAGNOSES] = {{0.03, 0.10, 0.04, 0.15}, {0.0, 0.0, 0.0, 0.06}, {0.20, 0.12, 0.12, 0.18}};
    rng p = rng_open(l->seed, "phantom/chronic", l->patient);
    rng s = rng_open(l->seed, "phantom/acute", l->index);
    l->sites[PHANTOM_CARDIOMEGALY].present = rng_uniform(&p) < chance[d].cardiomegaly;
    l->sites[PHANTOM_PLEURAL_EFFUSION].present = rng_uniform(&s) < chance[d].effusion;
    l->sites[PHANTOM_ATELECTASIS].present = rng_uniform(&s) < chance[d].atelectasis;
    l->sites[PHANTOM_SUPPORT_DEVICES].present = rng_uniform(&s) < chance[d].devices;
    l->sites[PHANTOM_COVID_19].present = d == DIAGNOSIS_COVID_19;
    l->sites[PHANTOM_PNEUMONIA].present = d == DIAGNOSIS_PNEUMONIA;
}

static body_side draw_side(rng *r, double both)
{
    double u = rng_uniform(r);
    return u < both ? SIDE_BOTH : u < both + 0.52 * (1.0 - both) ? SIDE_RIGHT : SIDE_LEFT;
}

static lung_zone draw_zone(rng *r, double lower, double upper)
{
    double u = rng_uniform(r);
    return u < lower ? ZONE_LOWER : u < lower + upper ? ZONE_UPPER : ZONE_MIDDLE;
}

static int draw_devices(rng *r, bool cardiac)
{
    static const struct {
        int device;
        double chance;
    } kit[] = {{DEVICE_CATHETER, 0.5}, {DEVICE_TUBE, 0.3}, {DEVICE_FEEDING, 0.25}, {DEVICE_PACEMAKER, 0.2}};
    int form = 0;
    for (size_t k = 0; k < sizeof kit / sizeof kit[0]; k++)
        if (rng_uniform(r) < kit[k].chance) form |= kit[k].device;
    if (rng_uniform(r) < (cardiac ? 0.35 : 0.15)) form |= DEVICE_WIRES;
    return form ? form : DEVICE_CATHETER;
}

/* Where it is stays through a patient's studies (s->stream is the patient's); how bad it is changes from
 * study to study. */
static void place_covid(const latents *l, site *s, rng *r)
{
    rng now = rng_open(l->seed, "phantom/covid course", l->index);
    s->form = 0;
    if (rng_uniform(r) < 32.0 / 44.0) s->form |= COVID_BILATERAL;
    if (rng_uniform(r) < 26.0 / 44.0) s->form |= COVID_PERIPHERAL;
    s->zone = rng_uniform(r) < 32.0 / 44.0 ? ZONE_LOWER : ZONE_MIDDLE;
    s->side = s->form & COVID_BILATERAL ? SIDE_BOTH : draw_side(r, 0.0);
    bool normal = rng_uniform(&now) < (l->study == 0 ? 20.0 / 64.0 : 0.1);
    double course = l->study == 0 ? 0.85 : 1.15;
    s->severity = normal ? 0.0F : (float)fmin(1.0, course * s->severity + rng_between(&now, 0.02, 0.15));
}

/* Side, place, form. Shares of both sides, of zones: usual textbook proportions, rounded (Hansell et al.,
 * "Imaging of Diseases of the Chest"). */
static void place(latents *l, phantom_finding finding, site *s, rng *r)
{
    s->side = SIDE_BOTH;
    s->zone = ZONE_LOWER;
    switch (finding) {
    case PHANTOM_LUNG_OPACITY:
    case PHANTOM_CONSOLIDATION:
        s->side = draw_side(r, 0.15);
        s->zone = draw_zone(r, 0.5, 0.2);
        break;
    case PHANTOM_PNEUMONIA:
        s->side = draw_side(r, 0.2);
        s->zone = draw_zone(r, 0.55, 0.2);
        s->form = s->side == SIDE_BOTH || rng_uniform(r) < 0.3 ? PNEUMONIA_PATCHY : PNEUMONIA_LOBAR;
        break;
    case PHANTOM_LUNG_LESION:
        s->side = draw_side(r, 0.0);
        s->zone = draw_zone(r, 0.35, 0.4);
        s->form = s->severity > 0.7F ? LESION_MASS : rng_uniform(r) < 0.25 ? LESION_NODULES : LESION_NODULE;
        if (s->form == LESION_NODULES) s->side = SIDE_BOTH;
        break;
    case PHANTOM_ATELECTASIS:
        s->form = s->severity > 0.6F ? ATELECTASIS_VOLUME_LOSS : ATELECTASIS_LINEAR;
        s->side = draw_side(r, s->form == ATELECTASIS_LINEAR ? 0.4 : 0.0);
        break;
    case PHANTOM_PNEUMOTHORAX:
        s->side = draw_side(r, 0.0);
        s->zone = ZONE_UPPER;
        break;
    case PHANTOM_PLEURAL_EFFUSION:
        s->side = draw_side(r, 0.45);
        break;
    case PHANTOM_PLEURAL_OTHER:
        s->side = draw_side(r, 0.25);
        s->form = rng_uniform(r) < 0.6 ? PLEURAL_THICKENING : PLEURAL_PLAQUES;
        s->zone = draw_zone(r, 0.4, 0.4);
        break;
    case PHANTOM_FRACTURE:
        s->side = draw_side(r, 0.0);
        s->zone = ZONE_MIDDLE;
        break;
    case PHANTOM_SUPPORT_DEVICES:
        s->form = draw_devices(r, l->sites[PHANTOM_CARDIOMEGALY].present);
        break;
    case PHANTOM_COVID_19:
        place_covid(l, s, r);
        break;
    default:
        break;
    }
}

static bool is_chronic(phantom_finding finding)
{
    for (int k = 0; k < CHRONIC; k++)
        if (chronic[k].finding == finding) return true;
    return finding == PHANTOM_COVID_19;
}

/* Lung Opacity and No Finding follow from the rest. An implied Lung Opacity keeps severity 0: it has no shape
 * of its own. */
static void imply(latents *l)
{
    static const phantom_finding opaque[] = {PHANTOM_LUNG_LESION, PHANTOM_EDEMA, PHANTOM_CONSOLIDATION,
                                             PHANTOM_PNEUMONIA, PHANTOM_ATELECTASIS};
    bool opacity = l->sites[PHANTOM_LUNG_OPACITY].present, any = false;
    for (size_t k = 0; k < sizeof opaque / sizeof opaque[0]; k++) {
        opacity |= l->sites[opaque[k]].present;
    }
    const site *covid = &l->sites[PHANTOM_COVID_19];
    if (covid->present && covid->severity > 0.0F) opacity = true;
    l->sites[PHANTOM_LUNG_OPACITY].present = opacity;
    for (int k = 1; k < PHANTOM_FINDINGS; k++) any |= k != PHANTOM_SUPPORT_DEVICES && l->sites[k].present;
    l->sites[PHANTOM_NO_FINDING].present = !any;
}

static void draw_sites(latents *l)
{
    for (int k = 1; k < PHANTOM_FINDINGS; k++) {
        phantom_finding finding = (phantom_finding)k;
        site *s = &l->sites[k];
        s->finding = finding;
        s->stream = is_chronic(finding) ? (UINT64_C(1) << 40) + l->patient : l->index;
        rng r = rng_open(l->seed, "phantom/site", s->stream * PHANTOM_FINDINGS + (uint64_t)k);
        /* Mild cases outnumber gross ones. */
        double u = rng_uniform(&r);
        s->severity = s->present ? (float)(0.08 + 0.92 * pow(u, 1.1)) : 0.0F;
        if (s->present) place(l, finding, s, &r);
    }
    imply(l);
}

void latents_draw(phantom_cohort cohort, uint64_t seed, uint32_t index, latents *l)
{
    static const double portable[DIAGNOSES] = {0.5, 0.35, 0.45};
    memset(l, 0, sizeof *l);
    l->seed = seed;
    l->index = index;
    cohort_place(seed, index, &l->patient, &l->study);
    double portable_chance = 0.85;
    if (cohort == PHANTOM_CHEXPERT) {
        draw_chexpert(l);
    } else {
        diagnosis d = diagnosis_of(seed, l->patient);
        portable_chance = portable[d];
        draw_covid(l, d);
    }
    draw_sites(l);
    l->anatomy = anatomy_draw(seed, l->patient);
    l->technique = technique_draw(seed, l->patient, index, portable_chance);
}
