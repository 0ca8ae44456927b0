/* Expected texts are worked out by hand from the rules in data/report_text.h. */
#include "data/report_text.h"

#include "data/npy.h"
#include "scratch.h"

TestSuite(report_texts, .init = scratch_make, .fini = scratch_drop);

static void expect_clean(const char *report, report_rules rules, const char *want)
{
    text got = {0};
    ASSERT_OK(report_clean(report, rules, &got));
    cr_expect_str_eq(got.data, want, "\"%s\" became \"%s\", want \"%s\"", report, got.data, want);
    text_close(&got);
}

typedef struct cleaning {
    const char *report, *want;
} cleaning;

/* The same under both rules. */
Test(report_text, cleans)
{
    static const cleaning cases[] = {
        {"The heart is normal in size. No pneumothorax.", "the heart is normal in size . no pneumothorax ."},
        {"No stop at the end", "no stop at the end ."},
        {"1. Cardiomegaly. 2. No effusion. 3. Clear. 4. A. 5. B. 6. C",
         "cardiomegaly . no effusion . clear . a . b . 6 . c ."},
        {"Findings 2. Nodule 3. Mass", "findings . nodule . mass ."},
        {"a. 2. 3. b", "a . b ."}, /* ". 2. " leaves ". 3. " */
        {"a. 3. 2. b", "a . b ."},
        {"4. 5. z", "4 . z ."},
        {"21. March", "2march ."}, /* "1. " goes wherever it stands */
        {"A 2.3 cm nodule", "a 23 cm nodule ."},
        {"Normal... Clear", "normal . clear ."},
        {"Normal. . Clear", "normal . . clear ."}, /* an empty sentence keeps its stop */
        {"Normal.; (Clear", "normal clear ."},
        {"\"Left\" lower/right lobe's c:\\x", "left lowerright lobes cx ."},
        {"follow-up X-ray - #1 $2 |a| ~b `c", "follow-up x-ray - #1 $2 |a| ~b `c ."},
        {"a:b;c<d>e@f[g]{h}=i&j%k^l_m+n(o)p?q!r*s,t", "abcdefghijklmnopqrst ."},
        {"Lungs , heart ( and ) spine", "lungs heart and spine ."},
        {" \t Normal. \r\n ", "normal ."},
        {"", "."},
        {"   ", "."},
        {".", "."},
        {"?!", "."},
        {"\xc3\x89panchement \xce\x93\xce\x94. \xd0\x9f\xd0\xbe",
         "\xc3\xa9panchement \xce\xb3\xce\xb4 . \xd0\xbf\xd0\xbe ."},
        {"lungs\xc2\xa0"
         "clear\xe2\x80\x83now",
         "lungs clear now ."},
        {"5 \xc2\xb5m \xe2\x89\xa4 \xe2\x82\xac", "5 \xc2\xb5m \xe2\x89\xa4 \xe2\x82\xac ."},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        expect_clean(cases[c].report, REPORT_RULES_IU, cases[c].want);
        expect_clean(cases[c].report, REPORT_RULES_MIMIC, cases[c].want);
    }
}

Test(report_text, rules_differ_in_line_ends_and_runs_of_blanks)
{
    expect_clean("Normal.\nClear.", REPORT_RULES_IU, "normal clear .");
    expect_clean("Normal.\nClear.", REPORT_RULES_MIMIC, "normal . clear .");
    expect_clean("A.  2.  B", REPORT_RULES_IU, "a . . b ."); /* " 2. " alone matches, and leaves ". " */
    expect_clean("A.  2.  B", REPORT_RULES_MIMIC, "a . b .");
    expect_clean("___ year old.\n \n  ____ Lungs", REPORT_RULES_MIMIC, "year old . lungs .");
    expect_clean("A.    .    B", REPORT_RULES_MIMIC, "a . . b .");
}

Test(report_text, cleaning_appends)
{
    text t = {0};
    text_printf(&t, "x ");
    ASSERT_OK(report_clean("A", REPORT_RULES_IU, &t));
    cr_expect_str_eq(t.data, "x a .");
    text_close(&t);
}

Test(report_text, cleaning_what_is_clean_changes_nothing)
{
    static const char *const cleaned[] = {"the heart is normal . no effusion .", "covid-19 .", "a . b . c ."};
    for (size_t c = 0; c < sizeof cleaned / sizeof *cleaned; c++)
        expect_clean(cleaned[c], REPORT_RULES_MIMIC, cleaned[c]);
}

Test(report_text, very_long_reports)
{
    enum { SENTENCES = 10000 }; /* ten times as many take AddressSanitizer's strstr a minute */
    text report = {0}, got = {0};
    for (int i = 0; i < SENTENCES; i++) text_printf(&report, "Lung %c clear. ", 'A' + i % 26);
    ASSERT_OK(report_clean(report.data, REPORT_RULES_MIMIC, &got));
    cr_expect_eq(got.length, (size_t)SENTENCES * 15 - 1);
    cr_expect_eq(strncmp(got.data, "lung a clear . lung b clear . ", 30), 0);
    cr_expect_str_eq(got.data + got.length - 14, "lung p clear ."); /* 9,999 mod 26 = 15 */
    text_close(&report);
    text_close(&got);
}

Test(report_text, refuses_what_is_not_utf8)
{
    text t = {0};
    EXPECT_ERROR(report_clean("an \xe9panchement", REPORT_RULES_IU, &t), ERR_DATA, "byte 3");
    EXPECT_ERROR(report_readable("an \xe9panchement", &t), ERR_DATA, "byte 3");
    cr_expect_eq(t.length, 0);
    text_close(&t);
}

Test(report_text, reads_like_a_report_again)
{
    static const cleaning cases[] = {
        {"the heart is normal in size . no effusion .", "The heart is normal in size. No effusion."},
        {"pa and lateral views . tip in the svc . covid-19 pneumonia .",
         "PA and lateral views. Tip in the SVC. COVID-19 pneumonia."},
        {"no stop at the end", "No stop at the end"},
        {"a . . b .", "A. B."},
        {"  .  lungs   clear   . ", "Lungs clear."},
        {"\xc3\xa9panchement .", "\xc3\x89panchement."},
        {"paper <unk> .", "Paper <unk>."},
        {"", ""},
        {".", ""},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        text got = {0};
        ASSERT_OK(report_readable(cases[c].report, &got));
        cr_expect_str_eq(got.data, cases[c].want);
        text_close(&got);
    }
}

Test(report_text, a_readable_report_cleans_to_where_it_came_from)
{
    static const char *const cleaned = "the heart is normal . no effusion or covid-19 . sternotomy wires .";
    text readable = {0};
    ASSERT_OK(report_readable(cleaned, &readable));
    expect_clean(readable.data, REPORT_RULES_IU, cleaned);
    text_close(&readable);
}

/* A packed set of 1x1 images with these reports, as rows "id,report". */
static dataset *open_reports(const char *rows, int n)
{
    dataset *set;
    char source[PATH_BYTES + 8];
    static const float labels[8];
    static const uint8_t images[8];
    put_text("samples.csv", rows);
    put_text("labels.csv", "label\na\n");
    ASSERT_OK(npy_write(in_scratch("images.npy"), 'u', 3, (const int64_t[]){n, 1, 1}, images));
    ASSERT_OK(npy_write(in_scratch("labels.npy"), 'f', 2, (const int64_t[]){n, 1}, labels));
    (void)snprintf(source, sizeof source, "packed:%s", scratch);
    ASSERT_OK(dataset_open(source, 1, 0, 0, &set));
    return set;
}

Test(report_texts, are_cleaned_in_the_order_of_the_set)
{
    dataset *set =
        open_reports("id,report\none,Heart normal. Lungs clear.\ntwo,\nthree,\"No mass, no node\"\n", 3);
    report_texts t;
    ASSERT_OK(report_texts_open(set, REPORT_RULES_IU, &t));
    cr_assert_eq(t.n, 3);
    cr_expect_str_eq(t.cleaned[0], "heart normal . lungs clear .");
    cr_expect_null(t.cleaned[1]);
    cr_expect_str_eq(t.cleaned[2], "no mass no node .");
    report_texts_close(&t);
    report_texts_close(&t);
    report_texts_close(NULL);
    dataset_close(set);
}

Test(report_texts, a_bad_report_is_named)
{
    dataset *set = open_reports("id,report\none,Heart normal.\ntwo,\xe9panchement\n", 2);
    report_texts t;
    EXPECT_ERROR(report_texts_open(set, REPORT_RULES_IU, &t), ERR_DATA, "sample \"two\"");
    cr_expect_null(t.cleaned);
    dataset_close(set);
}
