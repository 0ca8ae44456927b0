/* One line on stderr that tells how far a command is. */
#ifndef BENCH_STATUS_LINE_H
#define BENCH_STATUS_LINE_H

#include "base/text.h"

typedef struct status_line {
    bool quiet, terminal, colour;
    double shown; /* when it was last written */
    bool open;    /* a line without its end stands on the terminal */
} status_line;

/* On a terminal one line is rewritten about 6 times a second; elsewhere one line is written every 30 seconds.
 * Bold is left out if NO_COLOR is set. */
void status_line_start(status_line *s, bool quiet);

/* Whether it is time for a new one; the time is noted. */
bool status_line_due(status_line *s);

/* Writes the line, its first `bold` bytes in bold. It may be cut to the terminal's width. */
void status_line_show(status_line *s, text *line, size_t bold);

/* Clears it from the terminal. */
void status_line_end(status_line *s);

/* Appends "1:05" or "2:03:04". */
void duration_text(double seconds, text *out);

/* Appends " 42%", its first SHARE_BYTES bytes, and ", 1:05 left" where `elapsed` seconds, in which done_now
 * of what is done were done, are enough to judge by. Nothing to do (all = 0) is 100%. */
enum { SHARE_BYTES = 4 };
void share_text(double done, double all, double done_now, double elapsed, text *out);

#endif
