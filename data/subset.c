#include "data/subset.h"

#include "base/file_writer.h"
#include "base/private.h"
#include "base/staging.h"
#include "data/csv_rows.h"
#include "data/npy.h"

#include <stdlib.h>

typedef struct copy {
    const char *folder, *target;
    const bool *leave_out;
    int n;
} copy;

static err copy_rows_of(const copy *c, const char *name, const npy *from, npy_writer *to)
{
    size_t row = from->type == 'f' ? sizeof(float) : 1;
    if (from->shape[0] != c->n)
        return err_set(ERR_DATA, "%s/%s: has %lld rows where the set has %d samples", c->folder, name,
                       (long long)from->shape[0], c->n);
    for (int d = 1; d < from->rank; d++) row *= (size_t)from->shape[d];
    for (int i = 0; i < c->n; i++)
        if (!c->leave_out[i]) TRY(npy_writer_add(to, (const char *)from->data + (size_t)i * row, 1));
    return npy_writer_finish(to);
}

static err copy_array(const copy *c, const char *name)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    npy array;
    npy_writer *writer = NULL;
    TRY(path_join(from, c->folder, "%s", name));
    TRY(path_join(to, c->target, "%s", name));
    TRY(npy_open(from, &array));
    err error = npy_writer_open(to, array.type, array.rank, array.shape, &writer);
    if (error == OK) error = copy_rows_of(c, name, &array, writer);
    npy_writer_close(writer);
    npy_close(&array);
    return error;
}

static err copy_lines(const copy *c, csv_rows *rows, file_writer *out)
{
    text line = {0};
    bool more = true;
    err error = OK;
    csv_rows_copy_header(rows, &line);
    text_printf(&line, "\n");
    for (int i = 0; error == OK; i++) {
        error = text_check(&line);
        if (error == OK) error = file_writer_add(out, line.data ? line.data : "", line.length);
        line.length = 0;
        if (error == OK) error = csv_rows_next(rows, &more);
        if (error != OK || !more || i == c->n) break;
        if (c->leave_out[i]) continue;
        csv_rows_copy_row(rows, -1, NULL, &line);
        text_printf(&line, "\n");
    }
    text_close(&line);
    return error;
}

static err copy_samples(const copy *c)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    csv_rows *rows;
    file_writer *out = NULL;
    TRY(path_join(from, c->folder, "samples.csv"));
    TRY(path_join(to, c->target, "samples.csv"));
    TRY(csv_rows_open(from, &rows));
    err error = file_writer_open(to, &out);
    if (error == OK) error = copy_lines(c, rows, out);
    if (error == OK) error = file_writer_finish(out);
    file_writer_close(out);
    csv_rows_close(rows);
    return error;
}

static err copy_label_names(const copy *c)
{
    enum { LABELS_BYTES = 1 << 20 };
    char path[PATH_BYTES], *bytes;
    size_t n;
    TRY(path_join(path, c->folder, "labels.csv"));
    TRY(file_read(path, LABELS_BYTES, &bytes, &n));
    err error = path_join(path, c->target, "labels.csv");
    if (error == OK) error = file_write(path, bytes, n);
    free(bytes);
    return error;
}

err subset_write(const char *folder, const bool *leave_out, int n, const char *out)
{
    staging place;
    int left = 0;
    for (int i = 0; i < n; i++) left += !leave_out[i];
    if (left == 0) return err_set(ERR_DATA, "%s: no image is left for the set", out);
    TRY(staging_open(out, &place));
    copy c = {folder, place.work, leave_out, n};
    err error = private_mark(place.work);
    if (error == OK) error = copy_array(&c, "images.npy");
    if (error == OK) error = copy_array(&c, "labels.npy");
    if (error == OK) error = copy_label_names(&c);
    if (error == OK) error = copy_samples(&c);
    if (error == OK) error = staging_finish(&place);
    staging_close(&place);
    return error;
}
