/* `bench plan`: what `bench run` would do. */
#include "bench/commands.h"

#include "bench/columns.h"
#include "bench/run.h"
#include "bench/status_line.h"
#include "bench/store.h"
#include "nn/cpu/peak.h"

#include <stdio.h>
#include <string.h>

/* Of the artifacts of one kind: how many, and what they cost; `seconds` is what those that are there took. */
typedef struct tally {
    int n, cached;
    double cost, cost_cached, seconds;
} tally;

typedef struct estimate {
    tally of[KIND_COUNT];
    double rate; /* cost per second where no artifact of a kind is there */
} estimate;

static err print_help(void)
{
    (void)printf(
        "usage: bench plan FILE.ini [--list] [as for bench run]\n\n"
        "Prints what `bench run` with the same arguments would do: how many artifacts of each kind, how "
        "many\n"
        "of them are there already, what the others cost in 10^9 floating-point operations (of convolutions\n"
        "at full speed: work that runs slower counts as more than it has), and how long that takes. The "
        "time\n"
        "is that of the artifacts of the same kind that are there, or of all that are there; without any it\n"
        "comes from the speed of convolutions on this machine, which is measured for a second. Computes "
        "nothing.\n\n"
        "  --list  also a line for each artifact, in the order in which they are made\n");
    return OK;
}

static bool take_list(int *argc, char **argv)
{
    int kept = 0;
    bool found = false;
    for (int i = 0; i < *argc; i++) {
        bool is_list = strcmp(argv[i], "--list") == 0;
        found = found || is_list;
        if (!is_list) argv[kept++] = argv[i];
    }
    *argc = kept;
    return found;
}

static err count(const plan *p, const store *s, bool stored, estimate *out)
{
    for (int i = 0; i < p->n; i++) {
        const artifact *a = &p->items[i];
        const char *kind = artifact_kind_names[a->kind];
        tally *t = &out->of[a->kind];
        manifest m;
        t->n++;
        t->cost += a->cost;
        if (!stored || !store_has(s, kind, &a->key)) continue;
        t->cached++;
        if (store_manifest(s, kind, &a->key, &m) != OK) continue; /* damaged: it will be made again */
        t->cost_cached += a->cost;
        t->seconds += m.seconds;
    }
    return OK;
}

static double seconds_of(const estimate *e, artifact_kind kind, double cost)
{
    const tally *t = &e->of[kind];
    double rate = t->cost_cached > 0 && t->seconds > 0 ? t->cost_cached / t->seconds : e->rate;
    return rate > 0 ? cost / rate : 0;
}

/* From all that is there, or else by a measurement. */
static err find_rate(estimate *e)
{
    double cost = 0, seconds = 0;
    for (int k = 0; k < KIND_COUNT; k++) {
        cost += e->of[k].cost_cached;
        seconds += e->of[k].seconds;
    }
    if (seconds > 0) {
        e->rate = cost / seconds;
        return OK;
    }
    TRY(cpu_convolution_rate(NN_FP32, &e->rate));
    e->rate *= 1e9;
    return OK;
}

static void time_cell(columns *t, double seconds)
{
    text duration = {0};
    duration_text(seconds, &duration);
    columns_cell(t, "%s", duration.data ? duration.data : "");
    text_close(&duration);
}

static void tally_row(columns *t, const char *name, int n, int cached, double cost, double seconds)
{
    columns_cell(t, "%s", name);
    columns_cell(t, "%d", n);
    columns_cell(t, "%d", cached);
    columns_cell(t, "%.1f", 1e-9 * cost);
    time_cell(t, seconds);
}

static err summarise(const estimate *e, int jobs, text *out)
{
    static const char *const names[] = {"kind", "artifacts", "there", "GFLOP left", "time left", NULL};
    int n = 0, cached = 0;
    double cost = 0, seconds = 0;
    columns t;
    columns_open(&t, "lrrrr");
    columns_header(&t, names);
    for (int k = 0; k < KIND_COUNT; k++) {
        const tally *of = &e->of[k];
        double left = of->n > of->cached ? of->cost - of->cost_cached : 0,
               time = seconds_of(e, (artifact_kind)k, left);
        if (of->n == 0) continue;
        tally_row(&t, artifact_kind_names[k], of->n, of->cached, left, time);
        n += of->n;
        cached += of->cached;
        cost += left;
        seconds += time;
    }
    tally_row(&t, "in all", n, cached, cost, seconds / jobs);
    err error = columns_format(&t, out);
    columns_close(&t);
    if (jobs > 1)
        text_printf(out, "\nin all: with %d jobs, if they are never waiting for each other\n", jobs);
    return error;
}

static err list(const plan *p, const store *s, bool stored, const estimate *e, text *out)
{
    static const char *const names[] = {"kind", "artifact", "there", "GFLOP", "time", NULL};
    columns t;
    columns_open(&t, "lllrr");
    columns_header(&t, names);
    for (int i = 0; i < p->n; i++) {
        const artifact *a = &p->items[i];
        const char *kind = artifact_kind_names[a->kind];
        columns_cell(&t, "%s", kind);
        columns_cell(&t, "%s", a->label);
        columns_cell(&t, "%s", stored && store_has(s, kind, &a->key) ? "yes" : "-");
        columns_cell(&t, "%.2f", 1e-9 * a->cost);
        time_cell(&t, seconds_of(e, a->kind, a->cost));
    }
    err error = columns_format(&t, out);
    text_printf(out, "\n");
    columns_close(&t);
    return error;
}

static err print_plan(const study *experiment, const plan *p, bool listed)
{
    char folder[PATH_BYTES], artifacts[PATH_BYTES];
    store s = {.locks = -1};
    estimate e = {0};
    text t = {0};
    TRY(run_folder(&experiment->s, folder));
    TRY(path_join(artifacts, folder, "artifacts"));
    bool stored = path_exists(artifacts); /* looking makes no folder */
    if (stored) TRY(store_open(folder, &s));
    err error = count(p, &s, stored, &e);
    if (error == OK) error = find_rate(&e);
    if (error == OK && listed) error = list(p, &s, stored, &e, &t);
    if (error == OK) error = summarise(&e, experiment->s.jobs, &t);
    if (error == OK) error = text_print(&t);
    text_close(&t);
    store_close(&s);
    return error;
}

err plan_main(int argc, char **argv)
{
    static settings s; /* large, and one a process */
    static study experiment;
    bool help, listed = take_list(&argc, argv);
    plan p = {0};
    TRY(run_arguments("plan", argc, argv, &s, &help));
    if (help) return print_help();
    TRY(study_open(&s, &experiment));
    err error = run_plan_open(&experiment, &p);
    if (error == OK) error = print_plan(&experiment, &p, listed);
    plan_close(&p);
    return error;
}
