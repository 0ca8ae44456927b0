/* The page of `bench report`, read as text and by a real browser. */
#include "bench/markup.h"
#include "data/dataset.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

#define HOSTILE "<script>document.title='taken'</script>"

static const char gains[] =
    "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,pairs,arm_mean,baseline_mean,gain,low,high,"
    "percent,"
    "percent_low,percent_high,p_value\n"
    "e,real+classic,real,5,0,0,accuracy,5,0.6,0.5,0.1,0.05,0.15,20,10,30,0.0625\n"
    "e,real+emixer,real,5,0.5,0,accuracy,5,0.4,0.5,-0.1,-0.2,-0.05,-20,-40,-10,0.0625\n"
    "e," HOSTILE ",real,5,1,0,accuracy,5,0.5,0.5,0.01,-0.1,0.12,2,-20,24,0.5\n"
    "e,emixer,real,5,1,0,accuracy,5,,0.5,,,,,,,\n"
    "e,real+classic,real,5,0,0,brier,5,0.6,0.5,0.1,0.05,0.15,20,10,30,0.0625\n";

static void write_set(void)
{
    enum { SIDE = 4 };
    uint8_t images[2 * SIDE * SIDE] = {0};
    const float labels[2] = {1, 1};
    const char *const names[] = {"A"};
    dataset *set;
    cr_assert_eq(dataset_from_arrays(images, labels, 2, SIDE, 1, names, "x", &set), OK);
    cr_assert_eq(path_join(path, folder, "r/artifacts/s"), OK);
    cr_assert_eq(folder_make(path), OK);
    cr_assert_eq(dataset_save(set, path), OK, "%s", err_message());
    dataset_close(set);
}

static void setup(void)
{
    make_folder(folder);
    write_set();
    write_text(folder, "r/gains.csv", gains, path);
    write_text(folder, "r/settings.ini",
               "[experiment]\nname = e\nseeds = 0, 1\nmetric = accuracy\n[data]\nsource = folder:" HOSTILE
               "\n",
               path);
    write_text(folder, "r/samples.csv",
               "label,kind,set,row,id,labels,report\n"
               "A,real,artifacts/s,0,x-0,A,\"\"\"><img src=x onerror=alert(1)> No effusion.\"\n"
               "A,synthetic,artifacts/s,1,x-1,A,\n",
               path);
    write_text(folder, "r/results.csv",
               "experiment,arm,shots,ratio,seed,status,accuracy,allowed,data_hash,message\n"
               "e,real,5,0,0,done,0.5,near-duplicates,1e5,\n"
               "e,real,5,0,1,done,0.7,near-duplicates,1e5,\n"
               "e,emixer,5,1,0,failed,,near-duplicates,1e5,a loss is NaN\n",
               path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(html, .init = setup, .fini = teardown);

/* The page; free() it. */
static char *page(const char *name)
{
    const char *arguments[] = {"report", "r", "--out", name, NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    return read_text(folder, name);
}

static int count(const char *content, const char *part)
{
    int n = 0;
    for (; (content = strstr(content, part)); content++) n++;
    return n;
}

Test(html, the_verdict_is_told_in_words)
{
    char *html = page("a.html");
    cr_expect_not_null(strstr(html, "1 of 4 contrasts shows a gain in accuracy; 1 of 4 shows harm."));
    cr_expect_not_null(
        strstr(html, "<b>real+emixer</b> against <b>real</b>, 50% of each batch synthetic, 5 shots"));
    cr_expect_not_null(strstr(html, "<b>-20.0%</b> (-40.0% to -10.0%), p = 0.062, 5 seeds"));
    cr_expect_not_null(strstr(html, "cannot tell"), "a contrast without an interval");
    cr_expect_not_null(strstr(html, "1 of 3 trials failed"));
    cr_expect_not_null(strstr(html, "in spite of a guard that failed: near-duplicates."));
    cr_expect_eq(count(html, "in spite of a guard"), 1);
    const char *gain = strstr(html, "<b>real+classic</b>"), *harm = strstr(html, "<b>real+emixer</b>");
    cr_expect(gain && harm && gain < harm);
    free(html);
}

Test(html, verdicts_of_the_table_go_before_intervals)
{
    write_text(
        folder, "r/gains.csv",
        "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,pairs,percent,percent_low,percent_high,"
        "p_value,holm_p_value,verdict,labelled,model,allowed\n"
        "e,a,real,5,0,0,accuracy,9,20,10,30,0.03,0.09,no gain shown,1,small,copies\n",
        path);
    char *html = page("a.html");
    cr_expect_not_null(strstr(html, "No gain shown in accuracy."));
    cr_expect_not_null(strstr(html, "p = 0.030 (corrected 0.090)"));
    cr_expect_not_null(strstr(html, "corrected (Holm) for all contrasts"));
    cr_expect_not_null(strstr(html, ">corrected p</th>"));
    const char *table = strstr(html, "id=\"gains\"");
    cr_expect(table && strstr(table, "<td>copies</td>"), "a guard that was overridden");
    cr_expect_null(strstr(html, ", small"), "what all rows have in common is no news");
    free(html);
}

Test(html, means_and_deviations_of_the_arms_are_of_their_trials)
{
    char *html = page("a.html");
    cr_expect_not_null(strstr(html,
                              "<td>real</td><td class=\"n\" data-v=\"5\">5</td><td class=\"n\" "
                              "data-v=\"0\">0</td><td class=\"n\" data-v=\"0.6\">0.600</td><td class=\"n\" "
                              "data-v=\"0.141421356\">0.141</td>"));
    free(html);
}

Test(html, nothing_from_files_becomes_markup_and_nothing_is_asked_for)
{
    char *html = page("a.html");
    cr_expect_null(strstr(html, HOSTILE));
    cr_expect_null(strstr(html, "<img src=x"));
    cr_expect_not_null(strstr(html, "&lt;img src=x onerror=alert(1)&gt; No effusion."));
    cr_expect_eq(count(html, "<script"), 1);
    cr_expect_eq(count(html, " src=\""), count(html, " src=\"data:image/png;base64,"));
    cr_expect_eq(count(html, " src=\""), 2);
    cr_expect_eq(count(html, " href=\""), count(html, " href=\"#"));
    cr_expect_eq(count(html, "url("), count(html, "url(#"));
    cr_expect_eq(count(html, "@import"), 0);
    free(html);
}

Test(html, the_same_tables_give_the_same_bytes)
{
    char *a = page("a.html"), *b = page("b.html");
    cr_expect_str_eq(a, b);
    free(a);
    free(b);
}

Test(html, ids_of_the_page_are_unique)
{
    char *html = page("a.html");
    for (const char *at = html; (at = strstr(at, " id=")); at++) {
        char id[256], quote = at[4];
        (void)snprintf(id, sizeof id, "%.*s", (int)(5 + strcspn(at + 5, "'\"") + 1), at);
        cr_expect_eq(count(html, id), 1, "%s", id);
        cr_expect(quote == '"' || quote == '\'');
    }
    free(html);
}

Test(html, a_folder_whose_images_are_gone_still_has_a_page)
{
    cr_assert_eq(path_join(path, folder, "r/artifacts"), OK);
    cr_assert_eq(folder_remove(path), OK);
    char *html = page("a.html");
    cr_expect_not_null(strstr(html, "The images are not there any more."));
    free(html);
}

/* ---- in a browser ---- */

/* Opens the page with `script` behind its own; gives the document as it is then, and what the browser said.
 */
static char *browse(const char *script, char **said)
{
    char *html = page("a.html"), *end = strstr(html, "</body>"), command[4 * PATH_BYTES];
    text changed = {0};
    if (system("command -v chromium > /dev/null") != 0) {
        free(html);
        cr_skip_test("chromium is not installed (Debian: chromium)");
    }
    cr_assert_not_null(end);
    text_bytes(&changed, html, (size_t)(end - html));
    text_printf(&changed, "<script>%s</script>%s", script, end);
    write_text(folder, "b.html", changed.data, path);
    text_close(&changed);
    free(html);
    (void)snprintf(
        command, sizeof command,
        "cd '%s' && timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir='%s/profile' "
        "--enable-logging=stderr --dump-dom 'file://%s/b.html' > dom.html 2> said.txt",
        folder, folder, folder);
    cr_assert_eq(system(command), 0, "chromium failed");
    *said = read_text(folder, "said.txt");
    return read_text(folder, "dom.html");
}

/* Order of three texts within a part of the document that begins at `from`. */
static bool in_order(const char *from, const char *a, const char *b, const char *c)
{
    const char *x = strstr(from, a), *y = x ? strstr(x, b) : NULL;
    return x && y && strstr(y, c);
}

Test(html, tables_sort_by_a_click_in_a_real_browser)
{
    char *said;
    char *dom = browse("const heads = Array.from(document.querySelectorAll('#gains th'));"
                       "const gain = heads.findIndex(h => h.textContent === 'gain');"
                       "heads[gain].querySelector('button').click();"
                       "document.querySelector('#trials th:nth-child(7) button').click();"
                       "document.querySelector('#trials th:nth-child(7) button').click();",
                       &said);
    const char *table = strstr(dom, "id=\"gains\""), *trials = strstr(dom, "id=\"trials\"");
    cr_assert(table && trials);
    cr_expect_not_null(strstr(table, "aria-sort=\"ascending\"><button>gain</button>"));
    cr_expect(in_order(table, "-20.0%", "+2.0%", "+20.0%"), "by the number");
    cr_expect(in_order(strstr(table, "<tbody>"), "+20.0%", "<td>emixer</td>", "</table>"),
              "what is not defined, last");
    cr_expect(in_order(strstr(trials, "<tbody>"), ">0.7<", ">0.5<", "a loss is NaN"),
              "descending, empty ones last");
    cr_expect_null(strstr(dom, "<title>taken"));
    cr_expect_null(strstr(said, "CONSOLE"), "%s", said);
    free(dom);
    free(said);
}

/* ---- markup ---- */

Test(markup, reserved_letters_controls_and_broken_text_are_written_as_what_they_are)
{
    text t = {0};
    markup_text(&t, "a<b> & \"c\"\t\x01\xC3\xA9\xFF\xC3");
    cr_expect_str_eq(t.data, "a&lt;b&gt; &amp; &quot;c&quot;  \xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD");
    text_close(&t);
}

/* RFC 4648, section 10. */
Test(markup, base64_has_the_published_vectors)
{
    static const char *const pairs[][2] = {{"f", "Zg=="},         {"fo", "Zm8="},
                                           {"foo", "Zm9v"},       {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        text t = {0};
        markup_base64(&t, pairs[i][0], strlen(pairs[i][0]));
        cr_expect_str_eq(t.data, pairs[i][1]);
        text_close(&t);
    }
}
