/* `bench synth`: images of a trained generator, as a folder that `data.source = folder:DIR` reads. */
#include "bench/commands.h"
#include "bench/device.h"

#include "base/files.h"
#include "base/text.h"
#include "data/images.h"
#include "data/table.h"
#include "emixer/emixer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEET_COLUMNS = 12, NAME_BYTES = 128 };

typedef struct request {
    const char *checkpoint, *out, *sheet;
    int per_class;
    uint64_t seed;
    nn_device device;
} request;

/* A generator and what it makes: n images (n, side, side), image i of class i % classes. */
typedef struct made {
    emixer_opts options;
    char (*names)[NAME_BYTES]; /* of the classes */
    float *labels;
    uint8_t *images;
    int n;
} made;

static err print_help(void)
{
    (void)printf(
        "usage: bench synth CHECKPOINT.safetensors --out DIR [flags]\n\n"
        "Makes images with a trained generator, such as\n"
        "results/NAME/artifacts/generator-.../generator.safetensors, as DIR/CLASS/0001.png, a folder that\n"
        "data.source = folder:DIR reads. The classes are named by labels.csv beside the checkpoint.\n\n"
        "  --out DIR        where the images go\n"
        "  --per-class N    images of each class (100)\n"
        "  --seed N         of the latent vectors (0)\n"
        "  --sheet FILE     also one PNG with a row of images for each class\n"
        "  --device cpu[:N]|cuda[:N]|cuda:all|ref (cpu)\n");
    return OK;
}

static err read_number(const char *flag, const char *value, long long low, long long high, long long *out)
{
    char *end;
    errno = 0;
    *out = strtoll(value, &end, 10);
    if (errno || end == value || *end || *out < low || *out > high)
        return err_set(ERR_USAGE, "%s %.40s: must be an integer, %lld to %lld", flag, value, low, high);
    return OK;
}

static err take_flag(const char *flag, const char *value, request *r)
{
    long long number;
    if (strcmp(flag, "--out") == 0) {
        r->out = value;
    } else if (strcmp(flag, "--sheet") == 0) {
        r->sheet = value;
    } else if (strcmp(flag, "--per-class") == 0) {
        TRY(read_number(flag, value, 1, 1000000, &number));
        r->per_class = (int)number;
    } else if (strcmp(flag, "--seed") == 0) {
        TRY(read_number(flag, value, 0, INT32_MAX, &number));
        r->seed = (uint64_t)number;
    } else if (strcmp(flag, "--device") == 0) {
        TRY(device_named(value, "fp32", &r->device));
    } else {
        return err_set(ERR_USAGE, "%.60s: there is no such flag; see `bench synth --help`", flag);
    }
    return OK;
}

static err read_arguments(int argc, char **argv, request *r)
{
    *r = (request){.per_class = 100, .device = nn_on(&be_cpu)};
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (r->checkpoint) return err_set(ERR_USAGE, "%.60s: one checkpoint is enough", argv[i]);
            r->checkpoint = argv[i];
        } else if (i + 1 >= argc) {
            return err_set(ERR_USAGE, "%.60s needs a value; see `bench synth --help`", argv[i]);
        } else {
            TRY(take_flag(argv[i], argv[i + 1], r));
            i++;
        }
    }
    if (!r->checkpoint || !r->out)
        return err_set(ERR_USAGE, "bench synth CHECKPOINT.safetensors --out DIR; see `bench synth --help`");
    return OK;
}

/* Names become folders. */
static void take_name(const char *name, char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, "%s", name);
    for (char *c = out; *c; c++)
        if (*c == '/' || *c == '\\') *c = '_';
    if (out[0] == '.') out[0] = '_';
}

static err read_names(const char *path, made *m)
{
    enum { FILE_LIMIT = 1 << 20 };
    table t;
    err error = OK;
    TRY(table_open(path, FILE_LIMIT, &t));
    int column = table_column(&t, "label"), k = m->options.n_labels;
    if (column < 0 || t.rows != k)
        error = err_set(ERR_DATA, "%s: must have a column `label` with %d rows, one a class", path, k);
    for (int i = 0; i < k && error == OK; i++) take_name(table_cell(&t, i, column), m->names[i]);
    table_close(&t);
    return error;
}

/* labels.csv beside the checkpoint, or class-0, class-1, ... */
static err name_classes(const char *checkpoint, made *m)
{
    char path[PATH_BYTES];
    const char *slash = strrchr(checkpoint, '/');
    int length = slash ? (int)(slash - checkpoint) : 1;
    m->names = calloc((size_t)m->options.n_labels, sizeof *m->names);
    if (!m->names) return err_set(ERR_SYSTEM, "out of memory for %d names", m->options.n_labels);
    if (snprintf(path, sizeof path, "%.*s/labels.csv", length, slash ? checkpoint : ".") >= PATH_BYTES)
        return err_set(ERR_USAGE, "%.60s...: the path is too long", checkpoint);
    if (path_exists(path)) return read_names(path, m);
    for (int i = 0; i < m->options.n_labels; i++) (void)snprintf(m->names[i], NAME_BYTES, "class-%d", i);
    return OK;
}

static err synthesize(const request *r, made *m)
{
    int k = m->options.n_labels;
    size_t pixels = (size_t)m->options.resolution * (size_t)m->options.resolution;
    m->n = k * r->per_class;
    m->labels = calloc((size_t)m->n * (size_t)k, sizeof *m->labels);
    m->images = malloc((size_t)m->n * pixels);
    if (!m->labels || !m->images) return err_set(ERR_SYSTEM, "out of memory for %d images", m->n);
    for (int i = 0; i < m->n; i++) m->labels[(size_t)i * (size_t)k + (size_t)(i % k)] = 1;
    emixer *e;
    TRY(emixer_open(r->device, &m->options, &e));
    err error = emixer_load(e, r->checkpoint);
    if (error == OK) error = emixer_synthesize(e, m->labels, m->n, r->seed, m->images);
    emixer_close(e);
    return error;
}

static err write_images(const request *r, const made *m)
{
    int k = m->options.n_labels, side = m->options.resolution;
    char path[PATH_BYTES];
    for (int i = 0; i < k; i++) {
        TRY(path_join(path, r->out, "%s", m->names[i]));
        TRY(folder_make(path));
    }
    for (int i = 0; i < m->n; i++) {
        TRY(path_join(path, r->out, "%s/%04d.png", m->names[i % k], i / k + 1));
        TRY(image_write_png(path, m->images + (size_t)i * (size_t)side * (size_t)side, side, side));
    }
    return OK;
}

/* One row a class. */
static err write_sheet(const request *r, const made *m)
{
    enum { SMALL = 64 };
    int k = m->options.n_labels, side = m->options.resolution;
    int columns = r->per_class < SHEET_COLUMNS ? r->per_class : SHEET_COLUMNS;
    size_t pixels = (size_t)side * (size_t)side;
    uint8_t *rows = malloc((size_t)k * (size_t)columns * pixels);
    if (!rows) return err_set(ERR_SYSTEM, "out of memory for the sheet");
    for (int label = 0; label < k; label++)
        for (int j = 0; j < columns; j++)
            memcpy(rows + (size_t)(label * columns + j) * pixels,
                   m->images + (size_t)(j * k + label) * pixels, pixels);
    err error = image_write_sheet(r->sheet, rows, k * columns, side, columns, side < SMALL ? 2 : 1);
    free(rows);
    return error;
}

err synth_main(int argc, char **argv)
{
    request r;
    made m = {0};
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return print_help();
    TRY(read_arguments(argc, argv, &r));
    err error = emixer_read_options(r.checkpoint, &m.options);
    if (error == OK) error = name_classes(r.checkpoint, &m);
    if (error == OK) error = synthesize(&r, &m);
    if (error == OK) error = folder_make(r.out);
    if (error == OK) error = write_images(&r, &m);
    if (error == OK && r.sheet) error = write_sheet(&r, &m);
    if (error == OK) (void)printf("%d images in %s\n", m.n, r.out);
    free(m.names);
    free(m.labels);
    free(m.images);
    return error;
}
