#include "bench/tally.h"

#include <criterion/criterion.h>

static void expect_line(const tally *t, long done, long total, double elapsed, const char *wanted)
{
    text line = {0};
    tally_line(t, done, total, elapsed, &line);
    cr_expect_str_eq(line.data, wanted);
    text_close(&line);
}

Test(tally, the_line_tells_share_time_left_and_what_is_counted)
{
    tally t;
    tally_start(&t, "images found", true);
    expect_line(&t, 7, 0, 60, "     7 images found");
    expect_line(&t, 0, 1000, 60, "  0%: 0 of 1000 images found"); /* nothing to judge by */
    expect_line(&t, 250, 1000, 1, " 25%: 250 of 1000 images found");
    expect_line(&t, 250, 1000, 60, " 25%, 3:00 left: 250 of 1000 images found");
    expect_line(&t, 1000, 1000, 60, "100%, 0:00 left: 1000 of 1000 images found");
    cr_expect_eq(tally_tell(&t, 1, 2), OK);
    tally_end(&t);
}
