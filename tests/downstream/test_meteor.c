/* Against an exhaustive search in Python (tests/golden/metrics_meteor_make.py), and by hand. */
#include "downstream/meteor.h"

#include "tests/golden_rows.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 30, MOST_REFERENCES = 2, LINE_BYTES = 512 };

/* The rows of metrics_meteor.csv: "sample,is_reference,text", hypothesis first. */
static void read_texts(text_sample samples[SAMPLES])
{
    static char lines[SAMPLES * (1 + MOST_REFERENCES)][LINE_BYTES];
    static const char *held[SAMPLES][MOST_REFERENCES];
    FILE *file = fopen(TEST_GOLDEN "/metrics_meteor.csv", "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(lines[0], LINE_BYTES, file));
    for (int l = 0; l < SAMPLES * (1 + MOST_REFERENCES) && fgets(lines[l], LINE_BYTES, file); l++) {
        lines[l][strcspn(lines[l], "\n")] = '\0';
        char *end;
        long i = strtol(lines[l], &end, 10);
        cr_assert(i >= 0 && i < SAMPLES && end[0] == ',' && end[2] == ',');
        if (end[1] == '0')
            samples[i] = (text_sample){end + 3, held[i], 0};
        else
            held[i][samples[i].n_references++] = end + 3;
    }
    (void)fclose(file);
}

Test(meteor, agrees_with_an_exhaustive_search)
{
    text_sample samples[SAMPLES];
    read_texts(samples);
    golden_rows rows = golden_rows_open("metrics_meteor_expected.csv", 2);
    int cases = 0;
    for (double row[2]; golden_rows_next(&rows, row); cases++) {
        double got;
        if (cases < SAMPLES)
            cr_assert_eq(metric_meteor_es(&samples[cases], 1, &got), OK);
        else
            cr_assert_eq(metric_meteor_es(samples, SAMPLES, &got), OK);
        CHECK_CLOSE(got, row[1], 1e-9, cases);
    }
    cr_assert_eq(cases, SAMPLES + 1);
}

static double meteor_of(const char *hypothesis, const char *reference)
{
    const text_sample sample = {hypothesis, &reference, 1};
    double got;
    cr_assert_eq(metric_meteor_es(&sample, 1, &got), OK);
    return got;
}

Test(meteor, plain_cases)
{
    cr_expect_float_eq(meteor_of("the lungs are clear .", "the lungs are clear ."), 1.0, 1e-12);
    cr_expect_float_eq(meteor_of("lungs", "lung"), 0.6, 1e-12);
    cr_expect_eq(meteor_of("heart", "lung"), 0.0);
    cr_expect_eq(meteor_of("", "lung"), 0.0);
    cr_expect_eq(meteor_of("lung", ""), 0.0);
    cr_expect_eq(meteor_of("", ""), 0.0);
    /* Two chunks of one match each: P = R = 1, 1 - 0.6 (2 / 2)^0.2. */
    cr_expect_float_eq(meteor_of("a b", "b a"), 0.4, 1e-12);
    /* Half the words, in one chunk. */
    cr_expect_float_eq(meteor_of("a b", "a b c d"),
                       1.0 / (0.15 / 1.0 + 0.85 / 0.5) * (1.0 - 0.6 * pow(0.5, 0.2)), 1e-12);
}

/* The exact partner is preferred, though another word of that stem comes first. */
Test(meteor, exact_matches_come_before_stems)
{
    double want = 1.0 / (0.15 / 1.0 + 0.85 / 0.5) * (1.0 - 0.6);
    cr_expect_float_eq(meteor_of("lungs", "lung lungs"), want, 1e-12);
}

Test(meteor, the_best_reference_counts)
{
    static const char *const two[2] = {"no effusion .", "the lungs are clear ."};
    const text_sample sample = {two[1], two, 2};
    double got;
    cr_assert_eq(metric_meteor_es(&sample, 1, &got), OK);
    cr_expect_float_eq(got, 1.0, 1e-12);
}

Test(meteor, long_equal_texts_are_one_chunk)
{
    enum { TOKENS = 300 };
    static char text[TOKENS * 4 + 1];
    for (int i = 0; i < TOKENS; i++) memcpy(text + 4 * (size_t)i, i % 3 ? "the " : "no  ", 4);
    cr_expect_float_eq(meteor_of(text, text), 1.0, 1e-12);
}

Test(meteor, bad_input)
{
    static const char *const reference = "a";
    const text_sample samples[2] = {{"a", &reference, 1}, {"a", &reference, 0}};
    double got = 0.0;
    cr_expect_eq(metric_meteor_es(samples, 2, &got), ERR_DATA);
    cr_expect_not_null(strstr(err_message(), "sample 1"));
    cr_assert_eq(metric_meteor_es(NULL, 0, &got), OK);
    cr_expect(isnan(got));
}
