/* The CSVs as they stand, folded away. */
#include "bench/html_parts.h"
#include "bench/html_table.h"
#include "bench/markup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MOST = 1000, COLUMNS_MOST = 256 };

/* Whether all cells of a column are numbers or empty, and some are not empty. */
static bool is_numeric(const table *t, int column)
{
    bool some = false;
    for (int i = 0; i < t->rows && i < ROWS_MOST; i++) {
        const char *cell = table_cell(t, i, column);
        char *end;
        (void)strtod(cell, &end);
        if (end == cell ? cell[0] != '\0' : *end) return false;
        some |= cell[0] != '\0';
    }
    return some;
}

/* Hashes that look like numbers, and texts that some rows lack, stay texts. */
static void add_cell(const char *cell, bool numeric, text *out)
{
    if (numeric && cell[0])
        html_csv_cell(out, cell);
    else if (numeric)
        html_number(out, "%g", (double)NAN);
    else
        html_cell(out, csv_cell_content(cell));
}

static void add_table(const table *t, const char *id, const char *title, const char *file, text *out)
{
    const char *heads[COLUMNS_MOST];
    char layout[COLUMNS_MOST];
    text caption = {0};
    int n = t->columns < COLUMNS_MOST ? t->columns : COLUMNS_MOST;
    if (t->rows == 0) return;
    for (int c = 0; c < n; c++) {
        heads[c] = t->cells[c];
        layout[c] = is_numeric(t, c) ? 'r' : 'l';
    }
    text_printf(&caption, "%s", file);
    if (t->rows > ROWS_MOST) text_printf(&caption, ": the first %d of %d rows", (int)ROWS_MOST, t->rows);
    text_printf(out, "<details>\n<summary>%s</summary>\n", title);
    html_table_begin(out, id, caption.data ? caption.data : "", heads, n, layout);
    for (int i = 0; i < t->rows && i < ROWS_MOST; i++) {
        html_row_begin(out);
        for (int c = 0; c < n; c++) add_cell(table_cell(t, i, c), layout[c] == 'r', out);
        html_row_end(out);
    }
    html_table_end(out);
    text_printf(out, "</details>\n");
    text_close(&caption);
}

void html_tables(const evidence *e, text *out)
{
    text_printf(out, "<section aria-labelledby=\"h-tables\">\n<h2 id=\"h-tables\">All numbers</h2>\n");
    add_table(&e->gains, "all-gains", "Every contrast in every metric", "gains.csv", out);
    add_table(&e->label_gains, "label-gains", "Every contrast label by label", "label_gains.csv", out);
    add_table(&e->subgroup_gains, "subgroup-gains", "Every contrast subgroup by subgroup",
              "subgroup_gains.csv", out);
    add_table(&e->results, "trials", "Every trial", "results.csv", out);
    text_printf(out, "</section>\n");
}
