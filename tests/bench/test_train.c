/* `bench train` and `bench synth` from outside: a model, what stands beside it, and what is made with it. */
#include "helpers.h"

#include "data/dataset.h"
#include "data/table.h"
#include "nn/safetensors.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

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

static void setup(void)
{
    make_folder(folder);
    write_text(folder, "tiny.ini", tiny, path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(train, .init = setup, .fini = teardown);

static outcome expect_ok(const char *const *arguments)
{
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    return o;
}

static void must_run(const char *const *arguments)
{
    outcome o = expect_ok(arguments);
    outcome_close(&o);
}

/* Trains OUT, with a preset (or NULL) and up to two assignments. */
static void train(const char *out, const char *preset, const char *first, const char *second)
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

static bool is_there(const char *name)
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path_exists(path);
}

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

static dataset *open_set(const char *name, int size)
{
    char source[PATH_BYTES + 16];
    dataset *set;
    (void)snprintf(source, sizeof source, "packed:%s/%s", folder, name);
    cr_assert_eq(dataset_open(source, size, 0, 0, &set), OK, "%s", err_message());
    return set;
}

static int positives(const dataset *set, int i)
{
    int n = 0;
    for (int k = 0; k < set->n_labels; k++) n += set->labels[i * set->n_labels + k] > 0;
    return n;
}

/* ---- bench train ---- */

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

/* ---- bench synth ---- */

Test(train, synth_makes_a_packed_set_of_every_class_in_turn)
{
    static const char *const synth[] = {"synth", "a.safetensors", "--per-class", "5",         "--out",
                                        "set",   "--png",         "--sheet",     "sheet.svg", NULL};
    static const char *const fewer[] = {"synth", "a.safetensors", "--per-class", "2", "--out", "less", NULL};
    train("a.safetensors", NULL, NULL, NULL);
    outcome o = expect_ok(synth);
    cr_expect_str_eq(o.out, "15 images in set\n");
    outcome_close(&o);
    must_run(fewer);
    dataset *set = open_set("set", 32), *less = open_set("less", 32);
    cr_assert(set->n == 15 && less->n == 6 && set->n_labels == 3);
    for (int i = 0; i < set->n; i++) cr_expect_eq(dataset_class(set, i), i % 3);
    for (int i = 0; i < set->n; i++) cr_expect_str_eq(set->samples[i].report, "");
    cr_expect_arr_eq(set->images, less->images, (size_t)less->n * 32 * 32);
    cr_expect_str_eq(set->label_names[0], "COVID-19");
    cr_expect(is_there("set/COVID-19/0001.png") && is_there("set/Pneumonia/0015.png"));
    dataset_close(set);
    dataset_close(less);
    outcome again = run_bench(folder, fewer);
    cr_expect_eq(again.status, 73, "%s", again.err);
    cr_expect_not_null(strstr(again.err, "less: exists"), "%s", again.err);
    outcome_close(&again);
}

Test(train, pngs_beside_the_packed_set_are_read_as_a_folder_of_classes)
{
    static const char *const synth[] = {"synth", "a.safetensors", "--per-class", "3",
                                        "--out", "set",           "--png",       NULL};
    char source[PATH_BYTES + 16];
    dataset *pictures;
    train("a.safetensors", NULL, NULL, NULL);
    must_run(synth);
    (void)snprintf(source, sizeof source, "folder:%s/set", folder);
    cr_assert_eq(dataset_open(source, 32, 0, 0, &pictures), OK, "%s", err_message());
    dataset *set = open_set("set", 32);
    cr_assert_eq(pictures->n, set->n);
    for (int i = 0; i < set->n; i++) { /* class after class, each in the order of its rows */
        int row = i % 3 * 3 + i / 3;
        cr_expect_arr_eq(pictures->images + (size_t)row * 1024, set->images + (size_t)i * 1024, 1024);
    }
    dataset_close(set);
    dataset_close(pictures);
}

Test(train, synth_draws_several_labels_from_what_the_model_was_trained_on_or_makes_those_asked_for)
{
    static const char *const drawn[] = {"synth", "m.safetensors", "--out", "drawn", "--count",
                                        "40",    "--sheet",       "m.png", NULL};
    static const char *const asked[] = {"synth",    "m.safetensors",          "--out",   "asked",
                                        "--labels", "Edema|Pleural Effusion", "--count", "3",
                                        NULL};
    static const char *const none[] = {"synth", "m.safetensors", "--out", "none",  "--labels",
                                       "",      "--count",       "2",     "--png", NULL};
    train("m.safetensors", "many", "emixer.balanced=no", NULL);
    must_run(drawn);
    must_run(asked);
    must_run(none);
    dataset *set = open_set("drawn", 32), *pair = open_set("asked", 32), *nothing = open_set("none", 32);
    dataset *real;
    cr_assert_eq(dataset_open("phantom:chexpert", 32, 60, 1, &real), OK);
    cr_assert(set->n == 40 && pair->n == 3 && nothing->n == 2);
    size_t bytes = (size_t)set->n_labels * sizeof(float);
    for (int i = 0; i < set->n; i++) { /* each is a label vector of the data */
        bool met = false;
        for (int j = 0; j < real->n && !met; j++)
            met = memcmp(set->labels + i * set->n_labels, real->labels + j * set->n_labels, bytes) == 0;
        cr_expect(met, "vector %d", i);
    }
    for (int i = 0; i < pair->n; i++) cr_expect_eq(positives(pair, i), 2);
    cr_expect_eq(pair->labels[dataset_label(pair, "Edema")], 1);
    cr_expect_eq(pair->labels[dataset_label(pair, "Pleural Effusion")], 1);
    cr_expect_eq(positives(nothing, 0), 0);
    cr_expect(is_there("none/none/0001.png") && is_there("m.png"));
    dataset_close(set);
    dataset_close(pair);
    dataset_close(nothing);
    dataset_close(real);
}

Test(train, synth_refuses_what_a_model_cannot_make)
{
    static const struct {
        const char *arguments[10], *says;
        int status;
    } cases[] = {
        {{"synth", "a.safetensors", "--out", "x", "--labels", "Measles"},
         "--labels: there is no \"Measles\"; the model has COVID-19, No Finding, Pneumonia",
         64},
        {{"synth", "a.safetensors", "--out", "x", "--labels", "COVID-19|Pneumonia"},
         "one class each, and 2 are asked for",
         64},
        {{"synth", "a.safetensors", "--out", "x", "--reports-of", "phantom:covid"}, "writes no reports", 64},
        {{"synth", "a.safetensors", "--out", "x", "--texts", "3"}, "writes no reports", 64},
        {{"synth", "a.safetensors", "--out", "x", "--texts", "3", "--png"}, "makes no images", 64},
        {{"synth", "m.safetensors", "--out", "x", "--per-class", "3"}, "several labels; say --count", 64},
        {{"synth", "p.safetensors", "--out", "x", "--reports-of", "folder:nowhere"}, "nowhere", 66},
        {{"synth", "p.safetensors", "--out", "x", "--writing", "beam:3"}, "3 beams do not divide", 78},
        {{"synth", "p.safetensors", "--out", "x", "--texts", "3", "--writing", "sample:2"},
         "candidates are told apart by an image",
         64},
    };
    train("a.safetensors", NULL, NULL, NULL);
    train("m.safetensors", "many", NULL, NULL);
    train("p.safetensors", "paired", NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome o = run_bench(folder, cases[i].arguments);
        cr_expect_eq(o.status, cases[i].status, "%d %s", o.status, o.err);
        cr_expect_not_null(strstr(o.err, cases[i].says), "%s", o.err);
        outcome_close(&o);
        cr_expect_not(is_there("x"));
    }
}

static void expect_reports(const dataset *set)
{
    int written = 0;
    for (int i = 0; i < set->n; i++) written += set->samples[i].report[0] != '\0';
    cr_expect_gt(written, 0);
}

Test(train, reports_come_with_images_and_are_written_of_given_ones)
{
    static const char *const synth[] = {"synth", "p.safetensors", "--out",     "set", "--per-class",
                                        "4",     "--sheet",       "sheet.svg", NULL};
    static const char *const sampled[] = {
        "synth",     "p.safetensors", "--out",         "sampled", "--per-class", "4",
        "--writing", "sample:2",      "--temperature", "2",       NULL};
    static const char *const of[] = {"synth",      "p.safetensors", "--out",  "of", "--reports-of",
                                     "packed:set", "--writing",     "beam:2", NULL};
    static const char *const greedy[] = {"synth",        "p.safetensors", "--out", "greedy",
                                         "--reports-of", "packed:set",    NULL};
    train("p.safetensors", "paired", "emixer.steps=60", "data.texts=phantom:covid");
    must_run(synth);
    must_run(sampled);
    must_run(of);
    must_run(greedy);
    dataset *set = open_set("set", 32), *drawn = open_set("sampled", 32), *read = open_set("of", 32);
    dataset *again = open_set("greedy", 32);
    cr_assert(set->n == 12 && drawn->n == 12 && read->n == 12 && again->n == 12);
    expect_reports(set);
    expect_reports(drawn);
    expect_reports(read);
    cr_expect_arr_eq(set->images, drawn->images, (size_t)set->n * 1024);
    cr_expect_arr_eq(set->images, read->images, (size_t)set->n * 1024);
    cr_expect_arr_eq(set->labels, read->labels, (size_t)set->n * 3 * sizeof(float));
    int differ = 0;
    for (int i = 0; i < set->n; i++) {
        differ += strcmp(set->samples[i].report, drawn->samples[i].report) != 0;
        cr_expect_str_eq(read->samples[i].id, set->samples[i].id);
        cr_expect_str_eq(again->samples[i].report, set->samples[i].report, "the same image, the same words");
    }
    cr_expect_gt(differ, 0, "drawn words are not the likeliest ones");
    char *svg = read_text(folder, "sheet.svg");
    cr_expect_not_null(strstr(svg, "href=\"data:image/png;base64,iVBORw0KGgo"), "a PNG's first bytes");
    cr_expect_not_null(strstr(svg, ">COVID-19</text>"));
    cr_expect_not_null(strstr(svg, "</svg>\n"));
    free(svg);
    dataset_close(set);
    dataset_close(drawn);
    dataset_close(read);
    dataset_close(again);
}

Test(train, reports_of_no_image_are_lines_of_text)
{
    static const char *const synth[] = {"synth", "p.safetensors", "--out",  "lines.txt", "--texts",
                                        "7",     "--writing",     "sample", NULL};
    train("p.safetensors", "paired", "emixer.steps=60", "data.texts=phantom:covid");
    must_run(synth);
    char *lines = read_text(folder, "lines.txt");
    int n = 0;
    for (const char *at = lines; *at; at++) n += *at == '\n';
    cr_expect_eq(n, 7);
    cr_expect_gt(strlen(lines), 7);
    free(lines);
}

Test(train, what_was_made_can_be_scored)
{
    static const char *const synth[] = {"synth", "p.safetensors", "--out", "set", "--per-class", "8", NULL};
    static const char *const score[] = {"score", "packed:set", "phantom:covid",      "--experiment",
                                        "p.ini", "--set",      "downstream.steps=5", NULL};
    train("p.safetensors", "paired", "emixer.steps=60", NULL);
    must_run(synth);
    outcome o = expect_ok(score);
    cr_expect_not_null(strstr(o.out, "FID"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "eports"), "%s", o.out);
    outcome_close(&o);
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
