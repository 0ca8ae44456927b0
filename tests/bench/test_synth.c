/* `bench synth` from outside: what is made with a model. */
#include "tiny_model.h"

#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(synth, .init = setup, .fini = teardown);

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

Test(synth, makes_a_packed_set_of_every_class_in_turn)
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

Test(synth, pngs_beside_the_packed_set_are_read_as_a_folder_of_classes)
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

Test(synth, draws_several_labels_from_what_the_model_was_trained_on_or_makes_those_asked_for)
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

Test(synth, refuses_what_a_model_cannot_make)
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

Test(synth, reports_come_with_images_and_are_written_of_given_ones)
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

Test(synth, reports_of_no_image_are_lines_of_text)
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

Test(synth, what_was_made_can_be_scored)
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
