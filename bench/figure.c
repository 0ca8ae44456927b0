#include "bench/figure.h"

#include "bench/plot.h"

enum { GAIN = 0 }; /* in plot_figures */

err figure_gain(const char *out, bool *made)
{
    evidence e;
    text why = {0};
    err error = evidence_open(out, NULL, &e);
    if (error == OK) error = plot_draw(&e, GAIN, out, "svg png", &why);
    *made = error == OK && why.length == 0;
    text_close(&why);
    evidence_close(&e);
    return error;
}
