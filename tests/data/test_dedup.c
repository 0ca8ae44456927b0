#include "data/dedup.h"
#include "data/subset.h"

#include "data/npy.h"
#include "data/table.h"
#include "scratch.h"

#include <math.h>

TestSuite(dedup, .init = scratch_make, .fini = scratch_drop);

enum { SAMPLES = 6 };
static const uint8_t images[SAMPLES] = {10, 11, 12, 13, 14, 15};
static const float labels[SAMPLES][2] = {{1, 0}, {0, 0}, {-1, 1}, {NAN, 1}, {0, 1}, {1, 1}};
static const char samples_csv[] = "id,patient,split,extra\n"
                                  "a,p1,train,x\n"
                                  "b,p1,train,\"1, 2\"\n"
                                  "c,p2,test,\n"
                                  "d,,val,\n"
                                  "e,p2,train,\n"
                                  "f,p3,train,\n";

static dataset *open_made(void)
{
    dataset *set;
    ASSERT_OK(folder_make(in_scratch("set")));
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'u', 3, (const int64_t[]){SAMPLES, 1, 1}, images));
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){SAMPLES, 2}, labels));
    put_text("set/labels.csv", "label\nx\ny\n");
    put_text("set/samples.csv", samples_csv);
    ASSERT_OK(dataset_open_packed(in_scratch("set"), &set));
    return set;
}

Test(dedup, of_a_group_the_one_nearest_to_the_test_side_stays)
{
    /* a-b, and c-e-d-e: c is a test image. */
    near_duplicate pairs[] = {{.a = 0, .b = 1}, {.a = 2, .b = 4}, {.a = 3, .b = 4}};
    near_duplicates found = {pairs, 3};
    dataset *set = open_made();
    bool leave_out[SAMPLES];
    pair_counts c;
    cr_expect_eq(dedup_within(set, &found, leave_out), 2);
    static const bool wanted[SAMPLES] = {false, true, false, true, true, false};
    for (int i = 0; i < SAMPLES; i++) cr_expect_eq(leave_out[i], wanted[i], "%d", i);
    dedup_count(set, set, &found, &c);
    cr_expect(c.pairs == 3 && c.one_patient == 2 && c.two_patients == 0 && c.two_sides == 2);
    cr_expect_eq(c.other_labels, 1); /* a and b; -1 and NaN are not contrary to anything */
    dedup_against(set, &found, leave_out);
    for (int i = 0; i < SAMPLES; i++) cr_expect_eq(leave_out[i], i == 0 || i == 2 || i == 3, "%d", i);
    dataset_close(set);
}

Test(dedup, what_stays_is_copied_whole)
{
    static const bool leave_out[SAMPLES] = {true, false, true, false, true, true};
    npy copied;
    size_t n;
    dataset_close(open_made());
    ASSERT_OK(subset_write(in_scratch("set"), leave_out, SAMPLES, in_scratch("out")));
    ASSERT_OK(npy_open(in_scratch("out/images.npy"), &copied));
    cr_expect(copied.shape[0] == 2 && memcmp(copied.data, (const uint8_t[]){11, 13}, 2) == 0);
    npy_close(&copied);
    ASSERT_OK(npy_open(in_scratch("out/labels.npy"), &copied));
    const float *values = copied.data;
    cr_expect(copied.shape[0] == 2 && values[0] == 0 && values[1] == 0 && isnan(values[2]) && values[3] == 1);
    npy_close(&copied);
    char *csv = bytes_of(in_scratch("out/samples.csv"), &n);
    cr_expect_str_eq(csv, "id,patient,split,extra\nb,p1,train,\"1, 2\"\nd,,val,\n");
    free(csv);
    csv = bytes_of(in_scratch("out/labels.csv"), &n);
    cr_expect_str_eq(csv, "label\nx\ny\n");
    free(csv);
    EXPECT_ERROR(subset_write(in_scratch("set"), leave_out, SAMPLES, in_scratch("out")), ERR_CANNOT_CREATE,
                 "out: exists");
}

Test(dedup, a_copy_that_cannot_be_made_leaves_nothing)
{
    static const bool all[SAMPLES] = {true, true, true, true, true, true}, none[SAMPLES + 1] = {false};
    dataset_close(open_made());
    EXPECT_ERROR(subset_write(in_scratch("set"), all, SAMPLES, in_scratch("out")), ERR_DATA,
                 "no image is left");
    EXPECT_ERROR(subset_write(in_scratch("set"), none, SAMPLES + 1, in_scratch("out")), ERR_DATA,
                 "has 6 rows where the set has 7 samples");
    EXPECT_ERROR(subset_write(in_scratch("none"), none, SAMPLES, in_scratch("out")), ERR_NO_INPUT,
                 "images.npy");
    cr_expect_not(path_exists(in_scratch("out")));
    cr_expect_not(path_exists(in_scratch("out.part")));
}
