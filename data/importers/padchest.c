/* PadChest (Bustos et al. 2020; 160,000 images of 67,000 patients, 16-bit PNG). */
#include "data/importers/kinds.h"
#include "data/importers/terms.h"
#include "data/importers/walk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* torchxrayvision's 28 labels with its synonyms, and No Finding. It looks for them anywhere in the list as
 * text; then a pseudonodule is a Nodule, and so on. */
static const term_rule rules[] = {
    {"Air Trapping", "air+trapping", NULL},
    {"Aortic Atheromatosis", "aortic+atheromatosis", NULL},
    {"Aortic Elongation", "aortic+elongation", NULL},
    {"Atelectasis", "atelectasis|atelectases", NULL},
    {"Bronchiectasis", "bronchiectasis|bronchiectases", NULL},
    {"Cardiomegaly", "cardiomegaly", NULL},
    {"Consolidation", "consolidation|air+bronchogram", NULL},
    {"Costophrenic Angle Blunting", "costophrenic+angle+blunting", NULL},
    {"Edema", "edema", NULL},
    {"Effusion", "effusion", "pericardial"},
    {"Emphysema", "emphysema", "subcutaneous"},
    {"Fibrosis", "fibrosis", NULL},
    {"Flattened Diaphragm", "flattened+diaphragm", NULL},
    {"Fracture", "fracture", NULL},
    {"Granuloma", "granuloma", NULL},
    {"Hemidiaphragm Elevation", "hemidiaphragm+elevation", NULL},
    {"Hernia", "hernia", NULL},
    {"Hilar Enlargement", "hilar+enlargement|adenopathy|pulmonary+artery+enlargement", NULL},
    {"Infiltration",
     "infiltrate|infiltration|interstitial+pattern|ground+glass+pattern|alveolar+pattern|"
     "consolidation|air+bronchogram",
     NULL},
    {"Mass", "mass", "breast|soft+tissue"},
    {"Nodule", "nodule", NULL},
    {"Pleural_Thickening", "pleural+thickening", NULL},
    {"Pneumonia", "pneumonia", NULL},
    {"Pneumothorax", "pneumothorax|hydropneumothorax", NULL},
    {"Scoliosis", "scoliosis", NULL},
    {"Support Devices", "device|pacemaker", NULL},
    {"Tube", "tube|stent", NULL},
    {"Tuberculosis", "tuberculosis", NULL},
    {"No Finding", "normal", NULL},
};
enum { RULES = sizeof rules / sizeof *rules };

static const term_rule excluded = {"", "exclude", NULL}; /* a report that the publisher could not use */

typedef struct padchest {
    walk *w;
    int image, folder, view, labels, patient, birth, date, sex, report;
} padchest;

/* "['pleural effusion', 'scoliosis']": each term. */
static err take_terms(padchest *p, walk_row *row, const char *list, bool *usable)
{
    *usable = false;
    for (const char *at = list; (at = strchr(at, '\''));) {
        size_t n = strcspn(++at, "'");
        if (term_matches(&excluded, at, n)) {
            *usable = false;
            return OK;
        }
        *usable = true;
        for (int k = 0; k < RULES; k++)
            if (term_matches(&rules[k], at, n)) TRY(walk_set_label(p->w, row, rules[k].label, 1));
        at += n + (at[n] == '\'');
    }
    return OK;
}

/* At the study, not today: years only, as the publisher gives the birth. */
static float age_at(const char *birth, const char *date)
{
    double born = strtod(birth, NULL); /* "1925.0" */
    long year = strtol(date, NULL, 10) / 10000;
    return born > 1800 && (double)year >= born ? (float)((double)year - born) : NAN;
}

/* In a folder for each archive (0 to 54), or all in one. */
static err name_file(padchest *p, const char *folder, const char *image, char out[PATH_BYTES])
{
    char inner[64], in_images[80];
    (void)snprintf(inner, sizeof inner, "%.*s/", (int)strspn(folder, "0123456789"), folder); /* "14.0" too */
    (void)snprintf(in_images, sizeof in_images, "images/%s", inner);
    const char *const folders[] = {inner[0] == '/' ? "" : inner, in_images, "", "images/"};
    return walk_locate(p->w, folders, 4, image, out);
}

static err take_row(void *context, csv_rows *r)
{
    padchest *p = context;
    walk_row row;
    char file[PATH_BYTES];
    bool usable;
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), 0);
    TRY(take_terms(p, &row, csv_rows_cell(r, p->labels), &usable));
    if (!usable) {
        walk_leave_out(p->w, LEFT_UNLABELLED);
        return OK;
    }
    row.id = csv_rows_cell(r, p->image);
    TRY(name_file(p, csv_rows_cell(r, p->folder), row.id, file));
    row.file = file;
    row.patient = csv_rows_cell(r, p->patient);
    row.view = csv_rows_cell(r, p->view);
    row.sex = walk_sex(csv_rows_cell(r, p->sex));
    row.age = age_at(csv_rows_cell(r, p->birth), csv_rows_cell(r, p->date));
    row.report = csv_rows_cell(r, p->report);
    return walk_image(p->w, &row);
}

static err find_columns(padchest *p, const csv_rows *r)
{
    TRY(csv_rows_need(r, "ImageID", &p->image));
    TRY(csv_rows_need(r, "Projection", &p->view));
    TRY(csv_rows_need(r, "Labels", &p->labels));
    TRY(csv_rows_need(r, "PatientID", &p->patient));
    p->folder = csv_rows_column(r, "ImageDir");
    p->birth = csv_rows_column(r, "PatientBirth");
    p->date = csv_rows_column(r, "StudyDate_DICOM");
    p->sex = csv_rows_column(r, "PatientSex_DICOM");
    p->report = csv_rows_column(r, "Report");
    return OK;
}

err padchest_walk(walk *w)
{
    static const char *const tables[] = {"PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
                                         "PADCHEST_chest_x_ray_images_labels_160K.csv"};
    const char *names[RULES];
    padchest p = {.w = w};
    csv_rows *rows;
    for (int k = 0; k < RULES; k++) names[k] = rules[k].label;
    TRY(walk_labels(w, names, RULES));
    walk_views_known(w);
    TRY(walk_table(w, tables, 2, &rows));
    err error = find_columns(&p, rows);
    if (error == OK) return walk_rows(rows, take_row, &p);
    csv_rows_close(rows);
    return error;
}
