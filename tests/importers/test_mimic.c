/* A tiny MIMIC-CXR-JPG in its published layout, gzipped tables and reports included. All made up. */
#include "data/importers/sections.h"
#include "tree.h"

TestSuite(mimic, .init = scratch_make, .fini = scratch_drop);

#define LABELS                                                                                               \
    "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,Lung "     \
    "Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
#define NAMES                                                                                                \
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,"       \
    "Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices\n"

static const char chexpert[] = "subject_id,study_id," LABELS "\n"
                               "10000032,50414267,,,,,,,,,1.0,,,,,\n"
                               "10000032,53189527,-1.0,1.0,,0.0,,,,,,,,,,1.0\n"
                               "10000764,57375967,,,1.0,,,,,,,,,-1.0,,\n";
static const char metadata[] =
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,"
    "StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
    "PatientOrientationCodeSequence_CodeMeaning\n"
    "02aa804e-1,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544,21800506,213014.531,CHEST (PA AND LAT),"
    "postero-anterior,Erect\n"
    "174413ec-2,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,213014.531,CHEST (PA AND "
    "LAT),lateral,Erect\n"
    "2a2277a9-3,10000032,53189527,\"CHEST (PORTABLE AP)\",AP,3056,2544,21800626,165500.312,x,"
    "antero-posterior,\n"
    "68b5c4b1-4,10000764,57375967,CHEST,,3056,2544,21800626,165500.312,x,,\n"
    "096052b7-5,10000764,59999999,CHEST,AP,3056,2544,21800626,165500.312,x,,\n";
static const char splits[] = "dicom_id,study_id,subject_id,split\n"
                             "02aa804e-1,50414267,10000032,train\n"
                             "174413ec-2,50414267,10000032,train\n"
                             "2a2277a9-3,53189527,10000032,train\n"
                             "68b5c4b1-4,57375967,10000764,validate\n"
                             "096052b7-5,59999999,10000764,validate\n";

#define S1 "files/p10/p10000032/s50414267"
#define S2 "files/p10/p10000032/s53189527"
#define S3 "files/p10/p10000764/s57375967"
#define S4 "files/p10/p10000764/s59999999"

static void put_images(void)
{
    tree_image(S1 "/02aa804e-1.jpg", 1);
    tree_image(S1 "/174413ec-2.jpg", 2);
    tree_image(S2 "/2a2277a9-3.jpg", 3);
    tree_image(S3 "/68b5c4b1-4.jpg", 4);
    tree_image(S4 "/096052b7-5.jpg", 5);
}

static const char report[] = "                                 FINAL REPORT\n"
                             " EXAMINATION:  CHEST (PA AND LAT)\n \n"
                             " INDICATION:  ___F with cough  // eval for FINDINGS: none\n \n"
                             " FINDINGS: \n \n"
                             " There is no focal consolidation.  Heart size\n is normal.\n \n"
                             " IMPRESSION: \n \n No acute process.\n";

Test(mimic, tables_images_and_reports)
{
    put_images();
    tree_gzip("mimic-cxr-2.0.0-chexpert.csv.gz", chexpert);
    tree_gzip("mimic-cxr-2.0.0-metadata.csv.gz", metadata);
    tree_text("mimic-cxr-2.0.0-split.csv", splits);
    tree_text(S1 ".txt", report);
    import_options o = options_of("mimic");
    import_result r = expect_import(
        &o,
        NAMES "02aa804e-1|10000032|train|PA|||1000000000000.|1|There is no focal consolidation. Heart size "
              "is normal. No acute process.\n"
              "2a2277a9-3|10000032|train|AP|||0.1..0..-....1|3|\n"
              "096052b7-5|10000764|validate|AP|||..............|5|\n");
    cr_expect(r.left_out[LEFT_VIEW] == 2 && r.reports == 1 && r.patients == 2 && r.split_known);
}

Test(mimic, no_split_and_other_places_of_reports)
{
    put_images();
    tree_text("mimic-cxr-2.0.0-chexpert.csv", chexpert);
    tree_text("mimic-cxr-2.0.0-metadata.csv", metadata);
    tree_text("mimic-cxr-reports/" S3 ".txt",
              "WET READ: ___\n nothing\n\n FINAL REPORT\n PA view.\n\n Heart is\n large.\n");
    import_options o = options_of("mimic");
    o.views = "unknown";
    o.labels = "Pneumonia,consolidation";
    import_result r =
        expect_import(&o, "Pneumonia,consolidation\n68b5c4b1-4|10000764||UNKNOWN|||-1|4|Heart is large.\n");
    cr_expect_not(r.split_known);
    o.report = "impression";
    (void)expect_import(&o, "Pneumonia,consolidation\n68b5c4b1-4|10000764||UNKNOWN|||-1|4|\n");
}

Test(mimic, what_is_wrong_is_named)
{
    import_options o = options_of("mimic");
    put_images();
    tree_text("mimic-cxr-2.0.0-metadata.csv", metadata);
    expect_refused(&o, ERR_NO_INPUT, "has no mimic-cxr-2.0.0-chexpert.csv");
    tree_text("mimic-cxr-2.0.0-chexpert.csv",
              "subject_id,study_id," LABELS "\n1,2,,,,,,,,,,,,,,\n1,2,,,,,,,,,,,,,,\n");
    expect_refused(&o, ERR_DATA, "chexpert.csv:3: the study 2 was there before");
    tree_text("mimic-cxr-2.0.0-chexpert.csv", chexpert);
    tree_text("mimic-cxr-2.0.0-split.csv", "dicom_id,study_id,subject_id,split\nx,1,2,holdout\n");
    expect_refused(&o, ERR_DATA, "split.csv:2: split \"holdout\"");
    tree_text("mimic-cxr-2.0.0-split.csv", splits);
    tree_text("mimic-cxr-2.0.0-metadata.csv",
              "dicom_id,subject_id,study_id,ViewPosition\n../../../../../x,1,2,PA\n");
    expect_refused(&o, ERR_DATA, "metadata.csv:2: ");
    expect_message("leaves the data set's folder");
}

Test(mimic, sections_of_reports)
{
    static const struct {
        const char *report, *findings, *impression;
    } cases[] = {
        {"", "", ""},
        {"FINDINGS: a\nb\nIMPRESSION: c\nd", "a b", "c d"},
        {"IMPRESSION:c\n\nCOMPARISON: none\nFINDINGS:\n a", "a", "c"},
        {"FINDINGS AND IMPRESSION:\n a", "a", ""},
        {"FINDINGS: a. Line AT: 3 cm\nb", "a. Line AT: 3 cm b", ""},
        {"PORTABLE CHEST:\n first\n\n second\n third\n\n", "second third", ""},
        {"INDICATION: x\n\nTECHNIQUE: y\n\n last: words", "last: words", ""},
        {"EXAMINATION: all", "all", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text findings = {0}, impression = {0};
        sections_find(cases[i].report, &findings, &impression);
        cr_expect_str_eq(findings.data, cases[i].findings);
        cr_expect_str_eq(impression.data, cases[i].impression);
        text_close(&findings);
        text_close(&impression);
    }
}
