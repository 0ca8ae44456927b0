/* The settings of a run: the table's defaults, then the experiment file, then its presets, then the command
 * line. */
#ifndef BENCH_SETTINGS_H
#define BENCH_SETTINGS_H

#include "bench/arms.h"
#include "bench/options.h"
#include "bench/scores.h"
#include "downstream/classifier.h"
#include "downstream/report_generator.h"

void settings_defaults(settings *s);

/* Reads an experiment file and the named presets of it, in their order: a section [preset:NAME] has lines
 * section.key = value. Every line is checked, also in presets that were not asked for. ERR_NO_INPUT;
 * ERR_CONFIG with FILE:LINE. */
err settings_load(settings *s, const char *path, const char *const *presets, int n_presets);

/* "section.key=value" of --set. ERR_CONFIG starting with "--set". */
err settings_assign(settings *s, const char *assignment);

/* The value of a flag such as --jobs. ERR_CONFIG starting with the flag. */
err settings_flag(settings *s, const option *o, const char *value);

/* Where a setting comes from, for messages: "FILE:LINE: section.key", "--set: section.key", "default
 * section.key". */
void settings_place(const settings *s, int option_index, char *out, size_t bytes);

/* "section.key = value\n" of one option, as it is hashed. */
void settings_line(const settings *s, int option_index, text *out);

/* All settings as an experiment file that gives the same ones. */
void settings_file(const settings *s, text *out);

/* Writes that file. ERR_CANNOT_CREATE, ERR_IO. */
err settings_save(const settings *s, const char *path);

enum { CONTRASTS_MAX = 64 };

/* Settings that make sense together, with their arms read. */
typedef struct study {
    settings s;
    arm arms[TEXT_LIST_ITEMS];
    int n_arms;
    contrast contrasts[CONTRASTS_MAX];
    int n_contrasts;
    task_kind task;
    int metric; /* index of a score of the task */
} study;

/* Reads arms and contrasts and checks what one option alone cannot say: no empty or repeated list, sizes that
 * the generator can make and the classifier can take, shares that leave something to train on. ERR_CONFIG
 * naming place and setting. */
err study_open(const settings *s, study *out); /* nothing to close */

enum { MODEL_NAME_BYTES = 64 };

/* The models that trials train, each on its own. */
const texts *study_models(const study *s);

/* What a study varies beside seeds, arms, ratios and models: how many labels the draw keeps. */
typedef struct label_budget {
    int shots;       /* of the few-shot class; 0 without one: then */
    double labelled; /* this share of the training patients keeps its labels */
} label_budget;
int study_budgets(const study *s);
label_budget study_budget(const study *s, int i);

/* Shares written with 9 digits are equal as they are here. */
bool same_share(double a, double b);

/* The classifier that the settings describe, of a trial without augmentation and synthetic images, seed 0.
 * Its model is the first one of `s`. */
classifier_opts settings_classifier(const settings *s, int n_classes);

/* The report generator that the settings describe, of a trial without augmentation and synthetic pairs, seed
 * 0, for data of so many labels. Its model is the first one of `s`. */
report_generator_opts settings_report_generator(const settings *s, int n_labels);

/* How reports are cleaned. */
report_rules settings_report_rules(const settings *s);

/* Updates that each trial makes. */
int study_trial_steps(const study *s);

/* What becomes of uncertain labels of the real set. */
uncertain_policy settings_uncertain(const settings *s);

/* True if any arm needs a trained generator. */
bool study_needs_generator(const study *s);

#endif
