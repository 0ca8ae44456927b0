/* Sets that are marked private: who can read what comes of them, and what is never shown. */
#define _GNU_SOURCE /* nftw */
#include "data/dataset.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

/* A set of 60 studies, marked private: it was imported so. Others may read what its folder's neighbours hold.
 */
static void setup(void)
{
    dataset *set;
    make_folder(folder);
    (void)umask(022);
    cr_assert_eq(dataset_open("phantom:covid", 32, 60, 3, &set), OK, "%s", err_message());
    cr_assert_eq(path_join(path, folder, "phantom"), OK);
    cr_assert_eq(dataset_save(set, path), OK, "%s", err_message());
    dataset_close(set);
    outcome o = run_line(folder, "data export phantom --out studies --quiet");
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    o = run_line(folder, "data import manifest studies --out set --size 32 --private --quiet");
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(privacy, .init = setup, .fini = teardown);

static int entries, readable;

static int look(const char *name, const struct stat *status, int kind, struct FTW *walk)
{
    (void)kind;
    (void)walk;
    entries++;
    if (status->st_mode & 077) {
        if (readable++ == 0) (void)fprintf(stderr, "%s: %o\n", name, status->st_mode & 0777U);
    }
    return 0;
}

/* Whether there are at least `least` files and folders below folder/name, and only their owner may read them.
 */
static bool is_closed(const char *name, int least)
{
    entries = readable = 0;
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(nftw(path, look, 16, FTW_PHYS), 0, "%s", path);
    return entries >= least && readable == 0;
}

static bool is_there(const char *name)
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path_exists(path);
}

static void expect(const char *line, int status, const char *says)
{
    outcome o = run_line(folder, line);
    cr_expect_eq(o.status, status, "%s: %d %s", line, o.status, o.err);
    cr_expect_not_null(strstr(status ? o.err : o.out, says), "%s: %s%s", line, o.out, o.err);
    outcome_close(&o);
}

Test(privacy, a_private_set_and_what_is_made_of_it_are_closed_and_marked)
{
    cr_expect(is_closed("set", 6) && is_there("set/private"));
    cr_expect_not(is_closed("studies", 1), "the test can fail");
    expect("data split set --validation 0 --test 0.4", 0, "images train");
    cr_expect(is_closed("set", 6), "samples.csv was written anew");
    expect("data dedup set --agreement 0.99 --out fewer --quiet", 0, "fewer: ");
    cr_expect(is_closed("fewer", 6) && is_there("fewer/private"));
    expect("data import manifest studies --out open --size 32 --quiet", 0, "open: ");
    cr_expect_not(is_there("open/private"));
}

Test(privacy, images_and_reports_leave_a_private_set_only_when_asked)
{
    static const char says[] = "--include-private shows";
    expect("data info set --sheet sheet.png", 64, says);
    expect("data dedup set --agreement 0.99 --sheet sheet.png", 64, says);
    expect("data dedup phantom --against set --agreement 0.99 --sheet sheet.png", 64, says);
    expect("data export set --out out", 64, says);
    expect("synth none.safetensors --reports-of packed:set --out out --sheet sheet.svg", 64, says);
    cr_expect_not(is_there("sheet.png") || is_there("sheet.svg") || is_there("out"));
    expect("data info set", 0, "COVID-19");
    expect("data info set --sheet sheet.png --include-private", 0, "sheet.png");
    cr_expect(is_closed("sheet.png", 1));
    expect("data export set --out out --include-private --quiet", 0, "out: 60 images");
    cr_expect(is_closed("out", 60) && is_there("out/private"));
    expect("data import manifest out --out again --size 32 --quiet", 0, "again: ");
    cr_expect(is_closed("again", 6) && is_there("again/private"), "a marked folder makes a marked set");
}

Test(privacy, a_run_on_a_private_set_keeps_all_to_its_owner_and_draws_no_sheet)
{
    static const char run[] = "run tiny.ini --out results --quiet";
    write_text(folder, "tiny.ini",
               "[experiment]\nname = tiny\nseeds = 0\nshots = 3\narms = real, emixer\n"
               "[data]\nsource = packed:set\nsize = 32\nothers = 6\n"
               "[emixer]\nwidth = 1\nlatent = 4\nbatch = 4\nsteps = 2\n[synthetic]\nper_class = 4\n"
               "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 4\n[run]\nthreads = 1\n",
               path);
    expect(run, 0, "balanced_accuracy");
    cr_expect(is_closed("results", 20));
    cr_expect(is_there("results/private") && is_there("results/results.csv"));
    cr_expect_not(is_there("results/samples.png"));
    expect("run tiny.ini --out results --quiet --include-private", 0, "samples.png");
    cr_expect(is_there("results/samples.png") && is_closed("results", 20));
    expect(run, 0, "balanced_accuracy");
    cr_expect_not(is_there("results/samples.png"), "what an earlier run drew is gone");
}

/* The data themselves are the phantom's. */
Test(privacy, a_run_whose_arm_has_a_private_set_is_closed_too)
{
    write_text(folder, "tiny.ini",
               "[experiment]\nname = tiny\nseeds = 0\nshots = 3\narms = real, real+packed:set\n"
               "[data]\ncount = 60\nsize = 32\nothers = 6\n"
               "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 4\n"
               "[run]\nthreads = 1\nallow = generator_split\n",
               path);
    expect("run tiny.ini --out results --quiet", 0, "balanced_accuracy");
    cr_expect(is_closed("results", 10) && is_there("results/private"));
    cr_expect_not(is_there("results/samples.png"));
}
