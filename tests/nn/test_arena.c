/* Planning memory: buffers that live at the same time never overlap, and gaps are used. */
#include "base/rng.h"
#include "nn/internal.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BUFFERS = 120, POSITIONS = 60, END = POSITIONS + 12 + 22 + 5 };

static void draw(rng *r, buffer *b)
{
    b->bytes = (size_t)rng_below(r, 5000);
    b->first = rng_below(r, POSITIONS);
    b->last = b->first + rng_below(r, 12) - 1; /* a few are never needed */
    b->offset = 0;
    b->resume = b->until = 0;
    if (b->first > b->last || rng_below(r, 3) != 0) return; /* a third is needed twice */
    b->resume = b->last + 2 + rng_below(r, 20);
    b->until = b->resume + rng_below(r, 5);
}

static bool needed(const buffer *b)
{
    return b->bytes > 0 && b->first <= b->last;
}

static bool needed_at(const buffer *b, int t)
{
    return needed(b) &&
           ((b->first <= t && t <= b->last) || (b->resume > 0 && b->resume <= t && t <= b->until));
}

static void expect_apart(const buffer *a, const buffer *b)
{
    bool at_once = false;
    for (int t = 0; t < END; t++) at_once = at_once || (needed_at(a, t) && needed_at(b, t));
    bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
    cr_expect(!at_once || apart, "[%zu,+%zu) and [%zu,+%zu)", a->offset, a->bytes, b->offset, b->bytes);
}

/* No plan can be smaller than what lives at any one position. */
static size_t lower_bound(const buffer *b)
{
    size_t most = 0;
    for (int t = 0; t < END; t++) {
        size_t live = 0;
        for (int i = 0; i < BUFFERS; i++)
            if (needed_at(&b[i], t)) live += b[i].bytes;
        most = live > most ? live : most;
    }
    return most;
}

/* Both ways of planning; returns the bytes of the one `in_halves`, and expects the same of it a second time.
 */
static size_t plan_again(buffer *b, bool in_halves)
{
    buffer again[BUFFERS];
    size_t bytes, bytes_again, sum = 0;
    memcpy(again, b, sizeof again);
    cr_assert_eq(arena_plan(b, BUFFERS, in_halves, &bytes), OK);
    cr_assert_eq(arena_plan(again, BUFFERS, in_halves, &bytes_again), OK);
    cr_expect(bytes == bytes_again && memcmp(b, again, sizeof again) == 0, "two plans of one problem differ");
    for (int i = 0; i < BUFFERS; i++) {
        for (int j = 0; j < i; j++) expect_apart(&b[i], &b[j]);
        cr_expect_eq(b[i].offset % 64, 0);
        cr_expect(!needed(&b[i]) || b[i].offset + b[i].bytes <= bytes);
        sum += needed(&b[i]) ? b[i].bytes : 0;
    }
    cr_expect_geq(bytes, lower_bound(b));
    cr_expect_lt(bytes, 2 * lower_bound(b));
    cr_expect_lt(bytes, sum / 2);
    return bytes;
}

Test(arena, buffers_that_live_together_lie_apart)
{
    for (uint64_t k = 0; k < 20; k++) {
        buffer b[BUFFERS];
        rng r = rng_open(1, "arena", k);
        for (int i = 0; i < BUFFERS; i++) draw(&r, &b[i]);
        (void)plan_again(b, false);
    }
}

enum { GRAIN = 4096, GRAINS = 1 << 14 };

/* Grains of memory that one half of the cores writes, over two steps, where the other half wrote last. */
static int moved_grains(const buffer *b)
{
    static signed char owner[GRAINS];
    int moved = 0;
    memset(owner, -1, sizeof owner);
    for (int t = 0; t < 2 * END; t++)
        for (int i = 0; i < BUFFERS; i++) {
            bool written = b[i].first == t % END || (b[i].resume > 0 && b[i].resume == t % END);
            if (!needed(&b[i]) || !written) continue;
            for (size_t at = b[i].offset; at < b[i].offset + b[i].bytes; at += GRAIN) {
                signed char half = at >= b[i].offset + b[i].bytes / 2;
                cr_assert_lt(at / GRAIN, GRAINS);
                moved += owner[at / GRAIN] == 1 - half;
                owner[at / GRAIN] = half;
            }
        }
    return moved;
}

/* As a net has them: of few sizes, each half of the next. */
Test(arena, halves_keep_to_their_cores)
{
    int moved = 0, moved_plainly = 0;
    for (uint64_t k = 0; k < 20; k++) {
        buffer b[BUFFERS], plain[BUFFERS];
        rng r = rng_open(2, "arena", k);
        for (int i = 0; i < BUFFERS; i++) {
            draw(&r, &b[i]);
            if (b[i].bytes > 0) b[i].bytes = (size_t)1 << (16 + b[i].bytes % 5);
        }
        memcpy(plain, b, sizeof b);
        size_t least = plan_again(plain, false), bytes = plan_again(b, true);
        cr_expect_lt(bytes, least * 3 / 2);
        moved += moved_grains(b);
        moved_plainly += moved_grains(plain);
    }
    cr_expect_lt(moved, moved_plainly / 3, "%d grains of %d", moved, moved_plainly);
}

Test(arena, one_after_the_other_they_share)
{
    buffer b[3] = {{.bytes = 128, .first = 0, .last = 1},
                   {.bytes = 128, .first = 2, .last = 2},
                   {.bytes = 1, .first = 2, .last = 3}};
    size_t bytes;
    cr_assert_eq(arena_plan(b, 3, false, &bytes), OK);
    cr_expect_eq(bytes, 192);
    cr_expect_eq(b[0].offset, b[1].offset);
}

Test(arena, in_a_gap_between_two_lives_lies_another)
{
    buffer b[3] = {{.bytes = 128, .first = 0, .last = 1, .resume = 4, .until = 5},
                   {.bytes = 128, .first = 2, .last = 3, .resume = 6, .until = 6},
                   {.bytes = 64, .first = 3, .last = 4}};
    size_t bytes;
    cr_assert_eq(arena_plan(b, 3, false, &bytes), OK);
    cr_expect_eq(bytes, 192);
    cr_expect_eq(b[0].offset, b[1].offset);
    cr_expect_eq(b[2].offset, 128);
}
