/* Tiny Open-i sets in both published layouts, and the published reports where OPENI_REPORTS names their
 * folder. */
#include "data/importers/terms.h"
#include "data/openi.h"
#include "tree.h"

#include <unistd.h>

TestSuite(openi_kinds, .init = scratch_make, .fini = scratch_drop);

#define NAMES                                                                                                \
    "Atelectasis,Calcified Granuloma,Cardiomegaly,Edema,Effusion,Emphysema,Fibrosis,Fracture,Granuloma,"     \
    "Hernia,Infiltration,Lung Lesion,Lung Opacity,Mass,Nodule,Pleural_Thickening,Pneumonia,Pneumothorax,No " \
    "Finding\n"

#define HEAD(id) "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<eCitation>\n  <uId id=\"" id "\"/>\n"
#define SECTION(label, content) "  <AbstractText Label=\"" label "\">" content "</AbstractText>\n"
#define MAJOR(term) "<major>" term "</major>"
#define AUTOMATIC(term) "<automatic>" term "</automatic>"
#define IMAGE(id) "  <parentImage id=\"" id "\"><caption>PA and lateral</caption></parentImage>\n"
#define TAIL "</eCitation>\n"

static const char first[] = HEAD("CXR1") SECTION("FINDINGS", "The lungs are clear.")
    SECTION("IMPRESSION", "Normal chest.") "<MeSH>" MAJOR("normal") "</MeSH>" IMAGE("CXR1_1_IM-0001-3001")
        IMAGE("CXR1_1_IM-0001-4001") TAIL;
static const char second[] = HEAD("CXR2") SECTION("FINDINGS", "")
    SECTION("IMPRESSION", "Hazy &amp; large.") "<MeSH>" MAJOR("Thickening/pleura/apex")
        MAJOR("Opacity/lung/base/left") AUTOMATIC("pericardial effusion") AUTOMATIC("atelectases")
            AUTOMATIC("Emphysema") AUTOMATIC("calcified granuloma") "</MeSH>" IMAGE("CXR2_IM-0652-1001") TAIL;
static const char third[] =
    HEAD("CXR3") "<MeSH>" MAJOR("No Indexing") "</MeSH>" IMAGE("CXR3_IM-1384-1001") TAIL;
static const char none[] = HEAD("CXR4") SECTION("FINDINGS", "No image.") TAIL;

static void put_xml(void)
{
    tree_text("ecgen-radiology/1.xml", first);
    tree_text("ecgen-radiology/2.xml", second);
    tree_text("ecgen-radiology/3.xml", third);
    tree_text("ecgen-radiology/4.xml", none);
    tree_image("NLMCXR_png/CXR1_1_IM-0001-3001.png", 1);
    tree_image("NLMCXR_png/CXR1_1_IM-0001-4001.png", 2);
    tree_image("CXR2_IM-0652-1001.png", 3);
    tree_image("images/CXR3_IM-1384-1001.png", 4);
}

Test(openi_kinds, xml_without_views)
{
    put_xml();
    import_options o = options_of("openi");
    import_result r = expect_import(
        &o,
        NAMES "CXR1_1_IM-0001-3001|CXR1||UNKNOWN|||0000000000000000001|1|The lungs are clear. Normal chest.\n"
              "CXR1_1_IM-0001-4001|CXR1||UNKNOWN|||0000000000000000001|2|The lungs are clear. Normal chest.\n"
              "CXR2_IM-0652-1001|CXR2||UNKNOWN|||1100010010001001000|3|Hazy & large.\n"
              "CXR3_IM-1384-1001|CXR3||UNKNOWN|||...................|4|\n");
    cr_expect(r.patients == 3 && r.reports == 3 && !r.views_known);
    o.variant = "automatic";
    o.labels = "Lung Opacity,Pleural_Thickening,atelectasis,no finding";
    (void)expect_import(&o, "Lung Opacity,Pleural_Thickening,atelectasis,no finding\n"
                            "CXR1_1_IM-0001-3001|CXR1||UNKNOWN|||0001|1|The lungs are clear. Normal chest.\n"
                            "CXR1_1_IM-0001-4001|CXR1||UNKNOWN|||0001|2|The lungs are clear. Normal chest.\n"
                            "CXR2_IM-0652-1001|CXR2||UNKNOWN|||0010|3|Hazy & large.\n"
                            "CXR3_IM-1384-1001|CXR3||UNKNOWN|||....|4|\n");
    o.variant = "manual";
    expect_refused(&o, ERR_USAGE, "--variant manual");
}

Test(openi_kinds, xml_with_views_of_kaggle_and_others)
{
    put_xml();
    tree_text("indiana_projections.csv",
              "uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Frontal\n"
              "1,1_IM-0001-3001.dcm.png,Lateral\n2,2_IM-0652-1001.dcm.png,Frontal\n");
    import_options o = options_of("openi");
    o.labels = "Edema";
    o.report = "findings";
    import_result r = expect_import(&o, "Edema\n"
                                        "CXR1_1_IM-0001-4001|CXR1||Frontal|||0|2|The lungs are clear.\n"
                                        "CXR2_IM-0652-1001|CXR2||Frontal|||0|3|\n");
    cr_expect_eq(r.left_out[LEFT_VIEW], 2);
    cr_assert_eq(unlink(in_scratch("in/indiana_projections.csv")), 0);
    tree_gzip("nlmcxr_dicom_metadata.csv.gz",
              "imageid,View Position\nCXR3_IM-1384-1001,AP\nCXR2_IM-0652-1001,LATERAL\n");
    (void)expect_import(&o, "Edema\nCXR3_IM-1384-1001|CXR3||AP|||.|4|\n");
    tree_text("nlmcxr_tsne_pa.csv", "imageid,tsne-view\nCXR2_IM-0652-1001,PA\n"); /* comes before that one */
    (void)expect_import(&o, "Edema\n"
                            "CXR2_IM-0652-1001|CXR2||PA|||0|3|\n"
                            "CXR3_IM-1384-1001|CXR3||AP|||.|4|\n");
}

Test(openi_kinds, xml_that_is_wrong)
{
    import_options o = options_of("openi");
    tree_text("ecgen-radiology/1.xml", "<eCitation>");
    expect_refused(&o, ERR_DATA, "1.xml:1: is not well-formed XML");
    tree_text("ecgen-radiology/1.xml", first);
    expect_refused(&o, ERR_NO_INPUT, "2 images are missing; the first is 1.xml: ");
}

Test(openi_kinds, kaggles_edition)
{
    tree_text("indiana_reports.csv",
              "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
              "1,normal,normal,Xray Chest PA and Lateral,Positive TB test,None.,\"The heart, "
              "and\nlungs.\",Normal chest x-XXXX.\n"
              "2,Cardiomegaly/borderline;Pulmonary Artery/enlarged,Cardiomegaly;Pulmonary Artery,\"Chest, 2 "
              "views\",Pain,,,No acute.\n"
              "4,No Indexing,No Indexing,x,,,No images.,\n"
              "3,\"Hernia, Hiatal;Fractures, Bone/ribs\",x,x,,,Bones.,\n");
    tree_text("indiana_projections.csv",
              "uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Frontal\n"
              "1,1_IM-0001-3001.dcm.png,Lateral\n3,3_IM-1384-1001.dcm.png,Frontal\n"
              "2,2_IM-0652-1001.dcm.png,Frontal\n1,1_IM-0001-5001.dcm.png,Frontal\n");
    tree_image("images/images_normalized/1_IM-0001-4001.dcm.png", 1);
    tree_image("images/images_normalized/1_IM-0001-3001.dcm.png", 2);
    tree_image("images/images_normalized/1_IM-0001-5001.dcm.png", 5);
    tree_image("images/images_normalized/2_IM-0652-1001.dcm.png", 3);
    tree_image("images/images_normalized/3_IM-1384-1001.dcm.png", 4);
    import_options o = options_of("openi-kaggle");
    import_result r =
        expect_import(&o, NAMES "1_IM-0001-4001.dcm.png|CXR1||Frontal|||0000000000000000001|1|The heart, "
                                "and\nlungs. Normal chest x-XXXX.\n"
                                "1_IM-0001-5001.dcm.png|CXR1||Frontal|||0000000000000000001|5|The heart, "
                                "and\nlungs. Normal chest x-XXXX.\n"
                                "2_IM-0652-1001.dcm.png|CXR2||Frontal|||0010000000000000000|3|No acute.\n"
                                "3_IM-1384-1001.dcm.png|CXR3||Frontal|||0000000101000000000|4|Bones.\n");
    cr_expect(r.left_out[LEFT_VIEW] == 1 && r.patients == 3);
    tree_text("indiana_projections.csv", "uid,filename,projection\n1,../../1.png,Frontal\n");
    expect_refused(&o, ERR_DATA, "indiana_reports.csv:2: ");
    expect_message("leaves the data set's folder");
}

Test(openi_kinds, words_of_terms)
{
    static const struct {
        const char *words, *but, *term;
        bool matches;
    } cases[] = {
        {"nodule", NULL, "Nodules", true},
        {"nodule", NULL, "Multiple Pulmonary Nodules", true},
        {"nodule", NULL, "pseudonodule", false},
        {"mass", NULL, "masses", true},
        {"mass", NULL, "massive", false},
        {"mass", "breast", "breast mass", false},
        {"hernia", NULL, "Hernia, Hiatal", true},
        {"pleura+thickening", NULL, "Thickening/pleura/apex", true},
        {"pleura+thickening", NULL, "Thickening/bronchi", false},
        {"a+b|c", NULL, "x c", true},
        {"a+b|c", NULL, "b/a", true},
        {"a", NULL, "", false},
        {"effusion", "pericardial", "Pericardial Effusion", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        term_rule rule = {"x", cases[i].words, cases[i].but};
        cr_expect_eq(term_matches(&rule, cases[i].term, strlen(cases[i].term)), cases[i].matches, "case %zu",
                     i);
    }
}

/* A tree of the published reports with one picture under every image's name. */
static void put_published(const char *reports)
{
    openi *set;
    ASSERT_OK(openi_open(reports, &set));
    tree_image("one.png", 7);
    for (int i = 0; i < set->n; i++) {
        char from[PATH_BYTES], name[PATH_BYTES];
        size_t n;
        (void)snprintf(from, sizeof from, "%s/ecgen-radiology/%s", reports, set->reports[i].file);
        if (!path_exists(from)) (void)snprintf(from, sizeof from, "%s/%s", reports, set->reports[i].file);
        char *bytes = bytes_of(from, &n);
        (void)snprintf(name, sizeof name, "ecgen-radiology/%s", set->reports[i].file);
        (void)put_bytes(placed(name), bytes, n);
        free(bytes);
        for (int k = 0; k < set->reports[i].n_images; k++) {
            (void)snprintf(name, sizeof name, "in/%s.png", set->reports[i].images[k]);
            cr_assert_eq(link(in_scratch("in/one.png"), in_scratch(name)), 0);
        }
    }
    openi_close(set);
}

static void expect_sums(const int *wanted, int unknown)
{
    npy labels;
    ASSERT_OK(npy_open(in_scratch("out/labels.npy"), &labels));
    const float *row = labels.data;
    int k = (int)labels.shape[1], sums[32] = {0}, unknown_rows = 0;
    for (int64_t i = 0; i < labels.shape[0]; i++, row += k) {
        unknown_rows += isnan(row[0]) != 0;
        for (int j = 0; j < k; j++) sums[j] += row[j] > 0;
    }
    cr_expect_eq(unknown_rows, unknown);
    for (int j = 0; j < k; j++) cr_expect_eq(sums[j], wanted[j], "label %d: %d", j, sums[j]);
    npy_close(&labels);
}

/* The sums over the 7,470 images were counted by a script in Python: torchxrayvision's rule (the name
 * anywhere in a term), less the terms that openi_labels.c leaves out. By torchxrayvision's rule alone the
 * automatic terms give Effusion 346, Emphysema 193, Fibrosis 39 and Mass 13; all others are the same. */
Test(openi_kinds, the_published_reports)
{
    static const int automatic[] = {711, 416, 493, 144, 329, 187, 40,  189, 781, 97,
                                    174, 7,   819, 11,  157, 68,  158, 44,  2696};
    static const int both[] = {731, 520, 662, 144, 342, 232, 52,  193, 814, 97,
                               176, 7,   857, 39,  238, 92,  163, 54,  2696};
    const char *reports = getenv("OPENI_REPORTS");
    if (!reports) cr_skip_test("set OPENI_REPORTS to the folder of Open-i's XML reports to read them here");
    put_published(reports);
    import_options o = options_of("openi");
    import_result r;
    ASSERT_OK(import_set(&o, &r));
    cr_expect(r.images == 7470 && r.patients == 3955 - 104);
    expect_sums(both, 151);
    ASSERT_OK(folder_remove(o.out));
    o.variant = "automatic";
    ASSERT_OK(import_set(&o, &r));
    expect_sums(automatic, 151);
}
