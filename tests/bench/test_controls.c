/* Runs with the arms that are controls. */
#include "bench/plan.h"
#include "helpers.h"

#include "data/dataset.h"
#include "data/images.h"

#include <criterion/criterion.h>
#include <dirent.h>
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
static bool finished(const char *out, const char *name_of_arm, const char *ratio)
{
    char name[64], row[256];
    (void)snprintf(name, sizeof name, "%s/results.csv", out);
    (void)snprintf(row, sizeof row, "\ntiny,%s,3,%s,0,done,", name_of_arm, ratio);
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

/* Flips a byte of a file of each artifact of OUT: the manifest, or the first other one. */
static int damage_all(const char *out, bool the_manifest, unsigned *kinds)
{
    int damaged = 0;
    struct dirent **artifacts, **files;
    cr_assert_eq(path_join(path, folder, "%s/artifacts", out), OK);
    int n = scandir(path, &artifacts, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char artifact_folder[PATH_BYTES], target[PATH_BYTES] = "";
        const char *name = artifacts[i]->d_name;
        cr_assert_eq(path_join(artifact_folder, path, "%s", name), OK);
        int m = strchr(name, '-') ? scandir(artifact_folder, &files, NULL, alphasort) : 0;
        for (int j = 0; j < m; j++) {
            bool is_manifest = strcmp(files[j]->d_name, "manifest.ini") == 0;
            if (files[j]->d_name[0] != '.' && is_manifest == the_manifest && !target[0])
                cr_assert_eq(path_join(target, artifact_folder, "%s", files[j]->d_name), OK);
            free(files[j]);
        }
        if (m > 0) free(files);
        for (unsigned k = 0; k < KIND_COUNT; k++)
            if (strncmp(name, artifact_kind_names[k], strlen(artifact_kind_names[k])) == 0) *kinds |= 1U << k;
        free(artifacts[i]);
        if (!target[0]) continue;
        flip_bit(target);
        damaged++;
    }
    free(artifacts);
    return damaged;
}

/* Every score of results.csv, which is all that stands before the images. */
static void expect_scores(const char *wanted, const char *found)
{
    for (const char *w = wanted, *f = found; *w; w += strcspn(w, "\n") + 1, f += strcspn(f, "\n") + 1) {
        const char *end = strstr(w, ",COVID-19:");
        size_t length = end && end < w + strcspn(w, "\n") ? (size_t)(end - w) : strcspn(w, "\n");
        cr_expect(strncmp(w, f, length) == 0, "%s", f);
    }
}

Test(controls, a_byte_that_changed_in_any_artifact_is_told_and_the_artifact_made_again)
{
    static const char arms[] = "experiment.arms=real,real+emixer,real+pseudo";
    unsigned kinds = 0;
    outcome o = run_arms("out", arms);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    char *wanted = read_text(folder, "out/results.csv");
    for (int pass = 0; pass < 2; pass++) {
        int damaged = damage_all("out", pass == 1, &kinds), told = 0;
        o = run_arms("out", arms);
        cr_expect_eq(o.status, 0, "%s", o.err);
        for (const char *at = o.err; (at = strstr(at, "bench: damaged: ")); at++) told++;
        cr_expect_eq(told, damaged, "%d of %d: %s", told, damaged, o.err);
        outcome_close(&o);
        char *found = read_text(folder, "out/results.csv");
        expect_scores(wanted, found);
        free(found);
    }
    cr_expect_eq(kinds, (1U << KIND_COUNT) - 1, "an artifact of each kind was damaged");
    free(wanted);
}
