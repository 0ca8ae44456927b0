#include "data/export.h"

#include "data/images.h"
#include "data/npy.h"
#include "data/table.h"
#include "scratch.h"

#include <cjson/cJSON.h>
#include <math.h>

TestSuite(export, .init = scratch_make, .fini = scratch_drop);

static const uint8_t images[3][4] = {{0, 50, 100, 150}, {1, 51, 101, 151}, {2, 52, 102, 152}};

static void put_set(const float labels[3][2], const char *names, const char *samples_csv)
{
    ASSERT_OK(folder_make(in_scratch("set")));
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'u', 3, (const int64_t[]){3, 2, 2}, images));
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){3, 2}, labels));
    put_text("set/labels.csv", names);
    put_text("set/samples.csv", samples_csv);
}

static const float several[3][2] = {{1, 1}, {-1, NAN}, {0, 1}}, one_hot[3][2] = {{1, 0}, {0, 1}, {1, 0}};
static const char split_csv[] = "id,patient,split,view,report,sex,age\n"
                                "a,p1,train,PA,\"Said \"\"no\"\",\nclear.\",F,30\n"
                                "b,p2,Validate,AP,,,\n"
                                "=c,p3,test,PA,-1 cm,,\n";

static err export_to(export_format format, long *written)
{
    return export_set(in_scratch("set"), format, in_scratch("out"), NULL, NULL, written);
}

static void expect_image(const char *name, int i)
{
    gray_image image;
    ASSERT_OK(image_read(in_scratch(name), &image));
    cr_assert(image.width == 2 && image.height == 2);
    for (int p = 0; p < 4; p++) cr_expect_eq((int)image.pixels[p], images[i][p]);
    free(image.pixels);
}

Test(export, csv)
{
    long written;
    table t;
    put_set(several, "label\nx\n\"y, z\"\n", split_csv);
    ASSERT_OK(export_to(EXPORT_CSV, &written));
    cr_expect_eq(written, 3);
    ASSERT_OK(table_open(in_scratch("out/manifest.csv"), 1 << 20, &t));
    static const char *const wanted[4][10] = {
        {"path", "id", "patient", "split", "view", "report", "sex", "age", "label:x", "label:y, z"},
        {"images/000001.png", "a", "p1", "train", "PA", "Said \"no\",\nclear.", "F", "30", "1", "1"},
        {"images/000002.png", "b", "p2", "Validate", "AP", "", "", "", "-1", ""},
        /* Texts that a spreadsheet would run; numbers are numbers. */
        {"images/000003.png", "'=c", "p3", "test", "PA", "'-1 cm", "", "", "0", "1"}};
    cr_assert(t.rows == 3 && t.columns == 10);
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 10; c++) cr_expect_str_eq(table_cell(&t, r - 1, c), wanted[r][c]);
    table_close(&t);
    for (int i = 0; i < 3; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "out/images/%06d.png", i + 1);
        expect_image(name, i);
    }
    EXPECT_ERROR(export_to(EXPORT_CSV, &written), ERR_CANNOT_CREATE, "out: exists");
}

Test(export, folders_of_classes)
{
    long written;
    put_set(one_hot, "label\nCOVID-19\n../evil\n", split_csv);
    ASSERT_OK(export_to(EXPORT_IMAGE_FOLDER, &written));
    expect_image("out/train/COVID-19/000001.png", 0);
    expect_image("out/val/_._evil/000002.png", 1);
    expect_image("out/test/COVID-19/000003.png", 2);
    ASSERT_OK(folder_remove(in_scratch("out")));
    put_text("set/samples.csv", "id\na\nb\nc\n");
    ASSERT_OK(export_to(EXPORT_IMAGE_FOLDER, &written));
    expect_image("out/COVID-19/000003.png", 2);
    cr_expect_not(path_exists(in_scratch("out/train")));
}

Test(export, folders_need_one_label_an_image)
{
    long written;
    put_set(several, "label\nx\ny\n", split_csv);
    EXPECT_ERROR(export_to(EXPORT_IMAGE_FOLDER, &written), ERR_USAGE, "sample a has not exactly one label");
    put_set(one_hot, "label\na/b\na\\b\n", split_csv);
    EXPECT_ERROR(export_to(EXPORT_IMAGE_FOLDER, &written), ERR_DATA, "same name");
    cr_expect_not(path_exists(in_scratch("out")));
    cr_expect_not(path_exists(in_scratch("out.part")));
}

Test(export, annotation_of_r2gen)
{
    long written;
    size_t n;
    put_set(several, "label\nx\ny\n", split_csv);
    ASSERT_OK(export_to(EXPORT_R2GEN, &written));
    cr_expect_eq(written, 2); /* b has no report */
    char *bytes = bytes_of(in_scratch("out/annotation.json"), &n);
    cJSON *all = cJSON_Parse(bytes);
    cr_assert_not_null(all);
    cJSON *train = cJSON_GetObjectItem(all, "train"), *val = cJSON_GetObjectItem(all, "val"),
          *test = cJSON_GetObjectItem(all, "test");
    cr_assert(cJSON_GetArraySize(train) == 1 && cJSON_GetArraySize(val) == 0 &&
              cJSON_GetArraySize(test) == 1);
    cJSON *entry = cJSON_GetArrayItem(train, 0);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "report")), "Said \"no\",\nclear.");
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "id")), "a");
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "split")), "train");
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(entry, "image_path"), 0)),
                     "000001.png");
    cJSON_Delete(all);
    free(bytes);
    expect_image("out/images/000003.png", 2);
    cr_expect_not(path_exists(in_scratch("out/images/000002.png")));
    ASSERT_OK(folder_remove(in_scratch("out")));
    put_text("set/samples.csv", "id,report\na,x\nb,y\nc,z\n");
    EXPECT_ERROR(export_to(EXPORT_R2GEN, &written), ERR_USAGE, "`bench data split` makes it");
}

static err stop(void *context, long done, long total)
{
    (void)context;
    return done > total ? OK : err_set(ERR_INTERRUPTED, "interrupted");
}

Test(export, what_is_stopped_leaves_nothing)
{
    long written;
    put_set(several, "label\nx\ny\n", split_csv);
    err got = export_set(in_scratch("set"), EXPORT_CSV, in_scratch("out"), stop, NULL, &written);
    cr_expect_eq(got, ERR_INTERRUPTED);
    cr_expect_not(path_exists(in_scratch("out")));
    cr_expect_not(path_exists(in_scratch("out.part")));
}
