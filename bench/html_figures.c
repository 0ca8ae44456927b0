/* The figures of bench/plot.h within the page. */
#include "bench/html_parts.h"
#include "bench/markup.h"
#include "bench/plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* gnuplot's ids are the same in all figures; in one page each needs its own. */
static void add_with_own_ids(const char *svg, const char *name, text *out)
{
    static const char *const places[] = {" id='", " id=\"", "xlink:href='#", "url(#"};
    while (*svg) {
        size_t taken = 0;
        for (size_t i = 0; i < sizeof places / sizeof places[0] && taken == 0; i++) {
            size_t n = strlen(places[i]);
            if (strncmp(svg, places[i], n) == 0) taken = n;
        }
        text_bytes(out, svg, taken ? taken : 1);
        if (taken) text_printf(out, "%s-", name);
        svg += taken ? taken : 1;
    }
}

/* From <svg on, without gnuplot's title and description. */
static err add_svg(const char *path, const plot_figure *f, text *out)
{
    enum { LIMIT = 1 << 26 };
    char *bytes;
    size_t n;
    TRY(file_read(path, LIMIT, &bytes, &n));
    const char *svg = strstr(bytes, "<svg"), *end = strstr(bytes, "</desc>");
    if (svg && end) {
        text_printf(out, "<svg role=\"img\" aria-label=\"%s. %s\"", f->title, "The tables have the numbers.");
        const char *attributes = svg + strlen("<svg"), *close = strchr(attributes, '>');
        text_bytes(out, attributes, (size_t)(close + 1 - attributes));
        add_with_own_ids(end + strlen("</desc>"), f->name, out);
    }
    free(bytes);
    return svg && end ? OK : err_set(ERR_INTERNAL, "%s: is not what gnuplot writes", path);
}

static err add_figure(const evidence *e, int number, const char *folder, text *out)
{
    text why = {0};
    char path[PATH_BYTES];
    const plot_figure *f = &plot_figures[number];
    err error = plot_draw(e, number, folder, "svg", &why);
    if (error == OK && why.length == 0) {
        text_printf(out, "<figure class=\"plot\" id=\"figure-%s\">\n", f->name);
        error = path_join(path, folder, "%s.svg", f->name);
        if (error == OK) error = add_svg(path, f, out);
        text_printf(out, "<figcaption>%c%s.</figcaption>\n</figure>\n", f->title[0] - 'a' + 'A',
                    f->title + 1);
    }
    text_close(&why);
    return error;
}

/* All but the samples, which the page shows as pictures of their own. */
static err add_all(const evidence *e, const char *folder, text *out)
{
    for (int i = 0; i < PLOT_FIGURES; i++)
        if (strcmp(plot_figures[i].name, "samples") != 0) TRY(add_figure(e, i, folder, out));
    return OK;
}

err html_figures(const evidence *e, text *out)
{
    const char *temporary = getenv("TMPDIR");
    char folder[PATH_BYTES];
    text figures = {0};
    TRY(path_join(folder, temporary ? temporary : "/tmp", "bench-figures-XXXXXX"));
    if (!mkdtemp(folder)) return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be made", folder);
    err error = add_all(e, folder, &figures);
    text_printf(out, "<section aria-labelledby=\"h-figures\">\n<h2 id=\"h-figures\">Figures</h2>\n");
    if (error == ERR_UNAVAILABLE) {
        text_printf(out, "<p class=\"caution\">No figures: gnuplot was not there, or failed.</p>\n");
        (void)fprintf(stderr, "bench: the page has no figures: %s\n", err_message());
        error = OK;
    } else {
        text_printf(out, "<div class=\"plots\">\n");
        text_bytes(out, figures.data ? figures.data : "", figures.length);
        text_printf(out, "</div>\n");
    }
    text_printf(out, "</section>\n");
    out->failed |= figures.failed;
    text_close(&figures);
    err removed = folder_remove(folder);
    return error == OK ? removed : error;
}
