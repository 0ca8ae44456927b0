/* A tiny ChestX-ray14 in its published layout: the unquoted commas of the last columns' names included. */
#include "tree.h"

TestSuite(nih, .init = scratch_make, .fini = scratch_drop);

#define HEADER                                                                                               \
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"            \
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
#define NAMES                                                                                                \
    "Atelectasis,Consolidation,Infiltration,Pneumothorax,Edema,Emphysema,Fibrosis,Effusion,Pneumonia,"       \
    "Pleural_Thickening,Cardiomegaly,Nodule,Mass,Hernia,No Finding\n"

static const char table_2020[] =
    HEADER "\n"
           "00000001_000.png,Cardiomegaly,0,1,57,M,PA,2682,2749,0.143,0.143\n"
           "00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,PA,2894,2729,0.143,0.143\n"
           "00000002_000.png,No Finding,0,2,80,F,AP,2500,2048,0.168,0.168\n"
           "00000003_000.png,Hernia|Pleural_Thickening,0,3,414,F,PA,2582,2991,0.143,0.143\n";

/* The first release: a comma at each line's end, and ages with their units. */
static const char table_2017[] = HEADER ",\n"
                                        "00000001_000.png,Mass,0,1,058Y,M,PA,2682,2749,0.143,0.143,\n"
                                        "00000002_000.png,No Finding,0,2,009M,F,PA,2500,2048,0.168,0.168,\n";

Test(nih, the_release_of_2020)
{
    tree_text("Data_Entry_2017_v2020.csv", table_2020);
    tree_image("images_001/images/00000001_000.png", 1);
    tree_image("images_001/images/00000001_001.png", 2);
    tree_image("images_012/images/00000002_000.png", 3);
    tree_image("images/00000003_000.png", 4);
    import_options o = options_of("nih");
    import_result r = expect_import(&o, NAMES "00000001_000.png|1||PA|M|57|000000000010000|1|\n"
                                              "00000001_001.png|1||PA|M|58|000001000010000|2|\n"
                                              "00000002_000.png|2||AP|F|80|000000000000001|3|\n"
                                              "00000003_000.png|3||PA|F||000000000100010|4|\n");
    cr_expect(r.patients == 3 && r.views_known && !r.split_known);
}

Test(nih, the_release_of_2017)
{
    tree_text("Data_Entry_2017.csv", table_2017);
    tree_image("00000001_000.png", 1);
    tree_image("00000002_000.png", 2);
    import_options o = options_of("nih");
    (void)expect_import(&o, NAMES "00000001_000.png|1||PA|M|58|000000000000100|1|\n"
                                  "00000002_000.png|2||PA|F|0.75|000000000000001|2|\n");
}

Test(nih, the_official_lists_are_the_split)
{
    tree_text("Data_Entry_2017_v2020.csv", table_2020);
    for (int i = 0; i < 2; i++) tree_image(i ? "images/00000001_001.png" : "images/00000001_000.png", 1 + i);
    tree_image("images/00000002_000.png", 3);
    tree_image("images/00000003_000.png", 4);
    tree_text("train_val_list.txt", "00000001_000.png\n00000001_001.png\r\n00000003_000.png");
    import_options o = options_of("nih");
    o.labels = "hernia";
    import_result r;
    ASSERT_OK(import_set(&o, &r));
    cr_expect_not(r.split_known); /* one list alone says nothing */
    ASSERT_OK(folder_remove(o.out));
    tree_text("test_list.txt", "00000002_000.png\n");
    r = expect_import(&o, "hernia\n"
                          "00000001_000.png|1|train|PA|M|57|0|1|\n"
                          "00000001_001.png|1|train|PA|M|58|0|2|\n"
                          "00000002_000.png|2|test|AP|F|80|0|3|\n"
                          "00000003_000.png|3|train|PA|F||1|4|\n");
    cr_expect(r.split_known);
    tree_text("test_list.txt", "\n00000002_000.png\n00000001_001.png\n");
    expect_refused(&o, ERR_DATA, "test_list.txt:3: the image \"00000001_001.png\" is in both lists");
}

Test(nih, what_is_wrong_is_named)
{
    import_options o = options_of("nih");
    tree_image("images/00000001_000.png", 1);
    expect_refused(&o, ERR_NO_INPUT, "has no Data_Entry_2017_v2020.csv");
    tree_text("Data_Entry_2017_v2020.csv", "Image Index,Finding Labels\nx,y\n");
    expect_refused(&o, ERR_DATA, "Data_Entry_2017_v2020.csv:1: the header has no column \"Patient ID\"");
    tree_text("Data_Entry_2017_v2020.csv", HEADER "\n00000001_000.png,Rash,0,1,57,M,PA,1,1,0.1,0.1\n");
    expect_refused(&o, ERR_DATA, "Data_Entry_2017_v2020.csv:2: \"Rash\" is none of this data set's labels");
    tree_text("Data_Entry_2017_v2020.csv", HEADER "\n../images/1.png,Mass,0,1,57,M,PA,1,1,0.1,0.1\n");
    expect_refused(&o, ERR_DATA, "Data_Entry_2017_v2020.csv:2: \"images/../images/1.png\" leaves");
}
