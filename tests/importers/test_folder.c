#include "tree.h"

#include <unistd.h>

TestSuite(folder_kind, .init = scratch_make, .fini = scratch_drop);

Test(folder_kind, a_folder_per_class)
{
    tree_image("b/2.png", 20);
    tree_image("A/y", 30);
    tree_image("A/Z.png", 10);
    tree_text("README.md", "words");
    tree_text("A/.hidden", "rubbish");
    import_options o = options_of("folder");
    import_result r = expect_import(&o, "A,b\n"
                                        "A/Z.png|||UNKNOWN|||10|10|\n"
                                        "A/y|||UNKNOWN|||10|30|\n"
                                        "b/2.png|||UNKNOWN|||01|20|\n");
    cr_expect(!r.split_known && r.patients == 0);
}

/* Kaggle's layout. */
Test(folder_kind, splits_above_classes)
{
    tree_image("train/NORMAL/1.png", 1);
    tree_image("train/PNEUMONIA/1.png", 2);
    tree_image("val/NORMAL/1.png", 3);
    tree_image("test/PNEUMONIA/1.png", 4);
    import_options o = options_of("folder");
    import_result r = expect_import(&o, "NORMAL,PNEUMONIA\n"
                                        "test/PNEUMONIA/1.png||test|UNKNOWN|||01|4|\n"
                                        "train/NORMAL/1.png||train|UNKNOWN|||10|1|\n"
                                        "train/PNEUMONIA/1.png||train|UNKNOWN|||01|2|\n"
                                        "val/NORMAL/1.png||val|UNKNOWN|||10|3|\n");
    cr_expect(r.split_known);
    /* An export has the folder of a class that a side lacks, too. */
    ASSERT_OK(folder_make(in_scratch("in/val/PNEUMONIA")));
    ASSERT_OK(folder_remove(o.out));
    ASSERT_OK(import_set(&o, &r));
    cr_expect(r.images == 4 && r.labels == 2);
}

Test(folder_kind, what_does_not_fit)
{
    import_options o = options_of("folder");
    expect_refused(&o, ERR_NO_INPUT, "the folder of the data set is needed");
    tree_text("file", "x");
    expect_refused(&o, ERR_NO_INPUT, "one per class is needed");
    tree_text("A/.hidden", "x");
    expect_refused(&o, ERR_NO_INPUT, "in/A: the class has no images");
    tree_image("A/1.png", 1);
    tree_image("A/inner/1.png", 1);
    expect_refused(&o, ERR_DATA, "in/A/inner: is not a file");
    ASSERT_OK(folder_remove(in_scratch("in/A/inner")));
    put_text("secret.png", "x");
    cr_assert_eq(symlink("../../secret.png", in_scratch("in/A/2.png")), 0);
    expect_refused(&o, ERR_DATA, "in/A/2.png: is a link that leaves");
}
