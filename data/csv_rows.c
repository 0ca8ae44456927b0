#include "data/csv_rows.h"

#include "base/text.h"

#include <csv.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* CELL_BYTES: by how much libcsv lets the room for a cell grow. By its default of 128 bytes a cell of
 * megabytes is copied tens of thousands of times. */
enum { CHUNK_BYTES = 1 << 16, ROW_LIMIT = 1 << 22, CELL_BYTES = 1 << 14 };

/* Cells are gathered as offsets into `bytes`, which moves while it grows. */
typedef struct csv_cells {
    text bytes;
    text offsets; /* size_t each */
} csv_cells;

struct csv_rows {
    char *path;
    struct csv_parser parser;
    gzFile file; /* NULL: all is in memory */
    char *chunk;
    const char *at, *end; /* what was read and not parsed */
    bool last;            /* nothing follows `end` */
    bool after_return;    /* the byte before `at` was '\r' */
    csv_cells header, row;
    int columns, in_row; /* of the header; of the current row so far */
    int line, row_line;  /* of `at`; of the row */
    size_t row_bytes;
    bool begun, done; /* the row has a byte; it is complete */
    err error;
};

static void cells_close(csv_cells *c)
{
    text_close(&c->bytes);
    text_close(&c->offsets);
}

static const char *cell_of(const csv_cells *c, int i)
{
    size_t offset;
    memcpy(&offset, c->offsets.data + (size_t)i * sizeof offset, sizeof offset);
    return c->bytes.data + offset;
}

/* ---- what libcsv calls ---- */

static void end_cell(void *content, size_t n, void *data)
{
    csv_rows *r = data;
    if (r->error != OK) return;
    if (n > 0 && memchr(content, '\0', n)) {
        r->error = err_set(ERR_DATA, "%s:%d: a NUL byte in a CSV file", r->path, r->row_line);
        return;
    }
    r->in_row++;
    text_bytes(&r->row.offsets, &r->row.bytes.length, sizeof r->row.bytes.length);
    if (n > 0) text_bytes(&r->row.bytes, content, n);
    text_bytes(&r->row.bytes, "", 1);
}

static void end_row(int terminator, void *data)
{
    (void)terminator;
    csv_rows *r = data;
    r->done = true;
    if (r->error == OK && r->columns > 0 && r->in_row != r->columns)
        r->error = err_set(ERR_DATA, "%s:%d: %d fields where the header has %d", r->path, r->row_line,
                           r->in_row, r->columns);
}

/* libcsv strips blanks around unquoted fields unless told that nothing is a blank. */
static int never(unsigned char c)
{
    (void)c;
    return 0;
}

/* ---- reading ---- */

static err refill(csv_rows *r)
{
    if (r->last) return OK;
    int got = gzread(r->file, r->chunk, CHUNK_BYTES), code;
    const char *reason = gzerror(r->file, &code);
    if (got < 0 && code == Z_ERRNO) return err_set_errno(ERR_IO, "%s: reading failed", r->path);
    if (code == Z_MEM_ERROR) return err_set(ERR_SYSTEM, "%s: out of memory", r->path);
    if (got < 0 || code == Z_BUF_ERROR)
        return err_set(ERR_DATA, "%s: the gzip file is truncated or damaged (%s)", r->path, reason);
    r->last = got < CHUNK_BYTES;
    r->at = r->chunk;
    r->end = r->chunk + got;
    return OK;
}

/* The bytes up to and with the next end of line, or all that was read. */
static size_t piece_length(const csv_rows *r)
{
    const char *c = r->at;
    while (c < r->end && *c != '\n' && *c != '\r') c++;
    return (size_t)(c - r->at) + (c < r->end);
}

/* "\r\n" ends one line. */
static err count_line(csv_rows *r, char ending)
{
    bool ends = ending == '\r' || (ending == '\n' && !r->after_return);
    r->after_return = ending == '\r';
    if (!ends) return OK;
    if (r->line == INT_MAX) return err_set(ERR_DATA, "%s: has more than %d lines", r->path, INT_MAX);
    r->line++;
    return OK;
}

static err bad_quote(csv_rows *r)
{
    if (csv_error(&r->parser) == CSV_ENOMEM)
        return err_set(ERR_SYSTEM, "%s: out of memory for a CSV field", r->path);
    return err_set(ERR_DATA, "%s:%d: a quote where CSV allows none, or one that is never closed", r->path,
                   r->row_line);
}

/* Parses one piece of a line, so that a row's end is the end of a piece. */
static err parse_piece(csv_rows *r)
{
    size_t n = piece_length(r);
    const char *piece = r->at;
    if (!r->begun) {
        r->row_line = r->line;
        r->begun = *piece != '\n' && *piece != '\r'; /* libcsv skips empty lines */
    }
    r->row_bytes += n;
    if (r->row_bytes > ROW_LIMIT)
        return err_set(ERR_DATA, "%s:%d: a row of more than %d bytes; is a quote never closed?", r->path,
                       r->row_line, ROW_LIMIT);
    bool good = csv_parse(&r->parser, piece, n, end_cell, end_row, r) == n;
    if (r->error != OK) return r->error;
    if (!good) return bad_quote(r);
    r->at += n;
    return count_line(r, piece[n - 1]);
}

/* Reads a row into r->row. */
static err read_row(csv_rows *r)
{
    r->row.bytes.length = r->row.offsets.length = 0;
    r->in_row = 0;
    r->row_bytes = 0;
    r->begun = r->done = false;
    while (!r->done) {
        if (r->at == r->end) TRY(refill(r));
        if (r->at == r->end) {
            bool good = csv_fini(&r->parser, end_cell, end_row, r) == 0;
            if (r->error != OK) return r->error;
            if (!good) return bad_quote(r);
            break;
        }
        TRY(parse_piece(r));
    }
    TRY(text_check(&r->row.bytes));
    return text_check(&r->row.offsets);
}

err csv_rows_next(csv_rows *r, bool *more)
{
    if (r->error == OK) r->error = read_row(r);
    *more = r->error == OK && r->done;
    return r->error;
}

/* ---- opening ---- */

static err read_header(csv_rows *r)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf"; /* spreadsheets write one */
    if (r->at == r->end) TRY(refill(r));
    if (r->end - r->at >= 3 && memcmp(r->at, byte_order_mark, 3) == 0) r->at += 3;
    TRY(read_row(r));
    if (!r->done) return err_set(ERR_DATA, "%s: is empty; a header line is needed", r->path);
    r->header = r->row;
    r->row = (csv_cells){0};
    r->columns = r->in_row;
    return OK;
}

static err rows_begin(const char *path, csv_rows **out)
{
    csv_rows *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    r->path = strdup(path);
    r->line = 1;
    if (!r->path || csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        free(r->path);
        free(r);
        return err_set(ERR_SYSTEM, "%s: the CSV reader cannot start", path);
    }
    csv_set_space_func(&r->parser, never);
    csv_set_blk_size(&r->parser, CELL_BYTES);
    *out = r;
    return OK;
}

static err rows_start(csv_rows *r, csv_rows **out)
{
    err error = read_header(r);
    if (error != OK) {
        csv_rows_close(r);
        r = NULL;
    }
    *out = r;
    return error;
}

static err open_gzip(csv_rows *r)
{
    struct stat status;
    int file = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would be waited for */
    if (file < 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be opened", r->path);
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)close(file);
        return err_set(ERR_NO_INPUT, "%s: is not a file", r->path);
    }
    r->file = gzdopen(file, "rb");
    r->chunk = malloc(CHUNK_BYTES);
    if (!r->file) (void)close(file);
    return r->file && r->chunk ? OK : err_set(ERR_SYSTEM, "%s: out of memory", r->path);
}

err csv_rows_open(const char *path, csv_rows **out)
{
    csv_rows *r;
    *out = NULL;
    TRY(rows_begin(path, &r));
    err error = open_gzip(r);
    if (error == OK) return rows_start(r, out);
    csv_rows_close(r);
    return error;
}

err csv_rows_parse(const char *name, const char *bytes, size_t n, csv_rows **out)
{
    csv_rows *r;
    *out = NULL;
    TRY(rows_begin(name, &r));
    r->at = bytes;
    r->end = bytes + n;
    r->last = true;
    return rows_start(r, out);
}

void csv_rows_close(csv_rows *r)
{
    if (!r) return;
    if (r->file) (void)gzclose_r(r->file);
    csv_free(&r->parser);
    cells_close(&r->header);
    cells_close(&r->row);
    free(r->chunk);
    free(r->path);
    free(r);
}

/* ---- looking ---- */

const char *csv_rows_path(const csv_rows *r)
{
    return r->path;
}

int csv_rows_width(const csv_rows *r)
{
    return r->columns;
}

const char *csv_rows_header(const csv_rows *r, int column)
{
    return cell_of(&r->header, column);
}

int csv_rows_line(const csv_rows *r)
{
    return r->row_line;
}

const char *csv_rows_cell(const csv_rows *r, int column)
{
    return column < 0 ? "" : cell_of(&r->row, column);
}

static int folded(char c)
{
    return c == '_' ? ' ' : tolower((unsigned char)c);
}

static bool is_name(const char *header, const char *name)
{
    while (isspace((unsigned char)*header)) header++;
    for (; *name && folded(*header) == folded(*name); header++) name++;
    while (isspace((unsigned char)*header)) header++;
    return !*name && !*header;
}

int csv_rows_column(const csv_rows *r, const char *name)
{
    for (int c = 0; c < r->columns; c++)
        if (is_name(csv_rows_header(r, c), name)) return c;
    return -1;
}

err csv_rows_need(const csv_rows *r, const char *name, int *column)
{
    *column = csv_rows_column(r, name);
    if (*column >= 0) return OK;
    return err_set(ERR_DATA, "%s:1: the header has no column \"%s\"", r->path, name);
}

/* ---- copying ---- */

void csv_rows_copy_header(const csv_rows *r, text *out)
{
    for (int c = 0; c < r->columns; c++) {
        if (c > 0) text_printf(out, ",");
        text_csv_field(out, csv_rows_header(r, c));
    }
}

void csv_rows_copy_row(const csv_rows *r, int column, const char *value, text *out)
{
    for (int c = 0; c < r->columns; c++) {
        if (c > 0) text_printf(out, ",");
        text_csv_field(out, c == column ? value : csv_rows_cell(r, c));
    }
}
