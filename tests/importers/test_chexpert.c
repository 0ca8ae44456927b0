/* A tiny CheXpert in its published layout. */
#include "tree.h"

TestSuite(chexpert, .init = scratch_make, .fini = scratch_drop);

#define HEADER                                                                                               \
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung "            \
    "Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural "   \
    "Other,Fracture,Support Devices\n"
#define NAMES                                                                                                \
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,"       \
    "Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices\n"
#define SMALL "CheXpert-v1.0-small/"

static const char train[] = HEADER SMALL
    "train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,,,,,1.0\n" SMALL
    "train/patient00002/study1/"
    "view1_frontal.jpg,Male,87,Frontal,PA,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n" SMALL
    "train/patient00002/study1/"
    "view2_lateral.jpg,Male,87,Lateral,,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n" SMALL
    "train/patient00003/study1/view1_frontal.jpg,Unknown,0,Frontal,AP,1.0,,,,,,,-1.0,,0.0,,,,\n";
static const char valid[] = HEADER SMALL
    "valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,0.0,1.0,1.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,"
    "0.0,0.0,0.0,0.0\n";

static void put_images(const char *above)
{
    static const char *const files[] = {
        "train/patient00001/study1/view1_frontal.jpg", "train/patient00002/study1/view1_frontal.jpg",
        "train/patient00002/study1/view2_lateral.jpg", "train/patient00003/study1/view1_frontal.jpg",
        "valid/patient64541/study1/view1_frontal.jpg"};
    char name[PATH_BYTES];
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "%s%s", above, files[i]);
        tree_image(name, i + 1);
    }
    (void)snprintf(name, sizeof name, "%strain.csv", above);
    tree_text(name, train);
    (void)snprintf(name, sizeof name, "%svalid.csv", above);
    tree_text(name, valid);
}

/* No Finding makes what is not mentioned 0, but not what is stated, and not Support Devices; a finding makes
 * No Finding 0; uncertain stays -1 and blank stays unknown, to be decided where labels are used. */
static const char wanted[] =
    NAMES "train/patient00001/study1/view1_frontal.jpg|patient00001|train|AP|F|68|10000000000001|1|\n"
          "train/patient00002/study1/view1_frontal.jpg|patient00002|train|PA|M|87|0.-1.--.-.-.1.|2|\n"
          "train/patient00003/study1/view1_frontal.jpg|patient00003|train|AP||0|1000000-00000.|4|\n"
          "valid/patient64541/study1/view1_frontal.jpg|patient64541|valid|AP|M|73|01110000000000|5|\n";

Test(chexpert, the_folder_of_the_release)
{
    put_images("");
    import_options o = options_of("chexpert");
    import_result r = expect_import(&o, wanted);
    cr_expect(r.left_out[LEFT_VIEW] == 1 && r.split_known && r.views_known && r.patients == 4);
}

Test(chexpert, the_folder_above_it)
{
    put_images("CheXpert-v1.0-small/");
    import_options o = options_of("chexpert");
    (void)expect_import(&o, wanted);
}

Test(chexpert, lateral_views)
{
    put_images("");
    import_options o = options_of("chexpert");
    o.views = "L";
    o.labels = "Fracture";
    (void)expect_import(&o, "Fracture\n"
                            "train/patient00002/study1/view2_lateral.jpg|patient00002|train|L|M|87|1|3|\n");
}

Test(chexpert, what_is_wrong_is_named)
{
    import_options o = options_of("chexpert");
    expect_refused(&o, ERR_NO_INPUT, "in: the folder of the data set is needed");
    tree_text("valid.csv", valid);
    expect_refused(&o, ERR_NO_INPUT, "has no train.csv");
    tree_text("train.csv", HEADER "CheXpert-v1.0-small/../../x.jpg,Male,1,Frontal,PA,,,,,,,,,,,,,,\n");
    expect_refused(&o, ERR_DATA, "train.csv:2: \"../../x.jpg\" leaves the data set's folder");
    tree_text("train.csv", HEADER "CheXpert-v1.0-small/x.jpg,Male,1,Frontal,PA,,,,,,2.0,,,,,,,,\n");
    expect_refused(&o, ERR_DATA, "train.csv:2: label \"Edema\" is \"2.0\"");
}
