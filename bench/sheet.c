#include "bench/sheet.h"

#include "base/text.h"
#include "bench/draws.h"
#include "bench/markup.h"
#include "bench/xml.h"
#include "data/images.h"

#include <stdlib.h>
#include <string.h>

/* ---- which images ---- */

/* The first `each` images of every class in turn; of data with several labels an image, the first images. */
static err choose(const dataset *set, int each, samples *out)
{
    bool one_hot = draw_one_hot(set);
    *out = (samples){.index = malloc((size_t)set->n * sizeof *out->index)};
    if (!out->index) return err_set(ERR_SYSTEM, "out of memory for the sheet");
    for (int k = 0; k < set->n_labels; k++)
        for (int i = 0, taken = 0; i < set->n && taken < each; i++) {
            if (one_hot ? dataset_class(set, i) != k : i / each != k) continue;
            out->index[out->n++] = i;
            taken++;
        }
    return OK;
}

/* ---- PNG ---- */

enum { PNG_COLUMNS = 12, SMALL = 64 };

static int fewest_of_a_class(const dataset *set)
{
    int fewest = PNG_COLUMNS;
    for (int k = 0; k < set->n_labels; k++) {
        int n = 0;
        for (int i = 0; i < set->n; i++) n += dataset_class(set, i) == k;
        if (n > 0 && n < fewest) fewest = n;
    }
    return fewest;
}

err sheet_png(const dataset *set, const char *path)
{
    samples chosen;
    size_t pixels = (size_t)set->width * (size_t)set->height;
    int columns = draw_one_hot(set) ? fewest_of_a_class(set) : PNG_COLUMNS;
    TRY(choose(set, columns, &chosen));
    uint8_t *images = malloc((size_t)chosen.n * pixels);
    err error = images ? OK : err_set(ERR_SYSTEM, "out of memory for the sheet");
    for (int i = 0; i < chosen.n && error == OK; i++)
        memcpy(images + (size_t)i * pixels, set->images + (size_t)chosen.index[i] * pixels, pixels);
    if (error == OK)
        error = image_write_sheet(path, images, chosen.n, set->width, columns, set->width < SMALL ? 2 : 1);
    free(images);
    samples_close(&chosen);
    return error;
}

/* ---- SVG ---- */

/* In pixels, but LINE_LETTERS and the numbers of lines. */
enum {
    PICTURE = 144,
    GAP = 12,
    COLUMN = 560, /* a picture and its text */
    COLUMNS = 2,
    LINE = 17,
    LINE_LETTERS = 54, /* of a wide font such as DejaVu Sans */
    LINES_MAX = 24,
    EXAMPLES = 4 /* of each class */
};

static int letters(const char *s, size_t n)
{
    int count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)s[i] & 0xC0) != 0x80; /* not within a code point */
    return count;
}

/* Bytes of the first line of s: whole words, LINE_LETTERS letters at most unless one word is longer. */
static size_t first_line(const char *s)
{
    size_t used = 0;
    for (;;) {
        size_t word = used + strspn(s + used, " ");
        size_t end = word + strcspn(s + word, " ");
        if (end == word || (used > 0 && letters(s, end) > LINE_LETTERS)) return used;
        used = end;
    }
}

static void add_line(const char *s, size_t n, int x, int y, const char *style, text *out)
{
    text_printf(out, "<text x=\"%d\" y=\"%d\"%s>", x, y, style);
    xml_append(out, s, n);
    text_printf(out, "</text>\n");
}

/* Returns how many lines it took. */
static int add_paragraph(const char *s, int x, int y, const char *style, int most, text *out)
{
    int lines = 0;
    for (s += strspn(s, " "); *s && lines < most; s += strspn(s, " ")) {
        size_t n = first_line(s);
        add_line(s, n, x, y + LINE * lines++, style, out);
        s += n;
    }
    return lines;
}

static int line_count(const char *s, int most)
{
    text none = {0};
    int lines = add_paragraph(s, 0, 0, "", most, &none);
    text_close(&none);
    return lines;
}

static void name_labels(const dataset *set, int i, text *out)
{
    const float *row = set->labels + (size_t)i * (size_t)set->n_labels;
    for (int k = 0; k < set->n_labels; k++)
        if (row[k] > 0) text_printf(out, "%s%s", out->length ? ", " : "", set->label_names[k]);
    if (out->length == 0) text_printf(out, "no label");
}

static int height_of(const dataset *set, int i)
{
    text labels = {0};
    name_labels(set, i, &labels);
    int lines =
        line_count(labels.data ? labels.data : "", LINES_MAX) + line_count(set->samples[i].report, LINES_MAX);
    text_close(&labels);
    return LINE * lines > PICTURE ? LINE * lines : PICTURE;
}

static err add_example(const dataset *set, int i, int x, int y, text *out)
{
    text labels = {0};
    size_t pixels = (size_t)set->width * (size_t)set->height;
    name_labels(set, i, &labels);
    text_printf(out, "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" href=\"", x, y, (int)PICTURE,
                (int)PICTURE);
    err error = markup_png(out, set->images + (size_t)i * pixels, set->width, set->height);
    text_printf(out, "\"/>\n");
    int left = x + PICTURE + GAP, top = y + LINE - 4;
    int lines =
        add_paragraph(labels.data ? labels.data : "", left, top, " font-weight=\"bold\"", LINES_MAX, out);
    (void)add_paragraph(set->samples[i].report, left, top + LINE * lines, "", LINES_MAX, out);
    text_close(&labels);
    return error;
}

/* Rows of COLUMNS examples, each as high as its highest. */
static err add_examples(const dataset *set, const samples *chosen, text *body, int *height)
{
    int y = GAP;
    for (int first = 0; first < chosen->n; first += COLUMNS) {
        int row = 0;
        for (int c = 0; c < COLUMNS && first + c < chosen->n; c++) {
            int i = chosen->index[first + c], high = height_of(set, i);
            TRY(add_example(set, i, GAP + c * COLUMN, y, body));
            if (high > row) row = high;
        }
        y += row + GAP;
    }
    *height = y;
    return OK;
}

err sheet_svg(const dataset *set, const char *path)
{
    samples chosen;
    text body = {0}, file = {0};
    int height = 0;
    TRY(choose(set, EXAMPLES, &chosen));
    err error = add_examples(set, &chosen, &body, &height);
    samples_close(&chosen);
    text_printf(
        &file,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
        "font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
        COLUMNS * COLUMN + GAP, height);
    text_bytes(&file, body.data ? body.data : "", body.length);
    text_printf(&file, "</svg>\n");
    file.failed |= body.failed;
    if (error == OK) error = text_save(&file, path);
    text_close(&body);
    text_close(&file);
    return error;
}
