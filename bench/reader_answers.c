/* Answers of a reader study, read back. */
#include "base/files.h"
#include "base/hash.h"
#include "bench/reader.h"
#include "data/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 26 };

/* A table and the file it came from, for messages. */
typedef struct reading {
    const char *path;
    table t;
} reading;

static err wrong(const reading *r, int row, const char *what)
{
    return err_set(ERR_DATA, "%s:%d: %s", r->path, r->t.lines[row + 1], what);
}

static const char *cell(const reading *r, int row, const char *column)
{
    int c = table_column(&r->t, column);
    return c < 0 ? "" : table_cell(&r->t, row, c);
}

static err need_columns(const reading *r, const char *const *columns, int n)
{
    for (int i = 0; i < n; i++)
        if (table_column(&r->t, columns[i]) < 0)
            return err_set(ERR_DATA, "%s: there is no column %s", r->path, columns[i]);
    return OK;
}

/* A whole number from 1 to `most`, or 0. */
static int small_number(const char *value, int most)
{
    char *end;
    long number = strtol(value, &end, 10);
    return end != value && !*end && number >= 1 && number <= most ? (int)number : 0;
}

static int kind_of(const char *value)
{
    return strcmp(value, reader_kind_names[READER_REAL]) == 0        ? READER_REAL
           : strcmp(value, reader_kind_names[READER_SYNTHETIC]) == 0 ? READER_SYNTHETIC
                                                                     : -1;
}

/* ---- the key ---- */

static err take_key(const reading *r, reader_answers *out)
{
    static const char *const columns[] = {"item", "kind"};
    TRY(need_columns(r, columns, 2));
    if (r->t.rows == 0) return err_set(ERR_DATA, "%s: the key has no items", r->path);
    out->kinds = calloc((size_t)r->t.rows, sizeof *out->kinds);
    if (!out->kinds) return err_set(ERR_SYSTEM, "out of memory for %d items", r->t.rows);
    out->items = r->t.rows;
    for (int i = 0; i < r->t.rows; i++) {
        int kind = kind_of(cell(r, i, "kind"));
        if (small_number(cell(r, i, "item"), out->items) != i + 1 || kind < 0)
            return wrong(r, i, "is not a row of a key");
        out->kinds[i] = (reader_kind)kind;
    }
    return OK;
}

static err read_key(const char *path, reader_answers *out, hash *study)
{
    char *bytes;
    size_t n;
    reading r = {.path = path};
    TRY(file_read(path, LIMIT, &bytes, &n));
    *study = hash_bytes(bytes, n);
    err error = table_parse(path, bytes, n, &r.t);
    if (error == OK) error = take_key(&r, out);
    table_close(&r.t);
    free(bytes);
    return error;
}

/* ---- answers ---- */

static err add_reader(reader_answers *a, const char *name, int *reader)
{
    size_t each = (size_t)a->items * READER_QUESTIONS;
    int *values = realloc(a->values, (size_t)(a->readers + 1) * each * sizeof *values);
    if (!values) return err_set(ERR_SYSTEM, "out of memory for the answers");
    a->values = values;
    for (size_t i = 0; i < each; i++) values[(size_t)a->readers * each + i] = -1;
    (void)snprintf(a->names[a->readers], READER_NAME_BYTES, "%s", name);
    *reader = a->readers++;
    return OK;
}

static err find_reader(const reading *r, int row, reader_answers *a, int *reader)
{
    const char *name = cell(r, row, "reader");
    if (!name[0]) return wrong(r, row, "who is the reader?");
    if (strlen(name) >= READER_NAME_BYTES) return wrong(r, row, "the reader's name is too long");
    for (int i = 0; i < a->readers; i++)
        if (strcmp(a->names[i], name) == 0) {
            *reader = i;
            return OK;
        }
    if (a->readers == READERS_MOST) return wrong(r, row, "there are too many readers");
    return add_reader(a, name, reader);
}

static int *place(const reader_answers *a, int reader, int item, int question)
{
    return &a->values[((size_t)reader * (size_t)a->items + (size_t)item) * READER_QUESTIONS +
                      (size_t)question];
}

int reader_answer(const reader_answers *a, int reader, int item, int question)
{
    return *place(a, reader, item, question);
}

static err take_answer(const reading *r, int row, int question, int *into)
{
    const char *value = cell(r, row, reader_questions[question].column);
    if (!value[0]) return OK;
    int answer = kind_of(value);
    if (question != READER_GUESS) {
        answer = small_number(value, READER_SCORES);
        if (answer == 0) answer = -1;
    }
    if (answer < 0)
        return err_set(ERR_DATA, "%s:%d: %s = %.40s: must be %s, or empty", r->path, r->t.lines[row + 1],
                       reader_questions[question].column, value,
                       question == READER_GUESS ? "real or synthetic" : "1 to 5");
    if (*into >= 0) return wrong(r, row, "this reader answered this item before");
    *into = answer;
    return OK;
}

static err take_row(const reading *r, int row, const hash *study, reader_answers *a)
{
    int reader = 0;
    if (strcmp(cell(r, row, "study"), study->hex) != 0)
        return wrong(r, row, "these answers are to another study, or the key has changed");
    int item = small_number(cell(r, row, "item"), a->items);
    if (item == 0) return wrong(r, row, "the study has no such item");
    TRY(find_reader(r, row, a, &reader));
    for (int q = 0; q < READER_QUESTIONS; q++) TRY(take_answer(r, row, q, place(a, reader, item - 1, q)));
    return OK;
}

static err read_answers(const char *path, const hash *study, reader_answers *a)
{
    static const char *const columns[] = {"study", "reader", "item", "guess"};
    reading r = {.path = path};
    TRY(table_open(path, LIMIT, &r.t));
    err error = need_columns(&r, columns, 4);
    for (int i = 0; i < r.t.rows && error == OK; i++) error = take_row(&r, i, study, a);
    table_close(&r.t);
    return error;
}

err reader_answers_open(const char *key, const char *const *files, int n, reader_answers *out)
{
    hash study;
    *out = (reader_answers){0};
    err error = read_key(key, out, &study);
    for (int i = 0; i < n && error == OK; i++) error = read_answers(files[i], &study, out);
    if (error != OK) reader_answers_close(out);
    return error;
}

void reader_answers_close(reader_answers *a)
{
    free(a->kinds);
    free(a->values);
    *a = (reader_answers){0};
}
