/* `bench report`: a run's results as one page. */
#include "bench/commands.h"
#include "bench/flags.h"
#include "bench/html_parts.h"
#include "bench/markup.h"
#include "bench/privacy.h"
#include "bench/version.h"

#include <stdio.h>

/* bench/html/, embedded so that the page needs no file beside it. */
static const unsigned char style[] = {
#include "generated/report.css.inc"
};
static const unsigned char script[] = {
#include "generated/report.js.inc"
};

/* The policy keeps the page from asking for anything, whatever the tables had in them. */
static void add_head(const evidence *e, text *out)
{
    text_printf(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    markup_text(out, e->experiment);
    text_printf(out, " - EMIXER bench</title>\n<style>\n");
    text_bytes(out, style, sizeof style);
    text_printf(out, "</style>\n</head>\n");
}

static void add_link(const char *id, const char *name, text *out)
{
    text_printf(out, "<a href=\"#%s\">%s</a>\n", id, name);
}

static void add_header(const evidence *e, text *out)
{
    text_printf(out, "<header>\n<h1>");
    markup_text(out, e->experiment);
    text_printf(out, "</h1>\n<p>Do synthetic chest X-rays make a classifier better? Data: ");
    const char *source = evidence_setting(e, "data", "source");
    markup_text(out, source[0] ? source : "not recorded");
    if (evidence_setting(e, "data", "size")[0]) {
        text_printf(out, ", %s pixels", evidence_setting(e, "data", "size"));
    }
    if (evidence_setting(e, "experiment", "seeds")[0]) {
        text_printf(out, "; seeds ");
        markup_text(out, evidence_setting(e, "experiment", "seeds"));
    }
    text_printf(out, ".</p>\n<nav aria-label=\"Sections\">\n");
    add_link("verdict", "Verdict", out);
    add_link("h-figures", "Figures", out);
    add_link("h-gains", "Gains", out);
    add_link("h-arms", "Arms", out);
    if (e->samples.rows > 0) add_link("h-samples", "Samples", out);
    add_link("h-tables", "All numbers", out);
    add_link("h-origin", "Where it comes from", out);
    text_printf(out, "</nav>\n</header>\n");
}

static err write_page(const evidence *e, text *out)
{
    add_head(e, out);
    text_printf(out, "<body>\n");
    add_header(e, out);
    text_printf(out, "<main>\n");
    html_verdict(e, out);
    TRY(html_figures(e, out));
    html_gains(e, out);
    html_arms(e, out);
    TRY(html_samples(e, out));
    html_tables(e, out);
    TRY(html_origin(e, out));
    text_printf(
        out, "</main>\n<footer>Written by bench %s. A click on a column&#39;s head sorts a table.</footer>\n",
        version_number);
    text_printf(out, "<script>\n");
    text_bytes(out, script, sizeof script);
    text_printf(out, "</script>\n</body>\n</html>\n");
    return text_check(out);
}

/* ---- the command ---- */

typedef struct request {
    const char *results, *out, *metric;
} request;

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t, "usage: bench report RESULTS --out FILE.html [flags]\n\n"
            "Writes what RESULTS, a folder of `bench run`, says as one page that needs nothing else: the\n"
            "verdict in words, tables that sort, figures, samples with their reports, settings, hashes\n"
            "and versions. It asks for nothing from outside, and the same CSVs give the same bytes. It\n"
            "shows training images: look at whose they are before it is passed on.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

static err report_request(const request *r)
{
    evidence e;
    text page = {0};
    err error = evidence_open(r->results, r->metric, &e);
    if (error == OK) error = write_page(&e, &page);
    if (error == OK) error = text_save(&page, r->out);
    if (error == OK) (void)printf("%s\n", r->out);
    text_close(&page);
    evidence_close(&e);
    return error;
}

err report_main(int argc, char **argv)
{
    request r = {0};
    const flag flags[] = {
        {"--out", "FILE.html", FLAG_TEXT, &r.out, 0, 0, "the page"},
        {"--metric", "NAME", FLAG_TEXT, &r.metric, 0, 0, "whose gains are told (experiment.metric)"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    int count;
    bool help;
    TRY(flags_read("report", argc, argv, flags, FLAGS, &r.results, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count == 0 || !r.out)
        return err_set(ERR_USAGE, "bench report RESULTS --out FILE.html; see `bench report --help`");
    privacy_watch(r.results);
    return report_request(&r);
}
