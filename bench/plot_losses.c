/* Learning curves of the generators. */
#include "bench/gnuplot.h"
#include "bench/plot_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLAYERS = 3, SHOTS_MOST = 24 };

static const char *const players[PLAYERS] = {"discriminator", "generator", "writer"};

/* A row of losses.csv. */
typedef struct step {
    bool share; /* the next is the share of patients that keep their labels, for want of shots */
    double shots;
    double update, losses[PLAYERS];
} step;

static int by_shots_and_update(const void *a, const void *b)
{
    const step *x = a, *y = b;
    if (x->shots != y->shots) return (x->shots > y->shots) - (x->shots < y->shots);
    return (x->update > y->update) - (x->update < y->update);
}

/* Mean, lowest and highest over the seeds, of n rows of one update. */
static void add_update(const step *rows, int n, text *out)
{
    text_printf(out, "%.9g", rows[0].update);
    for (int k = 0; k < PLAYERS; k++) {
        double sum = 0, low = INFINITY, high = -INFINITY;
        for (int i = 0; i < n; i++) {
            double value = rows[i].losses[k];
            sum += value;
            low = fmin(low, value);
            high = fmax(high, value);
        }
        text_printf(out, "\t%.9g\t%.9g\t%.9g", sum / n, low, high);
    }
    text_printf(out, "\n");
}

/* Blocks of shots, two empty lines between them; the names of the blocks. */
static void add_blocks(const step *rows, int n, text *prelude)
{
    char names[SHOTS_MOST][32];
    const char *list[SHOTS_MOST];
    int panels = 0;
    text_printf(prelude, "$losses <<END\n");
    for (int i = 0, same; i < n; i += same) {
        bool begins = i == 0 || rows[i].shots != rows[i - 1].shots;
        if (begins && panels == SHOTS_MOST) break;
        if (begins) {
            if (i > 0) text_printf(prelude, "\n\n");
            (void)snprintf(names[panels], sizeof names[0], rows[i].share ? "%g%% labelled" : "%g shots",
                           rows[i].share ? 100 * rows[i].shots : rows[i].shots);
            list[panels] = names[panels];
            panels++;
        }
        for (same = 1; i + same < n && by_shots_and_update(&rows[i], &rows[i + same]) == 0;) same++;
        add_update(rows + i, same, prelude);
    }
    text_printf(prelude, "END\n");
    gnuplot_number(prelude, "panels", panels);
    gnuplot_texts(prelude, "panel_names", list, panels);
}

err plot_losses(const evidence *e, const char *out, text *prelude, char *why)
{
    const table *t = &e->losses;
    double writer = 0;
    (void)out;
    if (t->rows == 0) {
        (void)snprintf(why, PLOT_WHY_BYTES, "there is no losses.csv: no generator was trained");
        return OK;
    }
    step *rows = calloc((size_t)t->rows, sizeof *rows);
    if (!rows) return err_set(ERR_SYSTEM, "out of memory for the losses");
    for (int i = 0; i < t->rows; i++) {
        rows[i].shots = evidence_number(t, i, "shots");
        rows[i].share = rows[i].shots <= 0 && table_column(t, "labelled") >= 0;
        if (rows[i].share) rows[i].shots = evidence_number(t, i, "labelled");
        rows[i].update = evidence_number(t, i, "update");
        for (int k = 0; k < PLAYERS; k++) rows[i].losses[k] = evidence_number(t, i, players[k]);
        writer += fabs(rows[i].losses[PLAYERS - 1]);
    }
    qsort(rows, (size_t)t->rows, sizeof *rows, by_shots_and_update);
    gnuplot_number(prelude, "series", writer > 0 ? PLAYERS : PLAYERS - 1); /* 0: no reports were learned */
    gnuplot_texts(prelude, "series_names", players, PLAYERS);
    add_blocks(rows, t->rows, prelude);
    free(rows);
    return text_check(prelude);
}
