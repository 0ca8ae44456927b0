#include "data/vocabulary.h"

#include "base/rng.h"
#include "scratch.h"

TestSuite(vocabulary, .init = scratch_make, .fini = scratch_drop);
TestSuite(encode, .init = scratch_make, .fini = scratch_drop);

static const char *const reports[] = {"the heart is normal . the lungs are clear .",
                                      "the heart is enlarged .", NULL, "zebra zebra zebra .",
                                      "caf\xc3\xa9 caf\xc3\xa9 caf \xf0\x9f\xab\x81 heart-size heart-size ."};

static samples list_of(int *index, int n)
{
    return (samples){.index = index, .n = n};
}

static int id_of(const vocabulary *v, const char *word)
{
    return vocabulary_id(v, word, strlen(word));
}

static void expect_tokens(const vocabulary *v, int n, const char *const *tokens, const int *counts)
{
    cr_assert_eq(vocabulary_size(v), SPECIAL_TOKENS + n);
    for (int k = 0; k < n; k++) {
        cr_expect_str_eq(vocabulary_token(v, SPECIAL_TOKENS + k), tokens[k]);
        cr_expect_eq(vocabulary_count(v, SPECIAL_TOKENS + k), counts[k], "%s", tokens[k]);
        cr_expect_eq(id_of(v, tokens[k]), SPECIAL_TOKENS + k);
    }
}

Test(vocabulary, words_of_the_training_reports_alone_rise_by_code_point)
{
    vocabulary *v;
    const samples training = list_of((int[]){4, 2, 0}, 3);
    ASSERT_OK(vocabulary_build(reports, &training, 1, &v));
    static const char *const want[] = {".",     "are",    "caf",        "caf\xc3\xa9",
                                       "clear", "heart",  "heart-size", "is",
                                       "lungs", "normal", "the",        "\xf0\x9f\xab\x81"};
    expect_tokens(v, 12, want, (const int[]){3, 1, 1, 2, 1, 1, 2, 1, 1, 1, 2, 1});
    cr_expect_eq(id_of(v, "zebra"), TOKEN_UNKNOWN);
    cr_expect_eq(id_of(v, "enlarged"), TOKEN_UNKNOWN);
    cr_expect_eq(id_of(v, ""), TOKEN_UNKNOWN);
    cr_expect_eq(vocabulary_id(v, "heart-size", 5), id_of(v, "heart"), "the length counts");
    static const char *const special[] = {"<pad>", "<begin>", "<end>", "<unk>"};
    for (int k = 0; k < SPECIAL_TOKENS; k++) {
        cr_expect_str_eq(vocabulary_token(v, k), special[k]);
        cr_expect_eq(vocabulary_count(v, k), 0);
        cr_expect_eq(id_of(v, special[k]), TOKEN_UNKNOWN, "no word of a report is a special token");
    }
    vocabulary_close(v);
    vocabulary_close(NULL);
}

Test(vocabulary, rare_words_are_left_out)
{
    vocabulary *v;
    const samples all = list_of((int[]){0, 1, 2, 3, 4}, 5);
    ASSERT_OK(vocabulary_build(reports, &all, 3, &v));
    expect_tokens(v, 3, (const char *const[]){".", "the", "zebra"}, (const int[]){5, 3, 3});
    vocabulary_close(v);
    EXPECT_ERROR(vocabulary_build(reports, &all, 6, &v), ERR_DATA, "6 times");
    EXPECT_ERROR(vocabulary_build(reports, &all, 0, &v), ERR_USAGE, "0 times");
    const samples none = list_of((int[]){2}, 1);
    EXPECT_ERROR(vocabulary_build(reports, &none, 1, &v), ERR_DATA, "training reports");
}

Test(vocabulary, words_that_look_special_are_not_kept)
{
    vocabulary *v;
    static const char *const tricky[] = {"<unk> <pad> lung <end>"};
    const samples all = list_of((int[]){0}, 1);
    ASSERT_OK(vocabulary_build(tricky, &all, 1, &v));
    expect_tokens(v, 1, (const char *const[]){"lung"}, (const int[]){1});
    vocabulary_close(v);
    static const char *const latin1[] = {"lung \xe9panchement"};
    EXPECT_ERROR(vocabulary_build(latin1, &all, 1, &v), ERR_DATA, "report 0");
}

Test(vocabulary, the_order_of_reports_does_not_matter)
{
    vocabulary *a, *b, *c;
    const samples forth = list_of((int[]){0, 1, 3, 4}, 4), back = list_of((int[]){4, 3, 1, 0}, 4),
                  fewer = list_of((int[]){0, 1, 4}, 3);
    ASSERT_OK(vocabulary_build(reports, &forth, 1, &a));
    ASSERT_OK(vocabulary_build(reports, &back, 1, &b));
    ASSERT_OK(vocabulary_build(reports, &fewer, 1, &c));
    cr_expect_str_eq(vocabulary_hash(a).hex, vocabulary_hash(b).hex);
    cr_expect_str_neq(vocabulary_hash(a).hex, vocabulary_hash(c).hex);
    vocabulary_close(a);
    vocabulary_close(b);
    vocabulary_close(c);
}

/* More words than are counted before equal ones are merged. */
Test(vocabulary, many_words_are_counted_right)
{
    enum { WORDS = 300000, KINDS = 1000 };
    text report = {0};
    for (int i = 0; i < WORDS; i++) text_printf(&report, "w%03d ", i % KINDS);
    const char *const one[] = {report.data};
    const char *const three[] = {report.data, report.data, report.data};
    const samples first = list_of((int[]){0}, 1), all = list_of((int[]){0, 1, 2}, 3);
    vocabulary *v;
    ASSERT_OK(vocabulary_build(one, &first, 1, &v));
    cr_assert_eq(vocabulary_size(v), SPECIAL_TOKENS + KINDS);
    vocabulary_close(v);
    ASSERT_OK(vocabulary_build(three, &all, 3 * WORDS / KINDS, &v));
    cr_assert_eq(vocabulary_size(v), SPECIAL_TOKENS + KINDS);
    for (int k = 0; k < KINDS; k++) cr_expect_eq(vocabulary_count(v, SPECIAL_TOKENS + k), 3 * WORDS / KINDS);
    vocabulary_close(v);
    text_close(&report);
}

Test(vocabulary, what_is_saved_is_read)
{
    vocabulary *v, *read;
    static const char *const quoted[] = {"say \"ah\" a,b lung lung"};
    const samples all = list_of((int[]){0}, 1);
    ASSERT_OK(vocabulary_build(quoted, &all, 1, &v));
    ASSERT_OK(vocabulary_save(v, in_scratch("v.csv")));
    size_t n;
    char *bytes = bytes_of(in_scratch("v.csv"), &n);
    cr_expect_str_eq(
        bytes,
        "token,count\n<pad>,0\n<begin>,0\n<end>,0\n<unk>,0\n\"\"\"ah\"\"\",1\n\"a,b\",1\nlung,2\nsay,1\n");
    free(bytes);
    ASSERT_OK(vocabulary_open(in_scratch("v.csv"), &read));
    expect_tokens(read, 4, (const char *const[]){"\"ah\"", "a,b", "lung", "say"}, (const int[]){1, 1, 2, 1});
    cr_expect_str_eq(vocabulary_hash(read).hex, vocabulary_hash(v).hex);
    vocabulary_close(read);
    EXPECT_ERROR(vocabulary_save(v, in_scratch("none/v.csv")), ERR_CANNOT_CREATE, "none/v.csv");
    EXPECT_ERROR(vocabulary_open(in_scratch("none.csv"), &read), ERR_NO_INPUT, "none.csv");
    vocabulary_close(v);
}

Test(vocabulary, refuses_other_files_by_their_line)
{
#define SPECIALS "token,count\n<pad>,0\n<begin>,0\n<end>,0\n<unk>,0\n"
    static const struct {
        const char *content, *message;
    } cases[] = {
        {"", "bad.csv"},
        {"word,count\n", "bad.csv:1: the header"},
        {"count,token\n0,<pad>\n", "bad.csv:1: the header"},
        {"token,count,more\n", "bad.csv:1: the header"},
        {SPECIALS, "4 tokens"},
        {SPECIALS "lung\n", "bad.csv:6"},
        {"token,count\n<pad>,0\n<end>,0\n<begin>,0\n<unk>,0\na,1\n", "bad.csv:3: must be \"<begin>,0\""},
        {"token,count\n<pad>,0\n<begin>,0\n<end>,7\n<unk>,0\na,1\n", "bad.csv:4: must be \"<end>,0\""},
        {SPECIALS "lung,1\nheart,2\n", "bad.csv:7: \"heart\" does not come behind \"lung\""},
        {SPECIALS "lung,1\nlung,1\n", "bad.csv:7"},
        {SPECIALS "lung,-1\n", "bad.csv:6: the count \"-1\""},
        {SPECIALS "lung, 1\n", "bad.csv:6: the count"},
        {SPECIALS "lung,\n", "bad.csv:6: the count"},
        {SPECIALS "lung,1.5\n", "bad.csv:6: the count"},
        {SPECIALS "lung,0\n", "bad.csv:6: the word \"lung\" has count 0"},
        {SPECIALS "lung,99999999999999999999\n", "bad.csv:6: the count"},
        {SPECIALS "left lung,1\n", "bad.csv:6: \"left lung\" is not one word"},
        {SPECIALS " lung,1\n", "bad.csv:6"},
        {SPECIALS "\"\",1\n", "bad.csv:6"},
        {SPECIALS "<unk>,1\n", "bad.csv:6"},
        {SPECIALS "caf\xe9,1\n", "bad.csv:6: is not UTF-8"},
        {SPECIALS "\"lung,1\n", "bad.csv:6"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        vocabulary *v;
        put_text("bad.csv", cases[c].content);
        EXPECT_ERROR(vocabulary_open(in_scratch("bad.csv"), &v), ERR_DATA, cases[c].message);
    }
}

/* ---- encoding ---- */

/* . are clear heart is lungs normal the = 4 .. 11 */
static vocabulary *small_vocabulary(void)
{
    vocabulary *v;
    const samples first = list_of((int[]){0}, 1);
    ASSERT_OK(vocabulary_build(reports, &first, 1, &v));
    return v;
}

Test(encode, one_sequence)
{
    vocabulary *v = small_vocabulary();
    int ids[9];
    cr_expect_eq(report_encode(v, "the zebra is clear .", 9, ids), 7);
    cr_expect_arr_eq(ids, ((const int[]){TOKEN_BEGIN, 11, TOKEN_UNKNOWN, 8, 6, 4, TOKEN_END, 0, 0}),
                     sizeof ids);
    cr_expect_eq(report_encode(v, "", 9, ids), 2);
    cr_expect_arr_eq(ids, ((const int[]){TOKEN_BEGIN, TOKEN_END, 0, 0, 0, 0, 0, 0, 0}), sizeof ids);
    vocabulary_close(v);
}

Test(encode, a_sequence_that_is_cut_has_no_end)
{
    vocabulary *v = small_vocabulary();
    int ids[4];
    cr_expect_eq(report_encode(v, "the heart is", 4, ids), 4);
    cr_expect_arr_eq(ids, ((const int[]){TOKEN_BEGIN, 11, 7, 8}), sizeof ids);
    cr_expect_eq(report_encode(v, "the heart is normal .", 4, ids), 4);
    cr_expect_arr_eq(ids, ((const int[]){TOKEN_BEGIN, 11, 7, 8}), sizeof ids);
    cr_expect_eq(report_encode(v, "the heart", 4, ids), 4);
    cr_expect_arr_eq(ids, ((const int[]){TOKEN_BEGIN, 11, 7, TOKEN_END}), sizeof ids);
    cr_expect_eq(report_encode(v, "the heart", 1, ids), 1);
    cr_expect_eq(ids[0], TOKEN_BEGIN);
    vocabulary_close(v);
}

Test(encode, sentences_of_words)
{
    vocabulary *v = small_vocabulary();
    int ids[2 * 3], counts[2];
    cr_expect_eq(
        report_encode_sentences(v, ". the heart is normal . . lungs clear . zebra .", 2, 3, ids, counts), 2);
    cr_expect_arr_eq(ids, ((const int[]){11, 7, 8, 9, 6, 0}), sizeof ids);
    cr_expect_arr_eq(counts, ((const int[]){3, 2}), sizeof counts);
    cr_expect_eq(report_encode_sentences(v, "heart zebra", 2, 3, ids, counts), 1, "no stop at the end");
    cr_expect_arr_eq(ids, ((const int[]){7, TOKEN_UNKNOWN, 0, 0, 0, 0}), sizeof ids);
    cr_expect_arr_eq(counts, ((const int[]){2, 0}), sizeof counts);
    cr_expect_eq(report_encode_sentences(v, ".", 2, 3, ids, counts), 0);
    cr_expect_eq(report_encode_sentences(v, "", 2, 3, ids, counts), 0);
    cr_expect_arr_eq(counts, ((const int[]){0, 0}), sizeof counts);
    vocabulary_close(v);
}

Test(encode, decoding_passes_over_what_is_not_text)
{
    vocabulary *v = small_vocabulary();
    text t = {0};
    ASSERT_OK(
        report_decode(v, (const int[]){TOKEN_BEGIN, 11, TOKEN_PAD, TOKEN_UNKNOWN, 4, TOKEN_END, 7}, 7, &t));
    cr_expect_str_eq(t.data, "the <unk> .");
    t.length = 0;
    ASSERT_OK(report_decode_sentences(v, (const int[]){11, 7, 0, 0, 9, 6}, (const int[]){2, 0, 2}, 3, 2, &t));
    cr_expect_str_eq(t.data, "the heart . lungs clear .");
    t.length = 0;
    ASSERT_OK(report_decode(v, NULL, 0, &t));
    cr_expect_str_eq(t.data, "");
    EXPECT_ERROR(report_decode(v, (const int[]){7, 12}, 2, &t), ERR_USAGE, "token id 12");
    EXPECT_ERROR(report_decode(v, (const int[]){-1}, 1, &t), ERR_USAGE, "token id -1");
    EXPECT_ERROR(report_decode_sentences(v, (const int[]){7, 7}, (const int[]){3}, 1, 2, &t), ERR_USAGE,
                 "3 words");
    cr_expect_eq(t.length, 0, "nothing of a report that fails is appended");
    text_close(&t);
    vocabulary_close(v);
}

/* A report of 1..5 sentences of 1..7 words of the small vocabulary, each with its ".". */
static void random_report(rng *r, const vocabulary *v, text *out)
{
    int sentences = 1 + rng_below(r, 5);
    out->length = 0;
    for (int s = 0; s < sentences; s++) {
        int words = 1 + rng_below(r, 7);
        for (int w = 0; w < words; w++)
            text_printf(out, "%s ", vocabulary_token(v, SPECIAL_TOKENS + 1 + rng_below(r, 7)));
        text_printf(out, s + 1 < sentences ? ". " : ".");
    }
}

Test(encode, decoding_undoes_encoding)
{
    enum { LENGTH = 5 * 8 + 2, SENTENCES = 5, WORDS = 7 };
    vocabulary *v = small_vocabulary();
    text report = {0}, back = {0};
    rng r = rng_open(1, "test/encode", 0);
    for (int k = 0; k < 2000; k++) {
        int ids[LENGTH], words[SENTENCES * WORDS], counts[SENTENCES];
        random_report(&r, v, &report);
        (void)report_encode(v, report.data, LENGTH, ids);
        back.length = 0;
        ASSERT_OK(report_decode(v, ids, LENGTH, &back));
        cr_assert_str_eq(back.data, report.data);
        (void)report_encode_sentences(v, report.data, SENTENCES, WORDS, words, counts);
        back.length = 0;
        ASSERT_OK(report_decode_sentences(v, words, counts, SENTENCES, WORDS, &back));
        cr_assert_str_eq(back.data, report.data);
    }
    text_close(&report);
    text_close(&back);
    vocabulary_close(v);
}

/* Whatever the limits, a cut report decodes to the beginning of the whole one. */
Test(encode, a_cut_report_is_a_prefix)
{
    vocabulary *v = small_vocabulary();
    text report = {0}, back = {0};
    rng r = rng_open(2, "test/encode", 0);
    for (int k = 0; k < 2000; k++) {
        int ids[64], length = 1 + rng_below(&r, 63);
        random_report(&r, v, &report);
        int n = report_encode(v, report.data, length, ids);
        cr_assert_leq(n, length);
        for (int i = n; i < length; i++) cr_assert_eq(ids[i], TOKEN_PAD);
        back.length = 0;
        ASSERT_OK(report_decode(v, ids, length, &back));
        cr_assert_eq(strncmp(back.data, report.data, back.length), 0);
        cr_assert(ids[n - 1] == TOKEN_END ? back.length == report.length : n == length);
    }
    text_close(&report);
    text_close(&back);
    vocabulary_close(v);
}
