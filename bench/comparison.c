#include "bench/comparison.h"

#include "bench/columns.h"
#include "bench/xml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const check_verdict_names[CHECK_VERDICTS] = {"held", "better", "regressed", "cannot tell"};

/* ---- comparing */

/* Failed trials of an arm. */
static int count_failed(const results *r, const char *arm_name, int shots, double ratio)
{
    int n = 0;
    for (int i = 0; i < r->n; i++)
        n += !r->rows[i].done && r->rows[i].shots == shots && same_share(r->rows[i].ratio, ratio) &&
             strcmp(r->rows[i].arm, arm_name) == 0;
    return n;
}

#define REASON(row, ...) (void)snprintf((row)->reason, sizeof(row)->reason, __VA_ARGS__)

/* The verdict where values cannot be compared; CHECK_HELD where they can. */
static check_verdict find_obstacle(const study *experiment, const results *r, bool same_data, compared *row)
{
    const baseline_row *was = &row->was;
    int fewest = experiment->s.gate_seeds > was->seeds ? experiment->s.gate_seeds : was->seeds;
    int failed = count_failed(r, was->arm, was->shots, was->ratio);
    if (was->baseline[0]) failed += count_failed(r, was->baseline, was->shots, was->baseline_ratio);
    if (!same_data) {
        REASON(row, "the baseline is of other data");
    } else if (failed > 0) {
        REASON(row, "%d trial%s failed", failed, failed == 1 ? "" : "s");
        return CHECK_REGRESSED;
    } else if (isnan(row->now)) {
        REASON(row, "it is not in the results");
    } else if (row->seeds < fewest) {
        REASON(row, "%d seed%s, where %d are needed", row->seeds, row->seeds == 1 ? "" : "s", fewest);
    } else {
        return CHECK_HELD;
    }
    return CHECK_CANNOT_TELL;
}

static check_verdict judge(const study *experiment, const results *r, bool same_data, compared *row)
{
    check_verdict obstacle = find_obstacle(experiment, r, same_data, row);
    if (obstacle != CHECK_HELD) return obstacle;
    double better = score_infos[row->was.metric].higher_is_better ? row->change : -row->change;
    if (better > row->tolerance) return CHECK_BETTER;
    if (better >= -row->tolerance) return CHECK_HELD;
    REASON(row, "%.4f worse than the baseline, where %.4g is allowed", -better, row->tolerance);
    return CHECK_REGRESSED;
}

static compared compare(const study *experiment, const results *r, const baseline *now, bool same_data,
                        const baseline_row *was)
{
    const baseline_row *found = baseline_find(now, was);
    compared row = {.was = *was,
                    .now = found ? found->value : (double)NAN,
                    .tolerance = baseline_tolerance(experiment, was->metric),
                    .seeds = found ? found->seeds : 0};
    row.change = row.now - was->value;
    row.verdict = judge(experiment, r, same_data, &row);
    return row;
}

err comparison_open(const study *experiment, const results *r, const baseline *was, const baseline *now,
                    comparison *out)
{
    *out = (comparison){0};
    (void)snprintf(out->experiment, sizeof out->experiment, "%s", now->experiment);
    out->rows = calloc((size_t)was->n + 1, sizeof *out->rows);
    if (!out->rows) return err_set(ERR_SYSTEM, "out of memory for %d values", was->n);
    bool same_data = strcmp(was->data_hash, now->data_hash) == 0;
    for (int i = 0; i < was->n; i++) {
        if (baseline_tolerance(experiment, was->rows[i].metric) <= 0) continue;
        compared row = compare(experiment, r, now, same_data, &was->rows[i]);
        out->counts[row.verdict]++;
        out->rows[out->n++] = row;
    }
    for (int i = 0; i < now->n; i++) out->fresh += !baseline_find(was, &now->rows[i]);
    return OK;
}

void comparison_close(comparison *c)
{
    free(c->rows);
    *c = (comparison){0};
}

/* ---- printing */

static void number_cell(columns *t, const char *format, double value)
{
    char cell[32] = "-";
    if (!isnan(value)) (void)snprintf(cell, sizeof cell, format, value);
    columns_cell(t, "%s", cell);
}

static void add_line(const compared *row, columns *t)
{
    const baseline_row *was = &row->was;
    columns_cell(t, "%d", was->shots);
    columns_cell(t, "%s", was->arm);
    columns_cell(t, "%s", was->baseline[0] ? was->baseline : "-");
    columns_cell(t, "%.2g", was->ratio);
    columns_cell(t, "%s", score_infos[was->metric].name);
    number_cell(t, "%.4f", was->value);
    number_cell(t, "%.4f", row->now);
    number_cell(t, "%+.4f", row->change);
    columns_cell(t, "%.4g", row->tolerance);
    columns_cell(t, "%d", row->seeds);
    columns_cell(t, "%s", check_verdict_names[row->verdict]);
}

static bool has_moved(const compared *row)
{
    enum { DIGITS = 9 }; /* of the baseline */
    return row->verdict != CHECK_HELD || fabs(row->change) > 0.5 * pow(10, 1 - DIGITS);
}

/* A line a reason; neighbours that share one are counted. */
static void print_reasons(const comparison *c, text *out)
{
    char name[COMPARED_NAME_BYTES];
    for (int i = 0, same; i < c->n; i += same) {
        const compared *row = &c->rows[i];
        for (same = 1; i + same < c->n && strcmp(row->reason, row[same].reason) == 0;) same++;
        if (!row->reason[0]) continue;
        compared_name(row, name);
        if (same == 1)
            text_printf(out, "%s: %s of %s: %s\n", check_verdict_names[row->verdict],
                        score_infos[row->was.metric].name, name, row->reason);
        else
            text_printf(out, "%s: %d values: %s\n", check_verdict_names[row->verdict], same, row->reason);
    }
}

err comparison_print(const comparison *c, text *out)
{
    static const char *const names[] = {"shots", "arm",    "baseline",  "ratio", "score",   "was",
                                        "now",   "change", "tolerance", "seeds", "verdict", NULL};
    columns t;
    int moved = 0;
    columns_open(&t, "rllrlrrrrrl");
    columns_header(&t, names);
    for (int i = 0; i < c->n; i++) {
        if (!has_moved(&c->rows[i])) continue;
        add_line(&c->rows[i], &t);
        moved++;
    }
    text_printf(out, "%s: %d values beside the baseline; %s\n\n", c->experiment, c->n,
                moved ? "these moved (with a baseline arm: the gain over it)" : "none has moved");
    err error = moved ? columns_format(&t, out) : OK;
    columns_close(&t);
    if (moved) text_printf(out, "\n");
    for (int i = 0; i < CHECK_VERDICTS; i++)
        text_printf(out, "%s%d %s", i ? ", " : "", c->counts[i], check_verdict_names[i]);
    text_printf(out, "\n");
    print_reasons(c, out);
    if (c->fresh) text_printf(out, "%d values are not in the baseline; --update takes them up\n", c->fresh);
    return error == OK ? text_check(out) : error;
}

/* ---- JUnit */

void compared_name(const compared *row, char out[COMPARED_NAME_BYTES])
{
    const baseline_row *was = &row->was;
    (void)snprintf(out, COMPARED_NAME_BYTES, "%s%s%s, %d shots, ratio %.3g", was->arm,
                   was->baseline[0] ? " - " : "", was->baseline, was->shots, was->ratio);
}

static void add_attribute(text *out, const char *name, const char *value)
{
    text_printf(out, " %s=\"", name);
    xml_append(out, value, strlen(value));
    text_printf(out, "\"");
}

static void add_case(const comparison *c, const compared *row, text *out)
{
    char name[COMPARED_NAME_BYTES], class_name[256];
    compared_name(row, name);
    (void)snprintf(class_name, sizeof class_name, "%s.%s", c->experiment, score_infos[row->was.metric].name);
    text_printf(out, "    <testcase");
    add_attribute(out, "classname", class_name);
    add_attribute(out, "name", name);
    text_printf(out, " time=\"0\"");
    if (!row->reason[0]) {
        text_printf(out, "/>\n");
        return;
    }
    const char *element = row->verdict == CHECK_REGRESSED ? "failure" : "error";
    text_printf(out, ">\n      <%s", element);
    add_attribute(out, "type", check_verdict_names[row->verdict]);
    add_attribute(out, "message", row->reason);
    text_printf(out, ">was %.9g, is %.9g, tolerance %.9g, %d seeds</%s>\n    </testcase>\n", row->was.value,
                row->now, row->tolerance, row->seeds, element);
}

err comparison_junit(const comparison *c, text *out)
{
    text_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite");
    add_attribute(out, "name", c->experiment);
    text_printf(out, " tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"0\" time=\"0\">\n", c->n,
                c->counts[CHECK_REGRESSED], c->counts[CHECK_CANNOT_TELL]);
    for (int i = 0; i < c->n; i++) add_case(c, &c->rows[i], out);
    text_printf(out, "  </testsuite>\n</testsuites>\n");
    return text_check(out);
}
