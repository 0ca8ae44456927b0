/* The built-in phantom: procedural frontal chest X-rays with their reports, made from a seed. It lets anyone
 * run, test and demonstrate the project without data. It is a physical sketch, not a fit to any data set.
 * Each file of this folder opens with the published facts that it follows: prevalences and the distribution
 * of COVID-19 (cohort.c), body and film (technique.c, chest.c, skeleton.c, organs.c, vessels.c), attenuation
 * (chest.h), scatter and noise (exposure.c), the look of findings (findings.c), wording (phrases.c).
 *
 * How dense and large findings are was set by eye, within what is physically possible, and raised in a few
 * rounds because a small classifier stayed near chance on PHANTOM_COVID at 32x32, even with 300 images of
 * each class; it then reached a balanced accuracy of about 0.6 on three classes. The script that measured it
 * printed an arm with classical augmentation beside it, which was seen but not aimed at; no generator and no
 * synthetic image was involved: nothing was chosen to make augmentation look good. */
#ifndef DATA_PHANTOM_PHANTOM_H
#define DATA_PHANTOM_PHANTOM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The 14 CheXpert labels (Irvin et al. 2019), in its order, and COVID-19. */
typedef enum phantom_finding {
    PHANTOM_NO_FINDING,
    PHANTOM_ENLARGED_CARDIOMEDIASTINUM,
    PHANTOM_CARDIOMEGALY,
    PHANTOM_LUNG_OPACITY,
    PHANTOM_LUNG_LESION,
    PHANTOM_EDEMA,
    PHANTOM_CONSOLIDATION,
    PHANTOM_PNEUMONIA,
    PHANTOM_ATELECTASIS,
    PHANTOM_PNEUMOTHORAX,
    PHANTOM_PLEURAL_EFFUSION,
    PHANTOM_PLEURAL_OTHER,
    PHANTOM_FRACTURE,
    PHANTOM_SUPPORT_DEVICES,
    PHANTOM_COVID_19,
    PHANTOM_FINDINGS
} phantom_finding;

/* "No Finding", "Enlarged Cardiomediastinum", ..., "COVID-19": the names that the field's CSV files use. */
extern const char *const phantom_finding_names[PHANTOM_FINDINGS];

/* Who walks into the clinic. */
typedef enum phantom_cohort {
    PHANTOM_CHEXPERT, /* any set of findings, drawn from a prevalence table with co-occurrence */
    PHANTOM_COVID     /* one of three diagnoses a patient, one third each: COVID-19, No Finding, Pneumonia;
                         exactly one     of these three labels is set. All but No Finding may carry incidental
                         findings; a third of     the first films with COVID-19 look normal (then without Lung
                         Opacity) */
} phantom_cohort;

enum { PHANTOM_REPORT_BYTES = 2048 };

typedef struct phantom_study {
    uint32_t patient;                   /* 0.. ; studies of one patient share anatomy, not pose or exposure */
    uint32_t study;                     /* 0.. within the patient */
    bool female;                        /* the patient */
    bool portable;                      /* the film: AP, supine or half upright; else PA */
    uint8_t findings[PHANTOM_FINDINGS]; /* 1 = present */
    char report[PHANTOM_REPORT_BYTES];  /* findings section, English, one paragraph */
} phantom_study;

/* Renders study number `index` (0..) of the cohort under `seed` as an 8-bit image (size, size), row-major,
 * air black and bone white as radiologists see it, and fills *study. size 16..1024. Depends on nothing but
 * its arguments: the same for any order, any number of threads. pixels or study may be NULL. ERR_USAGE for a
 * bad size. */
err phantom_make(phantom_cohort cohort, uint64_t seed, uint32_t index, int size, uint8_t *pixels,
                 phantom_study *study);

#endif
