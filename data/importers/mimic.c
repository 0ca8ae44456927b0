/* MIMIC-CXR-JPG (Johnson et al. 2019), and the reports of MIMIC-CXR where they lie beside the images. */
#include "data/importers/chexpert_labels.h"
#include "data/importers/kinds.h"
#include "data/importers/sections.h"
#include "data/importers/walk.h"
#include "data/key_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const split_names[] = {"train", "validate", "test"};
enum { SPLITS = sizeof split_names / sizeof *split_names };

typedef struct mimic {
    walk *w;
    key_map studies; /* by study: its labels, 2 bits each */
    key_map splits;  /* by image: the index of its split */
    text findings, impression, report;
    int id, study, subject, view, split, labels[CHEXPERT_LABELS]; /* columns of the table being read */
} mimic;

/* ---- labels, by study ---- */

enum { UNKNOWN, ABSENT, PRESENT, UNCERTAIN };

static int64_t packed_labels(const float *labels)
{
    int64_t packed = 0;
    for (int k = 0; k < CHEXPERT_LABELS; k++) {
        int code = isnan(labels[k]) ? UNKNOWN
                   : labels[k] == 0 ? ABSENT
                   : labels[k] == 1 ? PRESENT
                                    : UNCERTAIN;
        packed |= (int64_t)code << (2 * k);
    }
    return packed;
}

static float unpacked_label(int64_t packed, int k)
{
    static const float values[] = {[UNKNOWN] = NAN, [ABSENT] = 0, [PRESENT] = 1, [UNCERTAIN] = -1};
    return values[packed >> (2 * k) & 3];
}

static err take_study(void *context, csv_rows *r)
{
    mimic *m = context;
    float labels[CHEXPERT_LABELS];
    bool added;
    TRY(chexpert_read(r, m->labels, labels));
    TRY(key_map_add(&m->studies, csv_rows_cell(r, m->study), packed_labels(labels), &added));
    if (added) return OK;
    return err_set(ERR_DATA, "%s:%d: the study %.60s was there before", csv_rows_path(r), csv_rows_line(r),
                   csv_rows_cell(r, m->study));
}

static err read_labels(mimic *m)
{
    static const char *const tables[] = {"mimic-cxr-2.0.0-chexpert.csv"};
    csv_rows *rows;
    TRY(walk_table(m->w, tables, 1, &rows));
    err error = csv_rows_need(rows, "study_id", &m->study);
    if (error == OK) error = chexpert_columns(rows, m->labels);
    if (error == OK) return walk_rows(rows, take_study, m);
    csv_rows_close(rows);
    return error;
}

/* ---- the official split, by image ---- */

static err take_split(void *context, csv_rows *r)
{
    mimic *m = context;
    bool added;
    const char *name = csv_rows_cell(r, m->split);
    for (int i = 0; i < SPLITS; i++)
        if (strcmp(name, split_names[i]) == 0)
            return key_map_add(&m->splits, csv_rows_cell(r, m->id), i, &added);
    return err_set(ERR_DATA, "%s:%d: split \"%.60s\" is none of train, validate and test", csv_rows_path(r),
                   csv_rows_line(r), name);
}

static err read_splits(mimic *m)
{
    static const char *const tables[] = {"mimic-cxr-2.0.0-split.csv"};
    csv_rows *rows;
    TRY(walk_find_table(m->w, tables, 1, &rows));
    if (!rows) return OK;
    err error = csv_rows_need(rows, "dicom_id", &m->id);
    if (error == OK) error = csv_rows_need(rows, "split", &m->split);
    if (error == OK) return walk_rows(rows, take_split, m);
    csv_rows_close(rows);
    return error;
}

/* ---- images ---- */

/* files/p10/p10000032/s50414267.txt, which MIMIC-CXR's mimic-cxr-reports.zip unpacks to. A study without one
 * has no report. */
static err read_report(mimic *m, const char *study_folder)
{
    static const char *const places[] = {"", "mimic-cxr-reports/", "reports/"};
    char name[PATH_BYTES], *bytes = NULL;
    size_t n;
    m->report.length = m->findings.length = m->impression.length = 0;
    text_bytes(&m->report, "", 0);
    for (size_t i = 0; i < sizeof places / sizeof *places && !bytes; i++) {
        (void)snprintf(name, sizeof name, "%s%s.txt", places[i], study_folder);
        err error = walk_read(m->w, name, &bytes, &n);
        if (error != OK && error != ERR_NO_INPUT) return error;
    }
    if (!bytes) return OK;
    sections_find(bytes, &m->findings, &m->impression);
    free(bytes);
    TRY(text_check(&m->findings));
    TRY(text_check(&m->impression));
    return walk_report(m->w, m->findings.data, m->impression.data, &m->report);
}

static err take_image(void *context, csv_rows *r)
{
    mimic *m = context;
    walk_row row;
    char study_folder[512], file[1024];
    const char *subject = csv_rows_cell(r, m->subject), *study = csv_rows_cell(r, m->study);
    int64_t labels = 0, split;
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), NAN);
    row.id = csv_rows_cell(r, m->id);
    (void)snprintf(study_folder, sizeof study_folder, "files/p%.2s/p%.100s/s%.100s", subject, subject, study);
    (void)snprintf(file, sizeof file, "%s/%.200s.jpg", study_folder, row.id);
    row.file = file;
    row.patient = subject;
    row.view = csv_rows_cell(r, m->view);
    if (key_map_find(&m->splits, row.id, &split)) row.split = split_names[split];
    (void)key_map_find(&m->studies, study, &labels); /* a few studies have none: all unknown */
    for (int k = 0; k < CHEXPERT_LABELS; k++)
        TRY(walk_set_label(m->w, &row, chexpert_labels[k], unpacked_label(labels, k)));
    if (walk_wants_reports(m->w)) {
        TRY(read_report(m, study_folder));
        row.report = m->report.data;
    }
    return walk_image(m->w, &row);
}

static err read_images(mimic *m)
{
    static const char *const tables[] = {"mimic-cxr-2.0.0-metadata.csv"};
    csv_rows *rows;
    TRY(walk_table(m->w, tables, 1, &rows));
    err error = csv_rows_need(rows, "dicom_id", &m->id);
    if (error == OK) error = csv_rows_need(rows, "subject_id", &m->subject);
    if (error == OK) error = csv_rows_need(rows, "study_id", &m->study);
    if (error == OK) error = csv_rows_need(rows, "ViewPosition", &m->view);
    if (error == OK) return walk_rows(rows, take_image, m);
    csv_rows_close(rows);
    return error;
}

err mimic_walk(walk *w)
{
    mimic m = {.w = w};
    TRY(walk_labels(w, chexpert_labels, CHEXPERT_LABELS));
    walk_views_known(w);
    err error = read_labels(&m);
    if (error == OK) error = read_splits(&m);
    if (error == OK) error = read_images(&m);
    key_map_close(&m.studies);
    key_map_close(&m.splits);
    text_close(&m.findings);
    text_close(&m.impression);
    text_close(&m.report);
    return error;
}
