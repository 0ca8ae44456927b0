/* `bench train`: one generator, from an experiment file to a file of weights. */
#include "bench/commands.h"

#include "base/clock.h"
#include "bench/fingerprint.h"
#include "bench/interrupt.h"
#include "bench/judge.h"
#include "bench/lessons.h"
#include "bench/losses.h"
#include "bench/privacy.h"
#include "bench/progress.h"
#include "bench/provenance.h"
#include "bench/run.h"
#include "bench/version.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct training {
    settings s;
    int seed; /* -1 until known */
    label_budget budget;
    char model[PATH_BYTES], checkpoint[PATH_BYTES], losses_path[PATH_BYTES], settings_path[PATH_BYTES];
    losses losses;
    artifact task; /* for the progress line, as a plan of one */
    plan all;
    board board;
    progress shown;
} training;

static err print_help(void)
{
    (void)printf(
        "usage: bench train FILE.ini [--preset NAME] [--set section.key=value]... [--seed N] --out "
        "MODEL.safetensors\n\n"
        "Trains the [emixer] of an experiment file on its [data]: on what a trial of that seed (and the "
        "first of\n"
        "experiment.shots) may see, so that nothing of its test split is learned.\n\n"
        "  --preset NAME            use the values of the section [preset:NAME]; repeatable\n"
        "  --set section.key=value  change a setting; repeatable (see `bench help settings`)\n"
        "  --seed N                 of split, draw, weights and training (the first of experiment.seeds)\n"
        "  --out MODEL.safetensors  the trained model, its settings, labels and words in its metadata\n"
        "  --device, --threads, --quiet: as in `bench run`\n\n"
        "Beside MODEL.safetensors it leaves MODEL.ini, all settings, for `bench score --experiment`, and\n"
        "MODEL.losses.csv, what each player minimised every %d updates: "
        "update,discriminator,generator,writer.\n"
        "While it trains there is MODEL.checkpoint.safetensors, saved every run.checkpoint_seconds: a "
        "training\n"
        "that was stopped or killed goes on from there when the same command is given again, and gives the "
        "same\n"
        "bytes. `bench synth` makes images and reports with the model.\n",
        (int)LOSSES_EVERY);
    return OK;
}

/* ---- the command line ---- */

static err read_seed(const char *value, int *out)
{
    char *end;
    errno = 0;
    long number = value ? strtol(value, &end, 10) : 0;
    if (!value) return err_set(ERR_USAGE, "--seed needs a value; see `bench train --help`");
    if (errno || end == value || *end || number < 0 || number > INT32_MAX)
        return err_set(ERR_USAGE, "--seed %.40s: must be an integer, 0 to %d", value, INT32_MAX);
    *out = (int)number;
    return OK;
}

/* Takes --seed out of argv; the rest is as in `bench run`. */
static err take_seed(int *argc, char **argv, int *seed)
{
    static const char equals[] = "--seed=";
    int kept = 0;
    *seed = -1;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) {
            i++;
            TRY(read_seed(i < *argc ? argv[i] : NULL, seed));
        } else if (strncmp(argv[i], equals, sizeof equals - 1) == 0) {
            TRY(read_seed(argv[i] + sizeof equals - 1, seed));
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return OK;
}

/* MODEL of MODEL.safetensors, and what stands beside it. */
static err name_files(training *t)
{
    static const char ending[] = ".safetensors";
    size_t length = strlen(t->s.out), tail = sizeof ending - 1;
    if (length <= tail || strcmp(t->s.out + length - tail, ending) != 0)
        return err_set(ERR_USAGE, "bench train FILE.ini --out MODEL%s; see `bench train --help`", ending);
    int stem = (int)(length - tail);
    struct {
        char *path;
        const char *ending;
    } files[] = {{t->model, ending},
                 {t->checkpoint, ".checkpoint.safetensors"},
                 {t->losses_path, ".losses.csv"},
                 {t->settings_path, ".ini"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (snprintf(files[i].path, PATH_BYTES, "%.*s%s", stem, t->s.out, files[i].ending) >= PATH_BYTES)
            return err_set(ERR_USAGE, "--out %.60s...: the path is too long", t->s.out);
    char folder[PATH_BYTES];
    const char *slash = strrchr(t->model, '/');
    if (!slash) return OK;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - t->model), t->model);
    return folder[0] ? folder_make(folder) : OK;
}

/* Checks what options do not check one by one, and takes the first seed and budget of labels. */
static err settle(training *t)
{
    static study checked; /* large, as the next */
    static settings s;
    s = t->s;
    TRY(option_set(&s, option_find("experiment", "arms"), "emixer", "bench train"));
    TRY(option_set(&s, option_find("experiment", "contrasts"), "", "bench train"));
    TRY(study_open(&s, &checked));
    if (t->seed < 0) t->seed = checked.s.seeds.values[0];
    t->budget = study_budget(&checked, 0);
    return OK;
}

/* ---- what a checkpoint belongs to ---- */

static const char mark[] = "; trained by `bench train`, seed ";

/* The first line of MODEL.ini: what the weights depend on. */
static err first_line(const training *t, const dataset *set, text *out)
{
    const char *const sections[] = {"data", "emixer", t->s.choose_every > 0 ? "downstream" : ""};
    text lines = {0};
    hash other = {""};
    if (t->s.emixer_pairs > 0 && t->s.texts[0]) TRY(fingerprint(t->s.texts, &other));
    for (int i = 0; i < OPTION_COUNT; i++)
        for (size_t k = 0; k < sizeof sections / sizeof sections[0]; k++)
            if (strcmp(options[i].section, sections[k]) == 0) settings_line(&t->s, i, &lines);
    text_printf(&lines, "%s %s %s %d %d %d", set->content.hex, other.hex, t->s.device, t->seed,
                t->budget.shots, run_threads(&t->s));
    err error = text_check(&lines);
    if (error == OK)
        text_printf(out, "%s%d, code %s, key %s\n", mark, t->seed, version_code,
                    hash_bytes(lines.data, lines.length).hex);
    text_close(&lines);
    return error == OK ? text_check(out) : error;
}

/* A checkpoint of other data or settings must not go on as this training. */
static err check_checkpoint(const training *t, const text *line)
{
    enum { LIMIT = 1 << 20 };
    char *found = NULL;
    size_t n;
    if (!path_exists(t->checkpoint)) return OK;
    err error = file_read(t->settings_path, LIMIT, &found, &n);
    if (error == OK && (n < line->length || memcmp(found, line->data, line->length) != 0))
        error = err_set(ERR_DATA,
                        "%s: is of other data, settings, threads or code; remove it, or use another --out",
                        t->checkpoint);
    free(found);
    return error;
}

static err save_settings(const training *t, const text *line)
{
    text file = {0};
    text_bytes(&file, line->data, line->length);
    settings_file(&t->s, &file);
    err error = text_save(&file, t->settings_path);
    text_close(&file);
    return error;
}

/* ---- training ---- */

static err on_step(void *context, int update, const emixer_losses *l)
{
    training *t = context;
    if (update % LOSSES_EVERY == 0 || update == t->s.emixer_steps) TRY(losses_add(&t->losses, update, l));
    atomic_store(&t->board.slots[0].millionths, (int)(1e6 * update / t->s.emixer_steps));
    (void)snprintf(t->task.label, sizeof t->task.label, "update %d, losses D %.3f, G %.3f, R %.3f", update,
                   (double)l->discriminator, (double)l->generator, (double)l->writer);
    progress_update(&t->shown, &t->board);
    if (interrupt_count() == 0) return OK;
    return err_set(ERR_INTERRUPTED, "interrupted after update %d; the same command continues", update);
}

static err run_training(training *t, emixer *e, const lesson *l)
{
    t->task.cost = 1;
    t->all = (plan){.items = &t->task, .n = 1};
    TRY(board_open(1, 1, &t->board));
    atomic_store(&t->board.slots[0].artifact, 0);
    progress_start(&t->shown, &t->all, &t->board, t->s.quiet);
    bool fresh = !path_exists(t->checkpoint);
    err error = losses_open(t->losses_path, fresh, &t->losses);
    if (error == OK) error = emixer_train(e, &l->data, t->checkpoint, t->s.checkpoint_seconds, on_step, t);
    progress_end(&t->shown);
    err closed = losses_close(&t->losses);
    board_close(&t->board);
    return error == OK ? closed : error;
}

static err train_model(training *t, lesson *l)
{
    emixer_opts o = lesson_options(&t->s, l, t->seed);
    emixer *e = NULL;
    judge *j;
    TRY(judge_open(&t->s, l, t->seed, &j));
    err error = lesson_model(&t->s, &o, &e);
    if (error == OK) error = run_training(t, e, l);
    judge_close(j);
    if (error == OK) error = emixer_save(e, t->model);
    if (error == OK) error = folder_remove(t->checkpoint);
    if (error == OK)
        (void)printf(
            "%s: %d updates on %d labelled images, %d without labels, %d words; %zu numbers trained\n",
            t->model, o.steps, l->data.labelled->n, l->data.unlabelled ? l->data.unlabelled->n : 0,
            o.pairs ? o.vocabulary : 0, emixer_trained_count(e));
    if (error == OK) error = judge_tell(&t->s, e);
    emixer_close(e);
    return error;
}

static err train_on(training *t, const dataset *set)
{
    draw d;
    lesson l;
    text line = {0};
    char seen[PATH_BYTES];
    TRY(draw_open(&t->s, set, t->seed, t->budget, &d));
    err error = lesson_open(&t->s, set, &d, &l);
    if (error == OK) error = first_line(t, set, &line);
    if (error == OK) error = check_checkpoint(t, &line);
    if (error == OK) error = save_settings(t, &line);
    if (error == OK) error = provenance_beside(t->model, seen);
    if (error == OK) error = provenance_write(set, l.data.labelled, l.data.unlabelled, seen);
    if (error == OK) error = train_model(t, &l);
    text_close(&line);
    lesson_close(&l);
    draw_close(&d);
    return error;
}

err train_main(int argc, char **argv)
{
    static training t; /* large */
    bool help;
    dataset *set;
    TRY(take_seed(&argc, argv, &t.seed));
    TRY(run_arguments("train", argc, argv, &t.s, &help));
    if (help) return print_help();
    TRY(name_files(&t));
    TRY(settle(&t));
    interrupt_catch();
    privacy_watch_settings(&t.s);
    omp_set_num_threads(run_threads(&t.s));
    TRY(dataset_open_uncertain(t.s.source, t.s.size, t.s.count, (uint64_t)t.s.data_seed,
                               settings_uncertain(&t.s), &set));
    err error = train_on(&t, set);
    dataset_close(set);
    return error;
}
