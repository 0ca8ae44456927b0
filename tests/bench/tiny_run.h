/* A tiny study in a folder of its own, for tests of whole runs. */
#ifndef TESTS_BENCH_TINY_RUN_H
#define TESTS_BENCH_TINY_RUN_H

#include "helpers.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static const char tiny[] = "[experiment]\nname = tiny\nseeds = 0, 1\nshots = 3\nratios = 0.5\n"
                           "arms = real, real+classic, real+emixer, emixer\n"
                           "[data]\nsize = 32\ncount = 60\nothers = 6\n"
                           "[emixer]\nwidth = 1\nlatent = 4\nbatch = 4\nsteps = 12\nema_decay = 0.5\n"
                           "[synthetic]\nper_class = 5\n"
                           "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 8\n"
                           "[run]\nthreads = 1\ncheckpoint_seconds = 0\n";

static inline void setup(void)
{
    make_folder(folder);
    write_text(folder, "tiny.ini", tiny, path);
}

static inline void teardown(void)
{
    forget_folder(folder);
}

static inline outcome run_tiny(const char *out, const char *assignment)
{
    const char *arguments[] = {"run",      "tiny.ini", "--out", out, assignment ? "--set" : NULL,
                               assignment, NULL};
    return run_bench(folder, arguments);
}

static inline void run_well(const char *out, const char *assignment)
{
    outcome o = run_tiny(out, assignment);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
}

#endif
