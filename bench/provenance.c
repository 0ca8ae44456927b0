#include "bench/provenance.h"

#include "base/text.h"
#include "data/key_map.h"
#include "data/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

err provenance_beside(const char *weights, char out[PATH_BYTES])
{
    static const char ending[] = ".safetensors";
    size_t length = strlen(weights), tail = sizeof ending - 1;
    if (length > tail && strcmp(weights + length - tail, ending) == 0) length -= tail;
    if (snprintf(out, PATH_BYTES, "%.*s.training.csv", (int)length, weights) < PATH_BYTES) return OK;
    return err_set(ERR_USAGE, "%.60s...: the path is too long", weights);
}

err provenance_within(const char *folder, char out[PATH_BYTES])
{
    return path_join(out, folder, "training.csv");
}

static void list(const dataset *set, const samples *which, text *out)
{
    for (int i = 0; which && i < which->n; i++) {
        text_printf(out, "%s,", set->content.hex);
        text_csv_field(out, set->samples[which->index[i]].id);
        text_printf(out, "\n");
    }
}

err provenance_write(const dataset *set, const samples *first, const samples *second, const char *path)
{
    text t = {0};
    text_printf(&t, "data,id\n");
    list(set, first, &t);
    list(set, second, &t);
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

enum { LIMIT = 1 << 28 };

err provenance_hand_on(const char *weights, const char *folder)
{
    char from[PATH_BYTES], to[PATH_BYTES], *bytes;
    size_t n;
    TRY(provenance_beside(weights, from));
    TRY(provenance_within(folder, to));
    if (!path_exists(from)) return OK;
    TRY(file_read(from, LIMIT, &bytes, &n));
    err error = file_write(to, bytes, n);
    free(bytes);
    return error;
}

static err index_ids(const dataset *set, key_map *out)
{
    for (int i = 0; i < set->n; i++) {
        bool added;
        TRY(key_map_add(out, set->samples[i].id, i, &added));
    }
    return OK;
}

static err compare(const table *t, const char *path, const dataset *set, const bool *forbidden, bool *seen,
                   provenance_match *out)
{
    int id = table_column(t, "id"), data = table_column(t, "data");
    key_map known = {0};
    if (id < 0) return err_set(ERR_DATA, "%s: there is no column id", path);
    err error = index_ids(set, &known);
    *out = PROVENANCE_CLEAN;
    for (int row = 0; row < t->rows && error == OK; row++) {
        int64_t sample;
        if (data >= 0 && strcmp(table_cell(t, row, data), set->content.hex) != 0) *out = PROVENANCE_OTHER;
        if (*out == PROVENANCE_OTHER) break;
        if (!key_map_find(&known, table_cell(t, row, id), &sample) || !forbidden[sample]) continue;
        seen[sample] = true;
        *out = PROVENANCE_SEEN;
    }
    key_map_close(&known);
    return error;
}

err provenance_check(const char *path, const dataset *set, const bool *forbidden, bool *seen,
                     provenance_match *out)
{
    table t;
    for (int i = 0; i < set->n; i++) seen[i] = false;
    *out = PROVENANCE_UNKNOWN;
    if (!path_exists(path)) return OK;
    TRY(table_open(path, LIMIT, &t));
    err error = compare(&t, path, set, forbidden, seen, out);
    table_close(&t);
    return error;
}
