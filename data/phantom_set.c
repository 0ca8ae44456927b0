/* The source "phantom:COHORT": studies rendered from a seed. */
#include "data/build.h"
#include "data/phantom/phantom.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of the covid cohort: one diagnosis a study. */
static const phantom_finding diagnoses[] = {PHANTOM_COVID_19, PHANTOM_NO_FINDING, PHANTOM_PNEUMONIA};
enum { DIAGNOSES = sizeof diagnoses / sizeof *diagnoses };

static err render(phantom_cohort cohort, uint64_t seed, const dataset *set, phantom_study *studies)
{
    first_failure first = {.index = INT_MAX};
    uint8_t *images = dataset_memory_of(set)->images;
    size_t pixels = (size_t)set->height * (size_t)set->width;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < set->n; i++) {
        if (failure_before(&first, i)) continue;
        err error =
            phantom_make(cohort, seed, (uint32_t)i, set->height, images + (size_t)i * pixels, &studies[i]);
        if (error != OK) failure_note(&first, i, error);
    }
    return failure_result(&first);
}

/* The first diagnosis of the list that the study has: COVID-19 patients may show a pneumonia as well. */
static void label_diagnosis(const phantom_study *study, float *row)
{
    for (int k = 0; k < DIAGNOSES; k++)
        if (study->findings[diagnoses[k]]) {
            row[k] = 1;
            return;
        }
}

static err describe(phantom_cohort cohort, const phantom_study *studies, dataset *set)
{
    float *labels = dataset_memory_of(set)->labels;
    for (int k = 0; k < set->n_labels; k++)
        TRY(dataset_set_label(
            set, k, phantom_finding_names[cohort == PHANTOM_COVID ? diagnoses[k] : (phantom_finding)k]));
    for (int i = 0; i < set->n; i++) {
        char id[32], patient[16];
        (void)snprintf(patient, sizeof patient, "p%06u", studies[i].patient);
        (void)snprintf(id, sizeof id, "%s-%u", patient, studies[i].study);
        sample_info info = {id,
                            patient,
                            "",
                            studies[i].portable ? "AP" : "PA",
                            "phantom",
                            studies[i].report,
                            studies[i].female ? "F" : "M",
                            ""};
        TRY(dataset_set_sample(set, i, &info));
        float *row = labels + (size_t)i * (size_t)set->n_labels;
        if (cohort == PHANTOM_COVID)
            label_diagnosis(&studies[i], row);
        else
            for (int k = 0; k < set->n_labels; k++) row[k] = studies[i].findings[k] ? 1.0F : 0.0F;
    }
    return dataset_finish(set);
}

err phantom_set_open(const char *cohort_name, int size, int count, uint64_t seed, dataset **out)
{
    *out = NULL;
    phantom_cohort cohort = strcmp(cohort_name, "covid") == 0 ? PHANTOM_COVID : PHANTOM_CHEXPERT;
    if (cohort == PHANTOM_CHEXPERT && strcmp(cohort_name, "chexpert") != 0)
        return err_set(ERR_USAGE, "phantom cohort \"%s\" is unknown; use phantom:covid or phantom:chexpert",
                       cohort_name);
    if (count < 1) return err_set(ERR_USAGE, "phantom: %d studies asked; at least 1 is needed", count);
    dataset *set;
    TRY(dataset_begin(count, size, size, cohort == PHANTOM_COVID ? DIAGNOSES : PHANTOM_FINDINGS, NULL, &set));
    phantom_study *studies = calloc((size_t)count, sizeof *studies);
    if (!studies) {
        dataset_close(set);
        return err_set(ERR_SYSTEM, "out of memory for %d phantom studies", count);
    }
    err error = render(cohort, seed, set, studies);
    if (error == OK) error = describe(cohort, studies, set);
    free(studies);
    if (error != OK) {
        dataset_close(set);
        set = NULL;
    }
    *out = set;
    return error;
}
