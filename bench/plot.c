/* `bench plot`. */
#include "bench/plot.h"

#include "bench/commands.h"
#include "bench/flags.h"
#include "bench/gnuplot.h"
#include "bench/plot_figures.h"
#include "bench/privacy.h"

#include <stdio.h>

/* plots/NAME.gp, embedded so that the program needs no file beside it. */
static const unsigned char gain_script[] = {
#include "generated/gain.gp.inc"
};
static const unsigned char gain_curves_script[] = {
#include "generated/gain_curves.gp.inc"
};
static const unsigned char gain_by_label_script[] = {
#include "generated/gain_by_label.gp.inc"
};
static const unsigned char losses_script[] = {
#include "generated/losses.gp.inc"
};
static const unsigned char samples_script[] = {
#include "generated/samples.gp.inc"
};

const plot_figure plot_figures[PLOT_FIGURES] = {
    {"gain", "the gain of each contrast with its interval"},
    {"gain_by_shots", "gain against the number of shots"},
    {"gain_by_ratio", "gain against the share of synthetic images"},
    {"gain_by_label", "gains label by label"},
    {"losses", "learning curves of the generators"},
    {"samples", "real and synthetic images, label by label"},
};

static const struct {
    plot_prepare *prepare;
    const unsigned char *script;
    size_t n;
} recipes[PLOT_FIGURES] = {
    {plot_gain, gain_script, sizeof gain_script},
    {plot_by_shots, gain_curves_script, sizeof gain_curves_script},
    {plot_by_ratio, gain_curves_script, sizeof gain_curves_script},
    {plot_by_label, gain_by_label_script, sizeof gain_by_label_script},
    {plot_losses, losses_script, sizeof losses_script},
    {plot_samples, samples_script, sizeof samples_script},
};

err plot_draw(const evidence *e, int number, const char *out, const char *formats, text *why)
{
    text prelude = {0};
    char missing[PLOT_WHY_BYTES] = "";
    err error = recipes[number].prepare(e, out, &prelude, missing);
    if (error == OK && missing[0]) {
        text_printf(why, "%s", missing);
        error = gnuplot_forget(out, plot_figures[number].name);
    } else if (error == OK) {
        error = gnuplot_draw(out, plot_figures[number].name, formats, &prelude, recipes[number].script,
                             recipes[number].n);
    }
    text_close(&prelude);
    return error;
}

hash plot_hash(void)
{
    hash scripts[PLOT_FIGURES + 1] = {gnuplot_hash()};
    for (int i = 0; i < PLOT_FIGURES; i++) scripts[i + 1] = hash_bytes(recipes[i].script, recipes[i].n);
    return hash_bytes(scripts, sizeof scripts);
}

/* ---- the command ---- */

typedef struct request {
    const char *results, *out, *metric;
} request;

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t, "usage: bench plot RESULTS [flags]\n\n"
            "Draws the figures of RESULTS, a folder of `bench run`, from its CSVs: as SVG, as PDF of a\n"
            "column's width, and as scripts of gnuplot (NAME.gp) that draw them again. The same CSVs give\n"
            "the same bytes. What has no data is said, and not drawn:\n\n");
    for (int i = 0; i < PLOT_FIGURES; i++)
        text_printf(&t, "  %-15s %s\n", plot_figures[i].name, plot_figures[i].title);
    text_printf(&t, "\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

static err draw_all(const evidence *e, const char *out)
{
    text said = {0};
    err error = OK;
    for (int i = 0; i < PLOT_FIGURES && error == OK; i++) {
        text why = {0};
        const char *name = plot_figures[i].name;
        error = plot_draw(e, i, out, "svg pdf", &why);
        if (error == OK && why.length)
            text_printf(&said, "  %s: not drawn: %s\n", name, why.data);
        else if (error == OK)
            text_printf(&said, "  %s/%s.svg, .pdf  %s\n", out, name, plot_figures[i].title);
        text_close(&why);
    }
    if (error == OK) return text_print(&said);
    text_close(&said);
    return error;
}

static err draw_request(const request *r)
{
    evidence e;
    char out[PATH_BYTES];
    err error = evidence_open(r->results, r->metric, &e);
    if (error == OK) error = r->out ? path_join(out, r->out, ".") : path_join(out, r->results, "figures");
    if (error == OK && r->out) (void)snprintf(out, sizeof out, "%s", r->out);
    if (error == OK) error = folder_make(out);
    if (error == OK) error = draw_all(&e, out);
    evidence_close(&e);
    return error;
}

err plot_main(int argc, char **argv)
{
    request r = {0};
    const flag flags[] = {
        {"--out", "DIR", FLAG_TEXT, &r.out, 0, 0, "where the figures go (RESULTS/figures)"},
        {"--metric", "NAME", FLAG_TEXT, &r.metric, 0, 0, "whose gains are drawn (experiment.metric)"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    int count;
    bool help;
    TRY(flags_read("plot", argc, argv, flags, FLAGS, &r.results, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count == 0) return err_set(ERR_USAGE, "plot: the figures of which results? see `bench plot --help`");
    privacy_watch(r.results);
    return draw_request(&r);
}
