#include "data/importers/json_objects.h"
#include "tree.h"

#include <unistd.h>

TestSuite(r2gen, .init = scratch_make, .fini = scratch_drop);

/* A labeller of one word, in place of the real one, which lives above data/. */
static err read_label(void *context, const char *report, float *labels)
{
    int *calls = context;
    ++*calls;
    labels[0] = strstr(report, "effusion") ? 1 : 0;
    labels[1] = strstr(report, "maybe") ? -1.0F : NAN;
    return OK;
}

static import_options labelled_options(int *calls)
{
    static const char *const names[] = {"Effusion", "Edema"};
    import_options o = options_of("r2gen");
    o.labeller = read_label;
    o.labeller_context = calls;
    o.labeller_names = names;
    o.labeller_n = 2;
    return o;
}

static const char iu[] =
    "{\"train\": [{\"id\": \"CXR2384_IM-0942\", \"report\": \"Heart is \\\"normal\\\" {size].\\nNo effusion "
    "\\u00e9.\", "
    "\"image_path\": [\"CXR2384_IM-0942/0.png\", \"CXR2384_IM-0942/1.png\"], \"split\": \"train\"},\n"
    " {\"id\": \"CXR2926_IM-1328\", \"report\": \"Clear.\", \"image_path\": [\"CXR2926_IM-1328/0.png\"], "
    "\"split\": \"train\"}],\n"
    "\"val\": [], \"test\": [\n{\"id\": \"CXR1_IM-0001\", \"report\": \"maybe\", \"image_path\": "
    "[\"CXR1_IM-0001/0.png\"], "
    "\"split\": \"test\"}]}\n";

Test(r2gen, iu_xray_with_labels_out_of_its_reports)
{
    int calls = 0;
    tree_text("annotation.json", iu);
    tree_image("images/CXR2384_IM-0942/0.png", 1);
    tree_image("images/CXR2384_IM-0942/1.png", 2);
    tree_image("images/CXR2926_IM-1328/0.png", 3);
    tree_image("images/CXR1_IM-0001/0.png", 4);
    import_options o = labelled_options(&calls);
    import_result r = expect_import(
        &o,
        "Effusion,Edema\n"
        "CXR2384_IM-0942/0|CXR2384|train|UNKNOWN|||1.|1|Heart is \"normal\" {size].\nNo effusion \xc3\xa9.\n"
        "CXR2384_IM-0942/1|CXR2384|train|UNKNOWN|||1.|2|Heart is \"normal\" {size].\nNo effusion \xc3\xa9.\n"
        "CXR2926_IM-1328|CXR2926|train|UNKNOWN|||0.|3|Clear.\n"
        "CXR1_IM-0001|CXR1|test|UNKNOWN|||0-|4|maybe\n");
    cr_expect(r.split_known && r.reports == 4 && r.patients == 3);
    cr_expect_eq(calls, 4); /* not in the first walk, which only counts */
    o.classes = "Effusion";
    ASSERT_OK(import_set(&o, &r));
    cr_expect_eq(r.images, 2);
    o.labeller = NULL;
    ASSERT_OK(folder_remove(o.out));
    expect_refused(&o, ERR_USAGE, "need a labeller");
}

Test(r2gen, mimic_names_its_patients)
{
    int calls = 0;
    tree_text("mimic.json",
              "{\"val\": [{\"id\": \"02aa804e\", \"study_id\": 50414267, \"subject_id\": 10000032, "
              "\"report\": \"x\", "
              "\"image_path\": [\"p10/p10000032/s50414267/02aa804e.jpg\"], \"split\": \"val\"}]}");
    tree_image("images/p10/p10000032/s50414267/02aa804e.jpg", 1);
    import_options o = labelled_options(&calls);
    static char file[PATH_BYTES];
    (void)snprintf(file, sizeof file, "%s", in_scratch("in/mimic.json"));
    o.folder = file;
    (void)expect_import(&o, "Effusion,Edema\n02aa804e|10000032|val|UNKNOWN|||0.|1|x\n");
}

Test(r2gen, labels_of_another_kind_can_come_from_reports_too)
{
    int calls = 0;
    tree_image("a.png", 1);
    tree_text("manifest.csv", "path,report,labels\na.png,effusion,Mass\n");
    import_options o = labelled_options(&calls);
    o.kind = "manifest";
    o.label_reports = true;
    (void)expect_import(&o, "Effusion,Edema\na.png|||UNKNOWN|||1.|1|effusion\n");
}

Test(r2gen, wrong_files)
{
    static const struct {
        const char *content, *message;
    } cases[] = {
        {"", "no image is left"},
        {"{\"train\": []}", "no image is left"},
        {"{\"train\": [\n{\"report\": \"x\"}]}", "annotation.json:2: an entry without \"id\""},
        {"{\"train\": [{\"id\": \"x\", \"report\": 3}]}", "an entry without \"report\""},
        {"{\"train\": [{\"id\": \"x\", \"report\": \"y\"}]}", "an entry without \"split\""},
        {"{\"train\": [{\"id\": \"x\", \"report\": \"y\", \"split\": \"train\", \"image_path\": \"x\"}]}",
         "\"image_path\""},
        {"{\"train\": [{\"id\": \"x\", \"report\": \"y\", \"split\": \"train\", \"image_path\": [1]}]}",
         "\"image_path\""},
        {"{\"train\": [{\"id\": \"x\", \"report\": \"y\", \"split\": \"train\", \"image_path\": "
         "[\"../../x\"]}]}",
         "annotation.json:1: \"images/../../x\" leaves"},
        {"{\"train\": [\n\n{\"id\": oops}]}", "annotation.json:3: an object that is not JSON"},
        {"{\"train\": [{\"id\": \"x\"", "annotation.json: is truncated"},
        {"{\"train\": [{\"id\": \"x}]}", "annotation.json: is truncated"},
        {"{\"train\": [}]", "annotation.json:1: a bracket that nothing opened"},
        {"]", "annotation.json:1: a bracket that nothing opened"},
    };
    int calls = 0;
    import_options o = labelled_options(&calls);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tree_text("annotation.json", cases[i].content);
        expect_refused(&o, ERR_DATA, cases[i].message);
    }
    static char deep[200];
    memset(deep, '[', sizeof deep - 1);
    tree_text("annotation.json", deep);
    expect_refused(&o, ERR_DATA, "brackets within each other");
    ASSERT_OK(folder_remove(in_scratch("in/annotation.json")));
    expect_refused(&o, ERR_NO_INPUT, "annotation.json: is missing");
}

static err count(void *context, int line, const cJSON *object)
{
    int *n = context;
    cr_expect(line > 0 && cJSON_IsObject(object));
    ++*n;
    return OK;
}

Test(r2gen, objects_have_a_limit_and_lists_have_none)
{
    enum { BYTES = 5 << 20 };
    int n = 0;
    char *content = malloc(BYTES + 16);
    cr_assert_not_null(content);
    memset(content, 'x', BYTES);
    memcpy(content, "[{\"a\": \"", 8);
    (void)put_bytes("big.json", content, BYTES);
    EXPECT_ERROR(json_objects(in_scratch("big.json"), count, &n), ERR_DATA,
                 "big.json:1: an object of more than");
    for (int i = 0; i < BYTES; i += 4) memcpy(content + i, i ? "{}, " : "[   ", 4);
    memcpy(content + BYTES - 4, "{} ]", 4);
    (void)put_bytes("long.json", content, BYTES);
    ASSERT_OK(json_objects(in_scratch("long.json"), count, &n));
    cr_expect_eq(n, BYTES / 4 - 1);
    free(content);
}

typedef struct removal {
    char image[PATH_BYTES];
    int calls, at;
} removal;

/* Called in the second walk, before an image is looked for: the first call is for the image itself, at the
 * second it waits to be decoded. */
static err remove_image(void *context, const char *report, float *labels)
{
    removal *r = context;
    (void)report;
    if (r->calls++ == r->at) (void)unlink(r->image);
    labels[0] = 1;
    return OK;
}

Test(r2gen, a_file_that_vanishes_meanwhile_is_told_or_left_out)
{
    static const char *const names[] = {"x"};
    import_options o = options_of("r2gen");
    o.labeller = remove_image;
    o.labeller_names = names;
    o.labeller_n = 1;
    tree_text("annotation.json",
              "[{\"id\": \"1\", \"report\": \"a\", \"image_path\": [\"1.png\"], \"split\": \"train\"},"
              "{\"id\": \"2\", \"report\": \"b\", \"image_path\": [\"2.png\"], \"split\": \"train\"}]");
    tree_image("images/2.png", 2);
    for (int at = 0; at < 2; at++)
        for (int skip = 0; skip < 2; skip++) {
            removal r = {.at = at};
            import_result result;
            tree_image("images/1.png", 1);
            (void)snprintf(r.image, sizeof r.image, "%s", in_scratch("in/images/1.png"));
            o.labeller_context = &r;
            o.missing = o.broken = skip ? IMPORT_SKIP : IMPORT_AS_KIND;
            if (!skip) {
                expect_refused(&o, ERR_NO_INPUT, "in/images/1.png");
                continue;
            }
            ASSERT_OK(import_set(&o, &result));
            cr_expect(result.images == 1 &&
                      result.left_out[LEFT_MISSING] + result.left_out[LEFT_BROKEN] == 1);
            ASSERT_OK(folder_remove(o.out));
        }
}
