#include "bench/status_line.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void status_line_start(status_line *s, bool quiet)
{
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool dumb = !terminal || strcmp(terminal, "dumb") == 0;
    *s = (status_line){.quiet = quiet, .terminal = isatty(STDERR_FILENO) && !dumb};
    s->colour = s->terminal && !(no_colour && no_colour[0]);
    s->shown = s->terminal ? 0 : clock_seconds();
}

bool status_line_due(status_line *s)
{
    static const double every[] = {30, 1.0 / 6}; /* seconds: elsewhere, on a terminal */
    double time = clock_seconds();
    if (s->quiet || time - s->shown < every[s->terminal]) return false;
    s->shown = time;
    return true;
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10) return size.ws_col;
    return 80;
}

void status_line_show(status_line *s, text *line, size_t bold)
{
    if (text_check(line) != OK) return;
    if (s->terminal) {
        size_t width = terminal_width() - 1;
        if (line->length > width) line->data[width] = '\0';
        (void)fprintf(stderr, "\r\033[K%s%.*s%s%s", s->colour ? "\033[1m" : "", (int)bold, line->data,
                      s->colour ? "\033[0m" : "", line->data + bold);
        s->open = true;
    } else {
        (void)fprintf(stderr, "%s\n", line->data);
    }
    (void)fflush(stderr);
}

void status_line_end(status_line *s)
{
    if (s->open) (void)fprintf(stderr, "\r\033[K");
    s->open = false;
}

void duration_text(double seconds, text *out)
{
    long all = (long)(seconds + 0.5);
    if (all >= 3600)
        text_printf(out, "%ld:%02ld:%02ld", all / 3600, all / 60 % 60, all % 60);
    else
        text_printf(out, "%ld:%02ld", all / 60, all % 60);
}

void share_text(double done, double all, double done_now, double elapsed, text *out)
{
    enum { SECONDS_TO_JUDGE = 2 };
    text_printf(out, "%3.0f%%", all > 0 ? 100 * done / all : 100.0);
    if (elapsed < SECONDS_TO_JUDGE || done_now <= 0) return;
    text_printf(out, ", ");
    duration_text((all - done) / done_now * elapsed, out);
    text_printf(out, " left");
}
