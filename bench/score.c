/* `bench score`: how good a set of synthetic images is. */
#include "bench/score.h"

#include "bench/commands.h"
#include "bench/privacy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err print_help(void)
{
    (void)printf(
        "usage: bench score SYNTHETIC REAL [flags]\n\n"
        "Judges the images of one set by those of another. Both are folder:DIR, packed:DIR or "
        "phantom:COHORT\n"
        "(SYNTHETIC then drawn with the seed after data.seed: new images, what a perfect generator makes).\n"
        "REAL is split as in a run with this seed: a classifier is trained on the training images, and its\n"
        "features and labels judge SYNTHETIC against the held-out images. Or both are .npy files of "
        "features,\n"
        "(N,D) float32.\n\n"
        "  --experiment FILE.ini    take data.* and downstream.* from it, such as a run's settings.ini\n"
        "  --set section.key=value  change a setting, such as data.size=64 (see `bench help settings`)\n"
        "  --seed N                 of the split, the classifier and the order of the images (0)\n"
        "  --classifier FILE        a classifier.safetensors of an earlier --out, instead of training one\n"
        "  --training FILE.npy      with features: those of the generator's training images, REAL's being\n"
        "                           held out; without it copies are not looked for\n"
        "  --k N                    neighbours of precision, recall, density and coverage (5)\n"
        "  --splits N               of the Inception score (1)\n"
        "  --out DIR                writes score.csv, copies.csv (each synthetic image with its nearest\n"
        "                           training image), copies.png (the ten nearest, by pixels and by\n"
        "                           features, each above its training image; of data that are marked\n"
        "                           private only with --set run.include_private=yes) and\n"
        "                           classifier.safetensors\n\n"
        "FID, KID (with its standard error), precision, recall, density and coverage compare features. "
        "AUROC\n"
        "is how well the classifier tells each label from the rest. All are defined in\n"
        "downstream/set_metrics.h, downstream/copies.h and downstream/text_metrics.h. FID is biased upwards\n"
        "where images are few: compare it with the row of training images, which is what as many real ones\n"
        "get.\n");
    return OK;
}

static err read_number(const char *flag, const char *value, long low, long high, int *out)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (errno || end == value || *end || number < low || number > high)
        return err_set(ERR_USAGE, "%s %.40s: must be an integer, %ld to %ld", flag, value, low, high);
    *out = (int)number;
    return OK;
}

static err take_flag(score_request *r, const char **experiment, const char *flag, const char *value)
{
    const struct {
        const char *name, **text;
        int *number;
        long low, high;
    } flags[] = {{"--experiment", experiment, NULL, 0, 0}, {"--classifier", &r->classifier, NULL, 0, 0},
                 {"--training", &r->training, NULL, 0, 0}, {"--out", &r->out, NULL, 0, 0},
                 {"--seed", NULL, &r->seed, 0, INT32_MAX}, {"--k", NULL, &r->k, 1, 1000},
                 {"--splits", NULL, &r->splits, 1, 1000}};
    if (strcmp(flag, "--set") == 0) return OK; /* later, above the experiment file */
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flag, flags[i].name) != 0) continue;
        if (flags[i].number) return read_number(flag, value, flags[i].low, flags[i].high, flags[i].number);
        *flags[i].text = value;
        return OK;
    }
    return err_set(ERR_USAGE, "%.60s: there is no such flag; see `bench score --help`", flag);
}

static err take_source(score_request *r, const char *source)
{
    if (r->real)
        return err_set(ERR_USAGE, "%.60s: two sets are enough, %.60s and %.60s", source, r->synthetic,
                       r->real);
    *(r->synthetic ? &r->real : &r->synthetic) = source;
    return OK;
}

static err read_settings(int argc, char **argv, const char *experiment, settings *s)
{
    settings_defaults(s);
    if (experiment) TRY(settings_load(s, experiment, NULL, 0));
    for (int i = 0; i + 1 < argc; i++)
        if (strcmp(argv[i], "--set") == 0) TRY(settings_assign(s, argv[i + 1]));
    return OK;
}

static err read_arguments(int argc, char **argv, score_request *r)
{
    const char *experiment = NULL;
    *r = (score_request){.k = 5, .splits = 1};
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] != '-') {
            TRY(take_source(r, argv[i]));
        } else if (i + 1 >= argc) {
            return err_set(ERR_USAGE, "%.60s needs a value; see `bench score --help`", argv[i]);
        } else {
            TRY(take_flag(r, &experiment, argv[i], argv[i + 1]));
            i++;
        }
    }
    if (!r->real) return err_set(ERR_USAGE, "bench score SYNTHETIC REAL; see `bench score --help`");
    return read_settings(argc, argv, experiment, &r->s);
}

static err measure(const score_request *r, const sides *s)
{
    score_row *rows = NULL;
    copy_report copies = {0};
    report_pair reports = {0};
    err error = score_rows_open(r, s, &rows);
    if (error == OK) error = copy_report_open(s, &copies);
    if (error == OK) error = report_pair_open(s, &reports);
    score_all all = {r, s, rows, &copies, &reports};
    if (error == OK && r->out) error = score_write(&all, r->out);
    if (error == OK && r->out)
        error = copy_report_write(s, &copies, privacy_shown(r->s.include_private), r->out);
    if (error == OK) error = score_print(&all);
    free(rows);
    copy_report_close(&copies);
    report_pair_close(&reports);
    return error;
}

err score_main(int argc, char **argv)
{
    static score_request r; /* large */
    sides s = {0};
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return print_help();
    TRY(read_arguments(argc, argv, &r));
    privacy_watch(r.synthetic);
    privacy_watch(r.real);
    privacy_watch(r.training);
    if (r.out) TRY(folder_make(r.out));
    err error = sides_open(&r, &s);
    if (error == OK) error = measure(&r, &s);
    sides_close(&s);
    return error;
}
