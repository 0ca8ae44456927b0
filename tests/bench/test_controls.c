/* Runs with the arms that are controls. */
#include "helpers.h"

#include "data/dataset.h"
#include "data/images.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static const char tiny[] = "[experiment]\nname = tiny\nseeds = 0\nshots = 3\nratios = 0.5\narms = real\n"
                           "[data]\nsize = 32\ncount = 60\nothers = 6\n"
                           "[emixer]\nwidth = 1\nlatent = 4\nbatch = 4\nsteps = 12\nema_decay = 0.5\n"
                           "[synthetic]\nper_class = 5\n"
                           "[controls]\nfilter_confidence = 0\n"
                           "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 8\n"
                           "[run]\nthreads = 1\ncheckpoint_seconds = 0\nquiet = yes\n";

static void setup(void)
{
    make_folder(folder);
    write_text(folder, "tiny.ini", tiny, path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(controls, .init = setup, .fini = teardown);

static outcome run_arms(const char *out, const char *arms)
{
    const char *arguments[] = {"run", "tiny.ini", "--out", out, "--set", arms, NULL};
    return run_bench(folder, arguments);
}

/* Whether results.csv of OUT has a finished trial of the arm. */
static bool finished(const char *out, const char *arm, const char *ratio)
{
    char name[64], row[256];
    (void)snprintf(name, sizeof name, "%s/results.csv", out);
    (void)snprintf(row, sizeof row, "\ntiny,%s,3,%s,0,done,", arm, ratio);
    char *results = read_text(folder, name);
    bool found = strstr(results, row) != NULL;
    if (!found) (void)fprintf(stderr, "%s is not in\n%s", row, results);
    free(results);
    return found;
}

Test(controls, every_arm_of_the_grammar_runs)
{
    static const char *const arms[] = {"real+duplicate", "real+shuffled", "real+pseudo", "real+oracle"};
    outcome o = run_arms("out", "experiment.arms=real,real+duplicate,real+shuffled,real+pseudo,real+oracle");
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    cr_expect(finished("out", "real", "0"));
    for (size_t i = 0; i < sizeof arms / sizeof arms[0]; i++) cr_expect(finished("out", arms[i], "0.5"));
}

/* Writes 40 images of another generator, of two of the three classes, as a folder of classes. */
static void make_others_images(const char *name)
{
    static const char *const classes[] = {"covid_19", "pneumonia"};
    dataset *set;
    cr_assert_eq(dataset_open("phantom:covid", 64, 40, 5, &set), OK, "%s", err_message());
    for (int i = 0; i < set->n; i++) {
        char class_folder[PATH_BYTES], file[PATH_BYTES];
        cr_assert_eq(path_join(class_folder, folder, "%s/%s", name, classes[i % 2]), OK);
        cr_assert_eq(folder_make(class_folder), OK);
        cr_assert_eq(path_join(file, class_folder, "%d.png", i), OK);
        cr_assert_eq(image_write_png(file, set->images + (size_t)i * 64 * 64, 64, 64), OK, "%s",
                     err_message());
    }
    dataset_close(set);
}

Test(controls, images_of_any_generator_are_an_arm)
{
    make_others_images("made/0");
    write_text(folder, "made/0/training.csv", "id\n", path); /* of other patients */
    outcome o = run_arms("out", "experiment.arms=real,real+folder:made/{seed},real+folder:made/0+filtered");
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    cr_expect(finished("out", "real+folder:made/{seed}", "0.5"));
    cr_expect(finished("out", "real+folder:made/0+filtered", "0.5"));
    o = run_arms("out", "experiment.arms=real,real+folder:elsewhere");
    cr_expect_eq(o.status, 66);
    cr_expect(strstr(o.err, "elsewhere"), "%s", o.err);
    outcome_close(&o);
    make_others_images("made/0/Measles");
    o = run_arms("out", "experiment.arms=real,real+folder:made/0");
    cr_expect_eq(o.status, 65, "%s", o.err);
    outcome_close(&o);
}

Test(controls, controls_of_several_labels_run)
{
    const char *arguments[] = {"run",   "tiny.ini",
                               "--out", "out",
                               "--set", "experiment.task=labels",
                               "--set", "data.source=phantom:chexpert",
                               "--set", "data.few_shot_class=",
                               "--set", "data.labelled=0.5",
                               "--set", "experiment.arms=real,real+duplicate,real+pseudo,real+oracle",
                               NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    char *results = read_text(folder, "out/results.csv");
    static const char *const arms[] = {"duplicate", "pseudo", "oracle"};
    for (size_t i = 0; i < 3; i++) {
        char row[64];
        (void)snprintf(row, sizeof row, ",real+%s,0,0.5,0,done,", arms[i]);
        cr_expect(strstr(results, row), "%s", results);
    }
    free(results);
}
