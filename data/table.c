#include "data/table.h"

#include "base/files.h"
#include "base/text.h"

#include <csv.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Cells are gathered as offsets into `bytes`, which moves while it grows. */
typedef struct reader {
    const char *path;
    text bytes;
    text offsets; /* size_t each */
    text lines;   /* int each */
    int line, row_line;
    int columns, in_row; /* cells of the header; cells of the current row so far */
    err error;
} reader;

static void end_cell(void *content, size_t n, void *data)
{
    reader *r = data;
    if (r->error != OK) return;
    if (r->in_row++ == 0) text_bytes(&r->lines, &r->row_line, sizeof r->row_line);
    if (n > 0 && memchr(content, '\0', n)) {
        r->error = err_set(ERR_DATA, "%s:%d: a NUL byte in a CSV file", r->path, r->row_line);
        return;
    }
    text_bytes(&r->offsets, &r->bytes.length, sizeof r->bytes.length);
    if (n > 0) text_bytes(&r->bytes, content, n);
    text_bytes(&r->bytes, "", 1);
}

static void end_row(int terminator, void *data)
{
    (void)terminator;
    reader *r = data;
    if (r->error != OK) return;
    if (r->columns == 0) r->columns = r->in_row;
    if (r->in_row != r->columns)
        r->error = err_set(ERR_DATA, "%s:%d: %d fields where the header has %d", r->path, r->row_line,
                           r->in_row, r->columns);
    r->in_row = 0;
    r->row_line = r->line + 1;
}

/* libcsv strips blanks around unquoted fields unless told that nothing is a blank. */
static int never(unsigned char c)
{
    (void)c;
    return 0;
}

static bool is_blank(const char *line, size_t length)
{
    return line[0] == '\n' || (length > 1 && line[0] == '\r' && line[1] == '\n');
}

static err parse(reader *r, const char *bytes, size_t n)
{
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        return err_set(ERR_SYSTEM, "%s: the CSV reader cannot start", r->path);
    csv_set_space_func(&parser, never);
    bool good = true;
    r->row_line = 1;
    for (size_t at = 0, length; at < n && good && r->error == OK; at += length) {
        const char *newline = memchr(bytes + at, '\n', n - at);
        length = newline ? (size_t)(newline - bytes) - at + 1 : n - at;
        if (r->line == INT_MAX) break;
        r->line++;
        if (r->row_line == r->line && is_blank(bytes + at, length)) r->row_line++; /* libcsv skips it */
        good = csv_parse(&parser, bytes + at, length, end_cell, end_row, r) == length;
    }
    if (good && r->error == OK) good = csv_fini(&parser, end_cell, end_row, r) == 0;
    if (r->error == OK && !good)
        r->error =
            csv_error(&parser) == CSV_ENOMEM
                ? err_set(ERR_SYSTEM, "%s: out of memory for a CSV field", r->path)
                : err_set(ERR_DATA, "%s:%d: a quote where CSV allows none, or one that is never closed",
                          r->path, r->row_line);
    csv_free(&parser);
    return r->error;
}

static err settle(reader *r, table *out)
{
    TRY(text_check(&r->bytes));
    TRY(text_check(&r->offsets));
    TRY(text_check(&r->lines));
    size_t cells = r->offsets.length / sizeof(size_t), rows = r->lines.length / sizeof(int);
    if (rows == 0) return err_set(ERR_DATA, "%s: is empty; a header line is needed", r->path);
    out->cells = malloc(cells * sizeof *out->cells);
    if (!out->cells) return err_set(ERR_SYSTEM, "%s: out of memory for %zu cells", r->path, cells);
    for (size_t i = 0; i < cells; i++) {
        size_t offset;
        memcpy(&offset, r->offsets.data + i * sizeof offset, sizeof offset);
        out->cells[i] = r->bytes.data + offset;
    }
    out->rows = (int)rows - 1;
    out->columns = r->columns;
    out->lines = (int *)(void *)r->lines.data; /* from malloc: aligned for any type */
    out->bytes = r->bytes.data;
    r->lines = r->bytes = (text){0}; /* now the table's */
    return OK;
}

err table_parse(const char *name, const char *bytes, size_t n, table *out)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf"; /* spreadsheets write one */
    *out = (table){0};
    size_t skipped = n >= 3 && memcmp(bytes, byte_order_mark, 3) == 0 ? 3 : 0;
    reader r = {.path = name};
    err error = parse(&r, bytes + skipped, n - skipped);
    if (error == OK) error = settle(&r, out);
    text_close(&r.bytes);
    text_close(&r.offsets);
    text_close(&r.lines);
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
