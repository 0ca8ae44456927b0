/* The reader study: a form that tells nothing, and answers read back. */
#include "base/hash.h"
#include "bench/reader.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

enum { SIDE = 8, MANY = 12 };

typedef enum look { ALIKE, NOISY, FLAT } look;

static uint8_t pixel_of(look l, int image, int at)
{
    unsigned noise = (unsigned)(image * 64 + at) * 2654435761U;
    return l == NOISY ? (uint8_t)(noise >> 24) : l == FLAT ? (uint8_t)image : (uint8_t)(at * 3);
}

/* A packed set of MANY images of PATIENTS patients in FOLDER/name, with one report each, or without (NULL).
 */
static void write_set(const char *name, look l, const char *report, int side)
{
    uint8_t *images = malloc((size_t)MANY * (size_t)side * (size_t)side);
    const char *const labels[] = {"A"};
    const char *reports[MANY];
    float label[MANY];
    dataset *set, *told;
    cr_assert_not_null(images);
    for (int i = 0; i < MANY; i++) {
        label[i] = 1;
        reports[i] = report;
        for (int k = 0; k < side * side; k++) images[i * side * side + k] = pixel_of(l, i, k);
    }
    cr_assert_eq(dataset_from_arrays(images, label, MANY, side, 1, labels, name, &set), OK);
    cr_assert_eq(dataset_with_reports(set, reports, &told), OK);
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(dataset_save(told, path), OK, "%s", err_message());
    dataset_close(told);
    dataset_close(set);
    free(images);
}

static void setup(void)
{
    make_folder(folder);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(reader, .init = setup, .fini = teardown);

static void make(const char *real, const char *synthetic, const char *seed, const char *out)
{
    const char *arguments[] = {"reader", "make", real,    synthetic, "--pairs", "5",
                               "--seed", seed,   "--out", out,       NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
}

static char *file_of(const char *study, const char *file)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s/%s", study, file);
    return read_text(folder, name);
}

static char *study_name(const char *study)
{
    char *key = file_of(study, "key.csv");
    hash h = hash_bytes(key, strlen(key));
    free(key);
    return strdup(h.hex);
}

/* Every occurrence of a study's name in its form becomes x. */
static void forget_name(char *form, const char *name)
{
    int n = 0;
    for (char *at = form; (at = strstr(at, name)); n++) memset(at, 'x', strlen(name));
    cr_assert_eq(n, 2, "shown, and for the answers");
}

/* Sets that differ in nothing but names, sources and the sides that they stand on. */
Test(reader, the_form_is_the_same_whichever_set_is_real)
{
    write_set("hospital", ALIKE, "The heart is normal.", SIDE);
    write_set("emixer", ALIKE, "The heart is normal.", SIDE);
    make("hospital", "emixer", "3", "one");
    make("emixer", "hospital", "3", "two");
    char *one = file_of("one", "form.html"), *two = file_of("two", "form.html");
    char *name_one = study_name("one"), *name_two = study_name("two");
    cr_expect_str_neq(name_one, name_two);
    forget_name(one, name_one);
    forget_name(two, name_two);
    cr_expect_str_eq(one, two);
    cr_expect(!strstr(one, "hospital") && !strstr(one, "emixer"), "no ids of samples");
    free(one);
    free(two);
    free(name_one);
    free(name_two);
}

/* Cuts the next item out of a form from *at on: its markup without pixels, report and numbers, and the length
 * of its picture. */
static char *next_item(const char **at, size_t *picture)
{
    const char *begin = strstr(*at, "<section class=\"item\">"), *end = strstr(begin, "</section>");
    text t = {0};
    for (const char *c = begin; c < end; c++) {
        if (strncmp(c, "base64,", 7) == 0) {
            *picture = strcspn(c, "\"");
            c += *picture - 1;
        } else if (strncmp(c, "class=\"report\">", 15) == 0) {
            c = strchr(c, '<') - 1;
        } else if (*c < '0' || *c > '9') {
            text_bytes(&t, c, 1);
        }
    }
    *at = end;
    return t.data;
}

Test(reader, items_differ_in_pixels_and_words_alone)
{
    write_set("hospital", NOISY, "FINDINGS:  The HEART is normal .", SIDE);
    write_set("emixer", FLAT, "No effusion.", SIDE);
    make("hospital", "emixer", "1", "s");
    char *form = file_of("s", "form.html"), *first = NULL;
    const char *at = form;
    size_t first_picture = 0;
    for (int i = 0; i < 10; i++) {
        size_t picture = 0;
        char *item = next_item(&at, &picture);
        if (!first) first_picture = picture;
        cr_expect_eq(picture, first_picture, "noise and one gray have as many bytes");
        cr_expect_str_eq(item, first ? first : item);
        if (first) free(item);
        if (!first) first = item;
    }
    free(first);
    cr_expect_not_null(strstr(form, ">Findings the heart is normal.<"), "by the same rules as a generator's");
    cr_expect_not_null(strstr(form, ">No effusion.<"));
    free(form);
}

static int count(const char *content, const char *part)
{
    int n = 0;
    for (; (content = strstr(content, part)); content++) n++;
    return n;
}

Test(reader, key_has_as_many_of_each_kind_once_and_order_depends_on_the_seed)
{
    write_set("a", NOISY, "Heart.", SIDE);
    write_set("b", FLAT, "Heart.", SIDE);
    make("a", "b", "7", "s");
    make("a", "b", "7", "same");
    make("a", "b", "8", "other");
    char *key = file_of("s", "key.csv"), *same = file_of("same", "key.csv"),
         *other = file_of("other", "key.csv");
    cr_expect_str_eq(key, same);
    cr_expect_str_neq(key, other);
    cr_expect_eq(count(key, ",real,"), 5);
    cr_expect_eq(count(key, ",synthetic,"), 5);
    for (int i = 0; i < MANY; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, ",a-%d,", i);
        cr_expect_leq(count(key, id), 1, "%s", id);
    }
    free(key);
    free(same);
    free(other);
}

/* The place of a real pair is a fair coin's: of 200 first places, 100 +- 4 standard deviations. */
Test(reader, real_pairs_come_first_half_of_the_time)
{
    char a[PATH_BYTES], b[PATH_BYTES];
    int real = 0;
    write_set("a", NOISY, "Heart.", SIDE);
    write_set("b", FLAT, "Heart.", SIDE);
    cr_assert_eq(path_join(a, folder, "a"), OK);
    cr_assert_eq(path_join(b, folder, "b"), OK);
    for (int seed = 0; seed < 200; seed++) {
        reader_study s;
        cr_assert_eq(reader_study_open(a, b, 3, seed, true, &s), OK, "%s", err_message());
        real += s.items[0].kind == READER_REAL;
        reader_study_close(&s);
    }
    cr_expect(real >= 72 && real <= 128, "%d of 200", real);
}

Test(reader, no_patient_comes_twice_while_there_are_others)
{
    char a[PATH_BYTES], b[PATH_BYTES];
    text csv = {0};
    write_set("a", NOISY, "Heart.", SIDE);
    write_set("b", FLAT, "Heart.", SIDE);
    text_printf(&csv, "id,patient,split,view,source,report\n");
    for (int i = 0; i < MANY; i++) text_printf(&csv, "a-%d,p%d,,,,Heart.\n", i, i / 4); /* three patients */
    write_text(folder, "a/samples.csv", csv.data, path);
    text_close(&csv);
    cr_assert_eq(path_join(a, folder, "a"), OK);
    cr_assert_eq(path_join(b, folder, "b"), OK);
    for (int seed = 0; seed < 20; seed++) {
        reader_study s;
        int seen = 0;
        cr_assert_eq(reader_study_open(a, b, 3, seed, true, &s), OK, "%s", err_message());
        for (int i = 0; i < s.n; i++)
            if (s.items[i].kind == READER_REAL) seen |= 1 << s.items[i].index / 4;
        cr_expect_eq(seen, 7, "seed %d", seed);
        reader_study_close(&s);
    }
}

Test(reader, what_would_tell_them_apart_is_refused)
{
    write_set("a", NOISY, "Heart.", SIDE);
    write_set("small", FLAT, "Heart.", SIDE / 2);
    write_set("silent", FLAT, NULL, SIDE);
    static const char *const sizes[] = {"reader", "make", "a", "small", "--pairs", "2", "--out", "s", NULL};
    static const char *const silent[] = {"reader", "make", "a", "silent", "--pairs", "2", "--out", "s", NULL};
    static const char *const many[] = {"reader",  "make", "a",     "silent", "--images-only",
                                       "--pairs", "13",   "--out", "s",      NULL};
    static const char *const images[] = {"reader",  "make", "a",     "silent", "--images-only",
                                         "--pairs", "2",    "--out", "s",      NULL};
    expect_refused(
        folder, sizes, ERR_DATA,
        "bench: the real images have 8 x 8 pixels and the synthetic ones 4 x 4: the size would tell them "
        "apart; import the real ones at the other size\n");
    expect_refused(
        folder, silent, ERR_DATA,
        "bench: the synthetic set has 0 images with a report, and the study needs 2; --images-only shows no "
        "reports\n");
    expect_refused(folder, many, ERR_DATA, "bench: the real set has 12 images, and the study needs 13\n");
    outcome o = run_bench(folder, images);
    cr_expect_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    char *form = file_of("s", "form.html");
    cr_expect_null(strstr(form, "Heart"));
    cr_expect_null(strstr(form, "name=\"report-"));
    cr_expect_not_null(strstr(form, "data-questions=\"image guess\""));
    free(form);
    o = run_bench(folder, images);
    cr_expect_eq(o.status, ERR_CANNOT_CREATE, "a study that is there stays: %s", o.err);
    outcome_close(&o);
}

/* ---- scoring ---- */

static const char key[] =
    "item,kind,row,id,content,seal\n1,real,0,a,c,s\n2,synthetic,0,b,c,s\n3,real,1,c,c,s\n"
    "4,synthetic,1,d,c,s\n";

/* Answers of a reader: a line an item behind "study,reader,item,". */
static void write_answers(const char *file, const char *reader, const char *const lines[4])
{
    text t = {0};
    hash study = hash_bytes(key, strlen(key));
    text_printf(&t, "study,reader,item,image,report,agreement,guess\n");
    for (int i = 0; i < 4; i++) text_printf(&t, "%s,%s,%d,%s\n", study.hex, reader, i + 1, lines[i]);
    write_text(folder, file, t.data, path);
    text_close(&t);
}

/* Image: real 5,4 and 4,4 (means 4.5, 4), synthetic 2,1 and 3,2 (1.5, 2.5); Ann is right 4 of 4 times, Bob 3
 * of 4. */
static void write_study(void)
{
    static const char *const ann[] = {"5,4,3,real", "2,3,3,synthetic", "4,4,3,real", "3,2,,synthetic"};
    static const char *const bob[] = {"4,4,3,real", "1,3,3,synthetic", "4,4,3,synthetic", "2,2,,synthetic"};
    write_text(folder, "key.csv", key, path);
    write_answers("ann.csv", "Ann", ann);
    write_answers("bob.csv", "Bob", bob);
}

Test(reader, scores_are_those_of_the_answers)
{
    write_study();
    static const char *const arguments[] = {"reader", "score", "key.csv", "ann.csv", "bob.csv", NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    /* image: 4.25 - 2; squared errors 0.125/2 and 0.5/2, 1.47 degrees: t(1) = 12.706. Krippendorff's alpha by
     * hand. guesses: p_o 3/4, p_e 1/4 * 1/2 + 3/4 * 1/2. binomial: 2/16 and 2 * 5/16. */
    static const char *const wanted[] = {
        "2 real and 2 synthetic pairs, 2 readers, 30 answers\n",
        "image           4.25       2.00       -2.25  -9.35 to +4.85  0.812\n",
        "report          4.00       2.50       -1.50  -7.85 to +4.85  1.000\n",
        "agreement       3.00       3.00       +0.00               -      -\n",
        "Ann     4 of 4    100.0%  39.8% to 100.0%  0.125      2 of 2           2 of 2\n",
        "Bob     3 of 4     75.0%   19.4% to 99.4%  0.625      1 of 2           2 of 2\n",
        "All readers: 87.5% right (47.7% to 100.0%, t over 4 pairs)",
        "Cohen's kappa: 0.500\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        cr_expect_not_null(strstr(o.out, wanted[i]), "%s\nin:\n%s", wanted[i], o.out);
    outcome_close(&o);
}

/* Means 2.5 and 5; 1.75 = 1.25/3 + 4/3 squared error; 3.23 degrees of freedom, so t(0.975, 3) = 3.182446305.
 */
Test(reader, difference_is_welchs)
{
    static const double values[] = {1, 3, 2, 5, 3, 7, 4, NAN};
    static const reader_kind kinds[] = {READER_REAL, READER_SYNTHETIC, READER_REAL, READER_SYNTHETIC,
                                        READER_REAL, READER_SYNTHETIC, READER_REAL, READER_REAL};
    reader_difference d = reader_compare(values, kinds, 8);
    cr_expect_eq(d.n[0], 4);
    cr_expect_float_eq(d.mean[0], 2.5, 1e-12);
    cr_expect_float_eq(d.difference, 2.5, 1e-12);
    cr_expect_float_eq(d.low, 2.5 - 3.182446305 * sqrt(1.75), 1e-7);
    cr_expect_float_eq(d.high, 2.5 + 3.182446305 * sqrt(1.75), 1e-7);
    d = reader_compare(values, kinds, 2);
    cr_expect(d.difference == 2 && isnan(d.low));
}

Test(reader, answers_that_do_not_belong_are_refused)
{
    write_study();
    static const char *const good[] = {"5,4,3,real", "2,3,3,synthetic", "4,4,3,real", "3,2,,"};
    static const char *const high[] = {"6,4,3,real", "2,3,3,synthetic", "4,4,3,real", "3,2,,"};
    static const char *const guess[] = {"5,4,3,real", "2,3,3,fake", "4,4,3,real", "3,2,,"};
    static const char *const twice[] = {"reader", "score", "key.csv", "ann.csv", "ann.csv", NULL};
    static const char *const one[] = {"reader", "score", "key.csv", "x.csv", NULL};
    expect_refused(folder, twice, ERR_DATA, "bench: ann.csv:2: this reader answered this item before\n");
    write_answers("x.csv", "x", high);
    expect_refused(folder, one, ERR_DATA, "bench: x.csv:2: image = 6: must be 1 to 5, or empty\n");
    write_answers("x.csv", "x", guess);
    expect_refused(folder, one, ERR_DATA,
                   "bench: x.csv:3: guess = fake: must be real or synthetic, or empty\n");
    write_answers("x.csv", "", good);
    expect_refused(folder, one, ERR_DATA, "bench: x.csv:2: who is the reader?\n");
    write_answers("x.csv", "x", good);
    write_text(folder, "key.csv",
               "item,kind,row,id,content,seal\n1,synthetic,0,a,c,s\n2,real,0,b,c,s\n3,real,1,c,c,s\n4,"
               "synthetic,1,d,c,s\n",
               path);
    expect_refused(folder, one, ERR_DATA,
                   "bench: x.csv:2: these answers are to another study, or the key has changed\n");
}

/* ---- in a browser ---- */

/* Answers as the form hands them out; free() it. */
static char *answers_of(const char *form_name)
{
    char command[4 * PATH_BYTES];
    char *form = read_text(folder, form_name), *end = strstr(form, "</body>");
    text changed = {0};
    if (system("command -v chromium > /dev/null") != 0) {
        free(form);
        cr_skip_test("chromium is not installed (Debian: chromium)");
    }
    text_bytes(&changed, form, (size_t)(end - form));
    text_printf(&changed,
                "<script>form.elements.reader.value = 'Eve, MD';"
                "for (let i = 1; i <= items; i++) for (const q of questions)"
                "  form.elements[q + '-' + i].value = q === 'guess' ? 'real' : String(1 + i %% 5);"
                "form.dispatchEvent(new Event('input'));"
                "const pre = document.createElement('pre'); pre.id = 'csv'; pre.textContent = csv();"
                "document.body.append(pre);</script>%s",
                end);
    write_text(folder, "filled.html", changed.data, path);
    text_close(&changed);
    free(form);
    (void)snprintf(
        command, sizeof command,
        "cd '%s' && timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir='%s/profile' "
        "--enable-logging=stderr --dump-dom 'file://%s/filled.html' > dom.html 2> said.txt",
        folder, folder, folder);
    cr_assert_eq(system(command), 0, "chromium failed");
    char *dom = read_text(folder, "dom.html"), *said = read_text(folder, "said.txt");
    cr_expect_null(strstr(said, "CONSOLE"), "%s", said);
    cr_expect_not_null(strstr(dom, ">40 of 40 questions answered<"));
    char *begin = strstr(dom, "<pre id=\"csv\">"), *stop = begin ? strstr(begin, "</pre>") : NULL;
    cr_assert(begin && stop, "%s", dom);
    *stop = '\0';
    char *csv = strdup(begin + strlen("<pre id=\"csv\">"));
    free(dom);
    free(said);
    return csv;
}

Test(reader, answers_of_a_real_browser_are_read_back)
{
    write_set("a", NOISY, "Heart.", SIDE);
    write_set("b", FLAT, "Lungs.", SIDE);
    make("a", "b", "1", "s");
    char *csv = answers_of("s/form.html");
    write_text(folder, "eve.csv", csv, path);
    free(csv);
    static const char *const arguments[] = {"reader", "score", "s/key.csv", "eve.csv", NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_expect_not_null(strstr(o.out, "5 real and 5 synthetic pairs, 1 reader, 40 answers"));
    cr_expect_not_null(strstr(o.out, "Eve, MD  5 of 10     50.0%"), "%s", o.out);
    outcome_close(&o);
}
