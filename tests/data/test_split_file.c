#include "data/split_file.h"

#include "data/npy.h"
#include "scratch.h"

TestSuite(split_file, .init = scratch_make, .fini = scratch_drop);

static const char samples_csv[] = "id,patient,split,view,source,report,sex,age\n"
                                  "a,p1,train,PA,f,\"Two words.\",F,30\n"
                                  "b,p1,train,AP,f,,F,31\n"
                                  "c,p2,test,PA,f,One,M,\n"
                                  "d,,test,PA,f,\"  \",M,\n"
                                  "e,p2,train,PA,f,\"three, more words\",M,\n"
                                  "f,p3,val,UNKNOWN,f,,,\n";

/* n images of one pixel; 0 and 1 are not x, 2 and 3 are, and so on. */
static void put_set(int n, const char *csv)
{
    uint8_t pixels[40] = {0};
    float values[40];
    for (int i = 0; i < n; i++) values[i] = (float)(i / 2 % 2);
    ASSERT_OK(folder_make(in_scratch("set")));
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'u', 3, (const int64_t[]){n, 1, 1}, pixels));
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){n, 1}, values));
    put_text("set/labels.csv", "label\nx\n");
    put_text("set/samples.csv", csv);
}

Test(split_file, a_split_is_written_by_patient_and_keeps_the_rest)
{
    int sides[3];
    size_t n;
    char csv[2048] = "age,id,patient,report\n", source[PATH_BYTES + 8];
    for (int i = 0; i < 40; i++) {
        size_t used = strlen(csv);
        (void)snprintf(csv + used, sizeof csv - used, "%d,i%d,p%d,\"say \"\"%d\"\"\n\"\n", i, i, i / 2, i);
    }
    put_set(40, csv);
    ASSERT_OK(split_write(in_scratch("set"), 0.2, 0.3, 1, false, sides));
    cr_expect(sides[0] == 20 && sides[1] == 8 && sides[2] == 12, "%d %d %d", sides[0], sides[1], sides[2]);
    char *written = bytes_of(in_scratch("set/samples.csv"), &n);
    cr_expect_not_null(strstr(written, "age,id,patient,report,split\n"));
    cr_expect_not_null(strstr(written, "39,i39,p19,\"say \"\"39\"\"\n\",t"));
    free(written);

    dataset *set;
    splits ours, kept;
    (void)snprintf(source, sizeof source, "packed:%s", in_scratch("set"));
    ASSERT_OK(dataset_open(source, 1, 0, 0, &set));
    for (int i = 0; i < 40; i += 2) cr_expect_str_eq(set->samples[i].split, set->samples[i + 1].split);
    ASSERT_OK(splits_open(set, 0.5, 0.4, 99, &kept)); /* whatever is asked for now */
    cr_expect(kept.train.n == 20 && kept.validation.n == 8 && kept.test.n == 12);
    splits_close(&kept);
    dataset_close(set);

    put_text("set/samples.csv", csv); /* what is written is what splits_open gives */
    ASSERT_OK(dataset_open(source, 1, 0, 0, &set));
    ASSERT_OK(splits_open(set, 0.2, 0.3, 1, &ours));
    cr_expect(ours.train.n == 20 && ours.test.n == 12);
    ASSERT_OK(split_write(in_scratch("set"), 0.2, 0.3, 1, false, sides));
    dataset *again;
    ASSERT_OK(dataset_open(source, 1, 0, 0, &again));
    for (int i = 0; i < ours.test.n; i++) cr_expect_str_eq(again->samples[ours.test.index[i]].split, "test");
    splits_close(&ours);
    dataset_close(set);
    dataset_close(again);
}

Test(split_file, a_split_that_is_there_is_not_lost_by_accident)
{
    int sides[3];
    size_t n;
    put_set(6, samples_csv);
    EXPECT_ERROR(split_write(in_scratch("set"), 0, 0.4, 1, false, sides), ERR_USAGE, "--replace");
    EXPECT_ERROR(split_write(in_scratch("set"), 0, 1.5, 1, true, sides), ERR_USAGE, "test 1.5");
    char *same = bytes_of(in_scratch("set/samples.csv"), &n);
    cr_expect_str_eq(same, samples_csv);
    free(same);
    ASSERT_OK(split_write(in_scratch("set"), 0, 0.4, 1, true, sides));
    cr_expect_eq(sides[0] + sides[1] + sides[2], 6);
    char *csv = bytes_of(in_scratch("set/samples.csv"), &n);
    cr_expect_not_null(strstr(csv, ",PA,f,Two words.,F,30\n"));
    free(csv);
}
