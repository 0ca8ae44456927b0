#include "data/set_summary.h"

#include "data/npy.h"
#include "scratch.h"

#include <math.h>

TestSuite(set_summary, .init = scratch_make, .fini = scratch_drop);

/* Six images of 2 x 2 pixels; 0 and 4 are the same, 5 is flat and so is 2. */
static const uint8_t images[6][4] = {{0, 1, 2, 3},     {9, 1, 2, 3}, {7, 7, 7, 7},
                                     {10, 20, 30, 40}, {0, 1, 2, 3}, {8, 8, 8, 8}};
static const float labels[6][3] = {{1, 0, -1},      {1, 1, NAN}, {0, 1, 1},
                                   {NAN, NAN, NAN}, {1, 1, 0},   {0, 0, -1}};
static const char samples_csv[] = "id,patient,split,view,source,report,sex,age\n"
                                  "a,p1,train,PA,f,\"Two words.\",F,30\n"
                                  "b,p1,train,AP,f,,F,31\n"
                                  "c,p2,test,PA,f,One,M,\n"
                                  "d,,test,PA,f,\"  \",M,\n"
                                  "e,p2,train,PA,f,\"three, more words\",M,\n"
                                  "f,p3,val,UNKNOWN,f,,,\n";

static void put_set(void)
{
    ASSERT_OK(folder_make(in_scratch("set")));
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'u', 3, (const int64_t[]){6, 2, 2}, images));
    ASSERT_OK(npy_write(in_scratch("set/labels.npy"), 'f', 2, (const int64_t[]){6, 3}, labels));
    put_text("set/labels.csv", "label\nx\ny\nz\n");
    put_text("set/samples.csv", samples_csv);
}

static void expect_counts(const label_counts *c, long present, long absent, long uncertain, long unknown)
{
    cr_expect(c->present == present && c->absent == absent && c->uncertain == uncertain &&
                  c->unknown == unknown,
              "%ld %ld %ld %ld", c->present, c->absent, c->uncertain, c->unknown);
}

Test(set_summary, counts)
{
    static const long together[9] = {3, 2, 0, 2, 3, 1, 0, 1, 1};
    set_summary s;
    put_set();
    ASSERT_OK(set_summary_open(in_scratch("set"), &s));
    expect_counts(&s.labels[0], 3, 2, 0, 1);
    expect_counts(&s.labels[1], 3, 2, 0, 1);
    expect_counts(&s.labels[2], 1, 1, 2, 2);
    for (int i = 0; i < 9; i++) cr_expect_eq(s.together[i], together[i], "%d", i);
    cr_expect(s.patients == 3 && s.without_patient == 1 && s.several == 2 && s.most == 2 && s.torn == 1);
    cr_expect(s.reports == 3 && s.words == 2 + 1 + 3);
    cr_expect(s.duplicates == 1 && s.duplicate_patients == 1 && s.duplicate_splits == 0);
    cr_expect(s.n_pairs == 1 && s.pairs[0][0] == 0 && s.pairs[0][1] == 4);
    cr_expect_eq(s.flat, 2);
    cr_assert_eq(s.views.n, 3);
    cr_expect_str_eq(s.views.names[0].name, "PA");
    cr_expect(s.views.names[0].images == 4 && s.views.names[0].patients == 3);
    cr_assert_eq(s.splits.n, 3);
    cr_expect_str_eq(s.splits.names[0].name, "train");
    cr_expect(s.splits.names[0].images == 3 && s.splits.names[0].patients == 2 &&
              s.splits.names[1].images == 2);
    double sum = 0, squares = 0;
    for (int i = 0; i < 24; i++) {
        sum += images[i / 4][i % 4];
        squares += images[i / 4][i % 4] * images[i / 4][i % 4];
    }
    cr_expect_float_eq(s.mean, sum / 24, 1e-12);
    cr_expect_float_eq(s.deviation, sqrt(squares / 24 - sum * sum / 576), 1e-12);
    set_summary_close(&s);
    set_summary_close(NULL);
}

Test(set_summary, sets_that_do_not_open)
{
    set_summary s;
    EXPECT_ERROR(set_summary_open(in_scratch("none"), &s), ERR_NO_INPUT, "none");
    put_set();
    put_text("set/samples.csv", "id\na\n");
    EXPECT_ERROR(set_summary_open(in_scratch("set"), &s), ERR_DATA, "6 images");
    ASSERT_OK(npy_write(in_scratch("set/images.npy"), 'u', 3, (const int64_t[]){6, 1, 4}, images));
    put_text("set/samples.csv", samples_csv);
    EXPECT_ERROR(set_summary_open(in_scratch("set"), &s), ERR_DATA, "must be square");
}
