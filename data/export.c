#include "data/export.h"

#include "base/file_writer.h"
#include "base/private.h"
#include "base/staging.h"
#include "base/text.h"
#include "data/build.h"
#include "data/csv_rows.h"
#include "data/images.h"
#include "data/npy.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What torchvision's users and R2Gen call the sides of split_side. */
static const char *const side_names[SPLIT_SIDES] = {"train", "val", "test"};

typedef struct job {
    const char *folder; /* of the set */
    const dataset *set;
    npy labels; /* as they are in the file: uncertain ones too */
    staging place;
    export_format format;
    const char **classes; /* (K) names that can be folders; for EXPORT_IMAGE_FOLDER */
    bool split;           /* every image has one */
    err (*progress)(void *context, long done, long total);
    void *context;
} job;

static bool has_report(const dataset *set, int i)
{
    return set->samples[i].report[0] != '\0';
}

/* The image's path below the folder. */
static err name_image(const job *j, int i, char out[PATH_BYTES])
{
    const sample_info *s = &j->set->samples[i];
    if (j->format != EXPORT_IMAGE_FOLDER) return path_join(out, "images", "%06d.png", i + 1);
    const char *name = j->classes[dataset_class(j->set, i)];
    return j->split ? path_join(out, side_names[split_side(s->split)], "%s/%06d.png", name, i + 1)
                    : path_join(out, name, "%06d.png", i + 1);
}

/* ---- checks ---- */

static err check_splits(job *j)
{
    int without = -1;
    for (int i = 0; i < j->set->n && without < 0; i++)
        if (split_side(j->set->samples[i].split) < 0) without = i;
    j->split = without < 0;
    if (j->split || j->format != EXPORT_R2GEN) return OK;
    return err_set(ERR_USAGE, "sample %.200s has no split, and R2Gen needs one; `bench data split` makes it",
                   j->set->samples[without].id);
}

static err check_one_label(const dataset *set)
{
    for (int i = 0; i < set->n; i++)
        if (dataset_class(set, i) < 0)
            return err_set(
                ERR_USAGE,
                "sample %.200s has not exactly one label, and folders of classes need one an image; "
                "--format csv keeps them all",
                set->samples[i].id);
    return OK;
}

/* Names become folders: nothing in them may lead elsewhere. */
static err name_classes(job *j)
{
    int k = j->set->n_labels;
    string_store *strings = &dataset_memory_of(j->set)->strings;
    j->classes = calloc((size_t)k, sizeof *j->classes);
    if (!j->classes) return err_set(ERR_SYSTEM, "out of memory for %d labels", k);
    for (int c = 0; c < k; c++) {
        char name[256];
        (void)snprintf(name, sizeof name, "%s", j->set->label_names[c]);
        for (char *at = name; *at; at++)
            if (*at == '/' || *at == '\\') *at = '_';
        if (name[0] == '.') name[0] = '_';
        j->classes[c] = string_keep(strings, name, strlen(name));
        if (!j->classes[c]) return err_set(ERR_SYSTEM, "out of memory for %d labels", k);
    }
    return label_names_check(j->classes, k); /* they may have become the same */
}

/* ---- images ---- */

static err make_folders(const job *j)
{
    char path[PATH_BYTES];
    if (j->format != EXPORT_IMAGE_FOLDER) {
        TRY(path_join(path, j->place.work, "images"));
        return folder_make(path);
    }
    for (int side = 0; side < (j->split ? SPLIT_SIDES : 1); side++)
        for (int k = 0; k < j->set->n_labels; k++) {
            TRY(path_join(path, j->place.work, "%s%s%s", j->split ? side_names[side] : "",
                          j->split ? "/" : "", j->classes[k]));
            TRY(folder_make(path));
        }
    return OK;
}

static err write_image(const job *j, int i)
{
    char relative[PATH_BYTES], path[PATH_BYTES];
    size_t pixels = (size_t)j->set->height * (size_t)j->set->width;
    TRY(name_image(j, i, relative));
    TRY(path_join(path, j->place.work, "%s", relative));
    return image_write_png_unsynced(path, j->set->images + (size_t)i * pixels, j->set->width, j->set->height);
}

static err write_images(const job *j)
{
    first_failure first = {.index = INT_MAX};
    int done = 0, n = j->set->n;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) {
        if (failure_before(&first, i)) continue;
        err error = j->format == EXPORT_R2GEN && !has_report(j->set, i) ? OK : write_image(j, i);
        int so_far;
#pragma omp atomic capture
        so_far = ++done;
        if (error == OK && j->progress && omp_get_thread_num() == 0) {
            error = j->progress(j->context, so_far, n);
            if (error != OK) failure_note(&first, -1, error);
        } else if (error != OK) {
            failure_note(&first, i, error);
        }
    }
    TRY(failure_result(&first));
    return j->progress ? j->progress(j->context, n, n) : OK; /* that thread may have had nothing to do */
}

/* ---- manifest.csv ---- */

/* What samples.csv has besides sample_info, if it has it. */
static const char *const more_columns[] = {"sex", "age"};
enum { MORE_COLUMNS = sizeof more_columns / sizeof *more_columns };

static err put_sample(const job *j, int i, const csv_rows *rows, text *line)
{
    char path[PATH_BYTES];
    const sample_info *s = &j->set->samples[i];
    const char *const cells[] = {s->id, s->patient, s->split, s->view, s->report};
    const float *labels = (const float *)j->labels.data + (size_t)i * (size_t)j->set->n_labels;
    TRY(name_image(j, i, path));
    text_printf(line, "%s", path);
    for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
        text_printf(line, ",");
        text_csv_cell(line, cells[c]);
    }
    for (int c = 0; c < MORE_COLUMNS; c++) {
        text_printf(line, ",");
        text_csv_cell(line, csv_cell_content(csv_rows_cell(rows, csv_rows_column(rows, more_columns[c]))));
    }
    for (int k = 0; k < j->set->n_labels; k++)
        text_printf(line, isnan(labels[k]) ? "," : ",%g", (double)labels[k]);
    text_printf(line, "\n");
    return text_check(line);
}

static void put_header(const job *j, text *line)
{
    text_printf(line, "path,id,patient,split,view,report");
    for (int c = 0; c < MORE_COLUMNS; c++) text_printf(line, ",%s", more_columns[c]);
    for (int k = 0; k < j->set->n_labels; k++) {
        char name[512];
        (void)snprintf(name, sizeof name, "label:%s", j->set->label_names[k]);
        text_printf(line, ",");
        text_csv_field(line, name);
    }
    text_printf(line, "\n");
}

static err put_rows(const job *j, csv_rows *rows, file_writer *out)
{
    text line = {0};
    err error = OK;
    bool more;
    put_header(j, &line);
    for (int i = 0; i <= j->set->n && error == OK; i++) {
        error = text_check(&line);
        if (error == OK) error = file_writer_add(out, line.data, line.length);
        line.length = 0;
        if (error == OK && i < j->set->n) error = csv_rows_next(rows, &more);
        if (error == OK && i < j->set->n) error = put_sample(j, i, rows, &line);
    }
    text_close(&line);
    return error;
}

static err put_manifest(const job *j, file_writer *out)
{
    char path[PATH_BYTES];
    csv_rows *rows;
    TRY(path_join(path, j->folder, "samples.csv"));
    TRY(csv_rows_open(path, &rows));
    err error = put_rows(j, rows, out);
    csv_rows_close(rows);
    return error;
}

/* ---- annotation.json ---- */

static cJSON *entry_of(const job *j, int i, int side)
{
    const sample_info *s = &j->set->samples[i];
    char name[32];
    (void)snprintf(name, sizeof name, "%06d.png", i + 1);
    const char *paths[] = {name};
    cJSON *entry = cJSON_CreateObject();
    cJSON *list = cJSON_CreateStringArray(paths, 1);
    bool good = entry && list && cJSON_AddItemToObject(entry, "image_path", list);
    good = good && cJSON_AddStringToObject(entry, "id", s->id);
    good = good && (!s->patient[0] || cJSON_AddStringToObject(entry, "subject_id", s->patient));
    good = good && cJSON_AddStringToObject(entry, "report", s->report);
    good = good && cJSON_AddStringToObject(entry, "split", side_names[side]);
    if (good) return entry;
    cJSON_Delete(entry);
    return NULL;
}

static err put_entry(const job *j, int i, int side, bool first, file_writer *out)
{
    cJSON *entry = entry_of(j, i, side);
    char *printed = entry ? cJSON_PrintUnformatted(entry) : NULL;
    err error = printed ? OK : err_set(ERR_SYSTEM, "out of memory for annotation.json");
    if (error == OK && !first) error = file_writer_add(out, ",\n", 2);
    if (error == OK && printed) error = file_writer_add(out, printed, strlen(printed));
    cJSON_free(printed);
    cJSON_Delete(entry);
    return error;
}

static err put_annotation(const job *j, file_writer *out)
{
    for (int side = 0; side < SPLIT_SIDES; side++) {
        char head[32];
        bool first = true;
        (void)snprintf(head, sizeof head, "%s\"%s\": [", side ? "],\n" : "{", side_names[side]);
        TRY(file_writer_add(out, head, strlen(head)));
        for (int i = 0; i < j->set->n; i++) {
            if (split_side(j->set->samples[i].split) != side || !has_report(j->set, i)) continue;
            TRY(put_entry(j, i, side, first, out));
            first = false;
        }
    }
    return file_writer_add(out, "]}\n", 3);
}

/* ---- all ---- */

static err write_table(const job *j)
{
    char path[PATH_BYTES];
    file_writer *out;
    if (j->format == EXPORT_IMAGE_FOLDER) return OK;
    TRY(path_join(path, j->place.work, j->format == EXPORT_CSV ? "manifest.csv" : "annotation.json"));
    TRY(file_writer_open(path, &out));
    err error = j->format == EXPORT_CSV ? put_manifest(j, out) : put_annotation(j, out);
    if (error == OK) error = file_writer_finish(out);
    file_writer_close(out);
    return error;
}

static err check(job *j)
{
    TRY(check_splits(j));
    if (j->format != EXPORT_IMAGE_FOLDER) return OK;
    TRY(check_one_label(j->set));
    return name_classes(j);
}

static err write_all(job *j, const char *out)
{
    TRY(staging_open(out, &j->place));
    err error = private_mark(j->place.work);
    if (error == OK) error = make_folders(j);
    if (error == OK) error = write_images(j);
    if (error == OK) error = write_table(j);
    if (error == OK) error = staging_finish(&j->place);
    staging_close(&j->place);
    return error;
}

err export_set(const char *folder, export_format format, const char *out,
               err (*progress)(void *context, long done, long total), void *context, long *written)
{
    job j = {.folder = folder, .format = format, .progress = progress, .context = context};
    char path[PATH_BYTES];
    dataset *set;
    TRY(path_join(path, folder, "labels.npy"));
    TRY(dataset_open_packed(folder, &set));
    j.set = set;
    err error = npy_open(path, &j.labels);
    if (error == OK) error = check(&j);
    if (error == OK) error = write_all(&j, out);
    *written = 0;
    for (int i = 0; i < set->n; i++) *written += format != EXPORT_R2GEN || has_report(set, i);
    free(j.classes);
    npy_close(&j.labels);
    dataset_close(set);
    return error;
}
