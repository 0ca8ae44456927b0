#include "tree.h"

TestSuite(rsna, .init = scratch_make, .fini = scratch_drop);

static const char targets[] = "patientId,x,y,width,height,Target\n"
                              "0004cfab,,,,,0\n"
                              "00436515,264.0,152.0,213.0,379.0,1\n"
                              "00436515,562.0,152.0,256.0,453.0,1\n"
                              "003d8fa0,,,,,0\n";

static void put_images(void)
{
    tree_text("stage_2_train_labels.csv", targets);
    tree_image("stage_2_train_images/0004cfab.png", 1);
    tree_image("stage_2_train_images/00436515.png", 2);
    tree_image("stage_2_train_images/003d8fa0.jpg", 3);
}

Test(rsna, targets_alone)
{
    put_images();
    import_options o = options_of("rsna");
    import_result r = expect_import(&o, "Pneumonia,Lung Opacity,No Finding\n"
                                        "0004cfab|||UNKNOWN|||00.|1|\n"
                                        "00436515|||UNKNOWN|||110|2|\n"
                                        "003d8fa0|||UNKNOWN|||00.|3|\n");
    cr_expect(r.images == 3 && r.patients == 0 && !r.views_known);
}

/* The challenge's patientId is one for each image: only RSNA's mapping tells who is who. */
Test(rsna, classes_headers_and_the_patients_of_nih)
{
    put_images();
    tree_text("stage_2_detailed_class_info.csv",
              "patientId,class\n"
              "0004cfab,No Lung Opacity / Not Normal\n"
              "00436515,Lung Opacity\n00436515,Lung Opacity\n003d8fa0,Normal\n");
    tree_gzip("kaggle_stage_2_train_images_dicom_headers.csv.gz",
              ",PatientID,PatientAge,PatientSex,ViewPosition\n"
              "0,0004cfab,51,F,PA\n1,00436515,32,M,AP\n2,003d8fa0,148,O,\n");
    tree_text(
        "pneumonia-challenge-dataset-mappings_2018.json",
        "[\n{\"subset_img_id\": \"0004cfab\", \"img_id\": \"00000013_005.png\", \"orig_labels\": [\"x\"]},\n"
        "{\"subset_img_id\": \"00436515\", \"img_id\": \"00000013_009.png\"},\n"
        "{\"subset_img_id\": \"003d8fa0\", \"img_id\": \"00030805_000.png\"}\n]");
    import_options o = options_of("rsna");
    o.views = "PA,AP,unknown";
    import_result r = expect_import(&o, "Pneumonia,Lung Opacity,No Finding\n"
                                        "0004cfab|13||PA|F|51|000|1|\n"
                                        "00436515|13||AP|M|32|110|2|\n"
                                        "003d8fa0|30805||UNKNOWN|||001|3|\n");
    cr_expect(r.patients == 2 && r.views_known);
    o.classes = "Pneumonia,No Finding";
    r = expect_import(&o,
                      "Pneumonia,No Finding\n00436515|13||AP|M|32|10|2|\n003d8fa0|30805||UNKNOWN|||01|3|\n");
    cr_expect_eq(r.left_out[LEFT_CLASS], 1);
}

Test(rsna, dicom_files_have_to_be_converted)
{
    char dicom[200] = "";
    memcpy(dicom + 128, "DICM", 4);
    tree_text("stage_2_train_labels.csv", "patientId,x,y,width,height,Target\n0004cfab,,,,,0\n");
    (void)put_bytes(placed("stage_2_train_images/0004cfab.dcm"), dicom, sizeof dicom);
    import_options o = options_of("rsna");
    expect_refused(&o, ERR_DATA, "is a DICOM file; convert it first, with DCMTK: dcmj2pnm --write-png");
}

Test(rsna, what_is_wrong_is_named)
{
    put_images();
    import_options o = options_of("rsna");
    tree_text("pneumonia-challenge-dataset-mappings_2018.json", "[\n\n{\"img_id\": \"x\"}]");
    expect_refused(&o, ERR_DATA, "2018.json:3: an entry without");
    tree_text("pneumonia-challenge-dataset-mappings_2018.json", "[]");
    tree_text("stage_2_train_labels.csv", "patientId,Target\n0004cfab,2\n");
    expect_refused(&o, ERR_DATA, "labels.csv:2: Target \"2\" must be 0 or 1");
    tree_text("stage_2_train_labels.csv", "patientId,Target\n../../x,1\n");
    expect_refused(&o, ERR_DATA, "labels.csv:2: ");
}
