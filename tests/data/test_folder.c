#include "data/build.h"
#include "data/images.h"
#include "scratch.h"

#include <limits.h>
#include <omp.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(folder, .init = scratch_make, .fini = scratch_drop);

static void put_folder(const char *name)
{
    ASSERT_OK(folder_make(in_scratch(name)));
}

/* A 4 x 4 PNG of one gray. */
static void put_image(const char *name, int gray)
{
    uint8_t pixels[16];
    memset(pixels, gray, sizeof pixels);
    ASSERT_OK(image_write_png(in_scratch(name), pixels, 4, 4));
}

/* set/{b,A}, two images each. */
static void put_set(void)
{
    put_folder("set/b");
    put_folder("set/A");
    put_image("set/b/2.png", 40);
    put_image("set/b/10.jpeg", 30);
    put_image("set/A/y", 20);
    put_image("set/A/Z.png", 10);
}

static err open_set(dataset **set)
{
    char source[PATH_BYTES + 8];
    (void)snprintf(source, sizeof source, "folder:%s", in_scratch("set"));
    return dataset_open(source, 2, 0, 0, set);
}

#define EXPECT_OPEN_ERROR(code, fragment)                                                                    \
    do {                                                                                                     \
        dataset *set_;                                                                                       \
        EXPECT_ERROR(open_set(&set_), code, fragment);                                                       \
        cr_expect_null(set_);                                                                                \
    } while (0)

Test(folder, classes_and_files_in_byte_order)
{
    static const char *const ids[] = {"A/Z.png", "A/y", "b/10.jpeg", "b/2.png"};
    dataset *set;
    put_set();
    ASSERT_OK(open_set(&set));
    cr_assert(set->n == 4 && set->n_labels == 2 && set->height == 2 && set->width == 2);
    cr_expect_str_eq(set->label_names[0], "A");
    cr_expect_str_eq(set->label_names[1], "b");
    for (int i = 0; i < 4; i++) {
        cr_expect_str_eq(set->samples[i].id, ids[i]);
        cr_expect_str_eq(set->samples[i].source, ids[i]);
        cr_expect_str_eq(set->samples[i].patient, "");
        cr_expect_eq(dataset_class(set, i), i / 2);
        for (int p = 0; p < 4; p++) cr_expect_eq(set->images[i * 4 + p], 10 * (i + 1));
    }
    dataset_close(set);
}

Test(folder, pngs_and_jpegs_together)
{
    dataset *set;
    size_t n;
    put_set();
    char *jpeg = bytes_of(in_golden("data_colour.jpg"), &n);
    (void)put_bytes("set/b/3.png", jpeg, n); /* told apart by content */
    free(jpeg);
    ASSERT_OK(open_set(&set));
    cr_expect_eq(set->n, 5);
    dataset_close(set);
}

Test(folder, hidden_files_and_files_beside_the_classes_are_left_out)
{
    dataset *plain, *set;
    put_set();
    ASSERT_OK(open_set(&plain));
    put_folder("set/.cache");
    put_text("set/README.md", "words");
    put_text("set/A/.DS_Store", "rubbish");
    ASSERT_OK(open_set(&set));
    cr_expect_str_eq(set->content.hex, plain->content.hex);
    dataset_close(set);
    dataset_close(plain);
}

Test(folder, the_hash_follows_content_and_names_but_not_the_place)
{
    dataset *set, *moved, *renamed;
    put_set();
    ASSERT_OK(open_set(&set));
    cr_assert_eq(rename(in_scratch("set"), in_scratch("elsewhere")), 0);
    cr_assert_eq(symlink("elsewhere", in_scratch("set")), 0); /* DIR itself may be a link */
    ASSERT_OK(open_set(&moved));
    cr_expect_str_eq(set->content.hex, moved->content.hex);
    cr_assert_eq(rename(in_scratch("set/A/y"), in_scratch("set/A/x")), 0);
    ASSERT_OK(open_set(&renamed));
    cr_expect_str_neq(set->content.hex, renamed->content.hex);
    dataset_close(set);
    dataset_close(moved);
    dataset_close(renamed);
}

Test(folder, missing_or_empty_folders)
{
    EXPECT_OPEN_ERROR(ERR_NO_INPUT, "set");
    expect_message("one sub-folder");
    put_folder("set");
    EXPECT_OPEN_ERROR(ERR_NO_INPUT, "no sub-folders");
    put_set();
    put_folder("set/Empty");
    EXPECT_OPEN_ERROR(ERR_NO_INPUT, "set/Empty");
    put_text("set/Empty/.hidden", "x");
    EXPECT_OPEN_ERROR(ERR_NO_INPUT, "set/Empty");
}

Test(folder, a_file_in_place_of_the_folder)
{
    put_text("set", "x");
    EXPECT_OPEN_ERROR(ERR_NO_INPUT, "set");
}

/* Whichever thread meets a bad file first, the first in order is reported. */
Test(folder, the_first_bad_file_is_named)
{
    put_set();
    for (int i = 0; i < 40; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "set/A/m%02d.png", i);
        put_image(name, i);
    }
    put_text("set/A/m33.png", "no image");
    put_text("set/A/m07.png", "");
    put_text("set/b/2.png", "\x89PNG\r\n\x1a\n");
    for (int threads = 1; threads <= 8; threads++) {
        omp_set_num_threads(threads);
        EXPECT_OPEN_ERROR(ERR_DATA, "set/A/m07.png");
    }
}

Test(folder, of_several_failures_the_lowest_counts)
{
    static const int order[] = {5, 3, 7};
    first_failure first = {.index = INT_MAX};
    cr_expect_eq(failure_result(&first), OK);
    for (int i = 0; i < 3; i++) failure_note(&first, order[i], err_set(ERR_DATA, "file %d", order[i]));
    cr_expect(failure_before(&first, 4) && !failure_before(&first, 3));
    EXPECT_ERROR(failure_result(&first), ERR_DATA, "file 3");
}

Test(folder, the_set_is_the_same_for_any_number_of_threads)
{
    dataset *one, *many;
    put_set();
    omp_set_num_threads(1);
    ASSERT_OK(open_set(&one));
    omp_set_num_threads(4);
    ASSERT_OK(open_set(&many));
    cr_expect_str_eq(one->content.hex, many->content.hex);
    dataset_close(one);
    dataset_close(many);
}

Test(folder, folders_and_pipes_inside_a_class)
{
    put_set();
    put_folder("set/b/inner");
    EXPECT_OPEN_ERROR(ERR_DATA, "set/b/inner");
    cr_assert_eq(rmdir(in_scratch("set/b/inner")), 0);
    cr_assert_eq(mkfifo(in_scratch("set/b/pipe"), 0600), 0);
    EXPECT_OPEN_ERROR(ERR_DATA, "set/b/pipe"); /* and it is not opened, which would wait for ever */
}

Test(folder, links_may_not_leave_the_folder)
{
    dataset *set;
    put_set();
    put_image("outside.png", 1);
    put_folder("set-aside"); /* its name begins with that of the folder */
    put_image("set-aside/1.png", 1);
    cr_assert_eq(symlink("../A/y", in_scratch("set/b/inside")), 0);
    ASSERT_OK(open_set(&set));
    cr_expect_eq(set->n, 5);
    dataset_close(set);
    cr_assert_eq(symlink("../../outside.png", in_scratch("set/b/link.png")), 0);
    EXPECT_OPEN_ERROR(ERR_DATA, "set/b/link.png");
    cr_assert_eq(unlink(in_scratch("set/b/link.png")), 0);
    cr_assert_eq(symlink("../set-aside", in_scratch("set/c")), 0);
    EXPECT_OPEN_ERROR(ERR_DATA, "set/c");
    cr_assert_eq(unlink(in_scratch("set/c")), 0);
    cr_assert_eq(symlink("nowhere", in_scratch("set/b/dangling")), 0);
    EXPECT_OPEN_ERROR(ERR_DATA, "set/b/dangling");
}

Test(folder, classes_of_the_same_name)
{
    put_set();
    put_folder("set/a");
    put_image("set/a/1.png", 1);
    EXPECT_OPEN_ERROR(ERR_DATA, "\"A\" and \"a\"");
}
