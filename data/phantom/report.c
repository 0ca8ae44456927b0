/* The report: for every region, what is present is said (firmly, or hedged where it can hardly be seen), and
 * some of what is absent is denied. The regions' order, the sentences' order within one, and the words vary.
 * Nothing is said that the latents do not hold; Lung Opacity, which other findings imply, is always said in
 * so many words. */
#include "data/phantom/phrases.h"

#include <string.h>

typedef struct report {
    writer w;
    const latents *l;
    bool opacity_said;
} report;

static bool present(const report *r, phantom_finding finding)
{
    return r->l->sites[finding].present;
}

static bool chance(report *r, double p)
{
    return rng_uniform(&r->w.random) < p;
}

static void affirm(report *r, phantom_finding finding)
{
    const site *s = &r->l->sites[finding];
    const phrasing *p = &phrasings[finding];
    const char *template = NULL;
    bool implies = p->opacity[0] != NULL;
    if (chance(r, s->severity < 0.22F ? 0.65 : 0.06)) template = choose(&r->w, p->hedged);
    if (!template && implies && (!r->opacity_said || !p->plain[0] || chance(r, 0.4)))
        template = choose(&r->w, p->opacity);
    if (!template) template = choose(&r->w, p->plain);
    if (strstr(template, "opacit")) r->opacity_said = true;
    say(&r->w, template, s);
}

static void deny(report *r, phantom_finding finding)
{
    say(&r->w, choose(&r->w, phrasings[finding].absent), NULL);
}

/* Denies one of them with a chance, if it is absent. */
static void perhaps_deny(report *r, phantom_finding finding, double p)
{
    if (!present(r, finding) && chance(r, p)) deny(r, finding);
}

static void lesion_words(report *r)
{
    static const char *const several[PHRASES] = {
        "multiple pulmonary nodules as rounded opacities in both lungs",
        "several nodular opacities bilaterally, in keeping with lung nodules"};
    static const char *const mass[PHRASES] = {
        "mass-like opacity $p suspicious for a lung mass",
        "there is a large rounded opacity $p, consistent with a lung mass"};
    const site *s = &r->l->sites[PHANTOM_LUNG_LESION];
    if (s->form == LESION_NODULE) {
        affirm(r, PHANTOM_LUNG_LESION);
        return;
    }
    r->opacity_said = true;
    say(&r->w, choose(&r->w, s->form == LESION_NODULES ? several : mass), s);
}

static void covid_words(report *r)
{
    static const char *const normal[PHRASES] = {"early COVID-19 cannot be excluded radiographically",
                                                "this radiograph does not exclude COVID-19",
                                                "possible early COVID-19 without radiographic changes"};
    if (r->l->sites[PHANTOM_COVID_19].severity > 0.0F)
        affirm(r, PHANTOM_COVID_19);
    else
        say(&r->w, choose(&r->w, normal), NULL);
}

static void lung_words(report *r)
{
    int order[] = {PHANTOM_LUNG_OPACITY, PHANTOM_LUNG_LESION, PHANTOM_EDEMA,   PHANTOM_CONSOLIDATION,
                   PHANTOM_PNEUMONIA,    PHANTOM_ATELECTASIS, PHANTOM_COVID_19};
    enum { FINDINGS = sizeof order / sizeof order[0] };
    rng_shuffle(&r->w.random, order, FINDINGS);
    if (!present(r, PHANTOM_LUNG_OPACITY)) deny(r, PHANTOM_LUNG_OPACITY);
    for (int k = 0; k < FINDINGS; k++) {
        phantom_finding finding = (phantom_finding)order[k];
        if (!present(r, finding)) continue;
        if (finding == PHANTOM_LUNG_LESION)
            lesion_words(r);
        else if (finding == PHANTOM_COVID_19)
            covid_words(r);
        else if (finding != PHANTOM_LUNG_OPACITY || r->l->sites[finding].severity > 0.0F)
            affirm(r, finding);
    }
    bool airspace = present(r, PHANTOM_PNEUMONIA) || present(r, PHANTOM_COVID_19);
    if (!airspace) {
        perhaps_deny(r, PHANTOM_CONSOLIDATION, 0.45);
        if (!present(r, PHANTOM_CONSOLIDATION)) perhaps_deny(r, PHANTOM_PNEUMONIA, 0.12);
    }
    perhaps_deny(r, PHANTOM_EDEMA, 0.3);
    perhaps_deny(r, PHANTOM_LUNG_LESION, 0.08);
    perhaps_deny(r, PHANTOM_ATELECTASIS, 0.05);
}

static void pleura_words(report *r)
{
    static const char *const neither[PHRASES] = {
        "no pleural effusion or pneumothorax", "there is no pneumothorax or pleural effusion",
        "no evidence of pleural effusion or pneumothorax", "no effusion or pneumothorax is seen"};
    static const char *const plaques[PHRASES] = {"calcified $s pleural plaques",
                                                 "$s pleural plaques are present"};
    bool fluid = present(r, PHANTOM_PLEURAL_EFFUSION), air = present(r, PHANTOM_PNEUMOTHORAX);
    if (fluid) affirm(r, PHANTOM_PLEURAL_EFFUSION);
    if (air) affirm(r, PHANTOM_PNEUMOTHORAX);
    if (!fluid && !air && chance(r, 0.7)) {
        say(&r->w, choose(&r->w, neither), NULL);
    } else {
        perhaps_deny(r, PHANTOM_PLEURAL_EFFUSION, 0.75);
        perhaps_deny(r, PHANTOM_PNEUMOTHORAX, 0.75);
    }
    const site *other = &r->l->sites[PHANTOM_PLEURAL_OTHER];
    if (!other->present)
        perhaps_deny(r, PHANTOM_PLEURAL_OTHER, 0.03);
    else if (other->form == PLEURAL_PLAQUES)
        say(&r->w, choose(&r->w, plaques), other);
    else
        affirm(r, PHANTOM_PLEURAL_OTHER);
}

static void heart_words(report *r)
{
    static const char *const both[PHRASES] = {
        "the cardiomediastinal silhouette is within normal limits", "cardiomediastinal silhouette is normal",
        "heart size and mediastinal contours are normal", "the heart and mediastinum are normal"};
    bool big = present(r, PHANTOM_CARDIOMEGALY), wide = present(r, PHANTOM_ENLARGED_CARDIOMEDIASTINUM);
    if (!big && !wide && chance(r, 0.5)) {
        say(&r->w, choose(&r->w, both), NULL);
        return;
    }
    if (big)
        affirm(r, PHANTOM_CARDIOMEGALY);
    else
        perhaps_deny(r, PHANTOM_CARDIOMEGALY, 0.85);
    if (wide)
        affirm(r, PHANTOM_ENLARGED_CARDIOMEDIASTINUM);
    else
        perhaps_deny(r, PHANTOM_ENLARGED_CARDIOMEDIASTINUM, 0.5);
}

static void bone_words(report *r)
{
    static const char *const several[PHRASES] = {"multiple $s rib fractures with step-off",
                                                 "displaced $s rib fractures",
                                                 "there are several $s rib fractures"};
    const site *s = &r->l->sites[PHANTOM_FRACTURE];
    if (!s->present)
        perhaps_deny(r, PHANTOM_FRACTURE, 0.4);
    else if (s->severity > 0.4F)
        say(&r->w, choose(&r->w, several), s);
    else
        affirm(r, PHANTOM_FRACTURE);
}

static void device_words(report *r)
{
    static const struct {
        int device;
        const char *words[PHRASES];
    } kit[] = {
        {DEVICE_TUBE,
         {"an endotracheal tube terminates above the carina",
          "endotracheal tube tip projects over the mid trachea",
          "the endotracheal tube is in satisfactory position"}},
        {DEVICE_CATHETER,
         {"a central venous catheter terminates in the superior vena cava",
          "right-sided central line with its tip in the mid SVC",
          "a central venous catheter is in place, tip projecting over the SVC"}},
        {DEVICE_PACEMAKER,
         {"a cardiac pacemaker with a right ventricular lead is in place",
          "single-lead pacemaker in standard position"}},
        {DEVICE_FEEDING,
         {"an enteric tube courses below the diaphragm", "nasogastric tube with its tip over the stomach"}},
        {DEVICE_WIRES, {"median sternotomy wires are intact", "sternotomy wires are noted"}}};
    const site *s = &r->l->sites[PHANTOM_SUPPORT_DEVICES];
    if (!s->present) {
        perhaps_deny(r, PHANTOM_SUPPORT_DEVICES, 0.06);
        return;
    }
    for (size_t k = 0; k < sizeof kit / sizeof kit[0]; k++)
        if (s->form & kit[k].device) say(&r->w, choose(&r->w, kit[k].words), NULL);
}

void latents_report(const latents *l, char out[PHANTOM_REPORT_BYTES])
{
    enum { REGIONS = 5, ORDERS = 5 };
    typedef void (*region_words)(report *);
    static const region_words orders[ORDERS][REGIONS] = {
        {device_words, heart_words, lung_words, pleura_words, bone_words},
        {heart_words, lung_words, pleura_words, bone_words, device_words},
        {lung_words, pleura_words, heart_words, bone_words, device_words},
        {device_words, lung_words, heart_words, pleura_words, bone_words},
        {lung_words, heart_words, pleura_words, device_words, bone_words}};
    report r = {.w = {.out = out, .random = rng_open(l->seed, "phantom/report", l->index)}, .l = l};
    out[0] = '\0';
    const region_words *order = orders[rng_below(&r.w.random, ORDERS)];
    for (int k = 0; k < REGIONS; k++) order[k](&r);
    if (present(&r, PHANTOM_NO_FINDING) && chance(&r, 0.5)) {
        const char *normal = choose(&r.w, phrasings[PHANTOM_NO_FINDING].plain);
        say(&r.w, normal, NULL);
    }
}
