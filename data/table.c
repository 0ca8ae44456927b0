#include "data/table.h"

#include "base/files.h"
#include "base/text.h"
#include "data/csv_rows.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A table while it is read: cells as offsets into `bytes`, which moves while it grows. */
typedef struct gathering {
    text bytes;
    text offsets; /* size_t each */
    text lines;   /* int each */
} gathering;

static void gather_cell(gathering *g, const char *cell)
{
    text_bytes(&g->offsets, &g->bytes.length, sizeof g->bytes.length);
    text_bytes(&g->bytes, cell, strlen(cell) + 1);
}

static err gather(csv_rows *rows, gathering *g)
{
    int width = csv_rows_width(rows), line = csv_rows_line(rows);
    text_bytes(&g->lines, &line, sizeof line);
    for (int c = 0; c < width; c++) gather_cell(g, csv_rows_header(rows, c));
    for (;;) {
        bool more;
        TRY(csv_rows_next(rows, &more));
        if (!more) return OK;
        line = csv_rows_line(rows);
        text_bytes(&g->lines, &line, sizeof line);
        for (int c = 0; c < width; c++) gather_cell(g, csv_rows_cell(rows, c));
    }
}

static err settle(const char *name, gathering *g, int columns, table *out)
{
    TRY(text_check(&g->bytes));
    TRY(text_check(&g->offsets));
    TRY(text_check(&g->lines));
    size_t cells = g->offsets.length / sizeof(size_t), rows = g->lines.length / sizeof(int);
    out->cells = malloc(cells * sizeof *out->cells);
    if (!out->cells) return err_set(ERR_SYSTEM, "%s: out of memory for %zu cells", name, cells);
    for (size_t i = 0; i < cells; i++) {
        size_t offset;
        memcpy(&offset, g->offsets.data + i * sizeof offset, sizeof offset);
        out->cells[i] = g->bytes.data + offset;
    }
    out->rows = (int)rows - 1;
    out->columns = columns;
    out->lines = (int *)(void *)g->lines.data; /* from malloc: aligned for any type */
    out->bytes = g->bytes.data;
    g->lines = g->bytes = (text){0}; /* now the table's */
    return OK;
}

err table_parse(const char *name, const char *bytes, size_t n, table *out)
{
    csv_rows *rows;
    gathering g = {0};
    *out = (table){0};
    TRY(csv_rows_parse(name, bytes, n, &rows));
    err error = gather(rows, &g);
    if (error == OK) error = settle(name, &g, csv_rows_width(rows), out);
    csv_rows_close(rows);
    text_close(&g.bytes);
    text_close(&g.offsets);
    text_close(&g.lines);
    return error;
}

err table_open(const char *path, size_t limit, table *out)
{
    char *bytes;
    size_t n;
    *out = (table){0};
    TRY(file_read(path, limit, &bytes, &n));
    err error = table_parse(path, bytes, n, out);
    free(bytes);
    return error;
}

void table_close(table *t)
{
    if (!t) return;
    free(t->cells);
    free(t->lines);
    free(t->bytes);
    *t = (table){0};
}

int table_column(const table *t, const char *name)
{
    for (int c = 0; c < t->columns; c++)
        if (strcmp(t->cells[c], name) == 0) return c;
    return -1;
}

const char *table_cell(const table *t, int row, int column)
{
    return t->cells[((size_t)row + 1) * (size_t)t->columns + (size_t)column];
}
