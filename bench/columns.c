#include "bench/columns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void columns_open(columns *t, const char *layout)
{
    *t = (columns){.layout = layout};
}

void columns_close(columns *t)
{
    free(t->cells);
    *t = (columns){0};
}

void columns_cell(columns *t, const char *format, ...)
{
    if (t->n == t->capacity) {
        int capacity = t->capacity ? 2 * t->capacity : 128;
        void *cells = realloc(t->cells, (size_t)capacity * sizeof *t->cells);
        if (!cells) {
            t->failed = true;
            return;
        }
        t->cells = cells;
        t->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(t->cells[t->n++], CELL_BYTES, format, arguments);
    va_end(arguments);
}

void columns_header(columns *t, const char *const *names)
{
    for (; *names; names++) columns_cell(t, "%s", *names);
}

/* Characters, not bytes, of UTF-8. */
static int width_of(const char *cell)
{
    int width = 0;
    for (; *cell; cell++) width += (*cell & 0xC0) != 0x80;
    return width;
}

err columns_format(const columns *t, text *out)
{
    if (t->failed) return err_set(ERR_SYSTEM, "out of memory for a table");
    int n_columns = (int)strlen(t->layout), widths[COLUMNS_MAX] = {0};
    for (int i = 0; i < t->n; i++) {
        int width = width_of(t->cells[i]);
        if (width > widths[i % n_columns]) widths[i % n_columns] = width;
    }
    for (int i = 0; i < t->n; i++) {
        int column = i % n_columns, blanks = widths[column] - width_of(t->cells[i]);
        bool last = column == n_columns - 1, right = t->layout[column] == 'r';
        text_printf(out, "%*s%s%*s%s", right ? blanks : 0, "", t->cells[i], right || last ? 0 : blanks, "",
                    last ? "\n" : "  ");
    }
    return text_check(out);
}
