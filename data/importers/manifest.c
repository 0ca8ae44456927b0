/* A plain CSV that covers what no other kind does. Columns, of which only `path` must be there:
 *
 *   path          of the image, below the manifest's folder
 *   id            unique; else the path
 *   patient, split, view, report, sex, age
 *   labels        names joined by '|': these are 1, all others 0; "none": all are 0; empty: all are unknown
 *   label:NAME    1, 0, -1 (uncertain) or empty (unknown), instead of `labels`
 *   photometric   MONOCHROME1: white is 0, and the image is inverted
 *
 * The apostrophe that an export sets before what a spreadsheet would run is taken off again. */
#include "base/text.h"
#include "data/importers/kinds.h"
#include "data/importers/views.h"
#include "data/importers/walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char label_prefix[] = "label:";

enum { PATH, ID, PATIENT, SPLIT, VIEW, REPORT, SEX, AGE, LABELS, PHOTOMETRIC, COLUMNS };
static const char *const column_names[COLUMNS] = {"path",   "id",  "patient", "split",  "view",
                                                  "report", "sex", "age",     "labels", "photometric"};

typedef struct manifest {
    walk *w;
    int columns[COLUMNS];
    const char **names; /* of the label of each column of the file; NULL: it is none */
} manifest;

/* Each name of "A|B" becomes 1. */
static err take_listed(manifest *m, walk_row *row, const char *listed)
{
    char name[WALK_LABEL_BYTES];
    for (const char *at = listed; *at;) {
        size_t n = strcspn(at, "|");
        if (n == 0 || n >= sizeof name)
            return err_set(ERR_DATA, "%s:%d: labels \"%.100s\": a name is empty or too long", row->table,
                           row->line, listed);
        memcpy(name, at, n);
        name[n] = '\0';
        TRY(walk_set_label(m->w, row, name, 1));
        at += n;
        at += *at == '|';
    }
    return OK;
}

static bool read_label(const char *cell, float *out)
{
    char *end;
    *out = NAN;
    if (!*cell || strcasecmp(cell, "nan") == 0) return true;
    *out = strtof(cell, &end);
    return end != cell && !*end && (*out == 0 || *out == 1 || *out == -1);
}

static err take_label(manifest *m, const csv_rows *r, walk_row *row, int column)
{
    float value;
    const char *cell = csv_rows_cell(r, column);
    if (!read_label(cell, &value))
        return err_set(ERR_DATA, "%s:%d: label \"%.100s\" is \"%.100s\"; it must be 1, 0, -1 or empty",
                       row->table, row->line, m->names[column], cell);
    return walk_set_label(m->w, row, m->names[column], value);
}

static err take_labels(manifest *m, const csv_rows *r, walk_row *row)
{
    const char *listed = csv_rows_cell(r, m->columns[LABELS]);
    float fill = *listed ? 0 : NAN;
    for (int k = 0; k < WALK_LABELS; k++) row->labels[k] = fill;
    if (strcmp(listed, "none") != 0) TRY(take_listed(m, row, listed));
    for (int c = 0; c < csv_rows_width(r); c++)
        if (m->names[c]) TRY(take_label(m, r, row, c));
    return OK;
}

static err take_row(void *context, csv_rows *r)
{
    manifest *m = context;
    walk_row row;
    const char *cells[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) cells[c] = csv_cell_content(csv_rows_cell(r, m->columns[c]));
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), NAN);
    row.file = cells[PATH];
    row.id = m->columns[ID] >= 0 ? cells[ID] : cells[PATH];
    row.patient = cells[PATIENT];
    row.split = cells[SPLIT];
    row.view = cells[VIEW];
    row.report = cells[REPORT];
    row.sex = walk_sex(cells[SEX]);
    row.age = walk_age(cells[AGE]);
    row.inverted = strcmp(cells[PHOTOMETRIC], "MONOCHROME1") == 0;
    TRY(take_labels(m, r, &row));
    return walk_image(m->w, &row);
}

static err find_columns(manifest *m, const csv_rows *r)
{
    bool labelled = false;
    for (int c = 0; c < COLUMNS; c++) m->columns[c] = csv_rows_column(r, column_names[c]);
    TRY(csv_rows_need(r, "path", &m->columns[PATH]));
    m->names = calloc((size_t)csv_rows_width(r), sizeof *m->names);
    if (!m->names) return err_set(ERR_SYSTEM, "%s: out of memory", csv_rows_path(r));
    for (int c = 0; c < csv_rows_width(r); c++) {
        const char *header = csv_rows_header(r, c);
        if (strncmp(header, label_prefix, strlen(label_prefix)) != 0) continue;
        m->names[c] = header + strlen(label_prefix);
        labelled = true;
    }
    if (labelled && m->columns[LABELS] >= 0)
        return err_set(ERR_DATA, "%s:1: has the column `labels` and columns `%sNAME`; one of them is enough",
                       csv_rows_path(r), label_prefix);
    return OK;
}

/* A column of views that tells none, as a set without views is exported, is no column of views. */
static err look_for_views(manifest *m, const char *table)
{
    csv_rows *rows;
    bool more = true, known = false;
    TRY(walk_table(m->w, &table, 1, &rows));
    int column = csv_rows_column(rows, column_names[VIEW]);
    err error = OK;
    while (column >= 0 && error == OK && more && !known) {
        error = csv_rows_next(rows, &more);
        known = error == OK && more && strcmp(view_name(csv_rows_cell(rows, column)), "UNKNOWN") != 0;
    }
    csv_rows_close(rows);
    if (known) walk_views_known(m->w);
    return error;
}

/* The columns' names are the labels, in their order. */
static err declare_labels(manifest *m, const csv_rows *r)
{
    const char *names[WALK_LABELS];
    int n = 0;
    for (int c = 0; c < csv_rows_width(r); c++) {
        if (!m->names[c]) continue;
        if (n == WALK_LABELS)
            return err_set(ERR_DATA, "%s:1: more than %d labels", csv_rows_path(r), WALK_LABELS);
        names[n++] = m->names[c];
    }
    return n > 0 ? walk_labels(m->w, names, n) : OK;
}

err manifest_walk(walk *w)
{
    const char *const table = *walk_named_file(w) ? walk_named_file(w) : "manifest.csv";
    manifest m = {.w = w};
    csv_rows *rows;
    TRY(look_for_views(&m, table));
    TRY(walk_table(w, &table, 1, &rows));
    err error = find_columns(&m, rows);
    if (error == OK) error = declare_labels(&m, rows);
    if (error == OK)
        error = walk_rows(rows, take_row, &m);
    else
        csv_rows_close(rows);
    free(m.names);
    return error;
}
