/* RSNA Pneumonia Detection Challenge (Shih et al. 2019; Kaggle 2018, stage 2), its images as PNG or JPEG.
 * They are 26,684 of NIH ChestX-ray14's: never train on one and test on the other. */
#include "data/importers/json_objects.h"
#include "data/importers/kinds.h"
#include "data/importers/walk.h"
#include "data/key_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const labels[] = {"Pneumonia", "Lung Opacity", "No Finding"};
enum { LABELS = sizeof labels / sizeof *labels };

static const char *const folders[] = {"stage_2_train_images/", "stage_2_train_images_jpg/", "images/", ""};
enum { FOLDERS = sizeof folders / sizeof *folders };
static const char *const endings[] = {".png", ".jpg", ".jpeg", ".dcm"};
enum { ENDINGS = sizeof endings / sizeof *endings };

static const char *const views[] = {"PA", "AP"};
static const char *const sexes[] = {"", "M", "F"};

typedef struct rsna {
    walk *w;
    key_map seen;     /* images: a row for each box */
    key_map classes;  /* by image: 1 normal, 0 not */
    key_map headers;  /* by image: index of its view + 1, << 2 index of the sex, << 4 age + 1; 0: unknown */
    key_map patients; /* by image: NIH's patient number */
    char mapping[PATH_BYTES];
    int id, target, class_name, view, sex, age;
} rsna;

/* ---- stage_2_detailed_class_info.csv: what a target of 0 is ---- */

static err take_class(void *context, csv_rows *r)
{
    rsna *x = context;
    bool added;
    int normal = strcmp(csv_rows_cell(r, x->class_name), "Normal") == 0;
    return key_map_add(&x->classes, csv_rows_cell(r, x->id), normal, &added);
}

static err read_classes(rsna *x)
{
    static const char *const tables[] = {"stage_2_detailed_class_info.csv"};
    csv_rows *rows;
    TRY(walk_find_table(x->w, tables, 1, &rows));
    if (!rows) return OK;
    err error = csv_rows_need(rows, "patientId", &x->id);
    if (error == OK) error = csv_rows_need(rows, "class", &x->class_name);
    if (error == OK) return walk_rows(rows, take_class, x);
    csv_rows_close(rows);
    return error;
}

/* ---- a table of the DICOM headers: views ---- */

static err take_header(void *context, csv_rows *r)
{
    rsna *x = context;
    bool added;
    float age = walk_age(csv_rows_cell(r, x->age));
    int64_t packed = isnan(age) ? 0 : ((int64_t)age + 1) << 4;
    const char *sex = walk_sex(csv_rows_cell(r, x->sex));
    for (int i = 0; i < 2; i++)
        if (strcmp(csv_rows_cell(r, x->view), views[i]) == 0) packed |= i + 1;
    for (int i = 1; i < 3; i++)
        if (strcmp(sex, sexes[i]) == 0) packed |= (int64_t)i << 2;
    return key_map_add(&x->headers, csv_rows_cell(r, x->id), packed, &added);
}

static err read_headers(rsna *x)
{
    static const char *const tables[] = {"kaggle_stage_2_train_images_dicom_headers.csv",
                                         "stage_2_train_images_dicom_headers.csv"};
    csv_rows *rows;
    TRY(walk_find_table(x->w, tables, 2, &rows));
    if (!rows) return OK;
    x->sex = csv_rows_column(rows, "PatientSex");
    x->age = csv_rows_column(rows, "PatientAge");
    err error = csv_rows_need(rows, "PatientID", &x->id);
    if (error == OK) error = csv_rows_need(rows, "ViewPosition", &x->view);
    if (error == OK) {
        walk_views_known(x->w);
        return walk_rows(rows, take_header, x);
    }
    csv_rows_close(rows);
    return error;
}

/* ---- RSNA's mapping to NIH's images: the challenge's patientId is one for each image ---- */

static err take_mapping(void *context, int line, const cJSON *entry)
{
    rsna *x = context;
    bool added;
    const char *id = json_text(entry, "subset_img_id"), *image = json_text(entry, "img_id");
    if (!id || !image)
        return err_set(ERR_DATA, "%s:%d: an entry without \"subset_img_id\" or \"img_id\"", x->mapping, line);
    return key_map_add(&x->patients, id, strtol(image, NULL, 10),
                       &added); /* "00000013_005.png" is of patient 13 */
}

static err read_mapping(rsna *x)
{
    static const char name[] = "pneumonia-challenge-dataset-mappings_2018.json";
    err error = walk_path(x->w, name, x->mapping);
    if (error == ERR_NO_INPUT) return OK;
    return error == OK ? json_objects(x->mapping, take_mapping, x) : error;
}

/* ---- images ---- */

static err name_file(rsna *x, const char *id, char out[PATH_BYTES])
{
    char name[PATH_BYTES];
    for (int i = 0; i < ENDINGS; i++) {
        (void)snprintf(name, sizeof name, "%.200s%s", id, endings[i]);
        TRY(walk_locate(x->w, folders, FOLDERS, name, out));
        if (walk_has(x->w, out)) return OK;
    }
    (void)snprintf(out, PATH_BYTES, "%s%.200s%s", folders[0], id, endings[0]);
    return OK;
}

static void take_known(rsna *x, walk_row *row, char patient[32])
{
    int64_t value;
    if (key_map_find(&x->headers, row->id, &value)) {
        if (value & 3) row->view = views[(value & 3) - 1];
        row->sex = sexes[value >> 2 & 3];
        if (value >> 4) row->age = (float)((value >> 4) - 1);
    }
    if (!key_map_find(&x->patients, row->id, &value)) return;
    (void)snprintf(patient, 32, "%lld", (long long)value);
    row->patient = patient;
}

/* A row for each box: the rows of an image all have its target. */
static err take_row(void *context, csv_rows *r)
{
    rsna *x = context;
    walk_row row;
    char file[PATH_BYTES], patient[32];
    bool added;
    int64_t normal;
    const char *target = csv_rows_cell(r, x->target);
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), NAN);
    if (strcmp(target, "0") != 0 && strcmp(target, "1") != 0)
        return err_set(ERR_DATA, "%s:%d: Target \"%.60s\" must be 0 or 1", row.table, row.line, target);
    row.id = csv_rows_cell(r, x->id);
    TRY(key_map_add(&x->seen, row.id, 0, &added));
    if (!added) return OK;
    float value = target[0] == '1';
    take_known(x, &row, patient);
    TRY(walk_set_label(x->w, &row, labels[0], value));
    TRY(walk_set_label(x->w, &row, labels[1], value));
    bool known = key_map_find(&x->classes, row.id, &normal);
    TRY(walk_set_label(x->w, &row, labels[2], known ? (float)normal : value == 1 ? 0 : NAN));
    TRY(name_file(x, row.id, file));
    row.file = file;
    return walk_image(x->w, &row);
}

static err read_targets(rsna *x)
{
    static const char *const tables[] = {"stage_2_train_labels.csv", "kaggle_stage_2_train_labels.csv"};
    csv_rows *rows;
    TRY(walk_table(x->w, tables, 2, &rows));
    err error = csv_rows_need(rows, "patientId", &x->id);
    if (error == OK) error = csv_rows_need(rows, "Target", &x->target);
    if (error == OK) return walk_rows(rows, take_row, x);
    csv_rows_close(rows);
    return error;
}

err rsna_walk(walk *w)
{
    rsna x = {.w = w};
    TRY(walk_labels(w, labels, LABELS));
    err error = read_classes(&x);
    if (error == OK) error = read_headers(&x);
    if (error == OK) error = read_mapping(&x);
    if (error == OK) error = read_targets(&x);
    key_map_close(&x.seen);
    key_map_close(&x.classes);
    key_map_close(&x.headers);
    key_map_close(&x.patients);
    return error;
}
