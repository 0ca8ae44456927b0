#include "downstream/sentences.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool is_vs(const void *context, const char *word)
{
    (void)context;
    return strcmp(word, "vs") == 0;
}

/* The sentences of a text as "a b | c d". */
static void expect_sentences(const char *text, const char *want)
{
    sentence_reader r;
    sentence s;
    static char got[8192];
    got[0] = '\0';
    cr_assert_eq(sentences_open(text, is_vs, NULL, &r), OK);
    for (int i = 0; sentences_next(&r, &s); i++) {
        if (i > 0) strcat(got, " |");
        for (int w = 0; w < s.n; w++) {
            if (i > 0 || w > 0) strcat(got, " ");
            strcat(got, s.words[w]);
        }
    }
    sentences_close(&r);
    cr_expect_str_eq(got, want, "\"%s\" is \"%s\", want \"%s\"", text, got, want);
}

Test(sentences, end_at_stops_and_empty_lines)
{
    expect_sentences("Lungs clear. Heart NORMAL!", "lungs clear | heart normal");
    expect_sentences("lungs clear . heart normal .", "lungs clear | heart normal");
    expect_sentences("normal.No effusion", "normal | no effusion");
    expect_sentences("one\ntwo\n \t\nthree", "one two | three");
    expect_sentences("edema? yes", "edema ? | yes");
    expect_sentences("clear..  . ", "clear");
}

Test(sentences, stops_within_do_not_end_them)
{
    expect_sentences("a 2.5 cm mass. Stable", "a 2.5 cm mass | stable");
    expect_sentences("atelectasis vs. pneumonia. End", "atelectasis vs pneumonia | end");
    expect_sentences("devices, e.g. tubes", "devices , e g tubes");
    expect_sentences("stable since 2010. Clear", "stable since 2010 | clear");
}

Test(sentences, marks_are_words_of_their_own)
{
    expect_sentences("a, b; c/d (e) [f]", "a , b ; c / d , e , , f ,");
    expect_sentences("X-ray: patient's COVID-19", "x ray patients covid 19");
    expect_sentences(" , ; . / ? !", "");
    expect_sentences("", "");
}

Test(sentences, bytes_beyond_ascii_belong_to_words)
{
    expect_sentences("\xc3\xa9panchement pleural", "\xc3\xa9panchement pleural");
    expect_sentences("\xff\xfe bad", "\xff\xfe bad");
}

Test(sentences, of_any_length)
{
    enum { WORDS = 10000 };
    char *text = malloc(WORDS * 2 + 1);
    cr_assert_not_null(text);
    for (int i = 0; i < WORDS; i++) memcpy(text + 2 * (size_t)i, "a ", 3);
    sentence_reader r;
    sentence s;
    int words = 0;
    cr_assert_eq(sentences_open(text, is_vs, NULL, &r), OK);
    while (sentences_next(&r, &s)) {
        cr_assert_leq(s.n, SENTENCE_WORDS);
        words += s.n;
    }
    cr_expect_eq(words, WORDS);
    sentences_close(&r);
    memset(text, ',', WORDS);
    memcpy(text + WORDS, "end", 4);
    cr_assert_eq(sentences_open(text, is_vs, NULL, &r), OK);
    cr_assert(sentences_next(&r, &s));
    cr_expect_str_eq(s.words[0], "end");
    cr_expect_not(sentences_next(&r, &s));
    sentences_close(&r);
    free(text);
}
