/* Kaggle's edition of Open-i: indiana_reports.csv (a row a study) and indiana_projections.csv (a row an
 * image). */
#include "data/importers/kinds.h"
#include "data/importers/openi_kind.h"
#include "data/key_map.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const folders[] = {"images/images_normalized/", "images_normalized/", "images/", ""};
enum { FOLDERS = sizeof folders / sizeof *folders };

/* Images are listed by study, in the same order as the reports or nearly so. They are gathered by study
 * first, as offsets into one text. */
typedef struct kaggle {
    walk *w;
    key_map first; /* by study: the offset of its first image in `images` */
    text images; /* records: the offset of the study's next image (int64_t, 0: none), file, NUL, view, NUL */
    text report;
    int uid, file, view, mesh, findings, impression;
} kaggle;

static int64_t next_of(const kaggle *k, int64_t record)
{
    int64_t next;
    memcpy(&next, k->images.data + record, sizeof next);
    return next;
}

static err take_projection(void *context, csv_rows *r)
{
    kaggle *k = context;
    const char *uid = csv_rows_cell(r, k->uid), *file = csv_rows_cell(r, k->file),
               *view = csv_rows_cell(r, k->view);
    int64_t record = (int64_t)k->images.length, none = 0, at;
    bool added;
    text_bytes(&k->images, &none, sizeof none);
    text_bytes(&k->images, file, strlen(file) + 1);
    text_bytes(&k->images, view, strlen(view) + 1);
    TRY(text_check(&k->images));
    TRY(key_map_add(&k->first, uid, record, &added));
    if (added || !key_map_find(&k->first, uid, &at)) return OK;
    while (next_of(k, at)) at = next_of(k, at);
    memcpy(k->images.data + at, &record, sizeof record);
    return OK;
}

static err take_terms(kaggle *k, walk_row *row, const char *terms)
{
    if (!*terms || strcasecmp(terms, "No Indexing") == 0)
        for (int i = 0; i < WALK_LABELS; i++) row->labels[i] = NAN;
    for (const char *at = terms; *at;) {
        size_t n = strcspn(at, ";");
        TRY(openi_take_term(k->w, row, at, n));
        at += n;
        at += *at == ';';
    }
    return OK;
}

static err take_report(void *context, csv_rows *r)
{
    kaggle *k = context;
    walk_row row;
    char patient[64], path[PATH_BYTES];
    int64_t record = 0;
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), 0);
    TRY(take_terms(k, &row, csv_rows_cell(r, k->mesh)));
    TRY(walk_report(k->w, csv_rows_cell(r, k->findings), csv_rows_cell(r, k->impression), &k->report));
    (void)snprintf(patient, sizeof patient, "CXR%.50s", csv_rows_cell(r, k->uid)); /* as the XML calls it */
    row.patient = patient;
    row.report = k->report.data;
    (void)key_map_find(&k->first, csv_rows_cell(r, k->uid), &record);
    for (; record; record = next_of(k, record)) {
        const char *file = k->images.data + record + sizeof record;
        row.id = file;
        row.view = file + strlen(file) + 1;
        TRY(walk_locate(k->w, folders, FOLDERS, file, path));
        row.file = path;
        TRY(walk_image(k->w, &row));
    }
    return OK;
}

static err read_projections(kaggle *k)
{
    static const char *const tables[] = {"indiana_projections.csv"};
    csv_rows *rows;
    text_bytes(&k->images, "", 1); /* no record is at 0 */
    TRY(walk_table(k->w, tables, 1, &rows));
    err error = csv_rows_need(rows, "uid", &k->uid);
    if (error == OK) error = csv_rows_need(rows, "filename", &k->file);
    if (error == OK) error = csv_rows_need(rows, "projection", &k->view);
    if (error == OK) return walk_rows(rows, take_projection, k);
    csv_rows_close(rows);
    return error;
}

static err read_reports(kaggle *k)
{
    static const char *const tables[] = {"indiana_reports.csv"};
    csv_rows *rows;
    TRY(walk_table(k->w, tables, 1, &rows));
    err error = csv_rows_need(rows, "uid", &k->uid);
    if (error == OK) error = csv_rows_need(rows, "MeSH", &k->mesh);
    if (error == OK) error = csv_rows_need(rows, "findings", &k->findings);
    if (error == OK) error = csv_rows_need(rows, "impression", &k->impression);
    if (error == OK) return walk_rows(rows, take_report, k);
    csv_rows_close(rows);
    return error;
}

err openi_kaggle_walk(walk *w)
{
    kaggle k = {.w = w};
    TRY(openi_declare(w));
    walk_views_known(w);
    err error = read_projections(&k);
    if (error == OK) error = read_reports(&k);
    key_map_close(&k.first);
    text_close(&k.images);
    text_close(&k.report);
    return error;
}
