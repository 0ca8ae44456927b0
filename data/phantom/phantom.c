#include "data/phantom/phantom.h"

#include "data/phantom/latents.h"

#include <string.h>

const char *const phantom_finding_names[PHANTOM_FINDINGS] = {"No Finding",       "Enlarged Cardiomediastinum",
                                                             "Cardiomegaly",     "Lung Opacity",
                                                             "Lung Lesion",      "Edema",
                                                             "Consolidation",    "Pneumonia",
                                                             "Atelectasis",      "Pneumothorax",
                                                             "Pleural Effusion", "Pleural Other",
                                                             "Fracture",         "Support Devices",
                                                             "COVID-19"};

enum { SIZE_LEAST = 16, SIZE_MOST = 1024 };

err phantom_make(phantom_cohort cohort, uint64_t seed, uint32_t index, int size, uint8_t *pixels,
                 phantom_study *study)
{
    if (size < SIZE_LEAST || size > SIZE_MOST)
        return err_set(ERR_USAGE, "phantom: size %d: give a size from %d to %d pixels", size, SIZE_LEAST,
                       SIZE_MOST);
    if (cohort != PHANTOM_CHEXPERT && cohort != PHANTOM_COVID)
        return err_set(ERR_USAGE, "phantom: there is no cohort number %d", (int)cohort);
    latents l;
    latents_draw(cohort, seed, index, &l);
    if (study) {
        memset(study, 0, sizeof *study);
        study->patient = l.patient;
        study->study = l.study;
        study->female = l.anatomy.breast > 0;
        study->portable = l.technique.portable;
        for (int k = 0; k < PHANTOM_FINDINGS; k++) study->findings[k] = l.sites[k].present ? 1 : 0;
        latents_report(&l, study->report);
    }
    if (pixels) TRY(latents_render(&l, size, pixels));
    return OK;
}
