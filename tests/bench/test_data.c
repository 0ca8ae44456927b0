/* `bench data` as a user meets it, and training on what it makes. */
#include "data/dataset.h"
#include "data/images.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static void setup(void)
{
    make_folder(folder);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(data, .init = setup, .fini = teardown);

enum { WORDS = 16 };

static bool is_there(const char *name)
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path_exists(path);
}

/* Runs a command line of words parted by blanks; its output, to be freed, must have `says` in it. */
static void run_well(const char *line, const char *says)
{
    char copy[512];
    const char *arguments[WORDS + 1] = {NULL};
    (void)snprintf(copy, sizeof copy, "%s", line);
    int n = 0;
    for (char *word = strtok(copy, " "); word && n < WORDS; word = strtok(NULL, " ")) arguments[n++] = word;
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s: %s", line, o.err);
    cr_expect_not_null(strstr(o.out, says), "%s: %s", line, o.out);
    outcome_close(&o);
}

/* A folder of PNG files and a manifest that names them: 60 studies of the phantom, 30 patients or so. */
static void put_studies(void)
{
    dataset *set;
    cr_assert_eq(dataset_open("phantom:covid", 32, 60, 3, &set), OK, "%s", err_message());
    cr_assert_eq(path_join(path, folder, "phantom"), OK);
    cr_assert_eq(dataset_save(set, path), OK, "%s", err_message());
    dataset_close(set);
    run_well("data export phantom --out studies --quiet", "studies: 60 images");
}

Test(data, from_png_files_to_a_result)
{
    put_studies();
    run_well("data import manifest studies --out set --size 32 --classes COVID-19,Pneumonia", "set: ");
    run_well("data split set --validation 0 --test 0.4 --seed 5", "images train, 0 validation");
    run_well("data info set --sheet sheet.png", "COVID-19");
    cr_expect(is_there("sheet.png"));
    write_text(folder, "tiny.ini",
               "[experiment]\nname = tiny\nseeds = 0\nshots = 3\narms = real\n"
               "[data]\nsource = packed:set\nsize = 32\nothers = 6\n"
               "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 8\n[run]\nthreads = 1\n",
               path);
    run_well("run tiny.ini --out results --quiet", "balanced_accuracy");
    cr_expect(is_there("results/results.csv"));
}

Test(data, what_was_exported_is_imported_unchanged)
{
    put_studies();
    run_well("data import manifest studies --out set --size 32",
             "set: 60 images of 32 x 32 pixels, 3 labels");
    for (int i = 0; i < 2; i++) {
        const char *const files[] = {"images.npy", "labels.npy"};
        size_t n, m;
        char *a, *b;
        cr_assert_eq(path_join(path, folder, "phantom/%s", files[i]), OK);
        cr_assert_eq(file_read(path, 1 << 24, &a, &n), OK);
        cr_assert_eq(path_join(path, folder, "set/%s", files[i]), OK);
        cr_assert_eq(file_read(path, 1 << 24, &b, &m), OK);
        cr_expect(n == m && memcmp(a, b, n) == 0);
        free(a);
        free(b);
    }
}

Test(data, images_that_another_set_has_are_left_out)
{
    put_studies();
    run_well("data import manifest studies --out some --size 32 --classes COVID-19", "some: ");
    run_well(
        "data dedup phantom --against some --agreement 0.99 --out rest --pairs pairs.csv --sheet pairs.png "
        "--quiet",
        "rest: ");
    run_well("data info rest", "COVID-19                             0");
    cr_expect(is_there("pairs.csv") && is_there("pairs.png"));
    run_well("data dedup rest --against some --agreement 0.99", "; 0 pairs are alike");
}

Test(data, labels_are_read_out_of_reports)
{
    const uint8_t pixels[4] = {1, 2, 3, 4};
    cr_assert_eq(path_join(path, folder, "1.png"), OK);
    cr_assert_eq(image_write_png(path, pixels, 2, 2), OK);
    write_text(folder, "annotation.json",
               "{\"train\": [{\"id\": \"CXR1_IM-1\", \"report\": \"Large left pleural effusion. Possible "
               "pneumonia. No "
               "pneumothorax.\", \"image_path\": [\"1.png\"], \"split\": \"train\"}]}",
               path);
    run_well("data import r2gen annotation.json --out set --size 2", "15 labels, 1 patients, 1 reports");
    run_well("data info set", "Pleural Effusion                     1         0         0         0");
    run_well("data info set", "Pneumonia                            0         0         1         0");
    run_well("data info set", "Pneumothorax                         0         1         0         0");
}

Test(data, help_of_each_part)
{
    run_well("data --help", "usage: bench data PART");
    run_well("data import --help", "\n  chexpert      CheXpert\n");
    run_well("data info --help", "--sheet FILE");
    run_well("data split --help", "--replace");
    run_well("data dedup --help", "--against OTHER");
    run_well("data export --help", "imagefolder");
}

Test(data, mistakes_give_one_line_and_their_status)
{
    static const struct {
        const char *arguments[9];
        int status;
        const char *line;
    } cases[] = {
        {{"data"}, 64, "bench: data: import, info, split, dedup or export? see `bench data --help`\n"},
        {{"data", "eat"}, 64, "bench: data eat: there is no such part; see `bench data --help`\n"},
        {{"data", "import", "nih"},
         64,
         "bench: bench data import KIND DIR --out SET; see `bench data import --help`\n"},
        {{"data", "import", "nih", "none", "--out", "set"},
         66,
         "bench: none: the folder of the data set is needed: No such file or directory\n"},
        {{"data", "import", "nih", "."},
         64,
         "bench: bench data import KIND DIR --out SET; see `bench data import --help`\n"},
        {{"data", "import", "manifest", ".", "--out", "set", "--size", "0"},
         64,
         "bench: --size 0: must be an integer, 1 to 4096\n"},
        {{"data", "info", "none"},
         66,
         "bench: none: is missing; a packed set is a folder of images.npy, labels.npy, labels.csv and "
         "samples.csv\n"},
        {{"data", "dedup", "none"},
         66,
         "bench: none: is missing; a packed set is a folder of images.npy, labels.npy, labels.csv and "
         "samples.csv\n"},
        {{"data", "dedup", "none", "--agreement", "2"},
         64,
         "bench: --agreement 2: must be a number, 0.5 to 1\n"},
        {{"data", "export", "none"},
         64,
         "bench: bench data export SET --out DIR; see `bench data export --help`\n"},
        {{"data", "export", "none", "--out", "x", "--format", "hdf5"},
         64,
         "bench: --format hdf5: must be csv|imagefolder|r2gen\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome o = run_bench(folder, cases[i].arguments);
        cr_expect_str_eq(o.err, cases[i].line);
        cr_expect_eq(o.status, cases[i].status, "%s", o.err);
        outcome_close(&o);
    }
    cr_expect_not(is_there("set.part"));
}

/* ---- an import that is stopped ---- */

/* Enlarging to 2048 pixels makes the import of small images slow enough to be caught at it. */
static pid_t start_slow_import(void)
{
    enum { IMAGES = 400 };
    const uint8_t pixels[4] = {1, 2, 3, 4};
    static const char *const arguments[] = {"data", "import", "folder", "in", "--out",
                                            "set",  "--size", "2048",   NULL};
    cr_assert_eq(path_join(path, folder, "in/class"), OK);
    cr_assert_eq(folder_make(path), OK);
    for (int i = 0; i < IMAGES; i++) {
        cr_assert_eq(path_join(path, folder, "in/class/%03d.png", i), OK);
        cr_assert_eq(image_write_png_unsynced(path, pixels, 2, 2), OK);
    }
    pid_t pid = start_bench(folder, arguments);
    for (int i = 0; i < 3000 && !is_there("set.part/labels.csv"); i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    cr_assert(is_there("set.part/labels.csv"));
    return pid;
}

Test(data, an_interrupted_import_leaves_nothing)
{
    pid_t pid = start_slow_import();
    cr_assert_eq(kill(pid, SIGINT), 0);
    cr_expect_eq(finish_bench(pid), 130);
    cr_expect_not(is_there("set"));
    cr_expect_not(is_there("set.part"));
}

Test(data, a_killed_import_leaves_no_set_and_can_be_repeated)
{
    pid_t pid = start_slow_import();
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_expect_eq(finish_bench(pid), 128 + SIGKILL);
    cr_expect_not(is_there("set"));
    run_well("data import folder in --out set --size 2", "set: 400 images");
    cr_expect_not(is_there("set.part"));
}
