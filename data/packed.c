/* The source "packed:DIR", and saving as one. */
#include "data/packed.h"

#include "base/files.h"
#include "base/private.h"
#include "data/build.h"
#include "data/listing.h"
#include "data/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t samples_limit = (size_t)1 << 30, labels_limit = (size_t)1 << 20;

const char *const packed_fields[PACKED_FIELDS] = {"id",     "patient", "split", "view",
                                                  "source", "report",  "sex",   "age"};

static err write_text(const char *folder, const char *name, const text *content)
{
    char path[PATH_BYTES];
    TRY(path_join(path, folder, "%s", name));
    return text_save(content, path);
}

err packed_write_labels(const char *folder, const char *const *names, int k)
{
    text csv = {0};
    text_printf(&csv, "label\n");
    for (int j = 0; j < k; j++) {
        text_csv_cell(&csv, names[j]);
        text_printf(&csv, "\n");
    }
    err error = write_text(folder, "labels.csv", &csv);
    text_close(&csv);
    return error;
}

void packed_header(text *csv)
{
    for (int f = 0; f < PACKED_FIELDS; f++) text_printf(csv, "%s%s", f ? "," : "", packed_fields[f]);
}

void packed_row(text *csv, const sample_info *s)
{
    const char *const cells[PACKED_FIELDS] = {s->id,     s->patient, s->split, s->view,
                                              s->source, s->report,  s->sex,   s->age};
    for (int f = 0; f < PACKED_FIELDS; f++) {
        if (f) text_printf(csv, ",");
        text_csv_cell(csv, cells[f]);
    }
}

static err save_samples(const dataset *set, const char *folder)
{
    text csv = {0};
    packed_header(&csv);
    text_printf(&csv, "\n");
    for (int i = 0; i < set->n; i++) {
        packed_row(&csv, &set->samples[i]);
        text_printf(&csv, "\n");
    }
    err error = write_text(folder, "samples.csv", &csv);
    text_close(&csv);
    return error;
}

err dataset_save(const dataset *set, const char *folder)
{
    char path[PATH_BYTES];
    TRY(folder_make(folder));
    /* Without samples.csv a set does not open: a save that is cut short over an older set leaves no mixture.
     */
    TRY(path_join(path, folder, "samples.csv"));
    if (path_exists(path) && unlink(path) != 0)
        return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be replaced", path);
    TRY(private_mark(folder));
    TRY(path_join(path, folder, "images.npy"));
    TRY(npy_write(path, 'u', 3, (const int64_t[]){set->n, set->height, set->width}, set->images));
    TRY(path_join(path, folder, "labels.npy"));
    TRY(npy_write(path, 'f', 2, (const int64_t[]){set->n, set->n_labels}, set->labels));
    TRY(packed_write_labels(folder, set->label_names, set->n_labels));
    return save_samples(set, folder);
}

/* What a packed set is made of, while it is read. */
typedef struct parts {
    const char *folder;
    char images_path[PATH_BYTES], labels_path[PATH_BYTES], samples_path[PATH_BYTES], names_path[PATH_BYTES];
    npy images, labels;
    table samples, names;
} parts;

/* None of them may be a link that leaves the folder. */
static err find_files(const char *folder, parts *p)
{
    data_root root;
    TRY(data_root_open(folder, "the folder of a packed set", &root));
    err error = data_root_file(&root, "samples.csv", p->samples_path);
    if (error == OK) error = data_root_file(&root, "labels.csv", p->names_path);
    if (error == OK) error = data_root_file(&root, "images.npy", p->images_path);
    if (error == OK) error = data_root_file(&root, "labels.npy", p->labels_path);
    data_root_close(&root);
    return error;
}

static err parts_open(const char *folder, parts *p)
{
    p->folder = folder;
    if (!path_exists(folder))
        return err_set(ERR_NO_INPUT,
                       "%s: is missing; a packed set is a folder of images.npy, labels.npy, "
                       "labels.csv and samples.csv",
                       folder);
    TRY(path_join(p->samples_path, folder, "samples.csv"));
    if (!path_exists(p->samples_path))
        return err_set(
            ERR_NO_INPUT,
            "%s: has no samples.csv; a packed set is a folder of images.npy, labels.npy, labels.csv and "
            "samples.csv, as `bench data import` makes it",
            folder);
    TRY(find_files(folder, p));
    TRY(table_open(p->samples_path, samples_limit, &p->samples));
    TRY(table_open(p->names_path, labels_limit, &p->names));
    TRY(npy_open(p->images_path, &p->images));
    return npy_open(p->labels_path, &p->labels);
}

static void parts_close(parts *p)
{
    npy_close(&p->images);
    npy_close(&p->labels);
    table_close(&p->samples);
    table_close(&p->names);
}

static err check_shapes(const parts *p, int size)
{
    const npy *x = &p->images, *y = &p->labels;
    if (p->samples.rows == 0) return err_set(ERR_NO_INPUT, "%s: lists no samples", p->samples_path);
    if (table_column(&p->samples, "id") < 0)
        return err_set(ERR_DATA, "%s:%d: the header has no column \"id\"", p->samples_path,
                       p->samples.lines[0]);
    if (p->names.columns != 1 || table_column(&p->names, "label") != 0 || p->names.rows == 0)
        return err_set(ERR_DATA, "%s: must be the header \"label\" and one label name a line", p->names_path);
    if (x->type != 'u' || x->rank != 3)
        return err_set(ERR_DATA, "%s: must be uint8 of shape (N,H,W)", p->images_path);
    if (size > 0 && (x->shape[1] != size || x->shape[2] != size))
        return err_set(
            ERR_DATA,
            "%s: has images of %lld x %lld pixels where %d x %d were asked for; ask for the size that "
            "they have (data.size)",
            p->images_path, (long long)x->shape[2], (long long)x->shape[1], size, size);
    if (x->shape[1] != x->shape[2] || x->shape[1] > INT_MAX)
        return err_set(ERR_DATA, "%s: has images of %lld x %lld pixels; they must be square", p->images_path,
                       (long long)x->shape[2], (long long)x->shape[1]);
    if (x->shape[0] != p->samples.rows)
        return err_set(ERR_DATA, "%s: has %lld images and %s %d samples", p->images_path,
                       (long long)x->shape[0], p->samples_path, p->samples.rows);
    if (y->type != 'f' || y->rank != 2 || y->shape[0] != p->samples.rows || y->shape[1] != p->names.rows)
        return err_set(ERR_DATA,
                       "%s: must be float32 of shape (%d,%d): the samples of samples.csv, the labels of "
                       "labels.csv",
                       p->labels_path, p->samples.rows, p->names.rows);
    return OK;
}

static err read_samples(const table *t, dataset *set)
{
    int columns[PACKED_FIELDS];
    for (int f = 0; f < PACKED_FIELDS; f++) columns[f] = table_column(t, packed_fields[f]);
    for (int i = 0; i < t->rows; i++) {
        const char *fields[PACKED_FIELDS];
        for (int f = 0; f < PACKED_FIELDS; f++)
            fields[f] = columns[f] >= 0    ? csv_cell_content(table_cell(t, i, columns[f]))
                        : f == PACKED_VIEW ? "UNKNOWN"
                                           : "";
        sample_info info = {fields[PACKED_ID],   fields[PACKED_PATIENT], fields[PACKED_SPLIT],
                            fields[PACKED_VIEW], fields[PACKED_SOURCE],  fields[PACKED_REPORT],
                            fields[PACKED_SEX],  fields[PACKED_AGE]};
        TRY(dataset_set_sample(set, i, &info));
    }
    return OK;
}

static err parts_to_set(parts *p, uncertain_policy policy, dataset **out)
{
    dataset *set;
    err error;
    int n = p->samples.rows, k = p->names.rows, size = (int)p->images.shape[1];
    TRY(dataset_begin(n, size, size, k, &p->images, &set));
    memcpy(dataset_memory_of(set)->labels, p->labels.data, (size_t)n * (size_t)k * sizeof(float));
    labels_decide(dataset_memory_of(set)->labels, (size_t)n * (size_t)k, policy);
    for (int j = 0; j < k; j++)
        TRY_GOTO(dataset_set_label(set, j, csv_cell_content(table_cell(&p->names, j, 0))), failed);
    TRY_GOTO(read_samples(&p->samples, set), failed);
    TRY_GOTO(dataset_finish(set), described);
    *out = set;
    return OK;
described:
    error = err_context(error, "%s", p->folder);
failed:
    dataset_close(set);
    return error;
}

err dataset_open_packed(const char *folder, dataset **out)
{
    *out = NULL;
    return packed_set_open(folder, 0, UNCERTAIN_UNKNOWN, out);
}

err packed_set_open(const char *folder, int size, uncertain_policy policy, dataset **out)
{
    parts p = {0};
    err error = parts_open(folder, &p);
    if (error == OK) error = check_shapes(&p, size);
    if (error == OK) error = parts_to_set(&p, policy, out);
    parts_close(&p);
    return error;
}
