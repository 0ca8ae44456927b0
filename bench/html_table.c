#include "bench/html_table.h"

#include "bench/markup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void html_table_begin(text *out, const char *id, const char *caption, const char *const *heads, int n,
                      const char *layout)
{
    text_printf(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s-caption\">\n",
                id);
    text_printf(out, "<table class=\"sorts\" id=\"%s\">\n<caption id=\"%s-caption\">", id, id);
    markup_text(out, caption);
    text_printf(out, "</caption>\n<thead><tr>");
    for (int i = 0; i < n; i++) {
        text_printf(out, layout[i] == 'r' ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        markup_text(out, heads[i]);
        text_printf(out, "</th>");
    }
    text_printf(out, "</tr></thead>\n<tbody>\n");
}

void html_row_begin(text *out)
{
    text_printf(out, "<tr>");
}

void html_cell(text *out, const char *value)
{
    text_printf(out, "<td>");
    markup_text(out, value);
    text_printf(out, "</td>");
}

void html_wide_cell(text *out, const char *value)
{
    text_printf(out, "<td class=\"wide\">");
    markup_text(out, value);
    text_printf(out, "</td>");
}

void html_number(text *out, const char *format, double value)
{
    char shown[64];
    if (isnan(value)) {
        text_printf(out, "<td class=\"n\" data-v=\"\"></td>");
        return;
    }
    (void)snprintf(shown, sizeof shown, format, value);
    text_printf(out, "<td class=\"n\" data-v=\"%.9g\">%s</td>", value, shown);
}

void html_csv_cell(text *out, const char *cell)
{
    char *end;
    double value = strtod(cell, &end);
    if (end == cell || *end || !isfinite(value)) {
        html_cell(out, cell);
        return;
    }
    text_printf(out, "<td class=\"n\" data-v=\"%.9g\">", value);
    markup_text(out, cell);
    text_printf(out, "</td>");
}

void html_row_end(text *out)
{
    text_printf(out, "</tr>\n");
}

void html_table_end(text *out)
{
    text_printf(out, "</tbody>\n</table>\n</div>\n");
}
