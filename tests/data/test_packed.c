#include "data/dataset.h"
#include "data/npy.h"
#include "data/table.h"
#include "scratch.h"

#include <math.h>
#include <unistd.h>

TestSuite(packed, .init = scratch_make, .fini = scratch_drop);

/* Three samples of 2 x 2 pixels with two labels, and every difficulty that CSV has. */
static const char samples_csv[] =
    "id,patient,split,view,source,report\n"
    "s1,\"Doe, Jane\",train,PA,a/1.png,\"He said \"\"clear\"\".\nNo effusion.\"\n"
    "s2,,,AP,,\n"
    "  s3 ,p 2,test,LATERAL,\"x\r\ny\", blank before; \xc3\xa9\n";

static void put_packed(void)
{
    uint8_t images[12];
    for (int i = 0; i < 12; i++) images[i] = (uint8_t)(20 * i);
    ASSERT_OK(folder_make(in_scratch("set")));
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'u', 3, (const int64_t[]){3, 2, 2}, images));
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){3, 2},
                        (const float[]){1, 0, NAN, 1, 0, NAN}));
    put_text("set/labels.csv", "label\n\"Edema, mild\"\nNo Finding\n");
    put_text("set/samples.csv", samples_csv);
}

static err open_packed(const char *name, int size, dataset **set)
{
    char source[PATH_BYTES + 8];
    (void)snprintf(source, sizeof source, "packed:%s", in_scratch(name));
    return dataset_open(source, size, 0, 0, set);
}

#define EXPECT_OPEN_ERROR(code, fragment)                                                                    \
    do {                                                                                                     \
        dataset *set_;                                                                                       \
        EXPECT_ERROR(open_packed("set", 2, &set_), code, fragment);                                          \
        cr_expect_null(set_);                                                                                \
    } while (0)

static void expect_content(const dataset *set)
{
    cr_assert(set->n == 3 && set->n_labels == 2 && set->height == 2 && set->width == 2);
    cr_expect_str_eq(set->label_names[0], "Edema, mild");
    cr_expect_str_eq(set->samples[0].patient, "Doe, Jane");
    cr_expect_str_eq(set->samples[0].report, "He said \"clear\".\nNo effusion.");
    cr_expect_str_eq(set->samples[1].patient, "");
    cr_expect_str_eq(set->samples[1].view, "AP");
    cr_expect_str_eq(set->samples[2].id, "  s3 ");
    cr_expect_str_eq(set->samples[2].split, "test");
    cr_expect_str_eq(set->samples[2].source, "x\r\ny");
    cr_expect_str_eq(set->samples[2].report, " blank before; \xc3\xa9");
    for (int i = 0; i < 12; i++) cr_expect_eq(set->images[i], 20 * i);
    cr_expect(set->labels[0] == 1 && set->labels[1] == 0 && isnan(set->labels[2]) && isnan(set->labels[5]));
}

Test(packed, reads_texts_exactly)
{
    dataset *set;
    put_packed();
    ASSERT_OK(open_packed("set", 2, &set));
    expect_content(set);
    dataset_close(set);
}

Test(packed, links_out_of_the_folder_are_refused)
{
    static const char *const names[] = {"images.npy", "labels.npy", "labels.csv", "samples.csv"};
    for (int i = 0; i < 4; i++) {
        char outside[64], name[64];
        put_packed();
        (void)snprintf(name, sizeof name, "set/%s", names[i]);
        (void)snprintf(outside, sizeof outside, "%s", names[i]);
        char from[PATH_BYTES], target[PATH_BYTES + 8];
        (void)snprintf(from, sizeof from, "%s", in_scratch(name));
        (void)snprintf(target, sizeof target, "../%s", outside);
        cr_assert_eq(rename(from, in_scratch(outside)), 0);
        cr_assert_eq(symlink(target, from), 0);
        EXPECT_OPEN_ERROR(ERR_DATA, "is a link that leaves");
        cr_assert_eq(unlink(from), 0);
    }
}

/* In the files an apostrophe keeps spreadsheets from running them. */
Test(packed, texts_that_open_like_formulas_come_back)
{
    static const uint8_t images[8];
    static const float labels[8] = {1, 0, 0, 1, 1, 0, 0, 1};
    static const char *const names[] = {"=cmd|'/c calc'!A1", "'-x"};
    static const char *const reports[] = {"=HYPERLINK(\"http://x\")", "- clear"};
    dataset *set, *told, *again;
    size_t n;
    ASSERT_OK(dataset_from_arrays(images, labels, 2, 2, 2, names, "@source", &set));
    ASSERT_OK(dataset_with_reports(set, reports, &told));
    ASSERT_OK(dataset_save(told, in_scratch("set")));
    char *csv = bytes_of(in_scratch("set/samples.csv"), &n),
         *label_csv = bytes_of(in_scratch("set/labels.csv"), &n);
    cr_expect_str_eq(label_csv, "label\n'=cmd|'/c calc'!A1\n''-x\n");
    cr_expect_not_null(strstr(csv, ",\"'=HYPERLINK("));
    cr_expect_not_null(strstr(csv, "'@source-0,"));
    cr_expect_not_null(strstr(csv, ",'- clear,,\n"));
    ASSERT_OK(open_packed("set", 2, &again));
    for (int i = 0; i < 2; i++) {
        cr_expect_str_eq(again->label_names[i], names[i]);
        cr_expect_str_eq(again->samples[i].report, reports[i]);
        cr_expect_str_eq(again->samples[i].id, told->samples[i].id);
    }
    cr_expect_str_eq(again->content.hex, told->content.hex);
    free(csv);
    free(label_csv);
    dataset_close(set);
    dataset_close(told);
    dataset_close(again);
}

Test(packed, a_saved_set_is_the_same_set)
{
    dataset *set, *again;
    put_packed();
    ASSERT_OK(open_packed("set", 2, &set));
    ASSERT_OK(dataset_save(set, in_scratch("deep/copy")));
    ASSERT_OK(open_packed("deep/copy", 2, &again));
    expect_content(again);
    cr_expect_str_eq(again->content.hex, set->content.hex);
    ASSERT_OK(dataset_save(again, in_scratch("set"))); /* over the first, which is still mapped */
    expect_content(set);
    dataset_close(set);
    dataset_close(again);
}

Test(packed, texts_count_in_the_hash_and_sources_do_not)
{
    dataset *set, *other;
    put_packed();
    ASSERT_OK(open_packed("set", 2, &set));
    put_text("set/samples.csv",
             "id,patient,split,view,source,report\n"
             "s1,\"Doe, Jane\",train,PA,elsewhere,\"He said \"\"clear\"\".\nNo effusion.\"\n"
             "s2,,,AP,,\n"
             "  s3 ,p 2,test,LATERAL,z, blank before; \xc3\xa9\n");
    ASSERT_OK(open_packed("set", 2, &other));
    cr_expect_str_eq(set->content.hex, other->content.hex);
    dataset_close(other);
    put_text("set/samples.csv",
             "id,patient,split,view,source,report\n"
             "s1,\"Doe, Jane\",train,PA,elsewhere,\"He said \"\"clear\"\".\nNo effusion!\"\n"
             "s2,,,AP,,\n"
             "  s3 ,p 2,test,LATERAL,z, blank before; \xc3\xa9\n");
    ASSERT_OK(open_packed("set", 2, &other));
    cr_expect_str_neq(set->content.hex, other->content.hex);
    dataset_close(other);
    dataset_close(set);
}

Test(packed, columns_in_any_order_and_what_spreadsheets_do)
{
    dataset *set;
    put_packed();
    put_text("set/samples.csv",
             "\xef\xbb\xbfreport,age,id\r\n\r\n\"a,b\",61,s1\r\n,,s2\r\nc,,s3"); /* no last newline */
    ASSERT_OK(open_packed("set", 2, &set));
    cr_expect_str_eq(set->samples[0].id, "s1");
    cr_expect_str_eq(set->samples[0].report, "a,b");
    cr_expect_str_eq(set->samples[2].report, "c");
    cr_expect_str_eq(set->samples[2].view, "UNKNOWN");
    dataset_close(set);
}

Test(packed, each_missing_file_is_named)
{
    static const char *const files[] = {"images.npy", "labels.npy", "labels.csv", "samples.csv"};
    EXPECT_OPEN_ERROR(ERR_NO_INPUT, "set");
    for (int f = 0; f < 4; f++) {
        char name[64];
        put_packed();
        (void)snprintf(name, sizeof name, "set/%s", files[f]);
        cr_assert_eq(unlink(in_scratch(name)), 0);
        EXPECT_OPEN_ERROR(ERR_NO_INPUT, files[f]);
    }
}

Test(packed, wrong_csv_names_the_line)
{
    static const struct {
        const char *content, *place;
    } cases[] = {
        {"", "samples.csv"},
        {"patient\na\nb\nc\n", "samples.csv:1"},
        {"id,patient\ns1,a\ns2,\n\"s\n3\",x,y\n", "samples.csv:4"},
        {"id,patient\ns1,\"two\nlines\"\ns2\ns3,\n", "samples.csv:4"},
        {"id,patient\ns1,a\n\ns2\ns3,\n", "samples.csv:4"},
        {"id\ns1\ns2\n\"s3\n", "samples.csv:4"},
        {"id\ns1\ns\"2\ns3\n", "samples.csv:3"},
        {"id\ns1\ns2\n", "2 samples"},
        {"id\n", "no samples"},
        {"id\ns1\ns2\ns1\n", "\"s1\""},
        {"id,view\ns1,\n,PA\ns3,\n", "sample 2 has no id"},
    };
    put_packed();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dataset *set;
        put_text("set/samples.csv", cases[i].content);
        err got = open_packed("set", 2, &set);
        cr_expect(got == ERR_DATA || (got == ERR_NO_INPUT && strcmp(cases[i].place, "no samples") == 0),
                  "case %zu: %d", i, got);
        cr_expect(strstr(err_message(), cases[i].place), "case %zu: %s", i, err_message());
    }
    (void)put_bytes("set/samples.csv", "id\ns1\ns\0002\ns3\n", 14);
    EXPECT_OPEN_ERROR(ERR_DATA, "samples.csv:3: a NUL byte");
    cr_assert_eq(remove(in_scratch("set/samples.csv")), 0);
    EXPECT_OPEN_ERROR(ERR_NO_INPUT, "has no samples.csv; a packed set is a folder of");
}

Test(packed, wrong_label_names)
{
    static const char *const contents[] = {
        "", "label\n", "label\na\n", "name\na\nb\n", "label,x\na,1\nb,2\n", "label\na\nA\n"};
    put_packed();
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        put_text("set/labels.csv", contents[i]);
        EXPECT_OPEN_ERROR(ERR_DATA, "set");
    }
}

Test(packed, wrong_arrays)
{
    dataset *set;
    float labels[6] = {1, 0, 0, 1, 2, 1};
    put_packed();
    EXPECT_ERROR(open_packed("set", 4, &set), ERR_DATA, "2 x 2");
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){3, 2}, labels));
    EXPECT_OPEN_ERROR(ERR_DATA, "  s3 : label \"Edema, mild\" is 2");
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){2, 3}, labels));
    EXPECT_OPEN_ERROR(ERR_DATA, "labels.npy");
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'u', 2, (const int64_t[]){3, 2}, labels));
    EXPECT_OPEN_ERROR(ERR_DATA, "labels.npy");
    put_packed();
    ASSERT_OK(
        npy_write(in_scratch("set/images.npy"), 'u', 3, (const int64_t[]){4, 2, 2}, "0123456789abcdef"));
    EXPECT_OPEN_ERROR(ERR_DATA, "4 images");
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'u', 2, (const int64_t[]){3, 4}, "0123456789abcdef"));
    EXPECT_OPEN_ERROR(ERR_DATA, "images.npy");
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'f', 3, (const int64_t[]){1, 1, 1}, labels));
    EXPECT_OPEN_ERROR(ERR_DATA, "images.npy");
    put_text("set/images.npy", "x");
    EXPECT_OPEN_ERROR(ERR_DATA, "images.npy");
}

Test(packed, a_save_that_fails_leaves_nothing_that_opens)
{
    dataset *set;
    put_packed();
    ASSERT_OK(open_packed("set", 2, &set));
    ASSERT_OK(dataset_save(set, in_scratch("copy")));
    cr_assert_eq(unlink(in_scratch("copy/labels.npy")), 0);
    ASSERT_OK(folder_make(in_scratch("copy/labels.npy/in the way")));
    EXPECT_ERROR(dataset_save(set, in_scratch("copy")), ERR_CANNOT_CREATE, "labels.npy");
    cr_expect_not(path_exists(in_scratch("copy/samples.csv")));
    put_text("file", "x");
    EXPECT_ERROR(dataset_save(set, in_scratch("file")), ERR_CANNOT_CREATE, "file");
    dataset_close(set);
}

Test(packed, tables_have_a_size_limit)
{
    table t;
    put_text("t.csv", "a,b\n1,2\n");
    ASSERT_OK(table_open(in_scratch("t.csv"), 8, &t));
    cr_expect(t.rows == 1 && t.columns == 2 && table_column(&t, "b") == 1 && table_column(&t, "B") == -1);
    cr_expect_str_eq(table_cell(&t, 0, 1), "2");
    table_close(&t);
    EXPECT_ERROR(table_open(in_scratch("t.csv"), 7, &t), ERR_DATA, "t.csv");
    table_close(NULL);
}

/* -1 is "uncertain"; the content is what the policy makes of it. */
Test(packed, uncertain_labels_become_what_the_policy_says)
{
    static const uncertain_policy policies[] = {UNCERTAIN_UNKNOWN, UNCERTAIN_ZERO, UNCERTAIN_ONE};
    char source[PATH_BYTES + 8], contents[3][33];
    put_packed();
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){3, 2},
                        (const float[]){1, -1, NAN, 1, -1, 0}));
    (void)snprintf(source, sizeof source, "packed:%s", in_scratch("set"));
    for (int i = 0; i < 3; i++) {
        dataset *set;
        ASSERT_OK(dataset_open_uncertain(source, 2, 0, 0, policies[i], &set));
        const float *y = set->labels;
        cr_expect(y[0] == 1 && isnan(y[2]) && y[3] == 1 && y[5] == 0, "other labels stay");
        cr_expect(i == 0 ? isnan(y[1]) && isnan(y[4]) : y[1] == (float)(i - 1) && y[4] == (float)(i - 1));
        (void)snprintf(contents[i], sizeof contents[i], "%s", set->content.hex);
        dataset_close(set);
    }
    cr_expect_str_neq(contents[0], contents[1]);
    cr_expect_str_neq(contents[1], contents[2]);
    dataset *set;
    ASSERT_OK(dataset_open(source, 2, 0, 0, &set));
    cr_expect_str_eq(set->content.hex, contents[0], "unknown is the default");
    dataset_close(set);
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){3, 2},
                        (const float[]){1, 0, NAN, 1, -2, 0}));
    EXPECT_OPEN_ERROR(ERR_DATA, "label \"Edema, mild\" is -2");
}
