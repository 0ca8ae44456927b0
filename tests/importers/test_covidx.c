#include "tree.h"

TestSuite(covidx, .init = scratch_make, .fini = scratch_drop);

static void put_images(const char *train, const char *test)
{
    char name[PATH_BYTES];
    static const char *const files[] = {"a.png", "b c.jpg", "d.png"};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", i < 2 ? train : test, files[i]);
        tree_image(name, i + 1);
    }
}

static const char train_list[] = "1 a.png COVID-19 cohen\n"
                                 "1 b c.jpg normal rsna\n";

Test(covidx, three_classes)
{
    put_images("data/train/", "data/test/");
    tree_text("labels/train_COVIDx7A.txt", train_list);
    tree_text("labels/test_COVIDx7A.txt", "COVID-00015a d.png pneumonia fig1\n\n");
    import_options o = options_of("covidx");
    import_result r = expect_import(&o, "COVID-19,normal,pneumonia\n"
                                        "a.png|cohen:1|train|UNKNOWN|||100|1|\n"
                                        "b c.jpg|rsna:1|train|UNKNOWN|||010|2|\n" /* another patient 1 */
                                        "d.png|fig1:COVID-00015a|test|UNKNOWN|||001|3|\n");
    cr_expect(r.split_known && r.patients == 3);
}

Test(covidx, two_classes_and_the_later_layout)
{
    put_images("train/", "test/");
    tree_text("train.txt", "1 a.png positive cohen\n2 b c.jpg negative\n");
    tree_text("test.txt", "3 d.png negative bimcv\r\n");
    import_options o = options_of("covidx");
    (void)expect_import(&o, "negative,positive\n"
                            "a.png|cohen:1|train|UNKNOWN|||01|1|\n"
                            "b c.jpg|2|train|UNKNOWN|||10|2|\n"
                            "d.png|bimcv:3|test|UNKNOWN|||10|3|\n");
}

Test(covidx, one_of_several_lists)
{
    put_images("data/train/", "data/test/");
    tree_text("train_COVIDx7A.txt", train_list);
    tree_text("train_COVIDx8B.txt", "1 a.png positive cohen\n");
    tree_text("test_COVIDx8B.txt", "2 d.png negative cohen\n");
    import_options o = options_of("covidx");
    expect_refused(&o, ERR_USAGE, "several lists, train_COVIDx7A.txt and train_COVIDx8B.txt; choose one");
    o.variant = "7A";
    expect_refused(&o, ERR_NO_INPUT, "has no list test_COVIDx7A.txt");
    o.variant = "8B";
    (void)expect_import(&o, "negative,positive\n"
                            "a.png|cohen:1|train|UNKNOWN|||01|1|\n"
                            "d.png|cohen:2|test|UNKNOWN|||10|3|\n");
}

/* COVID-Net cuts int(0.08 h) rows off above before it takes the square. */
Test(covidx, the_top_is_cut_off)
{
    uint8_t pixels[50][46];
    for (int y = 0; y < 50; y++) memset(pixels[y], y < 4 ? 255 : 100, 46);
    (void)placed("train/a.png");
    ASSERT_OK(image_write_png(in_scratch("in/train/a.png"), pixels[0], 46, 50));
    tree_image("test/d.png", 2);
    tree_text("train.txt", "1 a.png positive\n");
    tree_text("test.txt", "2 d.png negative\n");
    import_options o = options_of("covidx");
    (void)expect_import(&o,
                        "negative,positive\na.png|1|train|UNKNOWN|||01|100|\nd.png|2|test|UNKNOWN|||10|2|\n");
    o.crop_top = 0; /* the 46 rows in the middle have two of the white ones */
    import_result r;
    npy images;
    ASSERT_OK(import_set(&o, &r));
    ASSERT_OK(npy_open(in_scratch("out/images.npy"), &images));
    const uint8_t *image = images.data;
    cr_expect_eq(image[0], (uint8_t)lround(100 + 155 * 2 / 11.5));
    cr_expect_eq(image[4], 100);
    npy_close(&images);
    ASSERT_OK(folder_remove(o.out));
    o.crop_top = 1;
    expect_refused(&o, ERR_USAGE, "crop-top 1");
}

Test(covidx, wrong_lines)
{
    static const char *const lines[] = {"1 a.png", "a.png normal", "1 a.png maybe cohen", "normal",
                                        "1 a.png normal x y"};
    put_images("train/", "test/");
    tree_text("test.txt", "2 d.png negative\n");
    import_options o = options_of("covidx");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char content[128];
        (void)snprintf(content, sizeof content, "1 a.png normal\n%s\n", lines[i]);
        tree_text("train.txt", content);
        expect_refused(&o, ERR_DATA, "train.txt:2: must be \"patient file label source\"");
    }
    tree_text("train.txt", "1 ../../a.png normal\n");
    expect_refused(&o, ERR_DATA, "train.txt:1: ");
}
