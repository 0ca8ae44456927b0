/* The form of a reader study. Every item is written alike: images as PNG without compression, which has as
 * many bytes for all of them, reports by one set of rules. */
#include "bench/markup.h"
#include "bench/reader.h"
#include "data/images.h"

static const unsigned char style[] = {
#include "generated/reader.css.inc"
};
static const unsigned char script[] = {
#include "generated/reader.js.inc"
};

const reader_question reader_questions[READER_QUESTIONS] = {
    {"image", "How real does the image look?", "clearly artificial", "like a real X-ray", false},
    {"report", "How good is the report?", "unusable", "as a good radiologist's", true},
    {"agreement", "Does the report fit the image?", "not at all", "completely", true},
    {"guess", "Real or synthetic?", "real", "synthetic", false},
};

static bool is_asked(const reader_study *s, int question)
{
    return s->with_reports || !reader_questions[question].of_report;
}

static void add_head(const reader_study *s, const char *study, text *out)
{
    text_printf(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<title>Reader study</title>\n<style>\n");
    text_bytes(out, style, sizeof style);
    text_printf(out, "</style>\n</head>\n<body>\n<main>\n<h1>Reader study</h1>\n");
    text_printf(
        out,
        "<p>Below are %d chest X-rays%s. Some are real, and some were made by a program. Please judge each "
        "on "
        "its own, in their order; there is no time limit. At the end, <b>Download answers</b> saves a file "
        "for whoever gave you this form. Nothing is sent anywhere.</p>\n",
        s->n, s->with_reports ? ", each with a report" : "");
    text_printf(out, "<p class=\"note\">Study <code>%s</code></p>\n", study);
    text_printf(out,
                "<noscript><p><b>Please switch JavaScript on: without it the answers cannot be saved.</b></p>"
                "</noscript>\n");
    text_printf(out, "<form data-study=\"%s\" data-items=\"%d\" data-questions=\"", study, s->n);
    for (int q = 0, n = 0; q < READER_QUESTIONS; q++)
        if (is_asked(s, q)) text_printf(out, "%s%s", n++ ? " " : "", reader_questions[q].column);
    text_printf(out, "\">\n<p><label>Your name or code <input type=\"text\" name=\"reader\" maxlength=\"60\" "
                     "autocomplete=\"off\"></label></p>\n");
}

static void add_choice(const reader_question *q, int item, const char *value, const char *shown, text *out)
{
    text_printf(out, "<label><input type=\"radio\" name=\"%s-%d\" value=\"%s\"> %s</label>\n", q->column,
                item, value, shown);
}

static void add_question(int number, int item, text *out)
{
    const reader_question *q = &reader_questions[number];
    text_printf(out, "<fieldset><legend>");
    markup_text(out, q->name);
    text_printf(out, "</legend>\n");
    if (number == READER_GUESS) {
        add_choice(q, item, reader_kind_names[READER_REAL], q->low, out);
        add_choice(q, item, reader_kind_names[READER_SYNTHETIC], q->high, out);
    } else {
        text_printf(out, "<span class=\"note\">");
        markup_text(out, q->low);
        text_printf(out, "</span>\n");
        for (int value = 1; value <= READER_SCORES; value++) {
            char digit[2] = {(char)('0' + value), '\0'};
            add_choice(q, item, digit, digit, out);
        }
        text_printf(out, "<span class=\"note\">");
        markup_text(out, q->high);
        text_printf(out, "</span>\n");
    }
    text_printf(out, "</fieldset>\n");
}

static err add_image(const dataset *set, int index, text *out)
{
    text png = {0};
    size_t pixels = (size_t)set->width * (size_t)set->height;
    err error = image_png_plain(set->images + (size_t)index * pixels, set->width, set->height, &png);
    text_printf(out, "data:image/png;base64,");
    if (error == OK) markup_base64(out, png.data, png.length);
    text_close(&png);
    return error;
}

static err add_item(const reader_study *s, int number, text *out)
{
    const reader_item *item = &s->items[number];
    text_printf(out, "<section class=\"item\">\n<h2>%d of %d</h2>\n<div><img alt=\"chest X-ray %d\" src=\"",
                number + 1, s->n, number + 1);
    TRY(add_image(s->sets[item->kind], item->index, out));
    text_printf(out, "\"></div>\n<div>\n");
    if (s->with_reports) {
        text_printf(out, "<p class=\"report\">");
        markup_text(out, item->report.data ? item->report.data : "");
        text_printf(out, "</p>\n");
    }
    for (int q = 0; q < READER_QUESTIONS; q++)
        if (is_asked(s, q)) add_question(q, number + 1, out);
    text_printf(out, "</div>\n</section>\n");
    return OK;
}

err reader_form(const reader_study *s, const char *study, text *out)
{
    add_head(s, study, out);
    for (int i = 0; i < s->n; i++) TRY(add_item(s, i, out));
    text_printf(out, "<div class=\"bar\"><span id=\"progress\" role=\"status\"></span>\n"
                     "<button type=\"button\" id=\"download\">Download answers</button>\n"
                     "<span id=\"told\" role=\"alert\"></span></div>\n</form>\n</main>\n<script>\n");
    text_bytes(out, script, sizeof script);
    text_printf(out, "</script>\n</body>\n</html>\n");
    return text_check(out);
}
