/* The sets that generators of whole runs leave, and what reads them. */
#include "data/dataset.h"
#include "tiny_run.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

TestSuite(made_sets, .init = setup, .fini = teardown);

Test(made_sets, synth_makes_images_that_a_run_can_read)
{
    run_well("out", "experiment.arms=emixer");
    cr_assert_eq(path_join(path, folder, "out/artifacts"), OK);
    DIR *listing = opendir(path);
    char generator[PATH_BYTES] = "";
    for (struct dirent *e = readdir(listing); e; e = readdir(listing))
        if (strncmp(e->d_name, "generator-", 10) == 0)
            (void)snprintf(generator, sizeof generator, "out/artifacts/%.200s/generator.safetensors",
                           e->d_name);
    (void)closedir(listing);
    const char *arguments[] = {"synth",  generator, "--per-class", "7",     "--out",
                               "images", "--sheet", "sheet.png",   "--png", NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_assert_str_eq(o.out, "21 images in images\n");
    outcome_close(&o);
    cr_assert_eq(path_join(path, folder, "images/No Finding/0020.png"), OK);
    cr_assert(path_exists(path));
    cr_assert_eq(path_join(path, folder, "sheet.png"), OK);
    cr_assert(path_exists(path));
    static const char *const sources[] = {"data.source=folder:images", "data.source=packed:images"};
    for (size_t i = 0; i < 2; i++) {
        const char *again[] = {
            "run", "tiny.ini", "--out", "again", "--set", sources[i], "--set", "experiment.arms=real", NULL};
        o = run_bench(folder, again);
        cr_assert_eq(o.status, 0, "%s", o.err);
        outcome_close(&o);
    }
}

/* Opens the only synthetic set of OUT. */
static dataset *synthetic_set(const char *out)
{
    char source[PATH_BYTES + 16] = "";
    dataset *set;
    cr_assert_eq(path_join(path, folder, "%s/artifacts", out), OK);
    DIR *listing = opendir(path);
    for (struct dirent *e = readdir(listing); e; e = readdir(listing))
        if (strncmp(e->d_name, "synthetic-", 10) == 0)
            (void)snprintf(source, sizeof source, "packed:%.3000s/%.255s", path, e->d_name);
    (void)closedir(listing);
    cr_assert_eq(dataset_open(source, 32, 0, 0, &set), OK, "%s", err_message());
    return set;
}

Test(made_sets, a_run_with_few_labels_and_with_reports_makes_images_with_reports)
{
    const char *arguments[] = {"run",   "tiny.ini",
                               "--out", "out",
                               "--set", "experiment.seeds=0",
                               "--set", "experiment.arms=real,emixer",
                               "--set", "data.few_shot_class=",
                               "--set", "data.labelled=0.5",
                               "--set", "data.minimum_count=1",
                               "--set", "emixer.pairs=2",
                               "--set", "emixer.steps=60",
                               "--set", "emixer.embedding=8",
                               "--set", "synthetic.writing=sample",
                               NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_expect_not_null(strstr(o.out, "(50% of the training patients are labelled; "), "%s", o.out);
    outcome_close(&o);
    char *results = read_text(folder, "out/results.csv");
    cr_expect_not_null(strstr(results, "\ntiny,real,0,0,0,done,"), "%s", results);
    free(results);
    dataset *set = synthetic_set("out");
    int told = 0;
    for (int i = 0; i < set->n; i++) told += set->samples[i].report[0] != '\0';
    cr_expect_eq(set->n, 15);
    cr_expect_gt(told, 0);
    dataset_close(set);
}
