#include "bench/progress.h"

#include "base/clock.h"

static double cost_done(const plan *p, const board *b)
{
    double done = 0;
    for (int i = 0; i < p->n; i++)
        if (atomic_load(&b->done[i])) done += p->items[i].cost;
    for (int i = 0; i < b->jobs; i++) {
        int index = atomic_load(&b->slots[i].artifact);
        if (index >= 0 && !atomic_load(&b->done[index]))
            done += p->items[index].cost * atomic_load(&b->slots[i].millionths) * 1e-6;
    }
    return done;
}

static double cost_all(const plan *p)
{
    double all = 0;
    for (int i = 0; i < p->n; i++) all += p->items[i].cost;
    return all;
}

void progress_start(progress *p, const plan *all, const board *b, bool quiet)
{
    *p = (progress){.plan = all, .start = clock_seconds(), .cost_done = cost_done(all, b)};
    status_line_start(&p->line, quiet);
}

void progress_line(const progress *p, const board *b, double elapsed, text *out)
{
    double done = cost_done(p->plan, b);
    share_text(done, cost_all(p->plan), done - p->cost_done, elapsed, out);
    int busy = 0;
    for (int i = 0; i < b->jobs; i++) {
        int index = atomic_load(&b->slots[i].artifact);
        if (index < 0) continue;
        text_printf(out, "%s%s (%d%%)", busy++ ? "; " : ": ", p->plan->items[index].label,
                    atomic_load(&b->slots[i].millionths) / 10000);
    }
    if (!busy) text_printf(out, ": waiting for another process");
}

void progress_update(progress *p, const board *b)
{
    if (!status_line_due(&p->line)) return;
    text t = {0};
    progress_line(p, b, clock_seconds() - p->start, &t);
    status_line_show(&p->line, &t, SHARE_BYTES);
    text_close(&t);
}

void progress_end(progress *p)
{
    status_line_end(&p->line);
}
