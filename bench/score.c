/* `bench score`: how good a set of synthetic images is. */
#include "bench/score.h"

#include "bench/commands.h"
#include "bench/flags.h"
#include "bench/privacy.h"

#include <stdlib.h>

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench score SYNTHETIC REAL [flags]\n\n"
        "Judges the images of one set by those of another. Both are folder:DIR, packed:DIR or "
        "phantom:COHORT\n"
        "(SYNTHETIC then drawn with the seed after data.seed: new images, what a perfect generator makes).\n"
        "REAL is split as in a run with this seed: a classifier is trained on the training images, and its\n"
        "features and labels judge SYNTHETIC against the held-out images. Or both are .npy files of "
        "features,\n"
        "(N,D) float32.\n\n");
    flags_help(flags, n, &t);
    text_printf(
        &t,
        "\nFID, KID (with its standard error), precision, recall, density and coverage compare features. "
        "AUROC\n"
        "is how well the classifier tells each label from the rest; a report's agreement with its image, how "
        "well\n"
        "it tells what the reports say. All are defined in downstream/set_metrics.h, downstream/copies.h "
        "and\n"
        "downstream/text_metrics.h. FID is biased upwards where images are few: compare it with the row of\n"
        "training images, which is what as many real ones get.\n");
    return text_print(&t);
}

static err read_settings(const char *experiment, const flag_list *changes, settings *s)
{
    settings_defaults(s);
    if (experiment) TRY(settings_load(s, experiment, NULL, 0));
    for (int i = 0; i < changes->n; i++) TRY(settings_assign(s, changes->values[i]));
    return OK;
}

static err read_arguments(int argc, char **argv, score_request *r, bool *help)
{
    const char *experiment = NULL, *sources[2] = {NULL, NULL};
    int count;
    flag_list changes = {.n = 0};
    *r = (score_request){.k = 5, .splits = 1};
    const flag flags[] = {{"--experiment", "FILE.ini", FLAG_TEXT, &experiment, 0, 0,
                           "take data.* and downstream.* from it, such as a run's settings.ini"},
                          {"--set", "section.key=value", FLAG_LIST, &changes, 0, 0,
                           "change a setting, such as data.size=64 (see `bench help settings`)"},
                          {"--seed", "N", FLAG_INTEGER, &r->seed, 0, INT32_MAX,
                           "of the split, the classifier and the order of the images (0)"},
                          {"--classifier", "FILE", FLAG_TEXT, &r->classifier, 0, 0,
                           "a classifier.safetensors of an earlier --out, instead of training one"},
                          {"--training", "FILE.npy", FLAG_TEXT, &r->training, 0, 0,
                           "with features: those of the generator's training images, REAL's being" FLAG_LINE
                           "held out; without it copies are not looked for"},
                          {"--k", "N", FLAG_INTEGER, &r->k, 1, 1000,
                           "neighbours of precision, recall, density and coverage (5)"},
                          {"--splits", "N", FLAG_INTEGER, &r->splits, 1, 1000, "of the Inception score (1)"},
                          {"--out", "DIR", FLAG_TEXT, &r->out, 0, 0,
                           "writes score.csv, copies.csv (each synthetic image with its nearest" FLAG_LINE
                           "training image), copies.png (the ten nearest, by pixels and by" FLAG_LINE
                           "features, each above its training image; of data that are marked" FLAG_LINE
                           "private only with --set run.include_private=yes) and" FLAG_LINE
                           "classifier.safetensors"}};
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("score", argc, argv, flags, FLAGS, sources, 2, &count, help));
    if (*help) return print_help(flags, FLAGS);
    if (count < 2) return err_set(ERR_USAGE, "bench score SYNTHETIC REAL; see `bench score --help`");
    r->synthetic = sources[0];
    r->real = sources[1];
    return read_settings(experiment, &changes, &r->s);
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
    bool help;
    TRY(read_arguments(argc, argv, &r, &help));
    if (help) return OK;
    privacy_watch(r.synthetic);
    privacy_watch(r.real);
    privacy_watch(r.training);
    if (r.out) TRY(folder_make(r.out));
    err error = sides_open(&r, &s);
    if (error == OK) error = measure(&r, &s);
    sides_close(&s);
    return error;
}
