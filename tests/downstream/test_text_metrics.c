/* Against values of the peers' own code, and Python's (tests/golden/metrics_make.py). */
#include "downstream/text_metrics.h"

#include "tests/golden_rows.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 14, MOST_REFERENCES = 3, LINE_BYTES = 512 };

static const double tolerance = 1e-9;

static const char *const references[3] = {
    "the heart is normal in size . the lungs are clear .", "no pleural effusion or pneumothorax .",
    "there is a small left pleural effusion . heart size is enlarged ."};
static const text_sample three[3] = {
    {"the heart size is normal . lungs are clear .", &references[0], 1},
    {"no pneumothorax or pleural effusion . no focal consolidation .", &references[1], 1},
    {"heart is enlarged .", &references[2], 1}};

Test(text_metrics, three_reports_agree_with_coco_caption)
{
    static const double want[4] = {.622514583540151, .4208966791263548, .28044229210107696,
                                   .1820507658509223};
    double bleu[4], got;
    cr_assert_eq(metric_bleu(three, 3, bleu), OK);
    for (int j = 0; j < 4; j++) CHECK_CLOSE(bleu[j], want[j], tolerance, j);
    cr_assert_eq(metric_rouge_l(three, 3, &got), OK);
    CHECK_CLOSE(got, .5860559840822422, tolerance, 0);
    cr_assert_eq(metric_cider_d(three, 3, &got), OK);
    CHECK_CLOSE(got, 2.1034672104189136, tolerance, 0);
}

/* The rows of metrics_texts.csv: "sample,is_reference,text", hypothesis first. Their memory lives as long
 * as the test. */
static void read_texts(text_sample samples[SAMPLES])
{
    static char lines[SAMPLES * (1 + MOST_REFERENCES)][LINE_BYTES];
    static const char *held[SAMPLES][MOST_REFERENCES];
    FILE *file = fopen(TEST_GOLDEN "/metrics_texts.csv", "r");
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

Test(text_metrics, many_references_agree_with_python)
{
    text_sample samples[SAMPLES];
    double want[6], bleu[4], got;
    read_texts(samples);
    cr_assert_eq(samples[SAMPLES - 1].n_references, 2);
    golden_rows rows = golden_rows_open("metrics_texts_expected.csv", 6);
    cr_assert(golden_rows_next(&rows, want));
    (void)fclose(rows.file);
    cr_assert_eq(metric_bleu(samples, SAMPLES, bleu), OK);
    for (int j = 0; j < 4; j++) CHECK_CLOSE(bleu[j], want[j], tolerance, j);
    cr_assert_eq(metric_rouge_l(samples, SAMPLES, &got), OK);
    CHECK_CLOSE(got, want[4], tolerance, 0);
    cr_assert_eq(metric_cider_d(samples, SAMPLES, &got), OK);
    CHECK_CLOSE(got, want[5], tolerance, 0);
}

Test(text_metrics, equal_texts_score_highest)
{
    static const char *const texts[2] = {"the lungs are clear .", "no effusion is seen today ."};
    const text_sample samples[2] = {{texts[0], &texts[0], 1}, {texts[1], &texts[1], 1}};
    double bleu[4], got;
    cr_assert_eq(metric_bleu(samples, 2, bleu), OK);
    for (int j = 0; j < 4; j++) CHECK_CLOSE(bleu[j], 1.0, 1e-8, j);
    cr_assert_eq(metric_rouge_l(samples, 2, &got), OK);
    CHECK_CLOSE(got, 1.0, tolerance, 0);
    cr_assert_eq(metric_cider_d(samples, 2, &got), OK);
    CHECK_CLOSE(got, 10.0, tolerance, 0);
}

Test(text_metrics, any_white_space_parts_tokens)
{
    static const char *const plain = "the lungs are clear .";
    const text_sample samples[2] = {{"  the\tlungs\n are  clear . ", &plain, 1}, {"heart", &plain, 1}};
    const text_sample same[2] = {{plain, &plain, 1}, {"heart", &plain, 1}};
    double got, want;
    cr_assert_eq(metric_rouge_l(samples, 2, &got), OK);
    cr_assert_eq(metric_rouge_l(same, 2, &want), OK);
    cr_expect_eq(got, want);
    cr_expect_eq(got, 0.5);
}

Test(text_metrics, no_common_token_scores_nothing)
{
    static const char *const reference = "the lungs are clear .";
    const text_sample samples[2] = {{"xx yy", &reference, 1}, {"", &reference, 1}};
    double bleu[4], got;
    cr_assert_eq(metric_bleu(samples, 2, bleu), OK);
    for (int j = 0; j < 4; j++) cr_expect_lt(bleu[j], 1e-6);
    cr_assert_eq(metric_rouge_l(samples, 2, &got), OK);
    cr_expect_eq(got, 0.0);
    cr_assert_eq(metric_cider_d(samples, 2, &got), OK);
    cr_expect_eq(got, 0.0);
}

Test(text_metrics, empty_references_are_allowed)
{
    static const char *const empty = "";
    const text_sample samples[2] = {{"a b", &empty, 1}, {"", &empty, 1}};
    double bleu[4], got;
    cr_assert_eq(metric_bleu(samples, 2, bleu), OK);
    cr_expect_lt(bleu[0], 1e-6);
    cr_assert_eq(metric_rouge_l(samples, 2, &got), OK);
    cr_expect_eq(got, 0.0);
    cr_assert_eq(metric_cider_d(samples, 2, &got), OK);
    cr_expect_eq(got, 0.0);
}

/* The brevity penalty takes the closest reference: 4 tokens are as near to 3 as to 5, and 3 is the shorter.
 * */
Test(text_metrics, the_closest_reference_sets_the_length)
{
    static const char *const two[2] = {"a b c d e", "a b c"};
    const text_sample sample = {"a b c d", two, 2};
    const text_sample longer = {"a b c d", two, 1};
    double bleu[4];
    cr_assert_eq(metric_bleu(&sample, 1, bleu), OK);
    CHECK_CLOSE(bleu[0], 1.0, 1e-8, 0);
    cr_assert_eq(metric_bleu(&longer, 1, bleu), OK);
    CHECK_CLOSE(bleu[0], exp(1.0 - 5.0 / 4.0), 1e-8, 0);
}

Test(text_metrics, cider_of_one_sample_is_zero)
{
    double got;
    cr_assert_eq(metric_cider_d(three, 1, &got), OK);
    cr_expect_eq(got, 0.0);
}

/* As coco-caption has it: the brevity penalty of an empty hypothesis is exp(1 - 1/r) with r = 1e-15 / 5. */
Test(text_metrics, of_one_sample)
{
    static const char *const reference = "the lungs are clear .";
    const text_sample empty = {"", &reference, 1}, equal = {reference, &reference, 1};
    double bleu[4], got;
    cr_assert_eq(metric_bleu(&empty, 1, bleu), OK);
    for (int j = 0; j < 4; j++) cr_expect_eq(bleu[j], 0.0);
    cr_assert_eq(metric_rouge_l(&empty, 1, &got), OK);
    cr_expect_eq(got, 0.0);
    cr_assert_eq(metric_bleu(&equal, 1, bleu), OK);
    for (int j = 0; j < 4; j++) CHECK_CLOSE(bleu[j], 1.0, 1e-8, j);
    cr_assert_eq(metric_rouge_l(&equal, 1, &got), OK);
    CHECK_CLOSE(got, 1.0, tolerance, 0);
    cr_assert_eq(metric_cider_d(&equal, 1, &got), OK);
    cr_expect_eq(got, 0.0);
}

Test(text_metrics, of_no_samples_is_undefined)
{
    double bleu[4] = {0}, got = 0.0;
    cr_assert_eq(metric_bleu(NULL, 0, bleu), OK);
    for (int j = 0; j < 4; j++) cr_expect(isnan(bleu[j]));
    cr_assert_eq(metric_rouge_l(NULL, 0, &got), OK);
    cr_expect(isnan(got));
    got = 0.0;
    cr_assert_eq(metric_cider_d(NULL, 0, &got), OK);
    cr_expect(isnan(got));
}

Test(text_metrics, a_sample_without_reference_is_named)
{
    const text_sample samples[2] = {three[0], {"a", references, 0}};
    double bleu[4], got;
    cr_expect_eq(metric_bleu(samples, 2, bleu), ERR_DATA);
    cr_expect_not_null(strstr(err_message(), "sample 1"));
    cr_expect_eq(metric_rouge_l(samples, 2, &got), ERR_DATA);
    cr_expect_eq(metric_cider_d(samples, 2, &got), ERR_DATA);
}

/* More n-grams than the table starts with. */
Test(text_metrics, long_reports_fit)
{
    enum { TOKENS = 4000 };
    static char text[TOKENS * 6 + 16];
    for (int i = 0; i < TOKENS; i++) (void)snprintf(text + 6 * (size_t)i, 16, "%05d ", i);
    const char *const reference = text, *const later = text + 6;
    const text_sample samples[2] = {{text, &reference, 1}, {text, &later, 1}};
    double bleu[4], got;
    cr_assert_eq(metric_bleu(samples, 2, bleu), OK);
    CHECK_CLOSE(bleu[3], pow((1 - .5 / 4000) * (1 - .5 / 3999) * (1 - .5 / 3998) * (1 - .5 / 3997), .25),
                1e-9, 0);
    cr_assert_eq(metric_rouge_l(samples, 1, &got), OK);
    CHECK_CLOSE(got, 1.0, tolerance, 0);
}

Test(text_metrics, diversity_has_closed_forms)
{
    static const char *const texts[] = {"a b a b", " a  b\n", "c", ""};
    text_diversity got;
    cr_assert_eq(metric_diversity(texts, 4, &got), OK);
    CHECK_CLOSE(got.distinct[0], 3.0 / 7.0, 1e-15, 0);
    CHECK_CLOSE(got.distinct[1], 2.0 / 4.0, 1e-15, 0); /* a b, b a */
    CHECK_CLOSE(got.distinct[2], 2.0 / 2.0, 1e-15, 0);
    CHECK_CLOSE(got.distinct[3], 1.0, 1e-15, 0);
    CHECK_CLOSE(got.mean_tokens, 7.0 / 4.0, 1e-15, 0);
    cr_assert_eq(metric_diversity(texts + 2, 2, &got), OK);
    cr_expect(got.distinct[0] == 1.0 && isnan(got.distinct[1]) && got.mean_tokens == .5);
    cr_assert_eq(metric_diversity(texts, 0, &got), OK);
    cr_expect(isnan(got.distinct[0]) && isnan(got.mean_tokens));
}

Test(text_metrics, diversity_agrees_with_python)
{
    text_sample samples[SAMPLES];
    const char *texts[SAMPLES];
    text_diversity got;
    double want[5];
    read_texts(samples);
    for (int i = 0; i < SAMPLES; i++) texts[i] = samples[i].hypothesis;
    golden_rows rows = golden_rows_open("metrics_diversity.csv", 5);
    cr_assert(golden_rows_next(&rows, want));
    (void)fclose(rows.file);
    cr_assert_eq(metric_diversity(texts, SAMPLES, &got), OK);
    for (int j = 0; j < 4; j++) CHECK_CLOSE(got.distinct[j], want[j], 1e-15, j);
    CHECK_CLOSE(got.mean_tokens, want[4], 1e-15, 4);
}
