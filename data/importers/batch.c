#include "data/importers/batch.h"

#include "base/file_writer.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "data/build.h"
#include "data/images.h"
#include "data/importers/views.h"
#include "data/set_writer.h"

#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Images decoded together: enough that all cores have work to the end, within this many bytes of pixels. */
enum { MOST_ITEMS = 256, LEAST_ITEMS = 16, PIXEL_BYTES = 1 << 24, TASKS_A_THREAD = 32, REASON_BYTES = 512 };

typedef struct item {
    sample_info sample;
    const char *path, *place; /* where it is named: "TABLE:LINE", or "" */
    bool inverted, broken;
    char reason[REASON_BYTES];
} item;

typedef struct half {
    item *items;
    float *labels;   /* (capacity, n_labels) */
    uint8_t *pixels; /* (capacity, size, size) */
    int n;
    string_store strings; /* of the items */
} half;

/* One half is decoded by tasks for all threads while the thread that walks writes what was in the other and
 * fills it anew. */
struct batch {
    batch_opts o;
    set_writer *writer;
    file_writer *left_out; /* NULL until there is something in it */
    half *filling, *decoding, halves[2];
    int capacity;          /* of each half */
    first_failure failure; /* of the half that is decoded */
    int done;              /* images of it */
    long taken, written, broken, reports;
};

/* ---- opening ---- */

static err half_open(const batch *b, half *h)
{
    size_t capacity = (size_t)b->capacity, size = (size_t)b->o.options->size;
    h->items = calloc(capacity, sizeof *h->items);
    h->labels = calloc(capacity * (size_t)b->o.n_labels, sizeof *h->labels);
    h->pixels = calloc(capacity, size * size);
    if (h->items && h->labels && h->pixels) return OK;
    return err_set(ERR_SYSTEM, "out of memory for %d images of %zu pixels", b->capacity, size);
}

static void half_close(half *h)
{
    string_store_close(&h->strings);
    free(h->items);
    free(h->labels);
    free(h->pixels);
}

err batch_open(const batch_opts *o, batch **out)
{
    *out = NULL;
    size_t pixels = (size_t)o->options->size * (size_t)o->options->size, fit = PIXEL_BYTES / pixels;
    batch *b = calloc(1, sizeof *b);
    if (!b) return err_set(ERR_SYSTEM, "out of memory for an import");
    b->o = *o;
    b->capacity = fit > MOST_ITEMS ? MOST_ITEMS : fit < LEAST_ITEMS ? LEAST_ITEMS : (int)fit;
    b->filling = &b->halves[0];
    b->decoding = &b->halves[1];
    err error = half_open(b, b->filling);
    if (error == OK) error = half_open(b, b->decoding);
    if (error == OK)
        error = set_writer_open(o->options->out, o->options->size, o->label_names, o->n_labels, &b->writer);
    if (error == OK)
        *out = b;
    else
        batch_close(b);
    return error;
}

void batch_close(batch *b)
{
    if (!b) return;
    file_writer_close(b->left_out);
    set_writer_close(b->writer);
    for (int h = 0; h < 2; h++) half_close(&b->halves[h]);
    free(b);
}

/* ---- what is left out ---- */

/* The name of the place in a table: "TABLE:LINE". */
static void name_place(const walk_row *row, text *out)
{
    if (row->table) text_printf(out, "%s", row->table);
    if (row->table && row->line > 0) text_printf(out, ":%d", row->line);
}

static err begin_left_out(batch *b)
{
    static const char header[] = "file,place,reason\n";
    char path[PATH_BYTES];
    TRY(path_join(path, set_writer_folder(b->writer), "left_out.csv"));
    TRY(file_writer_open(path, &b->left_out));
    return file_writer_add(b->left_out, header, strlen(header));
}

static err note_left_out(batch *b, const char *file, const char *place, const char *reason)
{
    text line = {0};
    err error = b->left_out ? OK : begin_left_out(b);
    text_csv_cell(&line, file);
    text_printf(&line, ",");
    text_csv_cell(&line, place);
    text_printf(&line, ",");
    text_csv_cell(&line, reason);
    text_printf(&line, "\n");
    if (error == OK) error = text_check(&line);
    if (error == OK) error = file_writer_add(b->left_out, line.data, line.length);
    text_close(&line);
    return error;
}

err batch_missing(batch *b, const walk_row *row)
{
    text place = {0};
    name_place(row, &place);
    err error = text_check(&place);
    if (error == OK) error = note_left_out(b, row->file, place.data ? place.data : "", "missing");
    text_close(&place);
    return error;
}

/* ---- decoding ---- */

static err decode(const batch *b, const item *x, uint8_t *out)
{
    gray_image image;
    TRY(image_read(x->path, &image));
    size_t pixels = (size_t)image.width * (size_t)image.height;
    for (size_t p = 0; p < pixels && x->inverted; p++) image.pixels[p] = 255 - image.pixels[p];
    int top = (int)(b->o.crop_top * image.height);
    gray_image rest = {image.width, image.height - top, image.pixels + (size_t)top * (size_t)image.width};
    err error = image_square(&rest, b->o.options->size, out);
    free(image.pixels);
    return error;
}

static err tell_progress(const batch *b, long done)
{
    const import_options *o = b->o.options;
    return o->progress ? o->progress(o->progress_context, done, b->o.total) : OK;
}

/* A file that is no image is marked if such are left out; everything else is a failure. */
static err decode_item(const batch *b, const half *h, int i)
{
    size_t pixels = (size_t)b->o.options->size * (size_t)b->o.options->size;
    item *x = &h->items[i];
    err error = decode(b, x, h->pixels + (size_t)i * pixels);
    bool bad_file = error == ERR_DATA || error == ERR_NO_INPUT;
    x->broken = bad_file && b->o.skip_broken;
    if (x->broken) (void)snprintf(x->reason, sizeof x->reason, "%s", err_message());
    if (error == OK || x->broken) return OK;
    if (bad_file) {
        char reason[REASON_BYTES];
        (void)snprintf(reason, sizeof reason, "%s", err_message());
        error = err_set(error, "%s; --broken skip leaves such files out", reason);
    }
    return x->place[0] ? err_context(error, "%s", x->place) : error;
}

static void decode_task(batch *b, const half *h, int i)
{
    if (failure_before(&b->failure, i)) return;
    err error = decode_item(b, h, i);
    int so_far;
#pragma omp atomic capture
    so_far = ++b->done;
    /* One thread tells how far all are, and is told when to stop. */
    if (error == OK && omp_get_thread_num() == 0) {
        error = tell_progress(b, b->taken + so_far);
        if (error != OK)
            failure_note(&b->failure, -1, error); /* before all others: nothing more is decoded */
    } else if (error != OK) {
        failure_note(&b->failure, i, error);
    }
}

static void decode_begin(batch *b, half *h)
{
    b->failure = (first_failure){.index = INT_MAX};
    b->done = 0;
    /* Of more than 64 tasks a thread libgomp leaves none to the others. */
    int tasks = TASKS_A_THREAD * omp_get_num_threads();
#pragma omp taskloop nogroup num_tasks(tasks)
    for (int i = 0; i < h->n; i++) decode_task(b, h, i);
}

static err decode_end(batch *b, const half *h)
{
#pragma omp taskwait
    b->taken += h->n;
    TRY(failure_result(&b->failure));
    return tell_progress(b, b->taken); /* that thread may have had nothing to decode */
}

static err write_all(batch *b, half *h)
{
    size_t pixels = (size_t)b->o.options->size * (size_t)b->o.options->size;
    for (int i = 0; i < h->n; i++) {
        const item *x = &h->items[i];
        if (x->broken) {
            b->broken++;
            TRY(note_left_out(b, x->sample.source, x->place, x->reason));
            continue;
        }
        TRY(set_writer_add(b->writer, &x->sample, h->labels + (size_t)i * (size_t)b->o.n_labels,
                           h->pixels + (size_t)i * pixels));
        b->written++;
        b->reports += x->sample.report[0] != '\0';
    }
    h->n = 0;
    string_store_close(&h->strings);
    return OK;
}

/* Has what was gathered decoded, and writes what was decoded meanwhile. */
static err flush(batch *b)
{
    half *decoded = b->decoding;
    if (decoded->n > 0) TRY(decode_end(b, decoded));
    decode_begin(b, b->filling);
    b->decoding = b->filling;
    b->filling = decoded;
    return write_all(b, decoded);
}

/* ---- taking ---- */

/* A copy in UTF-8. What is not UTF-8 already is taken for ISO 8859-1, in which Figure1's table is published.
 */
static const char *keep(half *h, const char *string)
{
    size_t offset;
    if (utf8_check(string, &offset)) return string_keep(&h->strings, string, offset);
    text t = {0};
    for (const char *c = string; *c; c++) utf8_append(&t, (unsigned char)*c);
    const char *kept = text_check(&t) == OK ? string_keep(&h->strings, t.data, t.length) : NULL;
    text_close(&t);
    return kept;
}

static err keep_row(half *h, const walk_row *row, const char *path)
{
    item *x = &h->items[h->n];
    text place = {0};
    name_place(row, &place);
    *x = (item){.inverted = row->inverted};
    char age[32] = "";
    if (!isnan(row->age)) (void)snprintf(age, sizeof age, "%g", (double)row->age);
    x->sample = (sample_info){
        keep(h, row->id),   keep(h, row->patient), keep(h, row->split), keep(h, view_name(row->view)),
        keep(h, row->file), keep(h, row->report),  keep(h, row->sex),   keep(h, age)};
    x->path = string_keep(&h->strings, path, strlen(path));
    x->place = place.failed ? NULL : keep(h, place.data ? place.data : "");
    text_close(&place);
    const sample_info *s = &x->sample;
    bool enough = s->id && s->patient && s->split && s->view && s->source && s->report && s->sex && s->age &&
                  x->path && x->place;
    return enough ? OK : err_set(ERR_SYSTEM, "out of memory for the texts of %d images", h->n + 1);
}

err batch_add(batch *b, const walk_row *row, const float *labels, const char *path)
{
    half *h = b->filling;
    TRY(keep_row(h, row, path));
    memcpy(h->labels + (size_t)h->n * (size_t)b->o.n_labels, labels, (size_t)b->o.n_labels * sizeof *labels);
    return ++h->n == b->capacity ? flush(b) : OK;
}

err batch_finish(batch *b, import_result *result)
{
    for (int h = 0; h < 2; h++) TRY(flush(b));
    if (b->left_out) TRY(file_writer_finish(b->left_out));
    TRY(set_writer_finish(b->writer));
    result->images = b->written;
    result->reports = b->reports;
    result->left_out[LEFT_BROKEN] = b->broken;
    return OK;
}
