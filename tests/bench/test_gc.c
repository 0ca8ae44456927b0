/* `bench plan`, `bench gc` and `bench run --limit` on a tiny study. */
#include "helpers.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static const char tiny[] = "[experiment]\nname = tiny\nseeds = 0, 1\nshots = 3\narms = real, real+classic\n"
                           "[data]\nsize = 16\ncount = 60\nothers = 6\n"
                           "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 2\n"
                           "[run]\nthreads = 1\nquiet = yes\nout = out\n";

static void setup(void)
{
    make_folder(folder);
    write_text(folder, "tiny.ini", tiny, path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(gc, .init = setup, .fini = teardown);

/* Runs with up to four more arguments, expects the status, and gives what it printed; free it. */
static char *run_well(const char *command, const char *file, const char *const *more, int status)
{
    const char *arguments[8] = {command, file};
    for (int i = 0, n = 2; more && more[i]; i++) arguments[n++] = more[i];
    outcome o = run_bench(folder, arguments);
    cr_expect_eq(o.status, status, "%d: %s", o.status, o.err);
    free(o.err);
    return o.out;
}

static void expect_printed(const char *command, const char *file, const char *const *more, const char *part)
{
    char *printed = run_well(command, file, more, 0);
    cr_expect(strstr(printed, part), "%s is not in\n%s", part, printed);
    free(printed);
}

static int count_artifacts(void)
{
    int n = 0;
    cr_assert_eq(path_join(path, folder, "out/artifacts"), OK);
    DIR *listing = opendir(path);
    cr_assert_not_null(listing);
    for (struct dirent *e = readdir(listing); e; e = readdir(listing)) n += strchr(e->d_name, '-') != NULL;
    (void)closedir(listing);
    return n;
}

Test(gc, the_plan_says_what_is_there_and_makes_nothing)
{
    static const char *const listed[] = {"--list", NULL};
    expect_printed("plan", "tiny.ini", NULL, "\nin all           8      0 ");
    cr_assert_eq(path_join(path, folder, "out"), OK);
    cr_expect(!path_exists(path));
    free(run_well("run", "tiny.ini", NULL, 0));
    expect_printed("plan", "tiny.ini", NULL, "\nin all           8      8         0.0       0:00\n");
    expect_printed("plan", "tiny.ini", listed, "trial    real+classic, 3 shots, seed 1  yes");
}

Test(gc, a_limited_run_makes_the_first_trials_and_the_whole_one_goes_on)
{
    static const char *const limit[] = {"--limit", "1", NULL};
    free(run_well("run", "tiny.ini", limit, 0));
    char *results = read_text(folder, "out/results.csv");
    cr_expect(strstr(results, "\ntiny,real,3,0,0,done,") && !strstr(results, "real+classic"), "%s", results);
    free(results);
    expect_printed("plan", "tiny.ini", NULL, "\nin all           8      4 ");
    free(run_well("run", "tiny.ini", NULL, 0));
    results = read_text(folder, "out/results.csv");
    cr_expect(strstr(results, "\ntiny,real+classic,3,0,1,done,"), "%s", results);
    free(results);
}

Test(gc, what_no_file_needs_goes_and_the_rest_stays)
{
    static const char *const dry[] = {"tiny.ini", "other.ini", "--dry-run", NULL};
    static const char *const both[] = {"tiny.ini", "other.ini", NULL}, *const one[] = {"other.ini", NULL};
    char other[1024];
    free(run_well("run", "tiny.ini", NULL, 0));
    (void)snprintf(other, sizeof other, "%s[preset:x]\nexperiment.seeds = 7\n", tiny);
    char *seeds = strstr(other, "0, 1");
    cr_assert_not_null(seeds);
    memcpy(seeds, "1   ", 4);
    write_text(folder, "other.ini", other, path);
    cr_expect_eq(count_artifacts(), 8);
    expect_printed("gc", "out", NULL, "0 artifacts removed, 0.0 MB; 8 kept\n"); /* by OUT/settings.ini */
    expect_printed("gc", "out", dry, "0 artifacts would be removed, 0.0 MB; 8 kept\n");
    expect_printed("gc", "out", both, "0 artifacts removed, 0.0 MB; 8 kept\n");
    static const char *const dry_one[] = {"other.ini", "--dry-run", NULL};
    expect_printed("gc", "out", dry_one, "3 artifacts would be removed");
    cr_expect_eq(count_artifacts(), 8);
    expect_printed("gc", "out", one, "3 artifacts removed"); /* two trials and the guard of seed 0 */
    cr_expect_eq(count_artifacts(), 5);
    expect_printed("plan", "other.ini", NULL, "\nin all           5      5 ");
    static const char *const preset[] = {"other.ini", "--preset", "x", NULL};
    expect_printed("gc", "out", preset, "3 artifacts removed");
    free(run_well("gc", "nowhere", NULL, 66));
}
