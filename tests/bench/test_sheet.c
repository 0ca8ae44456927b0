/* Sheets of what a generator made. */
#include "bench/sheet.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static void setup(void)
{
    make_folder(folder);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(sheet, .init = setup, .fini = teardown);

enum { SIDE = 16, MANY = 12 };

/* MANY gray images of the classes "a<b" and "b" in turn, or of both labels at once, with one report. */
static dataset *made(const char *report, bool both)
{
    static uint8_t images[MANY * SIDE * SIDE];
    static const char *const names[] = {"a<b", "b"};
    const char *reports[MANY];
    float labels[MANY * 2] = {0};
    dataset *set, *told;
    for (int i = 0; i < MANY; i++) {
        memset(images + i * SIDE * SIDE, 10 * i, SIDE * SIDE);
        labels[2 * i + i % 2] = 1;
        if (both) labels[2 * i] = labels[2 * i + 1] = 1;
        reports[i] = report;
    }
    cr_assert_eq(dataset_from_arrays(images, labels, MANY, SIDE, 2, names, "x", &set), OK);
    cr_assert_eq(dataset_with_reports(set, reports, &told), OK);
    dataset_close(set);
    return told;
}

static char *svg_of(const dataset *set)
{
    cr_assert_eq(path_join(path, folder, "sheet.svg"), OK);
    cr_assert_eq(sheet_svg(set, path), OK, "%s", err_message());
    return read_text(folder, "sheet.svg");
}

static int count(const char *content, const char *part)
{
    int n = 0;
    for (; (content = strstr(content, part)); content++) n++;
    return n;
}

Test(sheet, svg_has_four_pictures_of_each_class_with_labels_and_report_escaped)
{
    dataset *set = made("Heart & lungs < normal >.", false);
    char *svg = svg_of(set);
    cr_expect_eq(count(svg, "<image "), 8);
    cr_expect_eq(count(svg, ">a&lt;b</text>"), 4);
    cr_expect_eq(count(svg, ">Heart &amp; lungs &lt; normal &gt;.</text>"), 8);
    cr_expect_null(strstr(svg, "a<b"));
    free(svg);
    dataset_close(set);
}

Test(sheet, lines_break_between_words_and_keep_all_of_them)
{
    static const char report[] =
        "There is a patchy opacity in the right lower lobe that is concerning for pneumonia. No pleural "
        "effusion "
        "or pneumothorax. \xC3\x9C"
        "ber supercalifragilisticexpialidocioussupercalifragilisticexpialidocious end.";
    dataset *set = made(report, false);
    char *svg = svg_of(set), *at = strstr(svg, ">a&lt;b</text>"), joined[400] = "";
    char *stop = strstr(at, "<image ");
    for (at = strstr(at + 1, "\">"); at && at < stop; at = strstr(at, "\">")) {
        char *end = strstr(at, "</text>");
        cr_assert_not_null(end);
        size_t n = (size_t)(end - at) - 2;
        cr_expect(n <= 59 || strstr(at, "supercali") == at + 2 || at[2] == ' ', "%.*s", (int)n, at + 2);
        (void)strncat(joined, at + 2, n);
        (void)strcat(joined, " ");
        at = end;
    }
    joined[strlen(joined) - 1] = '\0';
    cr_expect_str_eq(joined, report);
    free(svg);
    dataset_close(set);
}

Test(sheet, several_labels_are_named_and_none_is_said)
{
    dataset *set = made("", true);
    char *svg = svg_of(set);
    cr_expect_eq(count(svg, "<image "), 8);
    cr_expect_eq(count(svg, ">a&lt;b, b</text>"), 8);
    free(svg);
    cr_assert_eq(path_join(path, folder, "sheet.png"), OK);
    cr_assert_eq(sheet_png(set, path), OK, "%s", err_message());
    cr_expect(path_exists(path));
    dataset_close(set);
}

/* The base64 of the pictures, decoded by hand, is the PNG that the same image gives on disk. */
static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return (int)(strchr(digits, c) - digits);
}

Test(sheet, pictures_are_whole_png_files)
{
    enum { ROOM = 4096, TRAILER = 12 };
    static const unsigned char end_of_png[TRAILER] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    unsigned char bytes[ROOM];
    dataset *set = made("", false);
    char *svg = svg_of(set), *at = strstr(svg, "base64,") + 7;
    size_t n = 0;
    for (; *at != '"'; at += 4) {
        unsigned group = 0;
        int padding = (at[2] == '=') + (at[3] == '=');
        for (int i = 0; i < 4; i++) group = group << 6 | (unsigned)(at[i] == '=' ? 0 : digit(at[i]));
        for (int i = 0; i < 3 - padding; i++) bytes[n++] = (unsigned char)(group >> (16 - 8 * i));
    }
    cr_expect(memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0);
    cr_expect_arr_eq(bytes + n - TRAILER, end_of_png, TRAILER);
    free(svg);
    dataset_close(set);
}
