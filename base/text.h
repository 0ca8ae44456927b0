/* A growing string. Start from {0}; `data` is NUL-terminated once anything was appended; free with
 * text_close. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct text {
    char *data;
    size_t length, capacity;
    bool failed; /* out of memory: sticky, so that only the end needs checking (text_check) */
} text;

void text_printf(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_bytes(text *t, const void *bytes, size_t n);

/* Appends one CSV field as RFC 4180 wants it (quoted only where needed). Adds no separator. */
void text_csv_field(text *t, const char *field);

/* The same for texts of others in a table that a spreadsheet may open: before what it would take for a
 * formula (it opens with one of = + - @, a tab or a carriage return, behind apostrophes too) stands an
 * apostrophe. */
void text_csv_cell(text *t, const char *cell);

/* The cell without that apostrophe, a part of it: exactly what text_csv_cell was given. */
const char *csv_cell_content(const char *cell);

err text_check(const text *t); /* ERR_SYSTEM if an append failed */

/* Replaces a file with the text (base/files.h). ERR_SYSTEM if an append failed; ERR_CANNOT_CREATE, ERR_IO. */
err text_save(const text *t, const char *path);

/* Writes the text to standard output and frees it. ERR_SYSTEM if an append failed; ERR_IO. */
err text_print(text *t);
void text_close(text *t);

#endif
