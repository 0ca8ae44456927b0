/* The plain CSV, and with it all that importers share: filters, labels, paths, missing and broken files. */
#include "data/dataset.h"
#include "tree.h"

#include <omp.h>
#include <unistd.h>

TestSuite(manifest, .init = scratch_make, .fini = scratch_drop);

static void put_manifest(const char *content)
{
    tree_text("manifest.csv", content);
}

static void put_images(void)
{
    tree_image("a.png", 10);
    tree_image("deep/b.png", 20);
    tree_image("c.png", 30);
    tree_image("d.png", 40);
}

Test(manifest, all_columns)
{
    put_images();
    put_manifest("path,id,patient,split,view,report,sex,age,labels,photometric,doctor\n"
                 "a.png,A,p1,train,PA,\"No \"\"effusion\"\",\nclear.\",Male,058Y,Edema|Mass,MONOCHROME2,x\n"
                 "deep/b.png,B,p2,test,ap_supine,,F,6M,none,MONOCHROME1,x\n"
                 "c.png,C,,,AP,caf\xe9,?,none,,,x\n");
    import_options o = options_of("manifest");
    import_result r = expect_import(&o, "Edema,Mass\n"
                                        "A|p1|train|PA|M|58|11|10|No \"effusion\",\nclear.\n"
                                        "B|p2|test|AP Supine|F|0.5|00|235|\n"
                                        "C|||AP|||..|30|caf\xc3\xa9\n");
    cr_expect(r.images == 3 && r.patients == 2 && r.reports == 2 && r.labels == 2);
    cr_expect(r.views_known && !r.split_known);
    static char file[PATH_BYTES];
    (void)snprintf(file, sizeof file, "%s", in_scratch("in/manifest.csv"));
    o.folder = file; /* the file itself, under any name */
    cr_expect_eq(rename(file, in_scratch("in/other.csv")), 0);
    (void)snprintf(file, sizeof file, "%s", in_scratch("in/other.csv"));
    ASSERT_OK(import_set(&o, &r));
    cr_expect_eq(r.images, 3);
}

Test(manifest, apostrophes_of_an_export_are_taken_off)
{
    tree_image("a.png", 10);
    put_manifest("path,id,patient,report,label:x\na.png,'=a,'+1,'-2 cm,1\n");
    import_options o = options_of("manifest");
    (void)expect_import(&o, "x\n=a|+1||UNKNOWN|||1|10|-2 cm\n");
}

Test(manifest, only_a_path_and_a_label)
{
    put_images();
    put_manifest("path,label:Edema,label:No Finding\na.png,1,\nc.png,-1,0\nd.png,nan,1.0\n");
    import_options o = options_of("manifest");
    import_result r = expect_import(&o, "Edema,No Finding\n"
                                        "a.png|||UNKNOWN|||1.|10|\n"
                                        "c.png|||UNKNOWN|||-0|30|\n"
                                        "d.png|||UNKNOWN|||.1|40|\n");
    cr_expect(!r.views_known && r.patients == 0);
}

Test(manifest, the_set_opens_and_its_split_is_kept)
{
    dataset *set;
    splits s;
    import_result r;
    char source[PATH_BYTES + 8];
    put_images();
    put_manifest("path,patient,split,labels\na.png,1,train,x\nc.png,2,val,y\nd.png,3,test,x\n");
    import_options o = options_of("manifest");
    ASSERT_OK(import_set(&o, &r));
    cr_expect(r.split_known);
    (void)snprintf(source, sizeof source, "packed:%s", o.out);
    ASSERT_OK(dataset_open(source, 4, 0, 0, &set));
    ASSERT_OK(splits_open(set, 0.3, 0.3, 1, &s));
    cr_expect(s.train.n == 1 && s.train.index[0] == 0);
    cr_expect(s.validation.n == 1 && s.validation.index[0] == 1);
    cr_expect(s.test.n == 1 && s.test.index[0] == 2);
    splits_close(&s);
    dataset_close(set);
}

static const char with_views[] = "path,patient,view,age,labels\n"
                                 "a.png,p1,PA,30,x\n"
                                 "deep/b.png,p2,Lateral,40,y\n"
                                 "c.png,p1,AP,31,x|y\n"
                                 "d.png,p3,,9,y\n";

Test(manifest, views)
{
    put_images();
    put_manifest(with_views);
    import_options o = options_of("manifest");
    import_result r = expect_import(&o, "x,y\n"
                                        "a.png|p1||PA||30|10|10|\n"
                                        "c.png|p1||AP||31|11|30|\n");
    cr_expect_eq(r.left_out[LEFT_VIEW], 2); /* the lateral one, and the unknown one where views are known */
    o.views = "all";
    ASSERT_OK(import_set(&o, &r));
    cr_expect_eq(r.images, 4);
    ASSERT_OK(folder_remove(o.out));
    o.views = "ap, unknown,l";
    (void)expect_import(&o, "x,y\n"
                            "deep/b.png|p2||L||40|01|20|\n"
                            "c.png|p1||AP||31|11|30|\n"
                            "d.png|p3||UNKNOWN||9|01|40|\n");
    o.views = "oblique";
    expect_refused(&o, ERR_DATA, "no image is left: 4 of another or of no known view");
    o.views = "PA,";
    expect_refused(&o, ERR_USAGE, "--views");
    put_manifest("path,view,labels\na.png,UNKNOWN,x\nc.png,,x\n");
    o.views = "frontal";
    r = expect_import(&o, "x\na.png|||UNKNOWN|||1|10|\nc.png|||UNKNOWN|||1|30|\n");
    cr_expect_not(r.views_known);
    o.views = "PA";
    expect_refused(&o, ERR_USAGE, "does not tell its views");
}

Test(manifest, labels_and_classes_are_chosen)
{
    put_images();
    put_manifest(with_views);
    import_options o = options_of("manifest");
    o.views = "all";
    o.labels = "Y";
    (void)expect_import(&o, "Y\n"
                            "a.png|p1||PA||30|0|10|\n"
                            "deep/b.png|p2||L||40|1|20|\n"
                            "c.png|p1||AP||31|1|30|\n"
                            "d.png|p3||UNKNOWN||9|1|40|\n");
    o.labels = "x,z";
    expect_refused(&o, ERR_USAGE, "--labels: there is no label \"z\"; there are x, y");
    o.labels = NULL;
    o.classes = "y, x";
    import_result r = expect_import(&o, "y,x\n"
                                        "a.png|p1||PA||30|01|10|\n"
                                        "deep/b.png|p2||L||40|10|20|\n"
                                        "d.png|p3||UNKNOWN||9|10|40|\n");
    cr_expect_eq(r.left_out[LEFT_CLASS], 1);
    o.classes = "x,z";
    expect_refused(&o, ERR_USAGE, "--classes: there is no label \"z\"");
    o.labels = "x";
    expect_refused(&o, ERR_USAGE, "exclude each other");
}

Test(manifest, uncertain_and_unknown_labels_are_no_class)
{
    put_images();
    put_manifest("path,label:x,label:y\na.png,1,\nc.png,-1,0\nd.png,,1\n");
    import_options o = options_of("manifest");
    o.classes = "x,y";
    (void)expect_import(&o, "x,y\n"
                            "a.png|||UNKNOWN|||10|10|\n"
                            "d.png|||UNKNOWN|||01|40|\n");
}

/* torchxrayvision's common columns, which sets can be joined by. */
Test(manifest, common_labels)
{
    put_images();
    put_manifest("path,label:Pleural Effusion,label:Mass,label:Scar\na.png,1,0,1\n");
    import_options o = options_of("manifest");
    o.labels = "xrv18";
    (void)expect_import(
        &o, "Atelectasis,Consolidation,Infiltration,Pneumothorax,Edema,Emphysema,Fibrosis,Effusion,"
            "Pneumonia,Pleural_Thickening,Cardiomegaly,Nodule,Mass,Hernia,Lung Lesion,Fracture,Lung "
            "Opacity,Enlarged Cardiomediastinum\n"
            "a.png|||UNKNOWN|||.......1....0.....|10|\n");
}

/* torchxrayvision takes the first value of each column that is not empty, and so mixes a patient's images. */
Test(manifest, the_first_image_of_a_patient_keeps_its_own_labels)
{
    put_images();
    put_manifest("path,patient,view,label:x,label:y\n"
                 "deep/b.png,p1,L,1,1\na.png,p1,PA,,0\nc.png,p1,PA,1,1\nd.png,,PA,0,0\n");
    import_options o = options_of("manifest");
    o.first_of_patient = true;
    import_result r = expect_import(&o, "x,y\n"
                                        "a.png|p1||PA|||.0|10|\n"
                                        "d.png|||PA|||00|40|\n");
    cr_expect(r.left_out[LEFT_PATIENT] == 1 && r.left_out[LEFT_VIEW] == 1);
}

Test(manifest, age)
{
    put_images();
    put_manifest(with_views);
    import_options o = options_of("manifest");
    o.views = "all";
    o.least_age = 10;
    import_result r;
    ASSERT_OK(import_set(&o, &r));
    cr_expect(r.images == 3 && r.left_out[LEFT_AGE] == 1);
}

Test(manifest, paths_that_leave_the_folder_are_refused_by_line)
{
    static const char *const bad[] = {"../secret.png", "/etc/passwd",      "deep/../../secret.png",
                                      "link.png",      "aside/secret.png", ""};
    put_images();
    put_text("secret.png", "secret");
    cr_assert_eq(symlink("../secret.png", in_scratch("in/link.png")), 0);
    cr_assert_eq(symlink("..", in_scratch("in/aside")), 0);
    import_options o = options_of("manifest");
    o.missing = o.broken = IMPORT_SKIP;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char content[256];
        (void)snprintf(content, sizeof content, "path,labels\na.png,x\n%s,x\n", bad[i]);
        put_manifest(content);
        expect_refused(&o, ERR_DATA, "manifest.csv:3: ");
    }
    /* The table itself may not lead out either. */
    put_text("table.csv", "path,labels\na.png,x\n");
    cr_assert_eq(unlink(in_scratch("in/manifest.csv")), 0);
    cr_assert_eq(symlink("../table.csv", in_scratch("in/manifest.csv")), 0);
    expect_refused(&o, ERR_DATA, "leaves");
}

Test(manifest, missing_files)
{
    put_images();
    put_manifest("path,labels\na.png,x\nno.png,x\nc.png,y\nnot.png,y\n");
    import_options o = options_of("manifest");
    expect_refused(&o, ERR_NO_INPUT, "2 images are missing; the first is ");
    expect_message("manifest.csv:3: ");
    expect_message("in/no.png: is missing");
    expect_message("--missing skip");
    o.missing = IMPORT_SKIP;
    import_result r;
    size_t n;
    ASSERT_OK(import_set(&o, &r));
    cr_expect(r.images == 2 && r.left_out[LEFT_MISSING] == 2);
    char *left = bytes_of(in_scratch("out/left_out.csv"), &n);
    cr_expect_not_null(strstr(left, "file,place,reason\nno.png,"));
    cr_expect_not_null(strstr(left, "manifest.csv:5,missing\n"));
    free(left);
    put_manifest("path,labels\nno.png,x\n");
    ASSERT_OK(folder_remove(o.out));
    expect_refused(&o, ERR_NO_INPUT, "all 1 images are missing");
}

Test(manifest, broken_files)
{
    put_images();
    tree_text("bad.png", "\x89PNG\r\n\x1a\nrubbish");
    tree_text("text.png", "text");
    put_manifest("path,labels\na.png,x\ntext.png,x\nbad.png,y\nc.png,y\n");
    import_options o = options_of("manifest");
    for (int threads = 1; threads <= 4; threads++) {
        omp_set_num_threads(threads);
        expect_refused(&o, ERR_DATA, "manifest.csv:3: "); /* the first, whoever meets one first */
        expect_message("not a PNG or JPEG image; --broken skip leaves such files out");
    }
    o.broken = IMPORT_SKIP;
    import_result r;
    size_t n;
    ASSERT_OK(import_set(&o, &r));
    cr_expect(r.images == 2 && r.left_out[LEFT_BROKEN] == 2);
    char *left = bytes_of(in_scratch("out/left_out.csv"), &n);
    cr_expect_not_null(strstr(left, "\nbad.png,"));
    cr_expect_not_null(strstr(left, "cannot be decoded"));
    free(left);
    ASSERT_OK(folder_remove(o.out));
    put_manifest("path,labels\ntext.png,x\n");
    expect_refused(&o, ERR_DATA, "no image is left");
}

Test(manifest, ids_are_unique)
{
    put_images();
    put_manifest("path,labels\na.png,x\nc.png,x\na.png,y\n");
    import_options o = options_of("manifest");
    expect_refused(&o, ERR_DATA, "manifest.csv:4: the image \"a.png\" was there before");
    put_manifest("path,id,labels\na.png,,x\n");
    expect_refused(&o, ERR_DATA, "manifest.csv:2: an image without an id");
}

Test(manifest, wrong_tables)
{
    static const struct {
        const char *content, *message;
    } cases[] = {
        {"file,labels\na.png,x\n", "manifest.csv:1: the header has no column \"path\""},
        {"path\na.png\n", "has no label"},
        {"path,label:x\na.png,2\n", "manifest.csv:2: label \"x\" is \"2\"; it must be 1, 0, -1 or empty"},
        {"path,label:x\na.png,yes\n", "manifest.csv:2: label \"x\" is \"yes\""},
        {"path,label:x,labels\na.png,1,x\n", "one of them is enough"},
        {"path,label:x,label:X\na.png,1,0\n", "same name"},
        {"path,label:\na.png,1\n", "a label without a name"},
        {"path,labels\na.png,x||y\n", "manifest.csv:2: labels \"x||y\": a name is empty"},
        {"path,labels\na.png\n", "manifest.csv:2: 1 fields where the header has 2"},
    };
    put_images();
    import_options o = options_of("manifest");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_manifest(cases[i].content);
        expect_refused(&o, ERR_DATA, cases[i].message);
    }
    cr_assert_eq(unlink(in_scratch("in/manifest.csv")), 0);
    expect_refused(&o, ERR_NO_INPUT, "has no manifest.csv");
    o.folder = "/nowhere/at/all";
    expect_refused(&o, ERR_NO_INPUT, "/nowhere/at/all");
    o.kind = "nonsense";
    expect_refused(&o, ERR_USAGE, "nonsense: there is no such kind of data set; there are folder, manifest");
}

Test(manifest, too_many_labels)
{
    text t = {0};
    put_images();
    text_printf(&t, "path,labels\na.png,0");
    for (int k = 1; k < 513; k++) text_printf(&t, "|%d", k);
    text_printf(&t, "\n");
    put_manifest(t.data);
    text_close(&t);
    import_options o = options_of("manifest");
    expect_refused(&o, ERR_DATA, "manifest.csv:2: the label \"512\" would be the 513th");
}

/* ---- many images ---- */

enum { MANY = 1300 }; /* more than two batches */

static void put_many(void)
{
    text t = {0};
    text_printf(&t, "path,labels\n");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%04d.png", i);
        uint8_t pixel = (uint8_t)(i % 251);
        if (i == 0) (void)placed(name);
        (void)snprintf(name, sizeof name, "in/%04d.png", i);
        ASSERT_OK(image_write_png(in_scratch(name), &pixel, 1, 1));
        text_printf(&t, "%04d.png,%s\n", i, i % 3 ? "x" : "y");
    }
    put_manifest(t.data);
    text_close(&t);
}

Test(manifest, images_stay_in_their_order_whoever_decodes_them)
{
    put_many();
    import_options o = options_of("manifest");
    o.size = 2;
    for (int threads = 1; threads <= 3; threads += 2) {
        import_result r;
        npy images, labels;
        omp_set_num_threads(threads);
        ASSERT_OK(import_set(&o, &r));
        cr_expect_eq(r.images, MANY);
        ASSERT_OK(npy_open(in_scratch("out/images.npy"), &images));
        ASSERT_OK(npy_open(in_scratch("out/labels.npy"), &labels));
        for (int i = 0; i < MANY; i++) {
            cr_expect_eq(((const uint8_t *)images.data)[4 * i], i % 251);
            cr_expect_eq(((const float *)labels.data)[2 * i], i % 3 ? 1 : 0);
        }
        npy_close(&images);
        npy_close(&labels);
        ASSERT_OK(folder_remove(o.out));
    }
}

typedef struct told {
    long counted, decoded, total, stop_at;
    bool backwards;
} told;

static err listen(void *context, long done, long total)
{
    told *t = context;
    t->backwards = t->backwards || (total > 0 && done < t->decoded);
    if (total == 0) t->counted = done;
    if (total > 0) t->decoded = done;
    t->total = total;
    return t->stop_at > 0 && total > 0 && done >= t->stop_at ? err_set(ERR_INTERRUPTED, "interrupted") : OK;
}

Test(manifest, progress_is_told_and_can_stop_the_import)
{
    told t = {0};
    import_result r;
    put_many();
    import_options o = options_of("manifest");
    o.progress = listen;
    o.progress_context = &t;
    ASSERT_OK(import_set(&o, &r));
    cr_expect(t.counted >= 1000 && t.total == MANY && t.decoded > MANY / 2 && !t.backwards);
    ASSERT_OK(folder_remove(o.out));
    t = (told){.stop_at = 700};
    expect_refused(&o, ERR_INTERRUPTED, "interrupted");
    cr_expect_lt(t.decoded, MANY);
}
