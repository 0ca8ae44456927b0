/* The workloads that make, read and augment images. */
#include "bench/workloads.h"

#include "base/files.h"
#include "base/rng.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/images.h"
#include "data/phantom/phantom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t pixels_of(const workload *w)
{
    return (size_t)w->resolution * (size_t)w->resolution;
}

/* ---- phantom: rendering on one core ---- */

enum { STUDIES = 16 };

typedef struct rendering {
    const workload *w;
    uint8_t *pixels;
} rendering;

static err step_phantom(void *context, uint64_t t, double *seconds)
{
    (void)seconds;
    const rendering *x = context;
    for (uint64_t i = 0; i < STUDIES; i++)
        TRY(phantom_make(PHANTOM_CHEXPERT, 1, (uint32_t)(t * STUDIES + i), x->w->resolution, x->pixels,
                         NULL));
    return OK;
}

err measure_phantom(const workload *w, const perf_setting *s, measurement *out)
{
    rendering x = {.w = w, .pixels = malloc(pixels_of(w))};
    err error = x.pixels ? workload_run(step_phantom, &x, s, out) : err_set(ERR_SYSTEM, "out of memory");
    out->samples = STUDIES;
    free(x.pixels);
    return error;
}

/* ---- loading: batches of a packed set ---- */

enum { SET_SAMPLES = 1024, SET_SEED = 1 };

typedef struct loading {
    const workload *w;
    char source[PATH_BYTES + 16];
    float *raw, *images, *labels; /* (B,R*R), (B,R*R), (B,K) */
} loading;

static err packed_path(const workload *w, const perf_setting *s, char out[PATH_BYTES])
{
    return path_join(out, s->folder, "packed-%d", w->resolution);
}

err prepare_loading(const workload *w, const perf_setting *s)
{
    char path[PATH_BYTES], last[PATH_BYTES];
    dataset *set;
    TRY(packed_path(w, s, path));
    TRY(path_join(last, path, "samples.csv"));
    if (path_exists(last)) return OK;
    TRY(dataset_open("phantom:chexpert", w->resolution, SET_SAMPLES, SET_SEED, &set));
    err error = dataset_save(set, path);
    dataset_close(set);
    return error;
}

/* A batch as training draws it (downstream/batches.c), but for the balance of the classes. */
static void draw_batch(const loading *x, const dataset *set, uint64_t batch)
{
    size_t pixels = pixels_of(x->w), k = (size_t)set->n_labels;
#pragma omp parallel for schedule(static)
    for (int j = 0; j < x->w->batch; j++) {
        uint64_t draw = batch * (uint64_t)x->w->batch + (uint64_t)j;
        rng from = rng_open(SET_SEED, "perf/loading", draw);
        int sample = rng_below(&from, set->n);
        float *raw = x->raw + (size_t)j * pixels;
        dataset_pixels(set, sample, raw);
        augment_image(raw, x->images + (size_t)j * pixels, x->w->resolution, &augment_classic, SET_SEED,
                      draw);
        memcpy(x->labels + (size_t)j * k, set->labels + (size_t)sample * k, k * sizeof *x->labels);
    }
}

static err step_loading(void *context, uint64_t t, double *seconds)
{
    (void)seconds;
    const loading *x = context;
    const uint64_t batches = SET_SAMPLES / (uint64_t)x->w->batch;
    dataset *set;
    TRY(dataset_open(x->source, x->w->resolution, 0, 0, &set));
    for (uint64_t i = 0; i < batches; i++) draw_batch(x, set, t * batches + i);
    dataset_close(set);
    return OK;
}

err measure_loading(const workload *w, const perf_setting *s, measurement *out)
{
    char path[PATH_BYTES];
    size_t batch = (size_t)w->batch;
    loading x = {.w = w};
    TRY(packed_path(w, s, path));
    (void)snprintf(x.source, sizeof x.source, "packed:%s", path);
    x.raw = malloc(batch * pixels_of(w) * sizeof *x.raw);
    x.images = malloc(batch * pixels_of(w) * sizeof *x.images);
    x.labels = malloc(batch * PHANTOM_FINDINGS * sizeof *x.labels);
    err error = x.raw && x.images && x.labels ? workload_run(step_loading, &x, s, out)
                                              : err_set(ERR_SYSTEM, "out of memory for a batch");
    out->samples = SET_SAMPLES;
    free(x.raw);
    free(x.images);
    free(x.labels);
    return error;
}

/* ---- import: a folder of PNG files ---- */

enum { FILE_SIDE = 512, FILES = 64, FILE_CLASSES = 2 };

static err write_file(const char *folder, uint32_t index, uint8_t *pixels)
{
    char class[PATH_BYTES], path[PATH_BYTES];
    TRY(path_join(class, folder, "%u", index % FILE_CLASSES));
    TRY(path_join(path, class, "%03u.png", index));
    if (path_exists(path)) return OK;
    TRY(folder_make(class));
    TRY(phantom_make(PHANTOM_CHEXPERT, SET_SEED, index, FILE_SIDE, pixels, NULL));
    return image_write_png(path, pixels, FILE_SIDE, FILE_SIDE);
}

err prepare_import(const workload *w, const perf_setting *s)
{
    (void)w;
    char folder[PATH_BYTES];
    TRY(path_join(folder, s->folder, "png"));
    uint8_t *pixels = malloc(FILE_SIDE * FILE_SIDE);
    err error = pixels ? OK : err_set(ERR_SYSTEM, "out of memory");
    for (uint32_t i = 0; error == OK && i < FILES; i++) error = write_file(folder, i, pixels);
    free(pixels);
    return error;
}

static err step_import(void *context, uint64_t t, double *seconds)
{
    (void)t;
    (void)seconds;
    const loading *x = context;
    dataset *set;
    TRY(dataset_open(x->source, x->w->resolution, 0, 0, &set));
    dataset_close(set);
    return OK;
}

err measure_import(const workload *w, const perf_setting *s, measurement *out)
{
    loading x = {.w = w};
    (void)snprintf(x.source, sizeof x.source, "folder:%s/png", s->folder);
    TRY(workload_run(step_import, &x, s, out));
    out->samples = FILES;
    return OK;
}
