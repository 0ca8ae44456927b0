/* samples.png and samples.csv: what a generator saw and what it makes, class by class. */
#include "bench/figure.h"

#include "bench/privacy.h"
#include "data/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEET_COLUMNS = 12 };

/* One side of the sheet. */
typedef struct side {
    const dataset *set;
    const samples *from; /* NULL: all of the set */
    const char *kind, *folder;
} side;

static void name_labels(const dataset *set, int i, text *out)
{
    const float *row = set->labels + (size_t)i * (size_t)set->n_labels;
    size_t before = out->length;
    for (int k = 0; k < set->n_labels; k++)
        if (row[k] > 0) text_printf(out, "%s%s", out->length > before ? ", " : "", set->label_names[k]);
}

static void add_sample(const side *from, int label, int i, text *csv)
{
    text labels = {0};
    const sample_info *sample = &from->set->samples[i];
    name_labels(from->set, i, &labels);
    csv->failed |= labels.failed;
    text_csv_cell(csv, from->set->label_names[label]);
    text_printf(csv, ",%s,%s,%d,", from->kind, from->folder, i);
    text_csv_cell(csv, sample->id);
    text_printf(csv, ",");
    text_csv_cell(csv, labels.data ? labels.data : "");
    text_printf(csv, ",");
    text_csv_cell(csv, sample->report);
    text_printf(csv, "\n");
    text_close(&labels);
}

/* The first images with a label, into one row of the sheet and as rows of the table; what is missing stays
 * black. */
static void add_side(const side *from, int label, uint8_t *row, text *csv)
{
    const dataset *set = from->set;
    size_t pixels = (size_t)set->height * (size_t)set->width;
    int n = from->from ? from->from->n : set->n, filled = 0;
    for (int i = 0; i < n && filled < SHEET_COLUMNS; i++) {
        int sample = from->from ? from->from->index[i] : i;
        if (!(set->labels[(size_t)sample * (size_t)set->n_labels + (size_t)label] > 0)) continue;
        memcpy(row + pixels * (size_t)filled, set->images + pixels * (size_t)sample, pixels);
        add_sample(from, label, sample, csv);
        filled++;
    }
}

static err write_samples(const side sides[2], const char *png, const char *csv_path)
{
    enum { SMALL = 64 };
    int size = sides[0].set->width, labels = sides[0].set->n_labels;
    size_t row_bytes = (size_t)SHEET_COLUMNS * (size_t)size * (size_t)size;
    uint8_t *images = calloc((size_t)labels * 2, row_bytes);
    if (!images) return err_set(ERR_SYSTEM, "out of memory for the sheet of samples");
    text csv = {0};
    text_printf(&csv, "label,kind,set,row,id,labels,report\n");
    for (int row = 0; row < 2 * labels; row++)
        add_side(&sides[row % 2], row / 2, images + row_bytes * (size_t)row, &csv);
    err error =
        image_write_sheet(png, images, 2 * labels * SHEET_COLUMNS, size, SHEET_COLUMNS, size < SMALL ? 2 : 1);
    if (error == OK) error = text_save(&csv, csv_path);
    text_close(&csv);
    free(images);
    return error;
}

static int first_synthetic(const builder *b)
{
    for (int i = 0; i < b->plan->n; i++) {
        const artifact *a = &b->plan->items[i];
        bool made = a->images == IMAGES_EMIXER || a->images == IMAGES_FOLDER || a->images == IMAGES_PACKED;
        manifest m;
        if (a->kind == KIND_SYNTHETIC && made && !a->filtered &&
            store_manifest(b->store, artifact_kind_names[a->kind], &a->key, &m) == OK && !m.failed)
            return i;
    }
    return -1;
}

/* The folder of an artifact as seen from the run's, so that the run can be moved. */
static void name_folder(const artifact *a, char *out, size_t bytes)
{
    (void)snprintf(out, bytes, "artifacts/%s-%s", artifact_kind_names[a->kind], a->key.hex);
}

static err write_of(builder *b, const artifact *a, const dataset *synthetic, const char *png, const char *csv)
{
    char real_folder[96], synthetic_folder[96];
    const dataset *set;
    draw d;
    TRY(builder_draw(b, a, &set, &d));
    name_folder(&b->plan->items[0], real_folder, sizeof real_folder);
    name_folder(a, synthetic_folder, sizeof synthetic_folder);
    const side sides[2] = {{set, &d.labelled, "real", real_folder},
                           {synthetic, NULL, "synthetic", synthetic_folder}};
    err error = write_samples(sides, png, csv);
    draw_close(&d);
    return error;
}

err figure_samples(builder *b, const char *png, const char *csv, bool *made)
{
    *made = false;
    TRY(folder_remove(png)); /* of an earlier run */
    TRY(folder_remove(csv));
    if (!privacy_shown(b->study->s.include_private)) return OK;
    int index = first_synthetic(b);
    if (index < 0) return OK;
    dataset *synthetic;
    char folder[PATH_BYTES];
    TRY(builder_path(b, index, NULL, folder));
    TRY(dataset_open_packed(folder, &synthetic));
    err error = write_of(b, &b->plan->items[index], synthetic, png, csv);
    dataset_close(synthetic);
    *made = error == OK;
    return error;
}
