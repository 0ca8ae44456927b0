/* Guards, each against a planted violation, and silent where there is none. */
#include "bench/guards.h"
#include "data/dataset.h"
#include "data/set_writer.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 32, PIXELS = SIZE * SIZE, COUNT = 120 };
enum { BROKEN = 81 };

static char folder[PATH_BYTES], path[PATH_BYTES];

static const char tiny[] = "[experiment]\nname = tiny\nseeds = 0\nshots = 3\nratios = 0.5\narms = real\n"
                           "[data]\nsource = packed:set\nsize = 32\nothers = 6\n"
                           "[emixer]\nwidth = 1\nlatent = 4\nbatch = 4\nsteps = 12\nema_decay = 0.5\n"
                           "[synthetic]\nper_class = 5\n"
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

TestSuite(guards, .init = setup, .fini = teardown);

/* ---- sets ---- */

/* What is wrong with a set: sample `bad` shows the patient, or (in other brightness, with noise) the image,
 * of sample `like`; -1: nothing. */
typedef struct flaw {
    int bad, like;
    bool patient, image;
} flaw;

static bool is_test(const dataset *set, int i)
{
    return strtol(set->samples[i].patient + 1, NULL, 10) % 3 == 0;
}

static dataset *phantom(uint64_t seed)
{
    dataset *set;
    cr_assert_eq(dataset_open("phantom:covid", SIZE, COUNT, seed, &set), OK, "%s", err_message());
    return set;
}

static void other_brightness(const uint8_t *from, uint8_t *to)
{
    for (int p = 0; p < PIXELS; p++) to[p] = (uint8_t)(20 + from[p] * 4 / 5 + p * 7 % 5);
}

/* Writes samples of a set (every one, or those on one side), with a publisher's split or without. */
static void write_set(const char *name, const dataset *set, bool published, const flaw *f)
{
    set_writer *w;
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(set_writer_open(path, SIZE, set->label_names, set->n_labels, &w), OK, "%s", err_message());
    for (int i = 0; i < set->n; i++) {
        uint8_t changed[PIXELS];
        const uint8_t *image = set->images + (size_t)i * PIXELS;
        sample_info row = set->samples[i];
        row.split = !published ? "" : is_test(set, i) ? "test" : "train";
        if (f && i == f->bad && f->patient) row.patient = set->samples[f->like].patient;
        if (f && i == f->bad && f->image) {
            other_brightness(set->images + (size_t)f->like * PIXELS, changed);
            image = changed;
        }
        cr_assert_eq(set_writer_add(w, &row, set->labels + (size_t)i * (size_t)set->n_labels, image), OK);
    }
    cr_assert_eq(set_writer_finish(w), OK, "%s", err_message());
    set_writer_close(w);
}

/* The first sample on a side. */
static int first_of(const dataset *set, bool test)
{
    for (int i = 0; i < set->n; i++)
        if (is_test(set, i) == test) return i;
    cr_assert_fail("no sample");
    return -1;
}

/* ---- runs ---- */

static outcome run_with(const char *out, const char *const *more)
{
    const char *arguments[32] = {"run", "tiny.ini", "--out", out};
    int n = 4;
    for (int i = 0; more && more[i]; i++) arguments[n++] = more[i];
    return run_bench(folder, arguments);
}

static void expect_run(const char *out, const char *const *more, int status, const char *says)
{
    outcome o = run_with(out, more);
    cr_expect_eq(o.status, status, "%d: %s", o.status, o.err);
    if (says) cr_expect(strstr(o.err, says), "%s", o.err);
    outcome_close(&o);
}

static bool file_has(const char *name, const char *part)
{
    char *content = read_text(folder, name);
    bool found = strstr(content, part) != NULL;
    if (!found) (void)fprintf(stderr, "%s is not in %s:\n%s", part, name, content);
    free(content);
    return found;
}

static bool exists(const char *name)
{
    char file[PATH_BYTES];
    cr_assert_eq(path_join(file, folder, "%s", name), OK);
    return path_exists(file);
}

/* ---- tests ---- */

Test(guards, names_are_written_and_read)
{
    char names[GUARD_NAMES_BYTES];
    for (unsigned guards = 0; guards < 1U << GUARD_COUNT; guards++) {
        guard_names(guards, names);
        cr_expect_eq(guards_named(names), guards, "%s", names);
    }
    guard_names(1U << GUARD_copies | 1U << GUARD_patients, names);
    cr_expect_str_eq(names, "patients|copies");
    cr_expect_eq(guards_named("zebras|copies"), 1U << GUARD_copies);
}

Test(guards, clean_data_break_none)
{
    dataset *set = phantom(1);
    write_set("set", set, true, NULL);
    expect_run("out", NULL, 0, NULL);
    for (int i = 0; i < GUARD_COUNT; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "out/guards/%s.csv", guard_infos[i].name);
        cr_expect(!exists(name), "%s", name);
    }
    cr_expect(file_has("out/results.csv", ",allowed,message\n"));
    dataset_close(set);
}

Test(guards, a_patient_on_both_sides)
{
    static const char *const allow[] = {"--allow", "copies", "--allow", "patients", NULL};
    dataset *set = phantom(1);
    flaw f = {.bad = first_of(set, true), .like = first_of(set, false), .patient = true};
    char line[512];
    write_set("set", set, true, &f);
    expect_run("out", NULL, BROKEN, "bench: guard patients: split of seed 0: ");
    cr_expect(!exists("out/results.csv"));
    (void)snprintf(line, sizeof line, "\nsplit of seed 0,%s,%s,%s,%s,%s\n",
                   set->samples[f.bad < f.like ? f.bad : f.like].id, f.bad < f.like ? "test" : "train",
                   set->samples[f.bad < f.like ? f.like : f.bad].id, f.bad < f.like ? "train" : "test",
                   set->samples[f.like].patient);
    cr_expect(file_has("out/guards/patients.csv", line));
    expect_run("out", allow, 0, NULL);
    cr_expect(file_has("out/results.csv", ",patients,\n"));
    expect_run("out", NULL, BROKEN, "guard patients"); /* what is cached is no better */
    dataset_close(set);
}

Test(guards, an_image_on_both_sides_in_another_brightness)
{
    static const char *const allow[] = {"--allow", "near_duplicates", "--set",
                                        "experiment.arms=real,real+duplicate", NULL};
    dataset *set = phantom(1);
    flaw f = {.bad = first_of(set, true), .like = first_of(set, false), .image = true};
    write_set("set", set, true, &f);
    expect_run("out", NULL, BROKEN, "guard near_duplicates: split of seed 0: images on both sides are alike");
    cr_expect(file_has("out/guards/near_duplicates.csv", set->samples[f.bad].id));
    cr_expect(file_has("out/guards/near_duplicates.csv", set->samples[f.like].id));
    expect_run("out", allow, 0, NULL);
    cr_expect(file_has("out/gains.csv", ",near_duplicates\n"));
    dataset_close(set);
}

/* The weights of the only kept classifier of OUT, as an assignment. */
static void find_weights(const char *out, char assignment[PATH_BYTES + 64])
{
    cr_assert_eq(path_join(path, folder, "%s/artifacts", out), OK);
    DIR *listing = opendir(path);
    for (struct dirent *e = readdir(listing); e; e = readdir(listing))
        if (strncmp(e->d_name, "trial-", 6) == 0)
            (void)snprintf(assignment, PATH_BYTES + 64,
                           "downstream.weights=%s/artifacts/%.60s/classifier.safetensors", out, e->d_name);
    (void)closedir(listing);
}

Test(guards, weights_that_have_seen_test_images)
{
    static const char *const keep[] = {"--set", "downstream.keep_weights=yes", NULL};
    char weights[PATH_BYTES + 64];
    dataset *set = phantom(1);
    write_set("set", set, false, NULL);
    expect_run("kept", keep, 0, NULL);
    find_weights("kept", weights);
    const char *const same[] = {"--set", weights, NULL};
    const char *const other_seed[] = {"--set", weights, "--set", "experiment.seeds=1", NULL};
    expect_run("same", same, 0, NULL);
    expect_run("other", other_seed, BROKEN,
               "guard test_fitted: split of seed 1: downstream.weights were trained on");
    cr_expect(file_has("other/guards/test_fitted.csv", ",downstream.weights,trained on\n"));
    dataset_close(set);
}

Test(guards, words_learned_from_the_reports_of_test_images)
{
    dataset *set = phantom(1);
    write_set("set", set, true, NULL);
    write_set("again", set, true, NULL);
    const char *const leak[] = {
        "--set", "experiment.arms=real,emixer", "--set", "data.texts=packed:again", "--set", "emixer.pairs=2",
        NULL};
    const char *const fresh[] = {"--set", "experiment.arms=real,emixer",
                                 "--set", "data.texts=phantom:covid",
                                 "--set", "emixer.pairs=2",
                                 "--set", "emixer.embedding=8",
                                 "--set", "data.count=120",
                                 "--set", "data.minimum_count=1",
                                 NULL};
    expect_run("out", leak, BROKEN, "guard test_fitted: split of seed 0: ");
    cr_expect(file_has("out/guards/test_fitted.csv", ",data.texts,its report\n"));
    expect_run("fresh", fresh, 0, NULL);
    dataset_close(set);
}

/* Writes a set "made" of images as if a generator of the samples on one side had made them. */
static void write_made(const dataset *images, const dataset *set, bool of_test)
{
    text ids = {0};
    char file[PATH_BYTES];
    text_printf(&ids, "id\n");
    for (int i = 0; i < set->n; i++)
        if (is_test(set, i) == of_test) text_printf(&ids, "%s\n", set->samples[i].id);
    write_set("made", images, false, NULL);
    cr_assert_eq(path_join(path, folder, "made"), OK);
    write_text(path, "training.csv", ids.data, file);
    text_close(&ids);
}

static const char *const made_arm[] = {"--set", "experiment.arms=real,real+packed:made", NULL};

Test(guards, new_images_of_a_generator_that_saw_the_training_split_break_none)
{
    dataset *set = phantom(1), *fresh = phantom(2);
    write_set("set", set, true, NULL);
    write_made(fresh, set, false);
    expect_run("out", made_arm, 0, NULL);
    dataset_close(set);
    dataset_close(fresh);
}

Test(guards, a_generator_that_saw_test_images_or_does_not_say)
{
    dataset *set = phantom(1), *fresh = phantom(2);
    write_set("set", set, true, NULL);
    write_made(fresh, set, true);
    expect_run("out", made_arm, BROKEN, "the generator has seen samples that are not in the training split");
    cr_expect(file_has("out/guards/generator_split.csv", set->samples[first_of(set, true)].id));
    cr_assert_eq(path_join(path, folder, "made/training.csv"), OK);
    cr_assert_eq(file_write(path, "data,id\n0123,x\n", 15), OK);
    expect_run("out", made_arm, BROKEN, "the generator was trained on other data than these");
    cr_assert_eq(folder_remove(path), OK);
    expect_run("out", made_arm, BROKEN, "nothing tells what the generator was trained on");
    dataset_close(set);
    dataset_close(fresh);
}

Test(guards, sets_that_synth_made_know_what_their_generator_saw)
{
    static const char *const emixer[] = {"--set", "experiment.arms=real,emixer", NULL};
    static const char *const one[] = {"--set", "experiment.arms=real,real+packed:images", NULL};
    static const char *const two[] = {"--set", "experiment.arms=real,real+packed:images", "--set",
                                      "experiment.seeds=1", NULL};
    char generator[PATH_BYTES] = "";
    dataset *set = phantom(1);
    write_set("set", set, false, NULL);
    expect_run("out", emixer, 0, NULL);
    cr_assert_eq(path_join(path, folder, "out/artifacts"), OK);
    DIR *listing = opendir(path);
    for (struct dirent *e = readdir(listing); e; e = readdir(listing))
        if (strncmp(e->d_name, "generator-", 10) == 0)
            (void)snprintf(generator, sizeof generator, "out/artifacts/%.100s/generator.safetensors",
                           e->d_name);
    (void)closedir(listing);
    const char *synth[] = {"synth", generator, "--per-class", "7", "--out", "images", NULL};
    outcome o = run_bench(folder, synth);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    expect_run("out", one, 0, NULL);
    expect_run("out", two, BROKEN, "guard generator_split");
    dataset_close(set);
}

Test(guards, a_generator_that_copies_its_training_images)
{
    dataset *set = phantom(1), *copies;
    samples training = {.index = malloc(COUNT * sizeof(int))};
    for (int i = 0; i < set->n; i++)
        if (!is_test(set, i)) training.index[training.n++] = i;
    cr_assert_eq(dataset_select(set, &training, NULL, &copies), OK);
    write_set("set", set, true, NULL);
    write_made(copies, set, false);
    expect_run("out", made_arm, BROKEN,
               "guard copies: images of packed:made, 3 shots, seed 0: images are nearer");
    cr_expect(file_has("out/guards/copies.csv", ",synthetic,"));
    samples_close(&training);
    dataset_close(copies);
    dataset_close(set);
}

Test(guards, images_that_are_test_images)
{
    dataset *set = phantom(1), *copies;
    samples test = {.index = malloc(COUNT * sizeof(int))};
    for (int i = 0; i < set->n; i++)
        if (is_test(set, i)) test.index[test.n++] = i;
    cr_assert_eq(dataset_select(set, &test, NULL, &copies), OK);
    write_set("set", set, true, NULL);
    write_made(copies, set, false);
    expect_run("out", made_arm, BROKEN, "guard near_duplicates: images of packed:made");
    samples_close(&test);
    dataset_close(copies);
    dataset_close(set);
}

Test(guards, another_metric_after_the_results_were_seen)
{
    static const char *const other[] = {"--set", "experiment.metric=few_recall", NULL};
    static const char *const allowed[] = {"--set", "experiment.metric=few_recall", "--allow", "selection",
                                          NULL};
    static const char *const fresh[] = {"--set", "experiment.metric=few_recall", "--set",
                                        "experiment.seeds=5", NULL};
    dataset *set = phantom(1);
    write_set("set", set, false, NULL);
    expect_run("out", NULL, 0, NULL);
    expect_run("out", other, BROKEN,
               "its test images were judged by balanced_accuracy before, and now by few_recall");
    expect_run("out", allowed, 0, NULL);
    cr_expect(file_has("out/results.csv", ",selection,\n"));
    expect_run("out", fresh, 0, NULL);
    expect_run("out", other, BROKEN, "guard selection"); /* being allowed once is no habit */
    expect_run("out", NULL, 0, NULL);
    dataset_close(set);
}

Test(guards, unknown_ones_are_refused)
{
    static const char *const zebra[] = {"--allow", "zebra", NULL};
    expect_run("out", zebra, 78, "--allow: run.allow = zebra: must be");
}
