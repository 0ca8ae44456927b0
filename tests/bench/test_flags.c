#include "bench/flags.h"

#include "helpers.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct values {
    const char *name, *choice;
    int number;
    double share;
    bool on;
} values;

static err read_into(values *v, int argc, char **argv, const char **words, int *count, bool *help)
{
    const flag flags[] = {{"--name", "NAME", FLAG_TEXT, &v->name, 0, 0, "a name"},
                          {"--choice", "a|bc", FLAG_TEXT, &v->choice, 0, 0, "one of two"},
                          {"--number", "N", FLAG_INTEGER, &v->number, 1, 9, "a number"},
                          {"--share", "X", FLAG_REAL, &v->share, 0, 0.5, "a share"},
                          {"--on", NULL, FLAG_SWITCH, &v->on, 0, 0, "a switch"}};
    return flags_read("try", argc, argv, flags, 5, words, 2, count, help);
}

Test(flags, values_and_words)
{
    static char *const argv[] = {"w1", "--name",  "x=y",  "--number=7", "--on",
                                 "w2", "--share", "0.25", "--choice",   "bc"};
    values v = {0};
    const char *words[2];
    int count;
    bool help;
    cr_assert_eq(read_into(&v, 10, (char **)argv, words, &count, &help), OK, "%s", err_message());
    cr_expect(count == 2 && !help);
    cr_expect_str_eq(words[1], "w2");
    cr_expect_str_eq(v.name, "x=y");
    cr_expect_str_eq(v.choice, "bc");
    cr_expect(v.number == 7 && v.share == 0.25 && v.on);
}

Test(flags, mistakes)
{
    static const struct {
        const char *argv[4], *message;
    } cases[] = {
        {{"a", "b", "c"}, "c: one word too many; see `bench try --help`"},
        {{"--nam", "x"}, "--nam: there is no such flag"},
        {{"--names", "x"}, "--names: there is no such flag"},
        {{"-n"}, "-n: there is no such flag"},
        {{"--name"}, "--name needs a value"},
        {{"--on=yes"}, "--on takes no value"},
        {{"--number", "10"}, "--number 10: must be an integer, 1 to 9"},
        {{"--number", "1.5"}, "must be an integer"},
        {{"--number", "99999999999999999999"}, "must be an integer"},
        {{"--share", "nan"}, "--share nan: must be a number, 0 to 0.5"},
        {{"--share", ""}, "must be a number"},
        {{"--choice", "b"}, "--choice b: must be a|bc"},
        {{"--choice", ""}, "must be a|bc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        values v = {0};
        const char *words[2];
        int count, argc = 0;
        bool help;
        while (argc < 4 && cases[i].argv[argc]) argc++;
        cr_expect_eq(read_into(&v, argc, (char **)cases[i].argv, words, &count, &help), ERR_USAGE, "case %zu",
                     i);
        cr_expect(message_has(cases[i].message), "case %zu", i);
    }
}

Test(flags, help_wins_over_mistakes)
{
    static char *const argv[] = {"--nonsense", "--help"};
    values v = {0};
    const char *words[2];
    int count;
    bool help;
    cr_expect_eq(read_into(&v, 2, (char **)argv, words, &count, &help), OK);
    cr_expect(help);
}
