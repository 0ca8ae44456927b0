/* `bench train` from outside: a model, and what stands beside it. */
#include "tiny_model.h"

#include "data/dataset.h"
#include "data/table.h"
#include "nn/safetensors.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

TestSuite(train, .init = setup, .fini = teardown);

static void expect_same_file(const char *a, const char *b)
{
    enum { LIMIT = 1 << 26 };
    char *x, *y;
    size_t n, m;
    cr_assert_eq(path_join(path, folder, "%s", a), OK);
    cr_assert_eq(file_read(path, LIMIT, &x, &n), OK, "%s", err_message());
    cr_assert_eq(path_join(path, folder, "%s", b), OK);
    cr_assert_eq(file_read(path, LIMIT, &y, &m), OK, "%s", err_message());
    cr_expect(n == m && memcmp(x, y, n) == 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

static bool files_differ(const char *a, const char *b)
{
    char *x = read_text(folder, a), *y = read_text(folder, b);
    bool differ = strcmp(x, y) != 0;
    free(x);
    free(y);
    return differ;
}

Test(train, leaves_a_model_its_settings_and_its_losses_and_no_checkpoint)
{
    train("models/a.safetensors", NULL, "emixer.label_weight=0", NULL);
    cr_expect(is_there("models/a.safetensors") && is_there("models/a.ini"));
    cr_expect_not(is_there("models/a.checkpoint.safetensors"));
    table t;
    cr_assert(is_there("models/a.losses.csv"));
    cr_assert_eq(table_open(path, 1 << 20, &t), OK, "%s", err_message());
    static const char *const columns[] = {"update", "discriminator", "generator", "writer"};
    for (int c = 0; c < 4; c++) cr_expect_eq(table_column(&t, columns[c]), c);
    cr_assert_eq(t.rows, 3);
    static const char *const updates[] = {"10", "20", "24"};
    for (int i = 0; i < 3; i++) {
        cr_expect_str_eq(table_cell(&t, i, 0), updates[i]);
        cr_expect_str_eq(table_cell(&t, i, 3), "0", "nobody writes");
        cr_expect_neq(strtod(table_cell(&t, i, 1), NULL), 0);
    }
    table_close(&t);
}

Test(train, the_first_seed_and_shots_are_taken_unless_another_seed_is_asked_for)
{
    static const char *const fourth[] = {"train", "tiny.ini", "--seed", "4", "--out", "b.safetensors", NULL};
    static const char *const fifth[] = {"train", "tiny.ini", "--seed=5", "--out", "c.safetensors", NULL};
    train("a.safetensors", NULL, NULL, NULL);
    must_run(fourth);
    must_run(fifth);
    expect_same_file("a.safetensors", "b.safetensors");
    cr_expect(files_differ("a.losses.csv", "c.losses.csv"));
}

/* When a file was written last; 0 if it is not there. */
static struct timespec written_at(const char *name)
{
    struct stat info;
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return stat(path, &info) == 0 ? info.st_mtim : (struct timespec){0};
}

/* Interrupts a training with `number` soon after it has saved `checkpoint`, again if it was there. */
static void stop_training(const char *const *arguments, const char *checkpoint, int number, int status)
{
    const struct timespec often = {0, 1000000}, before = written_at(checkpoint);
    pid_t pid = start_bench(folder, arguments);
    for (int i = 0; i < 60000; i++) {
        struct timespec now = written_at(checkpoint);
        if (now.tv_sec != before.tv_sec || now.tv_nsec != before.tv_nsec) break;
        (void)nanosleep(&often, NULL);
    }
    (void)kill(pid, number);
    cr_assert_eq(finish_bench(pid), status);
}

static void expect_resumed(const char *preset)
{
    const char *const arguments[] = {"train", "tiny.ini",         "--preset", preset,
                                     "--set", "emixer.steps=200", "--out",    "stopped.safetensors",
                                     NULL};
    train("whole.safetensors", preset, "emixer.steps=200", NULL);
    stop_training(arguments, "stopped.checkpoint.safetensors", SIGINT, 130);
    cr_expect(is_there("stopped.checkpoint.safetensors"));
    cr_expect_not(is_there("stopped.safetensors"));
    stop_training(arguments, "stopped.checkpoint.safetensors", SIGKILL, 128 + SIGKILL);
    must_run(arguments);
    expect_same_file("whole.safetensors", "stopped.safetensors");
    expect_same_file("whole.losses.csv", "stopped.losses.csv");
    cr_expect_not(is_there("stopped.checkpoint.safetensors"));
}

Test(train, a_stopped_training_goes_on_to_the_same_bytes)
{
    expect_resumed("many");
}

Test(train, so_does_one_that_writes_reports)
{
    expect_resumed("paired");
}

Test(train, a_checkpoint_of_other_data_or_settings_is_refused)
{
    static const char *const base[] = {"train", "tiny.ini",      "--set", "emixer.steps=100000",
                                       "--out", "a.safetensors", NULL};
    static const char *const others[][2] = {{"data.count=61", "emixer.steps=100000"},
                                            {"emixer.width=2", "emixer.steps=100000"},
                                            {"run.threads=2", "emixer.steps=100000"}};
    stop_training(base, "a.checkpoint.safetensors", SIGINT, 130);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const char *const arguments[] = {"train",      "tiny.ini", "--set",         others[i][0], "--set",
                                         others[i][1], "--out",    "a.safetensors", NULL};
        outcome o = run_bench(folder, arguments);
        cr_expect_eq(o.status, 65, "%s", o.err);
        cr_expect_not_null(strstr(o.err, "a.checkpoint.safetensors: is of other data, settings"), "%s",
                           o.err);
        outcome_close(&o);
    }
}

Test(train, wrong_settings_and_data_give_one_line)
{
    static const struct {
        const char *assignment, *says;
        int status;
    } cases[] = {
        {"data.size=48", "--set: data.size: the generator makes images of 16, 32, 64, 128 or 256 pixels", 78},
        {"data.labelled=0.5", "--set: data.labelled: is for an empty data.few_shot_class", 78},
        {"data.source=phantom:chexpert", "default data.few_shot_class = COVID-19: a few-shot draw needs one",
         78},
        {"emixer.pairs=5", "pairs", 78},
        {"synthetic.writing=beam:x", "synthetic.writing = beam:x: must be text", 78},
        {"synthetic.writing=sample:0", "sample:0: must be greedy, sample, sample:N or beam:N", 64},
        {"data.texts=openi:nowhere", "nowhere", 0}, /* no reports are asked for: they are not read */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const arguments[] = {"train", "tiny.ini",      "--set", cases[i].assignment,
                                         "--out", "a.safetensors", NULL};
        outcome o = run_bench(folder, arguments);
        cr_expect_eq(o.status, cases[i].status, "%s: %d %s", cases[i].assignment, o.status, o.err);
        if (o.status) cr_expect_not_null(strstr(o.err, cases[i].says), "%s", o.err);
        outcome_close(&o);
    }
}

Test(train, wrong_sources_of_reports_give_one_line)
{
    static const struct {
        const char *assignment, *says;
        int status;
    } cases[] = {
        {"data.texts=openi:nowhere", "nowhere", 66},
        {"data.texts=zebra", "zebra", 64},
        {"data.texts=packed:silent", "data.texts = packed:silent: has no report", 65},
        {"data.source=packed:silent", "emixer.pairs = 2", 65},
        {"data.minimum_count=100000", "100000", 65},
    };
    static const char *const silent[] = {"synth", "a.safetensors", "--out", "silent", NULL};
    train("a.safetensors", NULL, NULL, NULL);
    must_run(silent);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const arguments[] = {"train",  "tiny.ini",      "--preset",
                                         "paired", "--set",         cases[i].assignment,
                                         "--out",  "b.safetensors", NULL};
        outcome o = run_bench(folder, arguments);
        cr_expect_eq(o.status, cases[i].status, "%s: %d %s", cases[i].assignment, o.status, o.err);
        cr_expect_not_null(strstr(o.err, cases[i].says), "%s", o.err);
        outcome_close(&o);
    }
}

/* The words that a model knows, from its metadata; free() it. */
static char *words_of(const char *model)
{
    safetensors *f;
    cr_assert_eq(path_join(path, folder, "%s", model), OK);
    cr_assert_eq(safetensors_open(path, &f), OK, "%s", err_message());
    char *words = strdup(safetensors_metadata(f, "words_csv"));
    safetensors_close(f);
    return words;
}

/* A packed set of the phantom whose every report has a word of its own. */
static void make_telling_set(const char *name)
{
    enum { COUNT = 60, SIDE = 32, REPORT_BYTES = 64 };
    static char reports[COUNT][REPORT_BYTES];
    const char *lines[COUNT];
    dataset *phantom, *telling;
    cr_assert_eq(dataset_open("phantom:covid", SIDE, COUNT, 1, &phantom), OK);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(reports[i], REPORT_BYTES, "The lungs show word%d.", i);
        lines[i] = reports[i];
    }
    cr_assert_eq(dataset_with_reports(phantom, lines, &telling), OK, "%s", err_message());
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(dataset_save(telling, path), OK, "%s", err_message());
    dataset_close(phantom);
    dataset_close(telling);
}

Test(train, words_are_those_of_the_labelled_reports_and_of_the_other_texts_alone)
{
    enum { LABELLED = 3 + 6 + 6 };
    char source[PATH_BYTES + 32];
    make_telling_set("telling");
    (void)snprintf(source, sizeof source, "data.source=packed:%s/telling", folder);
    train("own.safetensors", "paired", source, NULL);
    train("other.safetensors", "paired", source, "data.texts=phantom:covid");
    char *own = words_of("own.safetensors"), *other = words_of("other.safetensors");
    int told = 0;
    for (const char *at = own; (at = strstr(at, "\nword")); at++) told++;
    cr_expect_eq(told, LABELLED, "%d of the reports", told);
    cr_expect_null(strstr(own, "\npneumothorax,"));
    cr_expect_not_null(strstr(other, "\nword"));
    cr_expect_not_null(strstr(other, "\npneumothorax,"));
    free(own);
    free(other);
}

/* The same images as those of a training that ended at the update which the judge chose. */
Test(train, keeps_the_images_that_the_judge_chose)
{
    outcome o = expect_ok(
        (const char *[]){"train", "tiny.ini", "--preset", "judged", "--out", "chosen.safetensors", NULL});
    const char *line = strstr(o.out, "images of update ");
    cr_assert_not_null(line, "%s", o.out);
    cr_assert_not_null(strstr(line, "the least of 3 looks"), "%s", line);
    int update = atoi(line + strlen("images of update "));
    outcome_close(&o);
    char steps[32];
    (void)snprintf(steps, sizeof steps, "emixer.steps=%d", update);
    train("short.safetensors", NULL, steps, NULL);
    must_run((const char *[]){"synth", "chosen.safetensors", "--per-class", "2", "--out", "chosen", NULL});
    must_run((const char *[]){"synth", "short.safetensors", "--per-class", "2", "--out", "short", NULL});
    expect_same_file("chosen/images.npy", "short/images.npy");
}
