#include "bench/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

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
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool dumb = !terminal || strcmp(terminal, "dumb") == 0;
    *p = (progress){.plan = all, .quiet = quiet, .start = clock_seconds(), .cost_done = cost_done(all, b)};
    p->terminal = isatty(STDERR_FILENO) && !dumb;
    p->colour = p->terminal && !(no_colour && no_colour[0]);
    p->shown = p->terminal ? 0 : p->start;
}

/* "1:05", "2:03:04". */
static void add_duration(double seconds, text *out)
{
    long all = (long)(seconds + 0.5);
    if (all >= 3600)
        text_printf(out, "%ld:%02ld:%02ld", all / 3600, all / 60 % 60, all % 60);
    else
        text_printf(out, "%ld:%02ld", all / 60, all % 60);
}

void progress_line(const progress *p, const board *b, double elapsed, text *out)
{
    enum { SECONDS_TO_JUDGE = 2 };
    double done = cost_done(p->plan, b), all = cost_all(p->plan), new_cost = done - p->cost_done;
    text_printf(out, "%3.0f%%", all > 0 ? 100 * done / all : 100.0);
    if (elapsed >= SECONDS_TO_JUDGE && new_cost > 0) {
        text_printf(out, ", ");
        add_duration((all - done) / new_cost * elapsed, out);
        text_printf(out, " left");
    }
    int busy = 0;
    for (int i = 0; i < b->jobs; i++) {
        int index = atomic_load(&b->slots[i].artifact);
        if (index < 0) continue;
        text_printf(out, "%s%s (%d%%)", busy++ ? "; " : ": ", p->plan->items[index].label,
                    atomic_load(&b->slots[i].millionths) / 10000);
    }
    if (!busy) text_printf(out, ": waiting for another process");
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10) return size.ws_col;
    return 80;
}

void progress_update(progress *p, const board *b)
{
    static const double every[] = {30, 1.0 / 6}; /* seconds: elsewhere, on a terminal */
    double time = clock_seconds();
    if (p->quiet || time - p->shown < every[p->terminal]) return;
    p->shown = time;
    text t = {0};
    progress_line(p, b, time - p->start, &t);
    if (text_check(&t) == OK && p->terminal) {
        size_t width = terminal_width() - 1, bold = 4; /* the percentage */
        if (t.length > width) t.data[width] = '\0';
        (void)fprintf(stderr, "\r\033[K%s%.*s%s%s", p->colour ? "\033[1m" : "", (int)bold, t.data,
                      p->colour ? "\033[0m" : "", t.data + bold);
        p->open = true;
    } else if (text_check(&t) == OK) {
        (void)fprintf(stderr, "%s\n", t.data);
    }
    (void)fflush(stderr);
    text_close(&t);
}

void progress_end(progress *p)
{
    if (p->open) (void)fprintf(stderr, "\r\033[K");
    p->open = false;
}
