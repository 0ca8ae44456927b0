#include "bench/settings.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static void setup(void)
{
    make_folder(folder);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(settings, .init = setup, .fini = teardown);

static err load(const char *content, const char *preset, settings *s)
{
    write_text(folder, "x.ini", content, path);
    settings_defaults(s);
    return settings_load(s, path, &preset, preset ? 1 : 0);
}

Test(settings, file_preset_and_command_line_override_each_other_in_this_order)
{
    static settings s;
    static const char content[] =
        "; a comment\n[emixer]\nwidth = 8 ; of the finest block\n  steps=7\r\nbatch: 12\n"
        "\n[preset:big]\nemixer.width = 32\nemixer.batch = 64\n"
        "[preset:other]\nemixer.width = 99\n";
    cr_assert_eq(load(content, NULL, &s), OK, "%s", err_message());
    cr_assert_eq(s.emixer_width, 8);
    cr_assert_eq(s.emixer_steps, 7);
    cr_assert_eq(s.emixer_batch, 12);
    cr_assert_eq(load(content, "big", &s), OK, "%s", err_message());
    cr_assert_eq(s.emixer_width, 32);
    cr_assert_eq(s.emixer_steps, 7);
    cr_assert_eq(settings_assign(&s, "emixer.width=40"), OK, "%s", err_message());
    cr_assert_eq(settings_assign(&s, "emixer.steps = 41"), OK, "%s", err_message());
    cr_assert_eq(s.emixer_width, 40);
    cr_assert_eq(s.emixer_steps, 41);
    cr_assert_eq(s.emixer_batch, 64);
}

Test(settings, places_name_the_line_or_the_flag)
{
    static settings s;
    char place[PATH_BYTES + 100], wanted[PATH_BYTES + 100];
    cr_assert_eq(load("\n[emixer]\nwidth = 8\n", NULL, &s), OK);
    settings_place(&s, OPTION_OF_emixer_width, place, sizeof place);
    (void)snprintf(wanted, sizeof wanted, "%s:3: emixer.width", path);
    cr_assert_str_eq(place, wanted);
    settings_place(&s, OPTION_OF_jobs, place, sizeof place);
    cr_assert_str_eq(place, "default run.jobs");
    cr_assert_eq(settings_flag(&s, option_of_flag("jobs"), "2"), OK);
    settings_place(&s, OPTION_OF_jobs, place, sizeof place);
    cr_assert_str_eq(place, "--jobs: run.jobs");
}

Test(settings, every_mistake_in_a_file_is_told_with_its_line)
{
    static char long_line[6000];
    (void)snprintf(long_line, sizeof long_line, "[data]\nsource = %05000d\n", 1);
    const struct {
        const char *content, *says;
    } cases[] = {
        {"[emixer]\nwidth = 8\nwidht = 9\n", ":3: unknown key emixer.widht (did you mean emixer.width?)"},
        {"[emixre]\n", ":1: unknown section [emixre] (did you mean [emixer]?)"},
        {"\n[nothing]\nkey = 1\n", ":2: unknown section [nothing]"},
        {"width = 8\n", ":1: unknown section []"},
        {"[emixer]\nwidth = wide\n", ":2: emixer.width = wide: must be integer"},
        {"[emixer]\nwidth = -1\n", ":2: emixer.width = -1"},
        {"[emixer]\nwidth = 8\n\nwidth = 9\n", ":4: width is given twice in [emixer], first in line 2"},
        {"[emixer]\nwidth\n", ":2: neither a [section] nor key = value"},
        {"[emixer\nwidth = 8\n", ":1: neither a [section] nor key = value"},
        {"[emixer]\nsteps = 1\n[preset:big]\nemixer.widht = 3\n", ":4: unknown key emixer.widht"},
        {"[preset:big]\nwidth = 3\n", ":2: width: write section.key = value"},
        {"[preset:big]\nemixer.width = x\n", ":2: emixer.width = x"},
        {long_line, ":2: the line is longer than"},
    };
    static settings s;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[PATH_BYTES + 200];
        cr_assert_eq(load(cases[i].content, NULL, &s), ERR_CONFIG, "case %zu: %s", i, err_message());
        (void)snprintf(wanted, sizeof wanted, "%s%s", path, cases[i].says);
        cr_assert(message_has(wanted));
    }
}

Test(settings, missing_files_binary_files_and_unknown_presets_are_refused)
{
    static settings s;
    settings_defaults(&s);
    cr_assert_eq(settings_load(&s, "/nowhere/x.ini", NULL, 0), ERR_NO_INPUT);
    cr_assert(message_has("/nowhere/x.ini"));
    cr_assert_eq(load("[emixer]\n[preset:a]\n[preset:b]\n", "c", &s), ERR_CONFIG);
    cr_assert(message_has("there is no preset c; there are: a, b"));
    cr_assert_eq(path_join(path, folder, "binary.ini"), OK);
    cr_assert_eq(file_write(path, "[emixer]\n\0width = 8\n", 20), OK);
    cr_assert_eq(settings_load(&s, path, NULL, 0), ERR_CONFIG);
    cr_assert(message_has("is not a text file"));
}

Test(settings, wrong_assignments_are_refused)
{
    static settings s;
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "emixer.width"), ERR_CONFIG);
    cr_assert_eq(settings_assign(&s, "width=8"), ERR_CONFIG);
    cr_assert_eq(settings_assign(&s, "emixer.widht=8"), ERR_CONFIG);
    cr_assert(message_has("--set: unknown key emixer.widht (did you mean emixer.width?)"));
    cr_assert_eq(settings_assign(&s, "="), ERR_CONFIG);
    cr_assert_eq(settings_assign(&s, ""), ERR_CONFIG);
}

Test(settings, saved_settings_read_back_the_same)
{
    static settings s, back;
    text first = {0}, second = {0};
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "data.source=folder:/some where/x"), OK);
    settings_file(&s, &first);
    cr_assert_eq(load(first.data, NULL, &back), OK, "%s", err_message());
    settings_file(&back, &second);
    cr_assert_str_eq(first.data, second.data);
    text_close(&first);
    text_close(&second);
}

Test(settings, what_one_option_cannot_say_alone_is_checked)
{
    static const struct {
        const char *assignment, *says;
    } cases[] = {
        {"experiment.seeds=", "--set: experiment.seeds: the list is empty"},
        {"experiment.seeds=1,2,1", "--set: experiment.seeds: a value is given twice"},
        {"experiment.shots=", "experiment.shots: the list is empty"},
        {"experiment.ratios=.5,.01",
         "experiment.ratios: 0.01 of a batch of 32 (downstream.batch) leaves no synthetic image in it"},
        {"experiment.ratios=.99", "0.99 of a batch of 32 (downstream.batch) leaves no real image in it"},
        {"experiment.ratios=.5,.5", "experiment.ratios: a value is given twice"},
        {"experiment.arms=", "experiment.arms: the list is empty"},
        {"experiment.arms=real,real", "the arm real is given twice"},
        {"experiment.arms=classic", "arm classic has no images"},
        {"experiment.contrasts=emixer - reel", "there is no part \"reel\""},
        {"experiment.contrasts=real+classic+emixer - real", "is not in experiment.arms"},
        {"experiment.name=a/b", "experiment.name: use 1 to 100 letters"},
        {"experiment.name=..", "experiment.name"},
        {"experiment.name=", "experiment.name"},
        {"data.labelled=", "--set: data.labelled: the list is empty"},
        {"data.labelled=0.1,1", "--set: data.labelled: is for an empty data.few_shot_class"},
        {"downstream.model=", "--set: downstream.model: the list is empty"},
        {"downstream.model=resnet18,resnet18", "--set: downstream.model: a value is given twice"},
        {"data.validation=0.8", "nothing is left to train on"},
        {"data.size=48", "the generator makes images of"},
        {"experiment.metric=micro_f1",
         "--set: experiment.metric = micro_f1: experiment.task = classes has no such score; it has "
         "balanced_accuracy, accuracy, "},
        {"downstream.trainable=head", "--set: downstream.trainable: a probe of fresh weights"},
        {"downstream.fresh_head=yes", "--set: downstream.fresh_head: there are no downstream.weights"},
    };
    static settings s;
    static study opened;
    settings_defaults(&s);
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        settings_defaults(&s);
        cr_assert_eq(settings_assign(&s, cases[i].assignment), OK, "%s", err_message());
        cr_assert_eq(study_open(&s, &opened), ERR_CONFIG, "%s", cases[i].assignment);
        cr_assert(message_has(cases[i].says));
    }
    settings_defaults(&s); /* what the classifier cannot take is told before a generator is trained */
    cr_assert_eq(settings_assign(&s, "data.size=16"), OK);
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(settings_assign(&s, "downstream.model=densenet121"), OK);
    cr_assert_eq(study_open(&s, &opened), ERR_CONFIG);
    cr_assert(message_has("--set: data.size with downstream.model = densenet121"));
    cr_assert(message_has("resolution must be from 32"));
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.task=labels"), OK);
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_expect_eq(opened.metric, SCORE_macro_auroc, "what labels are judged by");
    cr_assert_eq(settings_assign(&s, "downstream.head=prototype"), OK);
    cr_assert_eq(study_open(&s, &opened), ERR_CONFIG);
    cr_assert(message_has("--set: downstream.head: prototypes are of classes"));
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "downstream.model=densenet_small,resnet18"), OK);
    cr_assert_eq(settings_assign(&s, "downstream.weights=x.safetensors"), OK);
    cr_assert_eq(study_open(&s, &opened), ERR_CONFIG);
    cr_assert(message_has("--set: downstream.weights: are of one architecture"));
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "data.few_shot_class="), OK);
    cr_assert_eq(settings_assign(&s, "data.labelled=0.1,0.5,0.1"), OK);
    cr_assert_eq(study_open(&s, &opened), ERR_CONFIG);
    cr_assert(message_has("--set: data.labelled: a value is given twice"));
    settings_defaults(&s); /* without a generator any size will do */
    cr_assert_eq(settings_assign(&s, "data.size=48"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.arms=real,real+classic"), OK);
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
}

Test(settings, the_classification_experiment_and_its_presets_are_sound)
{
    static const char *const presets[] = {"tiny", "fractions", "mimic"};
    static const int shares[] = {2, 5, 5};
    static settings s;
    static study opened;
    for (int i = -1; i < 3; i++) {
        settings_defaults(&s);
        cr_assert_eq(settings_load(&s, PROJECT_ROOT "/experiments/classification.ini",
                                   i < 0 ? NULL : &presets[i], i >= 0),
                     OK, "%s", err_message());
        cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
        cr_expect_eq(opened.task, TASK_LABELS);
        cr_expect_geq(study_models(&opened)->n, 2);
        cr_expect_eq(study_budgets(&opened), i < 0 ? 2 : shares[i]);
    }
}

Test(settings, the_shipped_experiment_and_its_preset_are_sound)
{
    static settings s;
    static study opened;
    const char *full = "full";
    settings_defaults(&s);
    cr_assert_eq(settings_load(&s, PROJECT_ROOT "/experiments/covid_fewshot.ini", NULL, 0), OK, "%s",
                 err_message());
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(s.size, 32);
    cr_assert_eq(settings_load(&s, PROJECT_ROOT "/experiments/covid_fewshot.ini", &full, 1), OK, "%s",
                 err_message());
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(s.size, 64);
    cr_assert_geq(s.seeds.n, 5);
    cr_assert_eq(s.shots.n, 4);
}
