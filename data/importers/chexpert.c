/* CheXpert (Irvin et al., AAAI 2019), as CheXpert-v1.0 or CheXpert-v1.0-small. */
#include "data/importers/chexpert_labels.h"
#include "data/importers/kinds.h"
#include "data/importers/walk.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

typedef struct chexpert {
    walk *w;
    const char *split;
    char folder[PATH_BYTES]; /* that the table is in, below the data set's */
    int path, sex, age, side, view, labels[CHEXPERT_LABELS];
} chexpert;

/* The path without the name of the release that it begins with. */
static const char *without_release(const char *path)
{
    const char *slash = strchr(path, '/');
    return slash && strncmp(path, "CheXpert-v1.0", strlen("CheXpert-v1.0")) == 0 ? slash + 1 : path;
}

/* "patient00001" of "train/patient00001/study1/view1_frontal.jpg"; "" if there is none. */
static void take_patient(const char *path, char out[32])
{
    const char *at = strstr(path, "patient");
    size_t n = at ? strlen("patient") : 0;
    while (at && isdigit((unsigned char)at[n])) n++;
    (void)snprintf(out, 32, "%.*s", (int)n, at ? at : "");
}

static err take_row(void *context, csv_rows *r)
{
    chexpert *c = context;
    walk_row row;
    char file[PATH_BYTES], patient[32];
    const char *path = without_release(csv_rows_cell(r, c->path)), *side = csv_rows_cell(r, c->side);
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), 0);
    int n = snprintf(file, sizeof file, "%s%s", c->folder, path);
    if (n < 0 || n >= PATH_BYTES)
        return err_set(ERR_DATA, "%s:%d: the path is too long", row.table, row.line);
    take_patient(path, patient);
    row.file = file;
    row.id = path;
    row.patient = patient;
    row.split = c->split;
    row.view = strcmp(side, "Frontal") == 0 ? csv_rows_cell(r, c->view) : side;
    row.sex = walk_sex(csv_rows_cell(r, c->sex));
    row.age = walk_age(csv_rows_cell(r, c->age));
    float labels[CHEXPERT_LABELS];
    TRY(chexpert_read(r, c->labels, labels));
    for (int k = 0; k < CHEXPERT_LABELS; k++) TRY(walk_set_label(c->w, &row, chexpert_labels[k], labels[k]));
    return walk_image(c->w, &row);
}

static err find_columns(chexpert *c, const csv_rows *r)
{
    TRY(csv_rows_need(r, "Path", &c->path));
    TRY(csv_rows_need(r, "Frontal/Lateral", &c->side));
    TRY(csv_rows_need(r, "AP/PA", &c->view));
    c->sex = csv_rows_column(r, "Sex");
    c->age = csv_rows_column(r, "Age");
    return chexpert_columns(r, c->labels);
}

/* One table: in the folder, or in that of the release below it. */
static err take_table(walk *w, const char *name, const char *split, bool needed)
{
    static const char *const releases[] = {"", "CheXpert-v1.0-small/", "CheXpert-v1.0/"};
    enum { RELEASES = sizeof releases / sizeof *releases };
    char names[RELEASES][64];
    chexpert c = {.w = w, .split = split};
    csv_rows *rows = NULL;
    for (int i = 0; i < RELEASES && !rows; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s%s", releases[i], name);
        const char *one = names[i];
        TRY(walk_find_table(w, &one, 1, &rows));
        walk_parent(one, c.folder);
    }
    if (!rows) return needed ? walk_table(w, &name, 1, &rows) : OK; /* which says that it is missing */
    err error = find_columns(&c, rows);
    if (error == OK) return walk_rows(rows, take_row, &c);
    csv_rows_close(rows);
    return error;
}

err chexpert_walk(walk *w)
{
    TRY(walk_labels(w, chexpert_labels, CHEXPERT_LABELS));
    walk_views_known(w);
    TRY(take_table(w, "train.csv", "train", true));
    TRY(take_table(w, "valid.csv", "valid", false));
    return take_table(w, "test.csv", "test", false);
}
