#include "bench/tally.h"

#include "base/clock.h"
#include "bench/interrupt.h"

void tally_start(tally *t, const char *what, bool quiet)
{
    *t = (tally){.what = what};
    status_line_start(&t->line, quiet);
}

void tally_line(const tally *t, long done, long total, double elapsed, text *out)
{
    if (total == 0) {
        text_printf(out, "     %ld %s", done, t->what);
        return;
    }
    share_text((double)done, (double)total, (double)done, elapsed, out);
    text_printf(out, ": %ld of %ld %s", done, total, t->what);
}

err tally_tell(void *context, long done, long total)
{
    tally *t = context;
    if (interrupt_count() > 0) return err_set(ERR_INTERRUPTED, "interrupted; nothing was kept");
    if (total > 0 && t->start == 0) t->start = clock_seconds();
    if (!status_line_due(&t->line)) return OK;
    text line = {0};
    tally_line(t, done, total, clock_seconds() - t->start, &line);
    status_line_show(&t->line, &line, SHARE_BYTES);
    text_close(&line);
    return OK;
}

void tally_end(tally *t)
{
    status_line_end(&t->line);
}
