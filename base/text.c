#include "base/text.h"

#include "base/files.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(text *t, size_t extra)
{
    if (t->failed) return false;
    size_t wanted = t->length + extra + 1;
    if (wanted <= t->capacity) return true;
    size_t capacity = t->capacity ? t->capacity : 128;
    while (capacity < wanted) capacity *= 2;
    char *data = realloc(t->data, capacity);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

void text_bytes(text *t, const void *bytes, size_t n)
{
    if (!reserve(t, n)) return;
    if (n) memcpy(t->data + t->length, bytes, n);
    t->length += n;
    t->data[t->length] = '\0';
}

/* Formats into what room there is, and once more only where that was too little: formatting numbers is most
 * of what writing a table costs. */
void text_printf(text *t, const char *format, ...)
{
    va_list arguments, again;
    if (!reserve(t, 0)) return;
    size_t room = t->capacity - t->length;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(t->data + t->length, room, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length >= room) {
        if (reserve(t, (size_t)length))
            (void)vsnprintf(t->data + t->length, (size_t)length + 1, format, again);
        else
            length = -1;
    }
    va_end(again);
    if (length > 0) t->length += (size_t)length;
    t->data[t->length] = '\0'; /* also after half of what did not fit */
}

void text_csv_field(text *t, const char *field)
{
    if (!strpbrk(field, ",\"\r\n")) {
        text_bytes(t, field, strlen(field));
        return;
    }
    text_bytes(t, "\"", 1);
    for (const char *c = field; *c; c++) {
        if (*c == '"') text_bytes(t, "\"", 1);
        text_bytes(t, c, 1);
    }
    text_bytes(t, "\"", 1);
}

/* Behind apostrophes too, so that a text which has one already comes back with it. */
static bool opens_formula(const char *cell)
{
    cell += strspn(cell, "'");
    return *cell && strchr("=+-@\t\r", *cell);
}

void text_csv_cell(text *t, const char *cell)
{
    if (!opens_formula(cell)) {
        text_csv_field(t, cell);
        return;
    }
    text escaped = {0};
    text_printf(&escaped, "'%s", cell);
    if (!escaped.failed) text_csv_field(t, escaped.data);
    t->failed |= escaped.failed;
    text_close(&escaped);
}

const char *csv_cell_content(const char *cell)
{
    return *cell == '\'' && opens_formula(cell + 1) ? cell + 1 : cell;
}

err text_check(const text *t)
{
    return t->failed ? err_set(ERR_SYSTEM, "out of memory while writing text") : OK;
}

err text_save(const text *t, const char *path)
{
    TRY(text_check(t));
    return file_write(path, t->data, t->length);
}

err text_print(text *t)
{
    err error = text_check(t);
    if (error == OK && (fputs(t->data ? t->data : "", stdout) == EOF || fflush(stdout) == EOF))
        error = err_set_errno(ERR_IO, "standard output: writing failed");
    text_close(t);
    return error;
}

void text_close(text *t)
{
    free(t->data);
    *t = (text){0};
}
