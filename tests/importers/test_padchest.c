#include "tree.h"

TestSuite(padchest, .init = scratch_make, .fini = scratch_drop);

#define NAMES                                                                                                \
    "Air Trapping,Aortic Atheromatosis,Aortic Elongation,Atelectasis,Bronchiectasis,Cardiomegaly,"           \
    "Consolidation,Costophrenic Angle Blunting,Edema,Effusion,Emphysema,Fibrosis,Flattened Diaphragm,"       \
    "Fracture,Granuloma,Hemidiaphragm Elevation,Hernia,Hilar Enlargement,Infiltration,Mass,Nodule,"          \
    "Pleural_Thickening,Pneumonia,Pneumothorax,Scoliosis,Support Devices,Tube,Tuberculosis,No Finding\n"
#define HEADER                                                                                               \
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,"          \
    "MethodProjection,Pediatric,Report,MethodLabel,Labels\n"

static const char content[] = HEADER
    "0,20536686640136348236148679891455886468_k6ga29.png,0,20140915,2053,8393,1930.0,M,PA,Manual review of "
    "DICOM fields,"
    "No,sin hallazg .,Physician,\"['pleural effusion', 'costophrenic angle blunting', 'pseudonodule']\"\n"
    "1,135_b.png,14.0,20150914,135,13991,2009,F,AP_horizontal,x,PED,,RNN_model,['normal']\n"
    "2,113_c.png,0,20150914,113,13992,1990.0,F,L,x,No,,RNN_model,\"['endotracheal tube', 'pacemaker']\"\n"
    "3,113_d.png,0,20150914,113,13993,1990.0,F,PA,x,No,,RNN_model,\n"
    "4,113_e.png,0,20150914,113,13994,,O,AP,x,No,,RNN_model,\"['pericardial effusion', 'subcutaneous "
    "emphysema', "
    "'air bronchogram', 'exclude']\"\n"
    "5,113_f.png,0,20150914,113,13995,,O,AP,x,No,,RNN_model,\"['pericardial effusion', 'subcutaneous "
    "emphysema', "
    "'air bronchogram', 'soft tissue mass']\"\n"
    "6,113_g.png,0,20150914,113,13996,1990.0,F,PA,x,No,,x,['unchanged']\n"
    "7,gone.png,0,20150914,113,13997,1990.0,F,PA,x,No,,x,['unchanged']\n";

static void put_all(void)
{
    tree_gzip("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", content);
    tree_image("0/20536686640136348236148679891455886468_k6ga29.png", 1);
    tree_image("14/135_b.png", 2);
    tree_image("0/113_c.png", 3);
    tree_image("113_d.png", 4);
    tree_image("images/113_f.png", 6);
    tree_text("0/113_g.png", "\x89PNG\r\n\x1a\nbroken");
}

Test(padchest, labels_views_and_ages)
{
    put_all();
    import_options o = options_of("padchest");
    import_result r =
        expect_import(&o, NAMES "20536686640136348236148679891455886468_k6ga29.png|8393||PA|M|84|"
                                "00000001010000000000000000000|1|sin hallazg .\n"
                                "135_b.png|13991||AP Supine|F|6|00000000000000000000000000001|2|\n"
                                "113_f.png|13995||AP|||00000010000000000010000000000|6|\n");
    cr_expect(r.left_out[LEFT_UNLABELLED] == 2 && r.left_out[LEFT_VIEW] == 1 &&
              r.left_out[LEFT_BROKEN] == 1 && r.left_out[LEFT_MISSING] == 1);
    o.least_age = 10; /* at the study: torchxrayvision takes the age in 2019 */
    o.views = "all";
    o.labels = "Tube,Support Devices";
    r = expect_import(&o,
                      "Tube,Support Devices\n"
                      "20536686640136348236148679891455886468_k6ga29.png|8393||PA|M|84|00|1|sin hallazg .\n"
                      "113_c.png|13992||L|F|25|11|3|\n");
    cr_expect_eq(r.left_out[LEFT_AGE], 2);
    o.broken = IMPORT_STOP;
    expect_refused(&o, ERR_DATA, "113_g.png");
}

Test(padchest, what_is_wrong_is_named)
{
    import_options o = options_of("padchest");
    tree_text("x", "");
    expect_refused(&o, ERR_NO_INPUT, "has no PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv");
    tree_text("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
              HEADER "0,../../x.png,0,2014,1,1,1,M,PA,x,x,x,x,['normal']\n");
    expect_refused(&o, ERR_DATA, "01.02.19.csv:2: ");
    expect_message("leaves");
    tree_text("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", "ImageID,Labels\nx,y\n");
    expect_refused(&o, ERR_DATA, "no column \"Projection\"");
}
