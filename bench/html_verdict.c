/* The verdict in words, and what keeps it from being more. */
#include "bench/html_parts.h"
#include "bench/markup.h"
#include "bench/scores.h"

#include <math.h>
#include <string.h>

enum { LISTED = 10, KINDS = 4 };
enum { GAIN, NONE, HARM, UNKNOWN }; /* in gain_verdict_names */

bool html_has(const table *t, const char *column)
{
    return table_column(t, column) >= 0;
}

bool html_varies(const table *t, const char *column)
{
    for (int i = 1; i < t->rows; i++)
        if (strcmp(evidence_text(t, i, column), evidence_text(t, 0, column)) != 0) return true;
    return false;
}

const char *html_verdict_of(const evidence *e, int row)
{
    enum { FEWEST_PAIRS = 3 };
    const table *t = &e->gains;
    if (html_has(t, "verdict")) return evidence_text(t, row, "verdict");
    double low = evidence_number(t, row, "low"), high = evidence_number(t, row, "high");
    if (!(evidence_number(t, row, "pairs") >= FEWEST_PAIRS) || isnan(low) || isnan(high))
        return gain_verdict_names[UNKNOWN];
    if (low <= 0 && high >= 0) return gain_verdict_names[NONE];
    int score = score_find(evidence_text(t, row, "metric"));
    bool higher = score < 0 || score_infos[score].higher_is_better;
    return gain_verdict_names[(low > 0) == higher ? GAIN : HARM];
}

/* Its index in gain_verdict_names. */
static int kind_of(const char *verdict)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(verdict, gain_verdict_names[i]) == 0) return i;
    return UNKNOWN;
}

void html_badge(const char *verdict, text *out)
{
    static const char *const classes[KINDS] = {"badge gain", "badge", "badge harm", "badge"};
    static const char *const marks[KINDS] = {"&#9650;", "&#8210;", "&#9660;", "?"};
    int kind = kind_of(verdict);
    text_printf(out, "<span class=\"%s\"><span aria-hidden=\"true\">%s</span> ", classes[kind], marks[kind]);
    markup_text(out, verdict);
    text_printf(out, "</span>");
}

static void add_headline(const evidence *e, const int counts[KINDS], text *out)
{
    int all = counts[GAIN] + counts[NONE] + counts[HARM] + counts[UNKNOWN];
    text_printf(out, "<p class=\"headline\">");
    if (all == 0)
        text_printf(out, "There is nothing to compare");
    else if (counts[GAIN] > 0)
        text_printf(out, "%d of %d contrast%s show%s a gain", counts[GAIN], all, all == 1 ? "" : "s",
                    counts[GAIN] == 1 ? "s" : "");
    else if (counts[UNKNOWN] == all)
        text_printf(out, "Too few seeds to tell");
    else
        text_printf(out, "No gain shown");
    text_printf(out, " in ");
    markup_text(out, e->metric);
    if (counts[HARM] > 0)
        text_printf(out, "; %d of %d show%s harm", counts[HARM], all, counts[HARM] == 1 ? "s" : "");
    text_printf(out, ".</p>\n");
    int score = score_find(e->metric);
    if (score < 0) return;
    text_printf(out, "<p class=\"note\">");
    markup_text(out, e->metric);
    text_printf(out, ": %s%s.</p>\n", score_infos[score].help,
                score_infos[score].higher_is_better ? "" : "; lower is better");
}

static void add_share(const table *t, int row, text *out)
{
    double ratio = evidence_number(t, row, "ratio"), shots = evidence_number(t, row, "shots");
    if (ratio > 0 && ratio < 1) text_printf(out, ", %.3g%% of each batch synthetic", 100 * ratio);
    if (shots > 0) text_printf(out, ", %.0f shots", shots);
    if (shots <= 0 && table_column(t, "labelled") >= 0)
        text_printf(out, ", %.4g%% labelled", 100 * evidence_number(t, row, "labelled"));
    if (html_varies(t, "model")) {
        text_printf(out, ", ");
        markup_text(out, evidence_text(t, row, "model"));
    }
}

static void add_numbers(const table *t, int row, text *out)
{
    double percent = evidence_number(t, row, "percent"), low = evidence_number(t, row, "percent_low"),
           high = evidence_number(t, row, "percent_high"), p = evidence_number(t, row, "p_value"),
           corrected = evidence_number(t, row, "holm_p_value");
    if (isnan(percent))
        text_printf(out, "not defined");
    else
        text_printf(out, "<b>%+.1f%%</b>", percent);
    if (!isnan(low)) text_printf(out, " (%+.1f%% to %+.1f%%)", low, high);
    if (!isnan(p)) text_printf(out, ", p = %.3f", p);
    if (!isnan(corrected)) text_printf(out, " (corrected %.3f)", corrected);
    text_printf(out, ", %s seeds", evidence_text(t, row, "pairs"));
}

static void add_contrast(const evidence *e, int row, text *out)
{
    const table *t = &e->gains;
    text_printf(out, "<li>");
    html_badge(html_verdict_of(e, row), out);
    text_printf(out, "<span class=\"what\"><b>");
    markup_text(out, evidence_text(t, row, "arm"));
    text_printf(out, "</b> against <b>");
    markup_text(out, evidence_text(t, row, "baseline"));
    text_printf(out, "</b>");
    add_share(t, row, out);
    text_printf(out, "</span><span class=\"numbers\">");
    add_numbers(t, row, out);
    text_printf(out, "</span></li>\n");
}

/* Gains and harms first. */
static void add_list(const evidence *e, int all, text *out)
{
    static const int order[KINDS] = {GAIN, HARM, NONE, UNKNOWN};
    int listed = 0;
    if (all == 0) return;
    text_printf(out, "<ul class=\"contrasts\">\n");
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < e->gains.rows && listed < LISTED; i++) {
            if (!evidence_main_gain(e, i) || kind_of(html_verdict_of(e, i)) != order[k]) continue;
            add_contrast(e, i, out);
            listed++;
        }
    text_printf(out, "</ul>\n");
    if (all > listed)
        text_printf(out, "<p class=\"note\">%d more <a href=\"#gains\">in the table</a>.</p>\n",
                    all - listed);
}

static void caution(text *out, const char *kind, const char *words)
{
    text_printf(out, "<p class=\"caution%s\">%s</p>\n", kind, words);
}

static void add_failures(const evidence *e, text *out)
{
    int failed = 0;
    for (int i = 0; i < e->results.rows; i++)
        failed += strcmp(evidence_text(&e->results, i, "status"), "failed") == 0;
    if (failed > 0)
        text_printf(
            out,
            "<p class=\"caution warning\">%d of %d trials failed and are left out with their partners; the "
            "<a href=\"#trials\">trials</a> tell why.</p>\n",
            failed, e->results.rows);
}

/* Marks that a run leaves for guards that were told to go on. */
static void add_allowed(const evidence *e, text *out)
{
    const char *shown = "";
    for (int i = 0; i < e->results.rows; i++) {
        const char *allowed = evidence_text(&e->results, i, "allowed");
        if (!allowed[0] || strcmp(allowed, shown) == 0) continue;
        text_printf(out, "<p class=\"caution warning\">Allowed in spite of a guard that failed: ");
        markup_text(out, allowed);
        text_printf(out, ".</p>\n");
        shown = allowed;
    }
}

static void add_cautions(const evidence *e, int all, text *out)
{
    double pairs = 0;
    for (int i = 0; i < e->gains.rows; i++)
        if (evidence_main_gain(e, i)) pairs = fmax(pairs, evidence_number(&e->gains, i, "pairs"));
    if (html_has(&e->gains, "holm_p_value"))
        caution(out, "",
                "Verdicts rest on the exact sign-flip test over paired seeds, corrected (Holm) for all "
                "contrasts: the "
                "chance of any false one is at most 5%. Intervals are of one contrast each.");
    else if (all > 1)
        text_printf(out,
                    "<p class=\"caution\">A verdict rests on the 95%% interval of its contrast alone: of %d "
                    "contrasts, one in twenty leaves out 0 by chance.</p>\n",
                    all);
    if (pairs > 0 && pairs < 6) /* 2 / 2^5 = 0.0625 */
        text_printf(
            out,
            "<p class=\"caution\">With %.0f seed%s the exact test&#39;s p cannot fall below %.3g: take these "
            "numbers as a first look.</p>\n",
            pairs, pairs == 1 ? "" : "s", 2 / pow(2, pairs));
    add_failures(e, out);
    add_allowed(e, out);
}

void html_verdict(const evidence *e, text *out)
{
    int counts[KINDS] = {0}, all = 0;
    for (int i = 0; i < e->gains.rows; i++) {
        if (!evidence_main_gain(e, i)) continue;
        counts[kind_of(html_verdict_of(e, i))]++;
        all++;
    }
    text_printf(out, "<section aria-labelledby=\"verdict\">\n<h2 id=\"verdict\">Verdict</h2>\n");
    add_headline(e, counts, out);
    add_list(e, all, out);
    add_cautions(e, all, out);
    text_printf(out, "</section>\n");
}
