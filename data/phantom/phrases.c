/* Wording after the style of published radiology reports (Open-i's Indiana collection, Demner-Fushman et al.,
 * JAMIA 2016); no sentence is copied from one. */
#include "data/phantom/phrases.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const phrasing phrasings[PHANTOM_FINDINGS] = {
    [PHANTOM_NO_FINDING] = {.plain = {"no acute cardiopulmonary abnormality",
                                      "no acute cardiopulmonary process", "unremarkable chest radiograph",
                                      "no acute disease"}},
    [PHANTOM_ENLARGED_CARDIOMEDIASTINUM] =
        {.plain = {"the mediastinum is $n widened", "$m widening of the mediastinum",
                   "the upper mediastinal contour is $n enlarged", "$m mediastinal enlargement is present"},
         .hedged = {"possible widening of the mediastinum", "the mediastinum may be slightly widened",
                    "mediastinal widening cannot be excluded"},
         .absent = {"the mediastinal contours are normal", "the mediastinum is not widened",
                    "mediastinal contours are within normal limits", "no mediastinal widening"}},
    [PHANTOM_CARDIOMEGALY] = {.plain = {"the heart is $n enlarged", "$m cardiomegaly",
                                        "the cardiac silhouette is $n enlarged", "there is $m cardiomegaly",
                                        "heart size is $n enlarged"},
                              .hedged = {"heart size is borderline enlarged", "possible cardiomegaly",
                                         "the heart may be slightly enlarged", "borderline cardiomegaly"},
                              .absent = {"heart size is normal", "the heart is normal in size",
                                         "the cardiac silhouette is within normal limits", "no cardiomegaly",
                                         "the heart is not enlarged"}},
    [PHANTOM_LUNG_OPACITY] = {.opacity = {"$m hazy opacity $p", "there is a $m ill-defined opacity $p",
                                          "$m nonspecific opacity is seen $p"},
                              .hedged = {"possible faint opacity $p",
                                         "a subtle opacity $p cannot be excluded",
                                         "questionable faint opacity $p"},
                              .absent = {"the lungs are clear", "no focal airspace opacity",
                                         "lungs are well expanded and clear", "no focal opacity",
                                         "both lungs are clear"}},
    [PHANTOM_LUNG_LESION] = {.opacity = {"rounded opacity $p, in keeping with a pulmonary nodule",
                                         "nodular opacity $p suspicious for a lung lesion"},
                             .plain = {"there is a pulmonary nodule $p",
                                       "a well-circumscribed nodule is seen $p", "lung nodule $p"},
                             .hedged = {"a small opacity $p may represent a nodule",
                                        "possible nodular opacity $p",
                                        "faint rounded opacity $p, a small nodule cannot be excluded"},
                             .absent = {"no suspicious pulmonary nodule", "no pulmonary mass or nodule",
                                        "no lung nodule is seen"}},
    [PHANTOM_EDEMA] =
        {
            .opacity = {"bilateral perihilar opacities consistent with $m pulmonary edema",
                        "diffuse interstitial opacities compatible with $m edema",
                        "$m interstitial and perihilar opacities, in keeping with pulmonary edema"},
            .plain = {"$m pulmonary edema", "there is $m interstitial pulmonary edema",
                      "findings of $m pulmonary edema with vascular congestion"},
            .hedged = {"faint perihilar opacities may represent mild pulmonary edema",
                       "possible mild edema with faint interstitial opacities",
                       "slight interstitial opacities, mild pulmonary edema cannot be excluded"},
            .absent = {"no pulmonary edema", "no evidence of pulmonary edema", "no overt edema"}},
    [PHANTOM_CONSOLIDATION] = {.opacity = {"dense opacity $p consistent with consolidation",
                                           "confluent opacities $p, compatible with $m consolidation"},
                               .plain = {"$m consolidation $p", "there is consolidation $p",
                                         "focal consolidation is present $p"},
                               .hedged = {"opacity $p may represent early consolidation",
                                          "possible opacity $p, consolidation cannot be excluded"},
                               .absent = {"no focal consolidation", "no consolidation",
                                          "there is no focal consolidation", "no lobar consolidation"}},
    [PHANTOM_PNEUMONIA] = {.opacity = {"airspace opacity $p consistent with pneumonia",
                                       "$m airspace opacities $p, compatible with pneumonia",
                                       "patchy opacity $p concerning for pneumonia",
                                       "$m opacity $p, most consistent with pneumonia"},
                           .plain = {"findings $p are consistent with pneumonia", "pneumonia is present $p"},
                           .hedged = {"subtle opacity $p may represent pneumonia",
                                      "faint opacity $p, early pneumonia cannot be excluded",
                                      "possible pneumonia with a faint opacity $p"},
                           .absent = {"no evidence of pneumonia", "no radiographic evidence of pneumonia"}},
    [PHANTOM_ATELECTASIS] = {.opacity = {"linear opacities $p consistent with atelectasis",
                                         "bandlike opacity $p, in keeping with $m atelectasis"},
                             .plain = {"$m atelectasis $p", "there is $m $s basilar atelectasis",
                                       "$m subsegmental atelectasis $p"},
                             .hedged = {"streaky opacity $p may represent atelectasis",
                                        "possible minimal atelectasis with faint linear opacity $p",
                                        "faint linear opacities $p, likely atelectasis"},
                             .absent = {"no atelectasis", "no evidence of atelectasis"}},
    [PHANTOM_PNEUMOTHORAX] = {.plain = {"$m $s pneumothorax", "there is a $m $s apical pneumothorax",
                                        "$m pneumothorax $w", "a $m $s pneumothorax is present"},
                              .hedged = {"possible tiny $s apical pneumothorax",
                                         "a tiny $s pneumothorax cannot be excluded",
                                         "questionable small $s pneumothorax"},
                              .absent = {"no pneumothorax", "no pneumothorax is seen",
                                         "there is no pneumothorax", "no evidence of pneumothorax"}},
    [PHANTOM_PLEURAL_EFFUSION] = {.plain = {"$m $s pleural effusion", "there is $m $s pleural effusion",
                                            "$m pleural effusion $w", "$m $s pleural effusion is present"},
                                  .hedged = {"possible trace $s pleural effusion",
                                             "a trace $s effusion cannot be excluded",
                                             "minimal blunting $w may represent a small pleural effusion"},
                                  .absent = {"no pleural effusion", "no pleural effusion is seen",
                                             "there is no pleural effusion", "no effusion"}},
    [PHANTOM_PLEURAL_OTHER] = {.plain = {"$m $s pleural thickening", "there is $m pleural thickening $w"},
                               .hedged = {"possible $s pleural thickening",
                                          "$s pleural thickening cannot be excluded"},
                               .absent = {"no pleural thickening"}},
    [PHANTOM_FRACTURE] = {.plain = {"$s rib fracture with step-off", "displaced $s rib fracture",
                                    "there is a $s rib fracture", "$s-sided rib fracture is noted"},
                          .hedged = {"possible nondisplaced $s rib fracture",
                                     "a subtle $s rib fracture cannot be excluded"},
                          .absent = {"no acute fracture", "no displaced rib fracture",
                                     "no acute osseous abnormality", "the osseous structures are intact",
                                     "no fracture is identified"}},
    [PHANTOM_SUPPORT_DEVICES] = {.absent = {"no support devices", "no lines or tubes"}},
    [PHANTOM_COVID_19] = {.opacity = {"$m $d ground-glass opacities $p, typical of COVID-19",
                                      "$d hazy opacities $p consistent with COVID-19",
                                      "$m $d airspace opacities $p, compatible with COVID-19 infection",
                                      "patchy ground-glass opacity $p concerning for COVID-19"},
                          .hedged = {"subtle ground-glass opacity $p may represent COVID-19",
                                     "faint hazy opacities $p, COVID-19 cannot be excluded",
                                     "possible early COVID-19 with faint opacity $p"}}};

/* Words for severity below 0.22, 0.45, 0.7, above. */
static int grade_of(float severity)
{
    return severity < 0.22F ? 0 : severity < 0.45F ? 1 : severity < 0.7F ? 2 : 3;
}

static const char *magnitude(const site *s)
{
    static const char *const general[] = {"minimal", "mild", "moderate", "severe"};
    static const char *const sizes[] = {"trace", "small", "moderate", "large"};
    static const char *const extents[] = {"subtle", "mild", "moderate", "extensive"};
    int grade = grade_of(s->severity);
    switch (s->finding) {
    case PHANTOM_PNEUMOTHORAX:
        return grade == 0 ? "tiny" : sizes[grade];
    case PHANTOM_PLEURAL_EFFUSION:
        return sizes[grade];
    case PHANTOM_LUNG_OPACITY:
    case PHANTOM_PNEUMONIA:
    case PHANTOM_CONSOLIDATION:
    case PHANTOM_COVID_19:
        return extents[grade];
    default:
        return general[grade];
    }
}

static const char *adverb(const site *s)
{
    static const char *const words[] = {"minimally", "mildly", "moderately", "severely"};
    return words[grade_of(s->severity)];
}

static const char *place_of(writer *w, const site *s)
{
    static const char *const places[2][3][3] = {
        {{"in the right upper lobe", "in the right middle lobe", "in the right lower lobe"},
         {"in the left upper lobe", "in the lingula", "in the left lower lobe"},
         {"in both upper lobes", "in both mid lungs", "in the bilateral lower lobes"}},
        {{"in the right upper lung zone", "in the right mid lung", "at the right lung base"},
         {"in the left upper lung zone", "in the left mid lung", "at the left lung base"},
         {"in the bilateral upper lungs", "in the mid lungs bilaterally", "at both lung bases"}}};
    return places[rng_below(&w->random, 2)][s->side][s->zone];
}

static void put(writer *w, const char *words)
{
    size_t room = PHANTOM_REPORT_BYTES - 1 - w->used, n = strlen(words);
    n = n < room ? n : room;
    memcpy(w->out + w->used, words, n);
    w->used += n;
    w->out[w->used] = '\0';
}

static const char *token(writer *w, char kind, const site *s)
{
    static const char *const sides[] = {"right", "left", "bilateral"};
    static const char *const where[] = {"on the right", "on the left", "bilaterally"};
    switch (kind) {
    case 'm':
        return magnitude(s);
    case 'n':
        return adverb(s);
    case 's':
        return sides[s->side];
    case 'd':
        return s->form & COVID_PERIPHERAL ? "peripheral" : "scattered";
    case 'w':
        return where[s->side];
    default:
        return place_of(w, s);
    }
}

void say(writer *w, const char *template, const site *s)
{
    if (w->used > 0) put(w, " ");
    size_t start = w->used;
    for (const char *p = template; *p; p++) {
        if (*p == '$' && p[1] && s) {
            put(w, token(w, *++p, s));
        } else {
            char one[2] = {*p, '\0'};
            put(w, one);
        }
    }
    w->out[start] = (char)toupper((unsigned char)w->out[start]);
    put(w, ".");
}

const char *choose(writer *w, const char *const list[PHRASES])
{
    int n = 0;
    while (n < PHRASES && list[n]) n++;
    return n ? list[rng_below(&w->random, n)] : NULL;
}
