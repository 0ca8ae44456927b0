/* Whole runs of a tiny study: sharing, killing, resuming, damage, failures. */
#include "bench/store.h"
#include "tiny_run.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

TestSuite(end_to_end, .init = setup, .fini = teardown);

/* OUT/results.csv with the column `seconds` emptied; free() it. No field of these runs has a quoted comma. */
static char *timeless_results(const char *out)
{
    char name[256];
    (void)snprintf(name, sizeof name, "%s/results.csv", out);
    char *content = read_text(folder, name), *to = content;
    int column = 0, seconds = -1;
    const char *cell = content;
    for (const char *from = content; *from; from++) {
        bool end = *from == ',' || *from == '\n';
        if (end && seconds < 0 && strncmp(cell, "seconds", 7) == 0) seconds = column;
        if (end || column != seconds || seconds < 0) *to++ = *from;
        if (end) {
            column = *from == '\n' ? 0 : column + 1;
            cell = from + 1;
        }
    }
    *to = '\0';
    cr_assert_geq(seconds, 0);
    return content;
}

static void expect_same(const char *a, const char *b)
{
    char name_a[256], name_b[256];
    char *x = timeless_results(a), *y = timeless_results(b);
    cr_expect_str_eq(x, y, "%s and %s: results.csv", a, b);
    free(x);
    free(y);
    (void)snprintf(name_a, sizeof name_a, "%s/gains.csv", a);
    (void)snprintf(name_b, sizeof name_b, "%s/gains.csv", b);
    x = read_text(folder, name_a);
    y = read_text(folder, name_b);
    cr_expect_str_eq(x, y, "%s and %s: gains.csv", a, b);
    free(x);
    free(y);
}

static int count_lines(const char *content)
{
    int n = 0;
    for (; *content; content++) n += *content == '\n';
    return n;
}

/* Number of artifacts whose name starts with `kind` and ends with `end`. */
static int count_artifacts(const char *out, const char *kind, const char *end)
{
    cr_assert_eq(path_join(path, folder, "%s/artifacts", out), OK);
    DIR *listing = opendir(path);
    cr_assert_not_null(listing);
    int n = 0;
    for (struct dirent *e = readdir(listing); e; e = readdir(listing)) {
        size_t length = strlen(e->d_name), ending = strlen(end);
        n += strncmp(e->d_name, kind, strlen(kind)) == 0 && length >= ending &&
             strcmp(e->d_name + length - ending, end) == 0;
    }
    (void)closedir(listing);
    return n;
}

Test(end_to_end, a_run_leaves_its_tables_figures_and_artifacts)
{
    outcome o = run_tiny("out", NULL);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_assert_not_null(strstr(o.out, "Gains in balanced_accuracy"));
    cr_assert_not_null(strstr(o.out, "out/results.csv"));
    outcome_close(&o);
    char *results = read_text(folder, "out/results.csv"), *gains = read_text(folder, "out/gains.csv");
    cr_assert_eq(count_lines(results), 1 + 2 * 4);
    cr_assert_eq(count_lines(gains), 1 + 3 * 11);
    cr_assert_not_null(strstr(results, "\ntiny,real+emixer,3,0.5,1,done,"));
    cr_assert_not_null(strstr(results, ",COVID-19:3|No Finding:6|Pneumonia:6,1,densenet_small,8,1,"));
    free(results);
    free(gains);
    char *labels = read_text(folder, "out/label_scores.csv");
    cr_assert_eq(count_lines(labels), 1 + 2 * 4 * 3 * 9);
    cr_assert_not_null(strstr(labels, "\ntiny,real+emixer,3,0.5,1,No Finding,auroc,0."));
    free(labels);
    labels = read_text(folder, "out/label_gains.csv");
    cr_assert_eq(count_lines(labels), 1 + 3 * 3 * 7);
    free(labels);
    cr_assert_eq(count_artifacts("out", "dataset-", ""), 1);
    cr_assert_eq(count_artifacts("out", "generator-", ""), 2);
    cr_assert_eq(count_artifacts("out", "trial-", ""), 8);
    cr_assert_eq(count_artifacts("out", "", ".work"), 0);
    cr_assert_eq(path_join(path, folder, "out/samples.png"), OK);
    cr_assert(path_exists(path));
    char *losses = read_text(folder, "out/losses.csv"), *shown = read_text(folder, "out/samples.csv");
    cr_expect_eq(count_lines(losses), 1 + 2 * 2, "updates 10 and 12 of two seeds");
    cr_expect_not_null(strstr(losses, "\n3,1,1,12,"));
    cr_expect_eq(count_lines(shown), 1 + 3 + 6 + 6 + 3 * 5);
    cr_expect_not_null(strstr(shown, "\nCOVID-19,synthetic,artifacts/synthetic-"));
    free(losses);
    free(shown);

    run_well("settings", "run.threads=1"); /* the same settings elsewhere: the same bytes */
    expect_same("out", "settings");
}

Test(end_to_end, a_second_run_computes_nothing_and_a_changed_setting_only_what_it_must)
{
    run_well("out", "experiment.arms=real");
    char *first = read_text(folder, "out/results.csv");
    run_well("out", "experiment.arms=real");
    char *second = read_text(folder, "out/results.csv");
    cr_assert_str_eq(first, second, "not even the seconds change");
    run_well("out", "experiment.arms=real,real+classic");
    cr_assert_eq(count_artifacts("out", "trial-", ""), 4);
    free(first);
    free(second);
}

static long long place_of(const char *name)
{
    struct stat status;
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return stat(path, &status) == 0 ? (long long)status.st_ino : -1;
}

/* Runs it again, and expects the file in a new place (it was written again, or removed) if `written`. */
static void expect_again(const char *assignment, const char *printed, const char *name, bool written)
{
    long long place = place_of(name);
    outcome o = run_tiny("out", assignment);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_expect_str_eq(o.out, printed, "%s", name);
    cr_expect_str_eq(o.err, "", "%s", name);
    outcome_close(&o);
    cr_expect_eq(place_of(name) != place, written, "%s", name);
}

Test(end_to_end, a_finished_run_writes_only_what_is_not_as_it_left_it)
{
    static const char quiet[] = "run.quiet=yes";
    static const char *const outputs[] = {"out/results.csv", "out/gain.svg"};
    outcome o = run_tiny("out", quiet);
    cr_assert_eq(o.status, 0, "%s", o.err);
    expect_again(quiet, o.out, "out/gains.csv", false);
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        char *before = read_text(folder, outputs[i]);
        cr_assert_geq(place_of(outputs[i]), 0);
        if (i % 2)
            cr_assert_eq(unlink(path), 0);
        else
            flip_bit(path);
        expect_again(quiet, o.out, "out/gains.csv", true);
        char *after = read_text(folder, outputs[i]);
        cr_expect_str_eq(after, before, "%s", outputs[i]);
        free(before);
        free(after);
    }
    write_text(folder, "out/conclusion.ini", "[conclusion", path);
    expect_again(quiet, o.out, "out/gains.csv", true);
    outcome_close(&o);
}

/* The scores of the first trial in OUT/results.csv; free() it. */
static char *scores_text(const char *out)
{
    static const char before[] = ",done,", after[] = ",COVID-19:";
    char *results = timeless_results(out), *start = strstr(results, before);
    cr_assert_not_null(start, "%s", results);
    start += sizeof before - 1;
    char *end = strstr(start, after);
    cr_assert_not_null(end, "%s", start);
    *end = '\0';
    char *scores = strdup(start);
    free(results);
    return scores;
}

/* Copies OUT/artifacts/trial-KEY/classifier.safetensors of its only trial to FOLDER/weights.safetensors. */
static void take_weights(const char *out)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    cr_assert_eq(path_join(path, folder, "%s/artifacts", out), OK);
    DIR *listing = opendir(path);
    int found = 0;
    for (struct dirent *e = readdir(listing); e; e = readdir(listing)) {
        if (strncmp(e->d_name, "trial-", 6) != 0) continue;
        found++;
        cr_assert_eq(path_join(from, path, "%s/classifier.safetensors", e->d_name), OK);
    }
    (void)closedir(listing);
    cr_assert_eq(found, 1);
    cr_assert_eq(path_join(to, folder, "weights.safetensors"), OK);
    cr_assert_eq(rename(from, to), 0);
}

/* One trial of the arm `real`, with up to three assignments. */
static outcome run_real(const char *out, const char *first, const char *second, const char *third)
{
    const char *arguments[] = {"run",
                               "tiny.ini",
                               "--out",
                               out,
                               "--set",
                               "experiment.arms=real",
                               "--set",
                               "experiment.seeds=0",
                               "--set",
                               first,
                               second ? "--set" : NULL,
                               second,
                               third ? "--set" : NULL,
                               third,
                               NULL};
    return run_bench(folder, arguments);
}

/* The scores of a run that must go well; free() them. */
static char *scores_of_real(const char *out, const char *first, const char *second, const char *third)
{
    outcome o = run_real(out, first, second, third);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    return scores_text(out);
}

/* The largest difference of two rows of scores. */
static double scores_distance(const char *a, const char *b)
{
    double largest = 0;
    for (;; a++, b++) {
        char *a_end, *b_end;
        double x = strtod(a, &a_end), y = strtod(b, &b_end);
        cr_assert(a_end > a && b_end > b && *a_end == *b_end, "%s and %s", a, b);
        cr_assert_eq(isnan(x), isnan(y), "%s and %s", a, b);
        largest = fmax(largest, fabs(x - y));
        if (!*a_end) return largest;
        a = a_end;
        b = b_end;
    }
}

Test(end_to_end, trials_keep_their_weights_and_start_from_given_ones)
{
    static const char weights[] = "downstream.weights=weights.safetensors";
    char *kept = scores_of_real("kept", "downstream.keep_weights=yes", NULL, NULL);
    take_weights("kept");
    char *started = scores_of_real("started", weights, NULL, NULL);
    char *probe =
        scores_of_real("probe", weights, "downstream.trainable=head", "downstream.learning_rate=1e-9");
    char *means = scores_of_real("means", weights, "downstream.trainable=head", "downstream.head=prototype");
    cr_expect_str_neq(kept, started, "twice as many updates give other scores");
    /* Adam moves a weight by about 1e-9 an update, which the ninth digit of a score may show. */
    cr_expect_lt(scores_distance(kept, probe), 1e-7, "a probe that hardly learns is what its weights were");
    cr_expect_str_neq(kept, means, "class means are another head");
    free(kept);
    free(started);
    free(probe);
    free(means);
    outcome o = run_real("wider", weights, "downstream.growth=3", NULL);
    cr_expect_eq(o.status, 65, "%d: %s", o.status, o.err);
    cr_expect(strstr(o.err, "tensor stem.weight is (4,1,4,4), and the model's is (6,1,4,4)"), "%s", o.err);
    outcome_close(&o);
}

static void sleep_ms(long milliseconds)
{
    const struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

Test(end_to_end, a_killed_run_continues_to_the_same_results)
{
    static const char *const arguments[] = {"run",    "tiny.ini", "--out",   "killed",
                                            "--jobs", "2",        "--quiet", NULL};
    run_well("whole", NULL);
    for (int i = 0; i < 6; i++) { /* wherever they hit, early or late */
        pid_t pid = start_bench(folder, arguments);
        sleep_ms(20 + 60 * i);
        (void)kill(pid, SIGKILL);
        (void)finish_bench(pid);
    }
    run_well("killed", NULL);
    expect_same("whole", "killed");
    cr_expect_eq(count_artifacts("killed", "", ".work"), 0);
}

static bool trains_a_generator(const char *out)
{
    cr_assert_eq(path_join(path, folder, "%s/artifacts", out), OK);
    return path_exists(path) && count_artifacts(out, "generator-", ".work") > 0;
}

/* Not before it listens: until then SIGINT ends it, or is ignored if it was for whoever started it. */
Test(end_to_end, an_interrupted_run_says_how_to_continue)
{
    static const char *const arguments[] = {
        "run", "tiny.ini", "--out", "out", "--set", "emixer.steps=1000000", NULL};
    pid_t pid = start_bench(folder, arguments);
    for (int i = 0; i < 6000 && !trains_a_generator("out"); i++) sleep_ms(10);
    cr_assert_eq(kill(pid, SIGINT), 0);
    cr_assert_eq(finish_bench(pid), 130);
}

Test(end_to_end, jobs_and_runs_side_by_side_share_the_work)
{
    static const char *const two_jobs[] = {"run", "tiny.ini", "--out", "both", "--jobs", "2", NULL};
    static const char *const one_job[] = {"run", "tiny.ini", "--out", "both", NULL};
    run_well("whole", NULL);
    pid_t first = start_bench(folder, two_jobs), second = start_bench(folder, one_job);
    cr_assert_eq(finish_bench(first), 0);
    cr_assert_eq(finish_bench(second), 0);
    expect_same("whole", "both");
    cr_expect_eq(count_artifacts("both", "", ".work"), 0);
}

/* Flips one byte of the first artifact of a kind. */
static void damage(const char *out, const char *kind, const char *file)
{
    cr_assert_eq(path_join(path, folder, "%s/artifacts", out), OK);
    DIR *listing = opendir(path);
    char target[PATH_BYTES] = "";
    for (struct dirent *e = readdir(listing); e; e = readdir(listing))
        if (strncmp(e->d_name, kind, strlen(kind)) == 0)
            cr_assert_eq(path_join(target, path, "%s/%s", e->d_name, file), OK);
    (void)closedir(listing);
    flip_bit(target);
}

Test(end_to_end, damaged_artifacts_are_told_and_made_again)
{
    static const char *const victims[][2] = {{"dataset-", "images.npy"},
                                             {"generator-", "generator.safetensors"},
                                             {"synthetic-", "labels.npy"},
                                             {"trial-", "score.ini"},
                                             {"trial-", "manifest.ini"}};
    run_well("whole", NULL);
    run_well("out", NULL);
    for (size_t i = 0; i < sizeof victims / sizeof victims[0]; i++) {
        damage("out", victims[i][0], victims[i][1]);
        outcome o = run_tiny("out", NULL);
        cr_assert_eq(o.status, 0, "%s", o.err);
        cr_assert_not_null(strstr(o.err, "bench: damaged: "), "%s", o.err);
        cr_assert_not_null(strstr(o.err, victims[i][1]), "%s", o.err);
        outcome_close(&o);
        expect_same("whole", "out");
    }
}

/* Decay of 10 a step multiplies the weights by -9 until they overflow. */
Test(end_to_end, a_diverged_training_is_recorded_with_seed_and_step_and_the_others_go_on)
{
    const char *arguments[] = {"run",   "tiny.ini",
                               "--out", "out",
                               "--set", "downstream.weight_decay=1",
                               "--set", "downstream.learning_rate=10",
                               "--set", "downstream.steps=200",
                               NULL};
    outcome o = run_bench(folder, arguments);
    char *results = read_text(folder, "out/results.csv");
    cr_assert_eq(o.status, 80, "%s", o.err);
    cr_assert_not_null(strstr(o.err, "bench: 8 of 8 trials failed"), "%s", o.err);
    cr_assert_not_null(strstr(o.out, "failed: real, 3 shots, seed 1: "), "%s", o.out);
    cr_assert_not_null(strstr(results, "\ntiny,real+emixer,3,0.5,1,failed,,,"), "%s", results);
    cr_assert_not_null(strstr(results, "seed 1"));
    cr_assert_not_null(strstr(results, "update "));
    cr_assert_eq(count_lines(results), 9);
    free(results);
    outcome_close(&o);
}

/* Puts the note that its training diverged in the place of OUT's only generator, and drops what was made from
 * it. */
static void plant_failure(const char *out)
{
    const manifest planted = {.failed = true,
                              .message = "generator, 3 shots, seed 0: not finite at update 5"};
    store artifacts;
    hash key = {""};
    char unused[PATH_BYTES];
    cr_assert_eq(path_join(path, folder, "%s", out), OK);
    cr_assert_eq(store_open(path, &artifacts), OK, "%s", err_message());
    DIR *listing = opendir(artifacts.folder);
    for (struct dirent *e = readdir(listing); e; e = readdir(listing)) {
        bool generator = sscanf(e->d_name, "generator-%32s", key.hex) == 1;
        if (generator || strncmp(e->d_name, "dataset-", 8) == 0 || e->d_name[0] == '.' ||
            strcmp(e->d_name, "locks") == 0)
            continue;
        cr_assert_eq(path_join(path, artifacts.folder, "%s", e->d_name), OK);
        cr_assert_eq(folder_remove(path), OK);
    }
    (void)closedir(listing);
    cr_assert_eq(store_remove(&artifacts, "generator", &key), OK);
    cr_assert_eq(store_begin(&artifacts, "generator", &key, false, unused), OK);
    cr_assert_eq(store_finish(&artifacts, "generator", &key, &planted), OK);
    store_close(&artifacts);
}

Test(end_to_end, trials_of_a_generator_that_diverged_fail_with_it_and_the_others_go_on)
{
    run_well("out", "experiment.seeds=0");
    plant_failure("out");
    outcome o = run_tiny("out", NULL);
    cr_assert_eq(o.status, 80, "%s", o.err);
    cr_assert_not_null(strstr(o.err, "bench: 2 of 8 trials failed"), "%s", o.err);
    outcome_close(&o);
    char *results = read_text(folder, "out/results.csv");
    cr_assert_not_null(strstr(results, "\ntiny,emixer,3,1,0,failed,"));
    cr_assert_not_null(strstr(results, "\ntiny,real+emixer,3,0.5,0,failed,"));
    cr_assert_not_null(strstr(results, ",\"generator, 3 shots, seed 0: not finite at update 5\"\n"));
    cr_assert_not_null(strstr(results, "\ntiny,real,3,0,0,done,"));
    cr_assert_not_null(strstr(results, "\ntiny,emixer,3,1,1,done,"));
    free(results);
}

Test(end_to_end, wrong_data_give_one_line)
{
    static const struct {
        const char *assignment, *says;
        int status;
    } cases[] = {
        {"data.few_shot_class=Measles",
         "--set: data.few_shot_class = Measles: the data have no such class; they have "
         "COVID-19, No Finding, Pneumonia",
         78},
        {"experiment.shots=500", "COVID-19", 65},
        {"data.source=phantom:chexpert", "has not exactly one label", 78},
        {"experiment.metric=micro_auroc", "experiment.task = classes has no such score", 78},
        {"data.source=phantom:zebra", "zebra", 64},
        {"data.source=folder:empty", "empty", 66},
    };
    cr_assert_eq(path_join(path, folder, "empty"), OK);
    cr_assert_eq(folder_make(path), OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome o = run_tiny("out", cases[i].assignment);
        cr_expect_eq(o.status, cases[i].status, "%s: %d %s", cases[i].assignment, o.status, o.err);
        cr_expect_not_null(strstr(o.err, cases[i].says), "%s", o.err);
        cr_expect_eq(count_lines(o.err), 1, "%s", o.err);
        outcome_close(&o);
    }
}

/* A limit on the size of files stands in for a full disk: writing fails half-way in the same way. */
Test(end_to_end, a_full_disk_is_told_and_nothing_is_lost)
{
    run_well("whole", "experiment.arms=real,real+classic");
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 20000; /* less than the images */
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    outcome o = run_tiny("out", "experiment.arms=real,real+classic");
    cr_assert_eq(o.status, 74, "%d %s", o.status, o.err);
    cr_assert_eq(count_lines(o.err), 1, "%s", o.err);
    outcome_close(&o);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    run_well("out", "experiment.arms=real,real+classic");
    expect_same("whole", "out");
}
