/* What a sweep costs beside its trainings. Trials are made up, so that thousands are there in a moment;
 * BOOKKEEPING_TRIALS=10000 in the environment prints what they cost (no times are asserted). */
#include "base/clock.h"
#include "base/file_writer.h"
#include "base/text.h"
#include "bench/plan.h"
#include "bench/run.h"
#include "bench/store.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Of seeds and shots. */
#define SWEEP                                                                                                \
    "[experiment]\nname = sweep\narms = real, real+classic\nseeds = %s\nshots = %s\n"                        \
    "[data]\nsize = 16\ncount = 300\n"                                                                       \
    "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 1\n"                                 \
    "[run]\nthreads = 1\nquiet = yes\nout = out\n"

static char folder[PATH_BYTES];

/* "1, 2, ..." */
static void list_numbers(int n, text *out)
{
    for (int i = 1; i <= n; i++) text_printf(out, "%s%d", i > 1 ? ", " : "", i);
}

static void write_sweep(int seeds, int shots, char path[PATH_BYTES])
{
    text s = {0}, t = {0}, all = {0};
    list_numbers(seeds, &s);
    list_numbers(shots, &t);
    text_printf(&all, SWEEP, s.data, t.data);
    write_text(folder, "sweep.ini", all.data, path);
    text_close(&s);
    text_close(&t);
    text_close(&all);
}

/* Copies the files of a finished artifact, but for its manifest, to another key. */
static void counterfeit(const store *s, const artifact *from, const artifact *to)
{
    const manifest m = {.seconds = 1};
    const char *kind = artifact_kind_names[from->kind];
    char source[PATH_BYTES], work[PATH_BYTES], target[PATH_BYTES];
    struct dirent **files;
    cr_assert_eq(store_path(s, kind, &from->key, NULL, source), OK);
    cr_assert_eq(store_begin(s, kind, &to->key, false, work), OK, "%s", err_message());
    int n = scandir(source, &files, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = files[i]->d_name;
        if (name[0] != '.' && strcmp(name, "manifest.ini") != 0) {
            char *bytes = read_text(source, name);
            write_text(work, name, bytes, target);
            free(bytes);
        }
        free(files[i]);
    }
    free(files);
    cr_assert_eq(store_finish(s, kind, &to->key, &m), OK, "%s", err_message());
}

/* Counterfeits what is missing of the first artifact of its kind. Returns how many. */
static int counterfeit_all(const store *s, const plan *p)
{
    const artifact *first[KIND_COUNT] = {NULL};
    int made = 0;
    for (int i = 0; i < p->n; i++) {
        const artifact *a = &p->items[i];
        if (!first[a->kind]) first[a->kind] = a;
        if (store_has(s, artifact_kind_names[a->kind], &a->key)) continue;
        cr_assert_neq(first[a->kind], a, "%s", a->label);
        counterfeit(s, first[a->kind], a);
        made++;
    }
    return made;
}

static int count_rows(const char *part)
{
    char *content = read_text(folder, "out/results.csv");
    int n = 0;
    for (const char *at = content; (at = strstr(at, part)); at++) n++;
    free(content);
    return n;
}

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

/* Processor time of children that have ended: what other programs do meanwhile is not in it. */
static double children_seconds(void)
{
    struct rusage used;
    cr_assert_eq(getrusage(RUSAGE_CHILDREN, &used), 0);
    return seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
}

static double own_seconds(void)
{
    struct rusage used;
    cr_assert_eq(getrusage(RUSAGE_SELF, &used), 0);
    return seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
}

static void run_well(const char *const *arguments, double *seconds)
{
    double start = children_seconds();
    outcome o = run_bench(folder, arguments);
    *seconds = children_seconds() - start;
    cr_assert_eq(o.status, 0, "%d: %s", o.status, o.err);
    outcome_close(&o);
}

Test(bookkeeping, a_finished_sweep_is_read_and_nothing_is_made_again)
{
    static const char *const first[] = {"run", "sweep.ini", "--limit", "1", NULL};
    static const char *const whole[] = {"run", "sweep.ini", NULL};
    static settings s;
    static study opened;
    enum { ARMS = 2, FEW = 100 };
    const char *wanted = getenv("BOOKKEEPING_TRIALS");
    int trials = wanted ? (int)strtol(wanted, NULL, 10) : FEW, seeds = trials / ARMS / 10 < 200 ? 10 : 200;
    char out[PATH_BYTES], path[PATH_BYTES];
    double tables, seconds;
    store artifacts;
    plan p;
    make_folder(folder);
    write_sweep(seeds, trials / ARMS / seeds, path);
    run_well(first, &seconds);
    settings_defaults(&s);
    cr_assert_eq(settings_load(&s, path, NULL, 0), OK, "%s", err_message());
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(run_plan_open(&opened, &p), OK, "%s", err_message());
    cr_assert_eq(path_join(out, folder, "out"), OK);
    cr_assert_eq(store_open(out, &artifacts), OK, "%s", err_message());
    double start = clock_seconds(), own = own_seconds();
    file_writers_wait(false); /* as for what takes a second */
    int made = counterfeit_all(&artifacts, &p);
    double making = clock_seconds() - start, own_making = own_seconds() - own;
    file_writers_wait(true);
    store_close(&artifacts);
    plan_close(&p);
    run_well(whole, &tables);
    cr_expect_eq(count_rows(",done,"), trials);
    cr_expect_eq(count_rows(",1.000,"), trials - 1, "all but the true one are counterfeits, none made again");
    double wall = clock_seconds();
    run_well(whole, &seconds);
    wall = clock_seconds() - wall;
    if (wanted)
        (void)fprintf(stderr,
                      "%d trials, in processor time, and (in brackets) as the clock has it:\n"
                      "  to keep an artifact: %.3f ms (%.3f)\n"
                      "  tables, gains and figure of the finished sweep: %.0f ms per 1,000 trials\n"
                      "  the same sweep once more, nothing to do: %.0f ms per 1,000 trials (%.0f)\n",
                      trials, 1e3 * own_making / made, 1e3 * making / made, 1e6 * tables / trials,
                      1e6 * seconds / trials, 1e6 * wall / trials);
    forget_folder(folder);
}
