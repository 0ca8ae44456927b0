/* What `bench synth` leaves on disk. */
#include "bench/synth.h"

#include "base/staging.h"
#include "base/text.h"
#include "bench/provenance.h"
#include "bench/sheet.h"
#include "data/images.h"

#include <stdlib.h>
#include <string.h>

/* A sample's class as the name of a folder: "COVID-19", or "Edema+Fracture", or "none". */
static void name_folder(const dataset *set, int i, text *out)
{
    const float *row = set->labels + (size_t)i * (size_t)set->n_labels;
    for (int k = 0; k < set->n_labels; k++)
        if (row[k] > 0) text_printf(out, "%s%s", out->length ? "+" : "", set->label_names[k]);
    if (out->length == 0) text_printf(out, "none");
    if (!out->data) return;
    for (char *c = out->data; *c; c++)
        if (*c == '/' || *c == '\\') *c = '_';
    if (out->data[0] == '.') out->data[0] = '_';
}

/* Named by its row in samples.csv, from 1. */
static err write_png(const dataset *set, int i, const char *folder)
{
    char class_folder[PATH_BYTES], path[PATH_BYTES];
    size_t pixels = (size_t)set->width * (size_t)set->height;
    text name = {0};
    name_folder(set, i, &name);
    err error = text_check(&name);
    if (error == OK) error = path_join(class_folder, folder, "%s", name.data);
    text_close(&name);
    if (error == OK) error = folder_make(class_folder);
    if (error == OK) error = path_join(path, class_folder, "%04d.png", i + 1);
    return error == OK ? image_write_png(path, set->images + (size_t)i * pixels, set->width, set->height)
                       : error;
}

static err write_files(const synth_request *r, const dataset *made, const char *folder)
{
    TRY(dataset_save(made, folder));
    TRY(provenance_hand_on(r->model, folder));
    for (int i = 0; r->png && i < made->n; i++) TRY(write_png(made, i, folder));
    return OK;
}

static err write_sheet(const synth_request *r, const dataset *made)
{
    if (!r->sheet) return OK;
    bool svg = strcmp(r->sheet + strlen(r->sheet) - 4, ".svg") == 0;
    return svg ? sheet_svg(made, r->sheet) : sheet_png(made, r->sheet);
}

err synth_write(const synth_request *r, const dataset *made)
{
    staging place;
    TRY(staging_open(r->out, &place));
    err error = write_files(r, made, place.work);
    if (error == OK) error = staging_finish(&place);
    staging_close(&place);
    return error == OK ? write_sheet(r, made) : error;
}
