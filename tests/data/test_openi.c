/* Reports made up in the published layout, and the published ones where OPENI_REPORTS names their folder. */
#include "data/openi.h"

#include "scratch.h"

#include <sys/stat.h>
#include <unistd.h>

TestSuite(openi, .init = scratch_make, .fini = scratch_drop);

#define HEAD "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<eCitation>\n   <meta type=\"rr\"/>\n   <uId id=\""
#define MIDDLE                                                                                               \
    "\"/>\n   <pmcId id=\"7\"/>\n   <docSource>CXR</docSource>\n   <IUXRId id=\"7\"/>\n"                     \
    "   <licenseType>open-access</licenseType>\n   <articleURL/>\n   <MedlineCitation Owner=\"Nobody\">\n"   \
    "      <Article PubModel=\"Electronic\">\n         <Abstract>\n"
#define SECTION(label, content) "            <AbstractText Label=\"" label "\">" content "</AbstractText>\n"
#define ABSTRACT_END                                                                                         \
    "         </Abstract>\n         <Affiliation>Nowhere</Affiliation>\n      </Article>\n"                  \
    "   </MedlineCitation>\n"
#define IMAGE(id)                                                                                            \
    "   <parentImage id=\"" id "\">\n      <figureId>F1</figureId>\n      <caption>PA</caption>\n"           \
    "      <panel type=\"single\">\n         <url>/x/" id ".jpg</url>\n      </panel>\n   </parentImage>\n"
#define TAIL "</eCitation>"

static const char full[] =
    HEAD "CXR7" MIDDLE SECTION("COMPARISON", "None.") SECTION("INDICATION", "\n  Cough &amp; fever  \n")
        SECTION("FINDINGS", "Heart &lt; 50%. XXXX caf\xc3\xa9 <!-- no text -->clear.")
            SECTION("IMPRESSION", "Normal.") ABSTRACT_END
    "   <MeSH>\n      <major>Cardiomegaly/mild</major>\n      <major>Cicatrix/lung/base</major>\n"
    "      <automatic>Cardiomegaly</automatic>\n   </MeSH>\n" IMAGE("CXR7_IM-0007-1001")
        IMAGE("CXR7_IM-0007-2001") TAIL;

static const char bare[] = HEAD "CXR10" MIDDLE SECTION("COMPARISON", "")
    SECTION("INDICATION", "") "            <AbstractText Label=\"FINDINGS\"/>\n" ABSTRACT_END TAIL;

Test(openi, reads_the_published_layout_by_number)
{
    openi *set;
    put_text("10.xml", bare);
    put_text("7.xml", full);
    put_text("readme.txt", "not XML");
    put_text(".hidden.xml", "not XML");
    ASSERT_OK(openi_open(scratch, &set));
    cr_assert_eq(set->n, 2);
    const openi_report *r = &set->reports[0];
    cr_expect_str_eq(r->id, "CXR7");
    cr_expect_str_eq(r->file, "7.xml");
    cr_expect_str_eq(r->comparison, "None.");
    cr_expect_str_eq(r->indication, "Cough & fever");
    cr_expect_str_eq(r->findings, "Heart < 50%. XXXX caf\xc3\xa9 clear.");
    cr_expect_str_eq(r->impression, "Normal.");
    cr_assert_eq(r->n_major, 2);
    cr_expect_str_eq(r->major[1], "Cicatrix/lung/base");
    cr_assert_eq(r->n_automatic, 1);
    cr_expect_str_eq(r->automatic[0], "Cardiomegaly");
    cr_assert_eq(r->n_images, 2);
    cr_expect_str_eq(r->images[0], "CXR7_IM-0007-1001");
    cr_expect_str_eq(r->images[1], "CXR7_IM-0007-2001");
    r = &set->reports[1];
    cr_expect_str_eq(r->id, "CXR10");
    cr_expect(!*r->comparison && !*r->indication && !*r->findings && !*r->impression);
    cr_expect(r->n_major == 0 && r->n_automatic == 0 && r->n_images == 0);
    openi_close(set);
    openi_close(NULL);
}

Test(openi, reads_the_folder_that_the_archive_unpacks_to)
{
    openi *set;
    ASSERT_OK(folder_make(in_scratch("ecgen-radiology")));
    put_text("ecgen-radiology/7.xml", full);
    ASSERT_OK(openi_open(scratch, &set));
    cr_expect_eq(set->n, 1);
    openi_close(set);
}

Test(openi, reads_other_encodings_as_utf8)
{
    openi *set;
    put_text("1.xml", "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><eCitation><uId id=\"CXR1\"/>"
                      "<AbstractText Label=\"FINDINGS\">\xe9</AbstractText></eCitation>");
    ASSERT_OK(openi_open(scratch, &set));
    cr_expect_str_eq(set->reports[0].findings, "\xc3\xa9");
    openi_close(set);
}

static void expect_refused(const char *content, const char *message)
{
    openi *set;
    put_text("3.xml", content);
    EXPECT_ERROR(openi_open(scratch, &set), ERR_DATA, message);
    expect_message("3.xml");
    cr_expect_null(set);
}

Test(openi, refuses_bad_reports_by_file_and_line)
{
    expect_refused("", "not well-formed");
    expect_refused("<eCitation>\n<uId id=\"CXR1\"/>\n<a>\n</eCitation>", "3.xml:4: is not well-formed");
    expect_refused("<eCitation><uId id=\"CXR1\"/>&nothing;</eCitation>", "3.xml:1: is not well-formed");
    expect_refused("<eCitation><uId id=\"CXR1\"/>\xe9</eCitation>", "not well-formed");
    expect_refused("<html><uId id=\"CXR1\"/></html>", "not an Open-i report");
    expect_refused("<eCitation/>", "not an Open-i report");
    expect_refused("<eCitation>\n\n<uId/></eCitation>", "3.xml:3: <uId> has no id");
    expect_refused("<eCitation><uId id=\"CXR1\"/>\n<parentImage/></eCitation>",
                   "3.xml:2: <parentImage> has no id");
    expect_refused("<eCitation><uId id=\"CXR1\"/>\n" SECTION("FINDINGS", "a") SECTION("FINDINGS", "b") TAIL,
                   "3.xml:3: a second section \"FINDINGS\"");
}

Test(openi, ids_that_lead_elsewhere_are_refused)
{
    static const char *const ids[] = {"",    ".",    "..",      "../../secret", "/x",
                                      "a/b", "a\\b", ".hidden", "a b",          "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char content[256];
        (void)snprintf(content, sizeof content,
                       "<eCitation><uId id=\"CXR1\"/><parentImage id=\"%s\"/></eCitation>", ids[i]);
        expect_refused(content, "could not be a file's name");
        (void)snprintf(content, sizeof content, "<eCitation><uId id=\"%s\"/></eCitation>", ids[i]);
        expect_refused(content, "could not be a file's name");
    }
}

/* Entities could grow without bound, or read other files. */
Test(openi, document_types_are_refused)
{
    put_text("secret", "secret");
    expect_refused("<!DOCTYPE eCitation [<!ENTITY s SYSTEM \"secret\">]><eCitation><uId id=\"CXR1\"/>"
                   "<AbstractText Label=\"FINDINGS\">&s;</AbstractText></eCitation>",
                   "document type");
    expect_refused("<!DOCTYPE eCitation [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
                   "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]>"
                   "<eCitation><uId id=\"CXR1\"/>&d;&d;&d;</eCitation>",
                   "entity"); /* the parser itself sees it grow */
    expect_refused("<!DOCTYPE eCitation><eCitation><uId id=\"CXR1\"/></eCitation>", "document type");
}

Test(openi, size_and_depth_have_limits)
{
    enum { BYTES = (1 << 20) + 1, DEPTH = 5000 };
    static char large[BYTES + 1];
    memset(large, ' ', BYTES);
    memcpy(large, "<eCitation>", 11);
    expect_refused(large, "bytes");
    large[0] = '\0';
    for (int i = 0; i < DEPTH; i++) memcpy(large + 3 * (size_t)i, "<a>", 4);
    expect_refused(large, "not well-formed");
}

Test(openi, every_cut_report_is_an_error)
{
    size_t n = strlen(full);
    for (size_t length = 0; length < n; length += 7) {
        openi *set;
        (void)put_bytes("3.xml", full, length);
        EXPECT_ERROR(openi_open(scratch, &set), ERR_DATA, "3.xml");
    }
}

Test(openi, ids_are_unique)
{
    openi *set;
    put_text("7.xml", full);
    put_text("8.xml", full);
    EXPECT_ERROR(openi_open(scratch, &set), ERR_DATA, "7.xml and 8.xml both have the id \"CXR7\"");
}

Test(openi, links_out_of_the_folder_are_refused)
{
    openi *set;
    ASSERT_OK(folder_make(in_scratch("set")));
    put_text("7.xml", full);
    cr_assert_eq(symlink("../7.xml", in_scratch("set/7.xml")), 0);
    EXPECT_ERROR(openi_open(in_scratch("set"), &set), ERR_DATA, "link");
    ASSERT_OK(folder_make(in_scratch("linked")));
    cr_assert_eq(symlink("..", in_scratch("linked/ecgen-radiology")), 0);
    EXPECT_ERROR(openi_open(in_scratch("linked"), &set), ERR_DATA, "link");
}

Test(openi, missing_and_empty_folders)
{
    openi *set;
    EXPECT_ERROR(openi_open(in_scratch("none"), &set), ERR_NO_INPUT, "none");
    EXPECT_ERROR(openi_open(scratch, &set), ERR_NO_INPUT, "no XML file");
}

Test(openi, the_published_reports)
{
    const char *folder = getenv("OPENI_REPORTS");
    if (!folder) cr_skip_test("set OPENI_REPORTS to the folder of Open-i's XML reports to read them here");
    openi *set;
    int images = 0, without[5] = {0}, neither = 0, no_findings = 0;
    ASSERT_OK(openi_open(folder, &set));
    cr_expect_eq(set->n, 3955);
    for (int i = 0; i < set->n; i++) {
        const openi_report *r = &set->reports[i];
        images += r->n_images;
        without[r->n_images < 4 ? r->n_images : 4]++;
        no_findings += !*r->findings;
        neither += !*r->findings && !*r->impression;
    }
    /* Counted by others before. */
    cr_expect_eq(images, 7470);
    cr_expect_eq(without[0], 104);
    cr_expect_eq(without[1], 446);
    cr_expect_eq(without[2], 3208);
    cr_expect_eq(without[3] + without[4], 197);
    cr_expect_eq(no_findings, 530);
    cr_expect_eq(neither, 28);
    openi_close(set);
}
