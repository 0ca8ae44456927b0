#include "data/set_writer.h"

#include "data/npy.h"
#include "scratch.h"

#include <fcntl.h>
#include <math.h>
#include <sys/file.h>
#include <unistd.h>

TestSuite(set_writer, .init = scratch_make, .fini = scratch_drop);

static const char *const names[] = {"Edema, mild", "No Finding"};
static const sample_info first = {
    "s1", "Doe, Jane", "train", "PA", "a/1.png", "Said \"clear\".\nNo effusion.", "F", "61.5"};
static const sample_info second = {"s2", "", "", "UNKNOWN", "a/2.png", "", "", ""};

static set_writer *opened(const char *name)
{
    set_writer *w;
    ASSERT_OK(set_writer_open(in_scratch(name), 2, names, 2, &w));
    return w;
}

static void add_two(set_writer *w)
{
    ASSERT_OK(set_writer_add(w, &first, (const float[]){1, NAN}, (const uint8_t[]){1, 2, 3, 4}));
    ASSERT_OK(set_writer_add(w, &second, (const float[]){-1, 0}, (const uint8_t[]){5, 6, 7, 8}));
}

Test(set_writer, writes_what_opens_as_a_packed_set)
{
    dataset *set;
    char source[PATH_BYTES + 8];
    size_t n;
    set_writer *w = opened("deep/set/");
    add_two(w);
    cr_expect_not(path_exists(in_scratch("deep/set")));
    ASSERT_OK(set_writer_finish(w));
    set_writer_close(w);
    cr_expect_not(path_exists(in_scratch("deep/set.part")));
    (void)snprintf(source, sizeof source, "packed:%s", in_scratch("deep/set"));
    ASSERT_OK(dataset_open_uncertain(source, 2, 0, 0, UNCERTAIN_ONE, &set));
    cr_assert(set->n == 2 && set->n_labels == 2);
    cr_expect_str_eq(set->label_names[0], names[0]);
    cr_expect_str_eq(set->samples[0].patient, first.patient);
    cr_expect_str_eq(set->samples[0].report, first.report);
    cr_expect_str_eq(set->samples[0].sex, "F");
    cr_expect_str_eq(set->samples[0].age, "61.5");
    cr_expect_str_eq(set->samples[1].age, "");
    cr_expect(set->labels[0] == 1 && isnan(set->labels[1]) && set->labels[2] == 1 && set->labels[3] == 0);
    for (int i = 0; i < 8; i++) cr_expect_eq(set->images[i], i + 1);
    dataset_close(set);
    char *csv = bytes_of(in_scratch("deep/set/samples.csv"), &n);
    cr_expect_not_null(strstr(csv, "id,patient,split,view,source,report,sex,age\n"));
    cr_expect_not_null(strstr(csv, "No effusion.\",F,61.5\n"));
    cr_expect_not_null(strstr(csv, "s2,,,UNKNOWN,a/2.png,,,\n"));
    free(csv);
}

Test(set_writer, a_set_that_is_not_finished_leaves_nothing)
{
    set_writer *w = opened("set");
    add_two(w);
    set_writer_close(w);
    cr_expect_not(path_exists(in_scratch("set")));
    cr_expect_not(path_exists(in_scratch("set.part")));
    set_writer_close(NULL);
    w = opened("set");
    EXPECT_ERROR(set_writer_finish(w), ERR_DATA, "no image");
    set_writer_close(w);
}

Test(set_writer, what_a_killed_writer_left_is_cleared)
{
    ASSERT_OK(folder_make(in_scratch("set.part/inner")));
    put_text("set.part/images.npy.part-1", "half");
    put_text("set.part/inner/file", "half");
    set_writer *w = opened("set");
    add_two(w);
    ASSERT_OK(set_writer_finish(w));
    set_writer_close(w);
    cr_expect_not(path_exists(in_scratch("set/inner")));
    cr_expect_not(path_exists(in_scratch("set/images.npy.part-1")));
}

Test(set_writer, nothing_is_written_over)
{
    set_writer *w, *other;
    ASSERT_OK(folder_make(in_scratch("set")));
    put_text("set/mine", "x");
    EXPECT_ERROR(set_writer_open(in_scratch("set"), 2, names, 2, &w), ERR_CANNOT_CREATE, "set: exists");
    cr_expect_null(w);
    put_text("file", "x");
    EXPECT_ERROR(set_writer_open(in_scratch("file"), 2, names, 2, &w), ERR_CANNOT_CREATE, "file: exists");
    EXPECT_ERROR(set_writer_open(in_scratch("file/set"), 2, names, 2, &w), ERR_CANNOT_CREATE, "file");
    cr_assert_eq(unlink(in_scratch("set/mine")), 0);
    w = opened("set"); /* an empty folder is fine */
    EXPECT_ERROR(set_writer_open(in_scratch("set"), 2, names, 2, &other), ERR_CANNOT_CREATE,
                 "another process");
    add_two(w);
    put_text("set/mine", "x"); /* it appears while the set is made */
    EXPECT_ERROR(set_writer_finish(w), ERR_CANNOT_CREATE, "set: exists");
    set_writer_close(w);
    cr_expect(path_exists(in_scratch("set/mine")));
}

Test(set_writer, bad_shapes_and_names)
{
    static const char *const same[] = {"No Finding", "no_finding"}, *const empty[] = {"a", ""};
    set_writer *w;
    EXPECT_ERROR(set_writer_open(in_scratch("s"), 0, names, 2, &w), ERR_USAGE, "empty");
    EXPECT_ERROR(set_writer_open(in_scratch("s"), 2, names, 0, &w), ERR_USAGE, "empty");
    EXPECT_ERROR(set_writer_open(in_scratch("s"), 2, same, 2, &w), ERR_DATA, "same name");
    EXPECT_ERROR(set_writer_open(in_scratch("s"), 2, empty, 2, &w), ERR_DATA, "label 2 has no name");
    cr_expect_not(path_exists(in_scratch("s.part")));
}
