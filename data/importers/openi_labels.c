#include "data/importers/openi_kind.h"
#include "data/importers/terms.h"

#include <string.h>
#include <strings.h>

/* torchxrayvision looks for the names anywhere in a term; then fluid around the heart is an Effusion, air
 * under the skin an Emphysema, and a patient with cystic fibrosis has a Fibrosis. */
static const term_rule rules[] = {
    {"Atelectasis", "atelectasis|atelectases", NULL},
    {"Calcified Granuloma", "calcified+granuloma", NULL},
    {"Cardiomegaly", "cardiomegaly", NULL},
    {"Edema", "edema", NULL},
    {"Effusion", "effusion", "pericardial"},
    {"Emphysema", "emphysema", "subcutaneous|mediastinal"},
    {"Fibrosis", "fibrosis|fibroses", "cystic"},
    {"Fracture", "fracture", NULL},
    {"Granuloma", "granuloma|granulomatous", NULL},
    {"Hernia", "hernia", NULL},
    {"Infiltration", "infiltrate|infiltration", NULL},
    {"Lung Lesion", "lesion", "bone"},
    {"Lung Opacity", "opacity|opacities", NULL},
    {"Mass", "mass", "thyroid"},
    {"Nodule", "nodule", NULL},
    {"Pleural_Thickening", "pleural+thickening|pleura+thickening", NULL},
    {"Pneumonia", "pneumonia|pneumoniae", NULL},
    {"Pneumothorax", "pneumothorax|pneumothoraces|hydropneumothorax|hemopneumothorax", NULL},
    {"No Finding", "normal", NULL},
};
enum { RULES = sizeof rules / sizeof *rules };

err openi_declare(walk *w)
{
    const char *names[RULES];
    for (int k = 0; k < RULES; k++) names[k] = rules[k].label;
    return walk_labels(w, names, RULES);
}

err openi_take_term(walk *w, walk_row *row, const char *term, size_t n)
{
    for (int k = 0; k < RULES; k++)
        if (term_matches(&rules[k], term, n)) TRY(walk_set_label(w, row, rules[k].label, 1));
    return OK;
}
