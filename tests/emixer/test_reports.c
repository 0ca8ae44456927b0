/* Reports as the ids, bags and stops that the decoder learns from. */
#include "tiny.h"

#include <math.h>

enum { S = 3, W = 4, MOST_V = 16 };
enum { END = TOKEN_END, BEGIN = TOKEN_BEGIN, UNKNOWN = TOKEN_UNKNOWN, A = SPECIAL_TOKENS, BB, C };

static vocabulary *letters(void)
{
    static const char *const reports[] = {"a b c"};
    static int first;
    vocabulary *v;
    ASSERT_OK(vocabulary_build(reports, &(samples){.index = &first, .n = 1}, 1, &v));
    return v;
}

typedef struct target {
    float ids[S * W], previous[S * W], bags[S * MOST_V], stops[S];
    int v;
} target;

static target encode(const char *cleaned)
{
    target t;
    vocabulary *v = letters();
    emixer_opts o = tiny_options();
    o.sentences = S;
    o.words = W;
    t.v = o.vocabulary = vocabulary_size(v);
    report_encode_target(&o, v, cleaned, t.ids, t.previous, t.bags, t.stops);
    vocabulary_close(v);
    return t;
}

static void expect_row(const float *row, const int *expected, int n, const char *what)
{
    for (int i = 0; i < n; i++) cr_expect_eq((int)row[i], expected[i], "%s[%d] is %g", what, i, row[i]);
}

static void expect_stops(const target *t, float a, float b, float c)
{
    const float expected[S] = {a, b, c};
    for (int s = 0; s < S; s++)
        cr_expect(isnan(expected[s]) ? isnan(t->stops[s]) : t->stops[s] == expected[s], "stop %d is %g", s,
                  (double)t->stops[s]);
}

Test(reports, sentences_end_and_the_last_one_stops)
{
    target t = encode("b b c . other .");
    expect_row(t.ids, (int[]){BB, BB, C, END, UNKNOWN, END, -1, -1, -1, -1, -1, -1}, S * W, "ids");
    expect_row(t.previous, (int[]){BEGIN, BB, BB, C, BEGIN, UNKNOWN, -1, -1, -1, -1, -1, -1}, S * W,
               "previous");
    expect_stops(&t, 0, 1, NAN);
}

Test(reports, bags_count_the_sentence_before_with_its_end)
{
    target t = encode("b b c . other . a .");
    expect_row(t.bags, (int[]){0, 0, 0, 0, 0, 0, 0}, t.v, "bag 0");
    expect_row(t.bags + t.v, (int[]){0, 0, 1, 0, 0, 2, 1}, t.v, "bag 1");
    expect_row(t.bags + 2 * t.v, (int[]){0, 0, 1, 1, 0, 0, 0}, t.v, "bag 2");
    expect_stops(&t, 0, 0, 1);
}

Test(reports, long_sentences_are_cut_and_have_no_end)
{
    target t = encode("a b c a . a b c a b");
    expect_row(t.ids, (int[]){A, BB, C, A, A, BB, C, A, -1, -1, -1, -1}, S * W, "ids");
    expect_row(t.previous, (int[]){BEGIN, A, BB, C, BEGIN, A, BB, C, -1, -1, -1, -1}, S * W, "previous");
    expect_row(t.bags + t.v, (int[]){0, 0, 0, 0, 2, 1, 1}, t.v, "bag 1");
    expect_stops(&t, 0, 1, NAN);
}

Test(reports, long_reports_are_cut_and_do_not_stop)
{
    target t = encode("a . b . c . a");
    expect_row(t.ids, (int[]){A, END, -1, -1, BB, END, -1, -1, C, END, -1, -1}, S * W, "ids");
    expect_stops(&t, 0, 0, 0);
}

Test(reports, an_empty_report_says_nothing)
{
    target t = encode(" . ");
    for (int i = 0; i < S * W; i++) cr_expect(t.ids[i] == -1 && t.previous[i] == -1);
    for (int i = 0; i < S * t.v; i++) cr_expect(t.bags[i] == 0);
    expect_stops(&t, NAN, NAN, NAN);
}
