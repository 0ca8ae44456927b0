/* Tiny generators trained in a folder of their own, for tests of the commands that make and use one. */
#ifndef TESTS_BENCH_TINY_MODEL_H
#define TESTS_BENCH_TINY_MODEL_H

#include "helpers.h"

#include <criterion/criterion.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static const char tiny[] = "[experiment]\nname = tiny\nseeds = 4, 5\nshots = 3, 2\n"
                           "[data]\nsize = 32\ncount = 60\nothers = 6\nminimum_count = 1\n"
                           "[emixer]\nwidth = 1\nlatent = 4\nbatch = 4\nsteps = 24\nema_decay = 0.5\n"
                           "sentences = 3\nwords = 8\nembedding = 8\n"
                           "[run]\nthreads = 1\ncheckpoint_seconds = 0\n"
                           "[preset:paired]\nemixer.pairs = 2\n"
                           "[preset:judged]\nemixer.choose_every = 8\ndownstream.growth = 2\n"
                           "downstream.layers_per_block = 1\ndownstream.steps = 4\n"
                           "[preset:many]\nexperiment.shots = 1\ndata.source = "
                           "phantom:chexpert\ndata.few_shot_class =\ndata.labelled = 0.5\n";

static inline void setup(void)
{
    make_folder(folder);
    write_text(folder, "tiny.ini", tiny, path);
}

static inline void teardown(void)
{
    forget_folder(folder);
}

static inline outcome expect_ok(const char *const *arguments)
{
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    return o;
}

static inline void must_run(const char *const *arguments)
{
    outcome o = expect_ok(arguments);
    outcome_close(&o);
}

/* Trains OUT, with a preset (or NULL) and up to two assignments. */
static inline void train(const char *out, const char *preset, const char *first, const char *second)
{
    const char *arguments[12] = {"train", "tiny.ini", "--out", out};
    int n = 4;
    if (preset) arguments[n++] = "--preset";
    if (preset) arguments[n++] = preset;
    if (first) arguments[n++] = "--set";
    if (first) arguments[n++] = first;
    if (second) arguments[n++] = "--set";
    if (second) arguments[n++] = second;
    must_run(arguments);
}

static inline bool is_there(const char *name)
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path_exists(path);
}

#endif
