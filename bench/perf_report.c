/* What was measured, for people and for programs. */
#include "bench/columns.h"
#include "bench/perf.h"

static void number_or_dash(columns *t, double value, int decimals, const char *unit)
{
    if (value > 0)
        columns_cell(t, "%.*f%s", decimals, value, unit);
    else
        columns_cell(t, "-");
}

static double megabytes(size_t bytes)
{
    return (double)bytes / (1 << 20);
}

enum { COLUMNS = 13 };

static void add_row(columns *t, const perf_row *r)
{
    const measurement *m = &r->m;
    columns_cell(t, "%s", r->w->name);
    if (!r->available) {
        columns_cell(t, "not available");
        for (int i = 2; i < COLUMNS; i++) columns_cell(t, "-");
        return;
    }
    double rate = m->flops / m->median_s;
    columns_cell(t, "%.2f", 1e3 * m->median_s);
    columns_cell(t, "%.2f-%.2f", 1e3 * m->least_s, 1e3 * m->most_s);
    number_or_dash(t, m->samples / m->median_s, 0, "");
    number_or_dash(t, 1e-9 * m->flops, 2, "");
    number_or_dash(t, 1e-9 * rate, 1, "");
    number_or_dash(t, 1e-9 * r->peak_rate, 1, "");
    number_or_dash(t, r->peak_rate > 0 ? 100 * rate / r->peak_rate : 0, 0, "%");
    number_or_dash(t, 1e3 * r->bare_s, 2, "");
    number_or_dash(t, 100 * r->bare_s / m->median_s, 0, "%");
    number_or_dash(t, megabytes(r->peak_bytes - r->idle_bytes), 0, "");
    number_or_dash(t, megabytes(r->peak_bytes), 0, "");
    number_or_dash(t, 1e9 * r->round_trip_s, 0, "");
}

static void add_notes(const perf_row *r, text *out)
{
    if (!r->available) text_printf(out, "%s: %s\n", r->w->name, r->reason);
    if (100 * r->others >= PERF_BUSY_PERCENT)
        text_printf(out, "%s: others took %.0f%% of the machine meanwhile, so it can do better\n", r->w->name,
                    100 * r->others);
}

err perf_table(const perf_row *rows, int n, text *out)
{
    static const char *const head[COLUMNS + 1] = {
        "workload", "ms/step", "range",     "samples/s", "GFLOP/step", "GFLOP/s",      "peak",
        "share",    "bare ms", "bare/step", "MiB",       "MiB in all", "core-core ns", NULL};
    columns t;
    columns_open(&t, "lrrrrrrrrrrrr");
    columns_header(&t, head);
    for (int i = 0; i < n; i++) add_row(&t, &rows[i]);
    err error = columns_format(&t, out);
    columns_close(&t);
    for (int i = 0; i < n; i++) add_notes(&rows[i], out);
    return error;
}

void perf_profile(const perf_row *row, text *out)
{
    const measurement *m = &row->m;
    double operators = 0;
    for (int op = 0; op < OP_COUNT; op++) operators += m->times[op].forward_s + m->times[op].backward_s;
    if (operators <= 0) return;
    text_printf(out, "\n%s, ms per step by operator (forward, backward, share of the mean step)\n",
                row->w->name);
    for (int op = 0; op < OP_COUNT; op++) {
        double forward = m->times[op].forward_s / m->steps, backward = m->times[op].backward_s / m->steps;
        if (forward + backward <= 0) continue;
        text_printf(out, "  %-24s %8.2f %8.2f %6.1f%%\n", nn_op_name(op), 1e3 * forward, 1e3 * backward,
                    100 * (forward + backward) / m->mean_s);
    }
    double rest = m->mean_s - operators / m->steps;
    text_printf(out, "  %-24s %17.2f %6.1f%%\n", "outside operators", 1e3 * rest, 100 * rest / m->mean_s);
}

void perf_csv(const perf_row *rows, int n, const perf_setting *s, text *out)
{
    text_printf(out, "workload,device,precision,status,median_ms,mean_ms,least_ms,most_ms,steps,samples,"
                     "gflop,gflop_per_s,peak_gflop_per_s,bare_ms,parameters,arena_bytes,idle_bytes,"
                     "peak_bytes,others_share,core_core_ns\n");
    for (int i = 0; i < n; i++) {
        const perf_row *r = &rows[i];
        const measurement *m = &r->m;
        text_printf(out, "%s,%s,%s,%s,", r->w->name, s->device_name, s->precision_name,
                    r->available ? "measured" : "not available");
        text_printf(out, "%.6g,%.6g,%.6g,%.6g,%d,%d,", 1e3 * m->median_s, 1e3 * m->mean_s, 1e3 * m->least_s,
                    1e3 * m->most_s, m->steps, m->samples);
        text_printf(out, "%.6g,%.6g,%.6g,%.6g,", 1e-9 * m->flops,
                    r->available ? 1e-9 * m->flops / m->median_s : 0, 1e-9 * r->peak_rate, 1e3 * r->bare_s);
        text_printf(out, "%zu,%zu,%zu,%zu,%.3f,%.1f\n", m->parameters, m->arena_bytes, r->idle_bytes,
                    r->peak_bytes, r->available ? r->others : 0, 1e9 * r->round_trip_s);
    }
}
