/* Real and synthetic images with their labels and reports. */
#include "bench/html_parts.h"
#include "bench/markup.h"
#include "bench/sample_images.h"

#include <stdio.h>
#include <string.h>

enum { EACH = 4 }; /* of each label and kind */

static bool has_reports(const table *t, int first, int end)
{
    for (int i = first; i < end; i++)
        if (evidence_text(t, i, "report")[0]) return true;
    return false;
}

static err add_picture(const table *t, int row, const dataset *set, int index, text *out)
{
    size_t pixels = (size_t)set->width * (size_t)set->height;
    const char *kind = evidence_text(t, row, "kind"),
               *labels = csv_cell_content(evidence_text(t, row, "labels"));
    const char *report = csv_cell_content(evidence_text(t, row, "report"));
    text_printf(out, "<figure><img width=\"%d\" height=\"%d\" alt=\"", set->width, set->height);
    markup_text(out, kind);
    text_printf(out, " chest X-ray, ");
    markup_text(out, labels);
    text_printf(out, "\" src=\"");
    err error = markup_png(out, set->images + (size_t)index * pixels, set->width, set->height);
    text_printf(out, "\"><figcaption>");
    if (report[0]) {
        text_printf(out, "<b>");
        markup_text(out, labels);
        text_printf(out, "</b><br>");
        markup_text(out, report);
    }
    text_printf(out, "</figcaption></figure>\n");
    return error;
}

/* The first images of the rows [first, end), which have one label and kind. */
static err add_side(const evidence *e, sample_images *images, int first, int end, text *out)
{
    const table *t = &e->samples;
    text_printf(out, "<div>\n<h4>");
    markup_text(out, evidence_text(t, first, "kind"));
    text_printf(out, "</h4>\n<div class=\"samples%s\">\n", has_reports(t, first, end) ? " told" : "");
    for (int i = first; i < end && i < first + EACH; i++) {
        const dataset *set;
        int index;
        TRY(sample_images_find(images, i, &set, &index));
        TRY(add_picture(t, i, set, index, out));
    }
    text_printf(out, "</div>\n</div>\n");
    return OK;
}

static bool same(const table *t, int a, int b, const char *column)
{
    return strcmp(evidence_text(t, a, column), evidence_text(t, b, column)) == 0;
}

static err add_labels(const evidence *e, sample_images *images, text *out)
{
    const table *t = &e->samples;
    for (int first = 0, end; first < t->rows; first = end) {
        bool begins = first == 0 || !same(t, first, first - 1, "label");
        for (end = first + 1; end < t->rows && same(t, first, end, "label") && same(t, first, end, "kind");)
            end++;
        if (begins) {
            text_printf(out, "%s<h3>", first > 0 ? "</div>\n" : "");
            markup_text(out, csv_cell_content(evidence_text(t, first, "label")));
            text_printf(out, "</h3>\n<div class=\"sides\">\n");
        }
        TRY(add_side(e, images, first, end, out));
    }
    text_printf(out, "</div>\n");
    return OK;
}

err html_samples(const evidence *e, text *out)
{
    sample_images images;
    text body = {0};
    if (e->samples.rows == 0) return OK;
    sample_images_open(e, &images);
    err error = add_labels(e, &images, &body);
    sample_images_close(&images);
    text_printf(out, "<section aria-labelledby=\"h-samples\">\n<h2 id=\"h-samples\">Samples</h2>\n");
    if (error == ERR_NO_INPUT) {
        text_printf(out, "<p class=\"caution\">The images are not there any more.</p>\n");
        (void)fprintf(stderr, "bench: the page has no samples: %s\n", err_message());
        error = OK;
    } else {
        text_printf(
            out, "<p class=\"note\">The first training images of the first draw, and the first images of its "
                 "generator: unselected.</p>\n");
        text_bytes(out, body.data ? body.data : "", body.length);
    }
    text_printf(out, "</section>\n");
    out->failed |= body.failed;
    text_close(&body);
    return error;
}
