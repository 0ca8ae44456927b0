/* What made these numbers, and how to make them again. */
#include "base/hash.h"
#include "bench/html_parts.h"
#include "bench/html_table.h"
#include "bench/markup.h"
#include "bench/version.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 30 };

static bool is_first(const table *t, int row, const char *column)
{
    for (int i = 0; i < row; i++)
        if (strcmp(evidence_text(t, i, column), evidence_text(t, row, column)) == 0) return false;
    return true;
}

static void add_line(const char *name, const char *value, text *out)
{
    html_row_begin(out);
    html_cell(out, name);
    html_wide_cell(out, value);
    html_row_end(out);
}

/* The distinct values of a column of results.csv. */
static void add_values(const evidence *e, const char *name, const char *column, text *out)
{
    text values = {0};
    for (int i = 0; i < e->results.rows; i++)
        if (is_first(&e->results, i, column) && evidence_text(&e->results, i, column)[0])
            text_printf(&values, "%s%s", values.length ? ", " : "", evidence_text(&e->results, i, column));
    if (values.length) add_line(name, values.data, out);
    out->failed |= values.failed;
    text_close(&values);
}

static err add_file(const evidence *e, const char *name, text *out)
{
    char path[PATH_BYTES], *bytes;
    size_t n;
    TRY(path_join(path, e->folder, "%s", name));
    if (!path_exists(path)) return OK;
    TRY(file_read(path, LIMIT, &bytes, &n));
    hash content = hash_bytes(bytes, n);
    free(bytes);
    html_row_begin(out);
    html_cell(out, name);
    html_wide_cell(out, content.hex);
    html_row_end(out);
    return OK;
}

static err add_hashes(const evidence *e, text *out)
{
    static const char *const heads[] = {"of", "value"};
    static const char *const files[] = {"settings.ini",       "results.csv",     "label_scores.csv",
                                        "gains.csv",          "label_gains.csv", "subgroup_scores.csv",
                                        "subgroup_gains.csv", "losses.csv",      "samples.csv"};
    html_table_begin(out, "hashes",
                     "Hashes (XXH3, 128 bits) of what went in and of the tables that came out, and versions.",
                     heads, 2, "ll");
    add_values(e, "data", "data_hash", out);
    add_values(e, "settings of the trials", "settings_hash", out);
    add_values(e, "code of the trials", "code_hash", out);
    add_values(e, "updates of a classifier", "steps", out);
    add_values(e, "threads of a process", "threads", out);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) TRY(add_file(e, files[i], out));
    text version = {0};
    text_printf(&version, "bench %s (code %s)", version_number, version_code);
    add_line("program that wrote this page", version.data ? version.data : "", out);
    out->failed |= version.failed;
    text_close(&version);
    html_table_end(out);
    return OK;
}

static void add_settings(const evidence *e, text *out)
{
    static const char *const heads[] = {"setting", "value"};
    text name = {0};
    if (e->settings.n == 0) return;
    text_printf(out, "<details>\n<summary>All settings</summary>\n");
    html_table_begin(out, "settings", "settings.ini", heads, 2, "ll");
    for (int i = 0; i < e->settings.n; i++) {
        const ini_entry *entry = &e->settings.entries[i];
        if (!entry->key) continue;
        name.length = 0;
        text_printf(&name, "%s.%s", entry->section, entry->key);
        add_line(name.data ? name.data : "", entry->value, out);
    }
    out->failed |= name.failed;
    text_close(&name);
    html_table_end(out);
    text_printf(out, "</details>\n");
}

err html_origin(const evidence *e, text *out)
{
    text_printf(out,
                "<section aria-labelledby=\"h-origin\">\n<h2 id=\"h-origin\">Where it comes from</h2>\n");
    if (e->settings.n > 0) {
        text_printf(
            out,
            "<p><code>settings.ini</code> of this run&#39;s folder is a whole experiment file. To run it "
            "again:</p>\n<pre><code>bench run settings.ini --out results/");
        markup_text(out, e->experiment);
        text_printf(out, "\nbench report results/");
        markup_text(out, e->experiment);
        text_printf(out, " --out report.html</code></pre>\n");
    }
    TRY(add_hashes(e, out));
    add_settings(e, out);
    text_printf(out, "</section>\n");
    return OK;
}
