/* NIH ChestX-ray14 (Wang et al., CVPR 2017; 112,120 images of 30,805 patients). Labels are '|'-joined names,
 * all stated: what is not named is absent. */
#include "data/importers/kinds.h"
#include "data/importers/walk.h"
#include "data/key_map.h"

#include <string.h>

/* The first 14 in torchxrayvision's order. */
static const char *const labels[] = {
    "Atelectasis",  "Consolidation", "Infiltration", "Pneumothorax", "Edema",
    "Emphysema",    "Fibrosis",      "Effusion",     "Pneumonia",    "Pleural_Thickening",
    "Cardiomegaly", "Nodule",        "Mass",         "Hernia",       "No Finding"};
enum { LABELS = sizeof labels / sizeof *labels };

/* Where the archives put the images: all in one folder, or images_001.tar.gz's in images_001/images. */
static const char *const folders[] = {"images/",
                                      "",
                                      "images_001/images/",
                                      "images_002/images/",
                                      "images_003/images/",
                                      "images_004/images/",
                                      "images_005/images/",
                                      "images_006/images/",
                                      "images_007/images/",
                                      "images_008/images/",
                                      "images_009/images/",
                                      "images_010/images/",
                                      "images_011/images/",
                                      "images_012/images/"};
enum { FOLDERS = sizeof folders / sizeof *folders };

enum { TRAIN, TEST };

typedef struct nih {
    walk *w;
    key_map splits; /* by image: TRAIN or TEST */
    int side;       /* of the list being read */
    int image, finding, patient, age, sex, view;
} nih;

static err take_line(void *context, const char *table, int line, char *content)
{
    nih *n = context;
    bool added;
    int64_t before;
    TRY(key_map_add(&n->splits, content, n->side, &added));
    if (!added && key_map_find(&n->splits, content, &before) && before != n->side)
        return err_set(ERR_DATA, "%s:%d: the image \"%.100s\" is in both lists of the split", table, line,
                       content);
    return OK;
}

/* The official lists: test_list.txt and train_val_list.txt. One alone says nothing about the rest. */
static err read_splits(nih *n)
{
    static const char *const lists[] = {[TRAIN] = "train_val_list.txt", [TEST] = "test_list.txt"};
    if (!walk_has(n->w, lists[TRAIN]) || !walk_has(n->w, lists[TEST])) return OK;
    for (n->side = TRAIN; n->side <= TEST; n->side++) TRY(walk_lines(n->w, lists[n->side], take_line, n));
    return OK;
}

static err take_findings(nih *n, walk_row *row, const char *findings)
{
    char name[WALK_LABEL_BYTES];
    for (const char *at = findings; *at;) {
        size_t length = strcspn(at, "|");
        if (length >= sizeof name)
            return err_set(ERR_DATA, "%s:%d: finding labels \"%.60s...\" are none", row->table, row->line,
                           findings);
        memcpy(name, at, length);
        name[length] = '\0';
        TRY(walk_set_label(n->w, row, name, 1));
        at += length;
        at += *at == '|';
    }
    return OK;
}

static err take_row(void *context, csv_rows *r)
{
    static const char *const sides[] = {[TRAIN] = "train", [TEST] = "test"};
    nih *n = context;
    walk_row row;
    char file[PATH_BYTES];
    int64_t side;
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), 0);
    row.id = csv_rows_cell(r, n->image);
    row.patient = csv_rows_cell(r, n->patient);
    row.view = csv_rows_cell(r, n->view);
    row.sex = walk_sex(csv_rows_cell(r, n->sex));
    row.age = walk_age(csv_rows_cell(r, n->age));
    if (key_map_find(&n->splits, row.id, &side)) row.split = sides[side];
    TRY(walk_locate(n->w, folders, FOLDERS, row.id, file));
    row.file = file;
    TRY(take_findings(n, &row, csv_rows_cell(r, n->finding)));
    return walk_image(n->w, &row);
}

static err find_columns(nih *n, const csv_rows *r)
{
    TRY(csv_rows_need(r, "Image Index", &n->image));
    TRY(csv_rows_need(r, "Finding Labels", &n->finding));
    TRY(csv_rows_need(r, "Patient ID", &n->patient));
    TRY(csv_rows_need(r, "View Position", &n->view));
    n->age = csv_rows_column(r, "Patient Age");
    n->sex = csv_rows_column(r, "Patient Gender");
    if (n->sex < 0) n->sex = csv_rows_column(r, "Patient Sex");
    return OK;
}

static err walk_all(nih *n, csv_rows *rows)
{
    err error = find_columns(n, rows);
    if (error == OK) error = read_splits(n);
    if (error == OK) return walk_rows(rows, take_row, n);
    csv_rows_close(rows);
    return error;
}

err nih_walk(walk *w)
{
    static const char *const tables[] = {"Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv"};
    nih n = {.w = w};
    csv_rows *rows;
    TRY(walk_labels(w, labels, LABELS));
    walk_views_known(w);
    TRY(walk_table(w, tables, 2, &rows));
    err error = walk_all(&n, rows);
    key_map_close(&n.splits);
    return error;
}
