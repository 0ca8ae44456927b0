#include "bench/progress.h"

#include <criterion/criterion.h>
#include <string.h>

static artifact items[3] = {
    {.label = "first", .cost = 1}, {.label = "second", .cost = 2}, {.label = "third", .cost = 1}};
static const plan all = {.items = items, .n = 3};

static void expect_line(const progress *p, const board *b, double elapsed, const char *wanted)
{
    text t = {0};
    progress_line(p, b, elapsed, &t);
    cr_assert_str_eq(t.data, wanted);
    text_close(&t);
}

Test(progress, the_line_tells_share_time_left_and_what_runs)
{
    board b;
    progress p;
    cr_assert_eq(board_open(2, 3, &b), OK);
    atomic_store(&b.done[0], 1);
    progress_start(&p, &all, &b, false);
    expect_line(&p, &b, 0, " 25%: waiting for another process");
    atomic_store(&b.slots[0].artifact, 1);
    atomic_store(&b.slots[0].millionths, 500000);
    expect_line(&p, &b, 1, " 50%: second (50%)");             /* too early to judge */
    expect_line(&p, &b, 60, " 50%, 2:00 left: second (50%)"); /* a quarter of the cost in a minute */
    atomic_store(&b.slots[1].artifact, 2);
    expect_line(&p, &b, 3600, " 50%, 2:00:00 left: second (50%); third (0%)");
    board_close(&b);
}
