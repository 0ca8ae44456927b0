#include "data/set_writer.h"

#include "base/file_writer.h"
#include "base/private.h"
#include "base/staging.h"
#include "data/build.h"
#include "data/npy.h"
#include "data/packed.h"

#include <stdlib.h>

struct set_writer {
    staging place;
    npy_writer *images, *labels;
    file_writer *samples;
    text line;
    int n;
};

static err open_images(set_writer *w, int size)
{
    char path[PATH_BYTES];
    TRY(path_join(path, w->place.work, "images.npy"));
    return npy_writer_open(path, 'u', 3, (const int64_t[]){0, size, size}, &w->images);
}

static err open_labels(set_writer *w, const char *const *names, int k)
{
    char path[PATH_BYTES];
    TRY(packed_write_labels(w->place.work, names, k));
    TRY(path_join(path, w->place.work, "labels.npy"));
    return npy_writer_open(path, 'f', 2, (const int64_t[]){0, k}, &w->labels);
}

/* Appends the gathered line to samples.csv and empties it. */
static err end_line(set_writer *w)
{
    text_printf(&w->line, "\n");
    TRY(text_check(&w->line));
    TRY(file_writer_add(w->samples, w->line.data, w->line.length));
    w->line.length = 0;
    return OK;
}

static err open_samples(set_writer *w)
{
    char path[PATH_BYTES];
    TRY(path_join(path, w->place.work, "samples.csv"));
    TRY(file_writer_open(path, &w->samples));
    packed_header(&w->line);
    return end_line(w);
}

err set_writer_open(const char *path, int size, const char *const *label_names, int k, set_writer **out)
{
    *out = NULL;
    if (size < 1 || k < 1)
        return err_set(ERR_USAGE, "%s: a set of %d labels and %d x %d pixels is empty", path, k, size, size);
    TRY(label_names_check(label_names, k));
    set_writer *w = calloc(1, sizeof *w);
    if (!w) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    err error = staging_open(path, &w->place);
    if (error == OK) error = private_mark(w->place.work);
    if (error == OK) error = open_images(w, size);
    if (error == OK) error = open_labels(w, label_names, k);
    if (error == OK) error = open_samples(w);
    if (error == OK)
        *out = w;
    else
        set_writer_close(w);
    return error;
}

err set_writer_add(set_writer *w, const sample_info *sample, const float *labels, const uint8_t *pixels)
{
    packed_row(&w->line, sample);
    TRY(end_line(w));
    TRY(npy_writer_add(w->labels, labels, 1));
    TRY(npy_writer_add(w->images, pixels, 1));
    w->n++;
    return OK;
}

const char *set_writer_folder(const set_writer *w)
{
    return w->place.work;
}

err set_writer_finish(set_writer *w)
{
    if (w->n == 0) return err_set(ERR_DATA, "%s: no image is left for the set", w->place.target);
    TRY(npy_writer_finish(w->images));
    TRY(npy_writer_finish(w->labels));
    TRY(file_writer_finish(w->samples));
    return staging_finish(&w->place);
}

void set_writer_close(set_writer *w)
{
    if (!w) return;
    npy_writer_close(w->images);
    npy_writer_close(w->labels);
    file_writer_close(w->samples);
    text_close(&w->line);
    staging_close(&w->place);
    free(w);
}
