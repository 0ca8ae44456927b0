#include "downstream/labeller.h"

#include "base/files.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LABELS = 64 };

static labeller *built_in(void)
{
    static labeller *l;
    if (!l) cr_assert_eq(labeller_open(NULL, &l), OK, "%s", err_message());
    return l;
}

static mention reading(const char *report, const char *label)
{
    mention out[MOST_LABELS];
    int k = labeller_find(built_in(), label);
    cr_assert_geq(k, 0, "%s", label);
    cr_assert_eq(labeller_read(built_in(), report, out), OK);
    return out[k];
}

static const char *const mention_words[] = {"not mentioned", "denied", "doubted", "affirmed"};

typedef struct statement {
    const char *report, *label;
    mention want;
} statement;

static void expect_all(const statement *statements, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mention got = reading(statements[i].report, statements[i].label);
        cr_expect_eq(got, statements[i].want, "%s in \"%s\": %s, want %s", statements[i].label,
                     statements[i].report, mention_words[got], mention_words[statements[i].want]);
    }
}

#define EXPECT_ALL(statements) expect_all(statements, sizeof statements / sizeof *statements)

Test(labeller, has_chexperts_labels_and_covid)
{
    static const char *const want[] = {"No Finding",       "Enlarged Cardiomediastinum",
                                       "Cardiomegaly",     "Lung Opacity",
                                       "Lung Lesion",      "Edema",
                                       "Consolidation",    "Pneumonia",
                                       "Atelectasis",      "Pneumothorax",
                                       "Pleural Effusion", "Pleural Other",
                                       "Fracture",         "Support Devices",
                                       "COVID-19"};
    cr_assert_eq(labeller_labels(built_in()), 15);
    for (int k = 0; k < 15; k++) cr_expect_str_eq(labeller_label(built_in(), k), want[k]);
    cr_expect_eq(labeller_find(built_in(), "Hernia"), -1);
}

Test(labeller, affirms)
{
    static const statement s[] = {
        {"Small left pleural effusion.", "Pleural Effusion", AFFIRMED},
        {"THE HEART IS MILDLY ENLARGED", "Cardiomegaly", AFFIRMED},
        {"the heart is mildly enlarged .", "Cardiomegaly", AFFIRMED},
        {"Stable cardiomegaly with clear lungs.", "Cardiomegaly", AFFIRMED},
        {"Widening of the upper mediastinum.", "Enlarged Cardiomediastinum", AFFIRMED},
        {"Patchy air-space disease in the right base.", "Lung Opacity", AFFIRMED},
        {"Hazy opacities bilaterally.", "Lung Opacity", AFFIRMED},
        {"6 mm nodule in the lingula.", "Lung Lesion", AFFIRMED},
        {"Pulmonary vascular congestion.", "Edema", AFFIRMED},
        {"Dense right lower lobe consolidation.", "Consolidation", AFFIRMED},
        {"Findings consistent with pneumonia.", "Pneumonia", AFFIRMED},
        {"Right upper lobe collapse.", "Atelectasis", AFFIRMED},
        {"Tiny apical pneumothorax.", "Pneumothorax", AFFIRMED},
        {"Calcified pleural plaques.", "Pleural Other", AFFIRMED},
        {"Old healed rib fractures.", "Fracture", AFFIRMED},
        {"Wedge deformity of T8.", "Fracture", AFFIRMED},
        {"Right PICC in the SVC.", "Support Devices", AFFIRMED},
        {"Typical appearance of COVID-19 pneumonia.", "COVID-19", AFFIRMED},
        {"Hydropneumothorax on the left.", "Pleural Effusion", AFFIRMED},
        {"No change in the left pleural effusion.", "Pleural Effusion", AFFIRMED},
        {"Effusion is not significantly changed.", "Pleural Effusion", AFFIRMED},
        {"Improved pulmonary edema.", "Edema", AFFIRMED},
    };
    EXPECT_ALL(s);
}

Test(labeller, denies)
{
    static const statement s[] = {
        {"No pleural effusion or pneumothorax.", "Pleural Effusion", DENIED},
        {"No pleural effusion or pneumothorax.", "Pneumothorax", DENIED},
        {"No focal consolidation, pneumothorax, or large pleural effusion.", "Pleural Effusion", DENIED},
        {"no focal consolidation pneumothorax or large pleural effusion .", "Pleural Effusion", DENIED},
        {"Lungs clear without evidence of infiltrate or effusion.", "Lung Opacity", DENIED},
        {"Negative for pneumonia.", "Pneumonia", DENIED},
        {"The lungs are free of focal airspace disease.", "Lung Opacity", DENIED},
        {"The previously seen effusion has resolved.", "Pleural Effusion", DENIED},
        {"Interval resolution of the right effusion.", "Pleural Effusion", DENIED},
        {"A pneumothorax is not seen.", "Pneumothorax", DENIED},
        {"There is no visible pneumothorax.", "Pneumothorax", DENIED},
        {"The nodule is no longer visible.", "Lung Lesion", DENIED},
        {"The heart is not enlarged.", "Cardiomegaly", DENIED},
        {"Heart size is within normal limits.", "Cardiomegaly", DENIED},
        {"Cardiomediastinal silhouette is normal.", "Cardiomegaly", DENIED},
        {"Cardiomediastinal silhouette is normal.", "Enlarged Cardiomediastinum", DENIED},
        {"No focal opacity to suggest pneumonia.", "Pneumonia", DENIED},
        {"Pneumonia is unlikely.", "Pneumonia", DENIED},
        {"The PICC has been removed.", "Support Devices", DENIED},
        {"Osseous structures are intact.", "Fracture", DENIED},
        {"Costophrenic angles are sharp.", "Pleural Effusion", DENIED},
        {"Pulmonary vasculature is normal.", "Edema", DENIED},
        {"No radiographic evidence of COVID-19.", "COVID-19", DENIED},
        {"w/o effusion", "Pleural Effusion", DENIED},
    };
    EXPECT_ALL(s);
}

Test(labeller, doubts)
{
    static const statement s[] = {
        {"Possible small effusion.", "Pleural Effusion", DOUBTED},
        {"Opacity may represent pneumonia.", "Pneumonia", DOUBTED},
        {"Opacity may represent pneumonia.", "Lung Opacity", AFFIRMED},
        {"Pneumonia cannot be excluded.", "Pneumonia", DOUBTED},
        {"No definite pneumothorax, although a small one is not excluded.", "Pneumothorax", DENIED},
        {"Early COVID-19 cannot be ruled out.", "COVID-19", DOUBTED},
        {"This does not exclude COVID-19.", "COVID-19", DOUBTED},
        {"Left base atelectasis versus infiltrate.", "Atelectasis", DOUBTED},
        {"Left base atelectasis versus infiltrate.", "Lung Opacity", DOUBTED},
        {"Opacities, atelectasis vs. pneumonia.", "Atelectasis", DOUBTED},
        {"Opacities, atelectasis vs. pneumonia.", "Lung Opacity", AFFIRMED},
        {"Bibasilar scarring or atelectasis.", "Atelectasis", DOUBTED},
        {"Atelectasis/infiltrate at the left base.", "Atelectasis", DOUBTED},
        {"Lung nodule or mass.", "Lung Lesion", AFFIRMED},
        {"Suspicious for malignancy.", "Lung Lesion", DOUBTED},
        {"Borderline cardiomegaly.", "Cardiomegaly", DOUBTED},
        {"Heart size upper limits of normal.", "Cardiomegaly", DOUBTED},
        {"Blunting of the left costophrenic angle.", "Pleural Effusion", DOUBTED},
        {"Question edema?", "Edema", DOUBTED},
        {"Right rib deformity.", "Fracture", DOUBTED},
        {"Differential diagnosis includes infection and edema.", "Pneumonia", DOUBTED},
        {"Effusion suggested.", "Pleural Effusion", AFFIRMED}, /* a known limit: the doubt stands behind */
    };
    EXPECT_ALL(s);
}

Test(labeller, scope_ends)
{
    static const statement s[] = {
        {"No pneumothorax, but small effusion.", "Pleural Effusion", AFFIRMED},
        {"No pneumothorax. Small effusion.", "Pleural Effusion", AFFIRMED},
        {"No pneumothorax; small effusion.", "Pleural Effusion", AFFIRMED},
        {"No consolidation, moderate effusion.", "Pleural Effusion", AFFIRMED},
        {"No effusion is seen and atelectasis persists.", "Atelectasis", AFFIRMED},
        {"No pneumothorax with small effusion.", "Pleural Effusion", AFFIRMED},
        {"There is no edema, there is a nodule.", "Lung Lesion", AFFIRMED},
        {"Cardiomegaly without edema.", "Cardiomegaly", AFFIRMED},
        {"Cardiomegaly without edema.", "Edema", DENIED},
        {"Cardiomegaly with bibasilar infiltrates versus atelectasis.", "Cardiomegaly", AFFIRMED},
        {"Heart is normal and the mediastinum is widened.", "Enlarged Cardiomediastinum", AFFIRMED},
        {"Heart is normal and the aorta is enlarged.", "Cardiomegaly", DENIED},
        {"May be compatible with pneumonia.", "Pneumonia", DOUBTED},
    };
    EXPECT_ALL(s);
}

Test(labeller, leaves_out_what_is_not_meant)
{
    static const statement s[] = {
        {"Small pericardial effusion.", "Pleural Effusion", NOT_MENTIONED},
        {"Calcified granuloma.", "Lung Lesion", NOT_MENTIONED},
        {"No destructive bony lesion.", "Lung Lesion", NOT_MENTIONED},
        {"Residuals of granulomatous infection.", "Pneumonia", NOT_MENTIONED},
        {"Low lung volumes.", "Atelectasis", NOT_MENTIONED},
        {"History of lung cancer.", "Lung Lesion", NOT_MENTIONED},
        {"If there is concern for fracture, CT may help.", "Fracture", NOT_MENTIONED},
        {"Evaluation for pneumothorax is limited.", "Pneumothorax", NOT_MENTIONED},
        {"Endplate changes.", "Support Devices", NOT_MENTIONED},
        {"The lungs are not clear.", "Lung Opacity", NOT_MENTIONED},
        {"Portable chest.", "Support Devices", NOT_MENTIONED},
    };
    EXPECT_ALL(s);
}

Test(labeller, the_strongest_statement_counts)
{
    static const statement s[] = {
        {"No effusion on the right. Small effusion on the left.", "Pleural Effusion", AFFIRMED},
        {"Small effusion on the left. No effusion on the right.", "Pleural Effusion", AFFIRMED},
        {"No pneumonia. Possible early pneumonia.", "Pneumonia", DOUBTED},
        {"Lungs are otherwise clear. Left basilar opacity.", "Lung Opacity", AFFIRMED},
    };
    EXPECT_ALL(s);
}

Test(labeller, no_finding_follows_from_the_others)
{
    static const statement s[] = {
        {"No acute cardiopulmonary abnormality.", "No Finding", AFFIRMED},
        {"Normal chest.", "No Finding", AFFIRMED},
        {"Lungs are clear. Sternotomy wires.", "No Finding", AFFIRMED},
        {"Lungs are clear. Heart is enlarged.", "No Finding", DENIED},
        {"Possible pneumonia.", "No Finding", DENIED},
        {"Pacemaker.", "No Finding", NOT_MENTIONED},
        {"The the the.", "No Finding", NOT_MENTIONED},
        {"", "No Finding", NOT_MENTIONED},
        {" . , ; ", "No Finding", NOT_MENTIONED},
    };
    EXPECT_ALL(s);
    for (int k = 0; k < labeller_labels(built_in()); k++)
        cr_expect_eq(reading("", labeller_label(built_in(), k)), NOT_MENTIONED);
}

Test(labeller, mentions_become_labels)
{
    static const doubt_policy policies[] = {DOUBT_UNKNOWN, DOUBT_ZERO, DOUBT_ONE};
    for (size_t p = 0; p < 3; p++) {
        cr_expect_eq(mention_label(AFFIRMED, policies[p]), 1);
        cr_expect_eq(mention_label(DENIED, policies[p]), 0);
        cr_expect(isnan(mention_label(NOT_MENTIONED, policies[p])));
    }
    cr_expect(isnan(mention_label(DOUBTED, DOUBT_UNKNOWN)));
    cr_expect_eq(mention_label(DOUBTED, DOUBT_ZERO), 0);
    cr_expect_eq(mention_label(DOUBTED, DOUBT_ONE), 1);
}

Test(labeller, takes_any_bytes)
{
    rng r = rng_open(3, "test/labeller", 0);
    static const char *const words[] = {"no",    "effusion", "or",   "heart", "enlarged", "may",
                                        "with",  ",",        ".",    ";",     "/",        "lung",
                                        "clear", "normal",   "\xff", "-",     "?",        "not"};
    for (int k = 0; k < 2000; k++) {
        char report[4096] = "";
        mention out[MOST_LABELS];
        int n = rng_below(&r, 300);
        for (int w = 0; w < n; w++) {
            strcat(report, words[rng_below(&r, sizeof words / sizeof *words)]);
            if (rng_below(&r, 4)) strcat(report, " ");
        }
        cr_assert_eq(labeller_read(built_in(), report, out), OK);
        for (int l = 0; l < labeller_labels(built_in()); l++)
            cr_assert(out[l] >= NOT_MENTIONED && out[l] <= AFFIRMED);
    }
}

/* ---- own tables ---- */

static char folder[] = "/tmp/bench-test-rules-XXXXXX";
static char path[PATH_BYTES];

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(path_join(path, folder, "rules.csv"), OK);
}

static void drop_folder(void)
{
    cr_assert_eq(folder_remove(folder), OK);
}

TestSuite(labeller_rules, .init = make_folder, .fini = drop_folder);

static void put(const char *content)
{
    cr_assert_eq(file_write(path, content, strlen(content)), OK);
}

Test(labeller_rules, a_table_of_ones_own)
{
    put("note,phrase,says,label\n"
        ",no,denies what follows,*\n"
        "bowel or diaphragm,hernia*,present,Hernia\n"
        ",stomach ... chest,doubtful,Hernia\n");
    labeller *l;
    cr_assert_eq(labeller_open(path, &l), OK, "%s", err_message());
    cr_assert_eq(labeller_labels(l), 1);
    static const struct {
        const char *report;
        mention want;
    } cases[] = {
        {"Large hiatal hernia.", AFFIRMED}, {"No hernias.", DENIED}, {"Stomach in the left chest.", DOUBTED},
        {"Stomach, chest.", NOT_MENTIONED}, {"hernial", AFFIRMED},   {"herni", NOT_MENTIONED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mention out[1];
        cr_assert_eq(labeller_read(l, cases[i].report, out), OK);
        cr_expect_eq(out[0], cases[i].want, "%s", cases[i].report);
    }
    labeller_close(l);
    labeller_close(NULL);
}

Test(labeller_rules, bad_tables_are_refused_by_their_line)
{
#define HEADER "label,says,phrase\n"
    static const struct {
        const char *content, *message;
    } cases[] = {
        {"", "rules.csv"},
        {"label,phrase\n", "rules.csv:1: the header has no column \"says\""},
        {HEADER, "has no label"},
        {HEADER "*,denies what follows,no\n", "has no label"},
        {HEADER "A,present,a\nA,maybe,b\n", "rules.csv:3: \"maybe\" is nothing"},
        {HEADER "A,denies what follows,a\n", "rules.csv:2: \"denies what follows\" does not go"},
        {HEADER "*,present,a\n", "rules.csv:2: \"present\" does not go"},
        {HEADER ",present,a\n", "rules.csv:2: the label is empty"},
        {HEADER "A,present,\n", "rules.csv:2: the phrase \"\" has no word"},
        {HEADER "A,present,a?\n", "rules.csv:2: the phrase \"a?\" has no word"},
        {HEADER "A,present,... a\n", "rules.csv:2: the phrase \"... a\" must begin"},
        {HEADER "A,present,a ...\n", "rules.csv:2"},
        {HEADER "A,present,a? b\n", "rules.csv:2"},
        {HEADER "A,present,Heart\n", "rules.csv:2: \"Heart\" is no word"},
        {HEADER "A,present,a||b\n", "rules.csv:2"},
        {HEADER "A,present,a|\n", "rules.csv:2"},
        {HEADER "A,present,*\n", "rules.csv:2"},
        {HEADER "A,present,a*b\n", "rules.csv:2"},
        {HEADER "A,present,a ... b ... c ~ d ... e\n", "more than 3 gaps"},
        {HEADER "A,present,a b c d e f g h i j k l m\n", "more than 12 elements"},
        {HEADER "A,present,a\nB,present,a\nA,present,a\n", "rules.csv:4: the same as line 2"},
        {HEADER "A,present\n", "rules.csv:2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        labeller *l;
        put(cases[i].content);
        cr_expect_eq(labeller_open(path, &l), ERR_DATA, "case %zu", i);
        cr_expect_not_null(strstr(err_message(), cases[i].message), "case %zu: %s", i, err_message());
        cr_expect_null(l);
    }
    labeller *l;
    cr_assert_eq(path_join(path, folder, "none.csv"), OK);
    cr_expect_eq(labeller_open(path, &l), ERR_NO_INPUT);
}
