#include "base/text.h"

#include "base/files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(text, starts_empty_and_closes_empty)
{
    text t = {0};
    cr_expect_eq(text_check(&t), OK);
    text_bytes(&t, NULL, 0);
    cr_expect_str_eq(t.data, "");
    text_close(&t);
    cr_expect_null(t.data);
    text_close(&t);
}

Test(text, grows_over_many_appends)
{
    text t = {0};
    for (int i = 0; i < 5000; i++) text_printf(&t, "%d,", i % 10);
    cr_assert_eq(text_check(&t), OK);
    cr_expect_eq(t.length, 10000);
    cr_expect_eq(strlen(t.data), t.length);
    for (size_t i = 0; i < t.length; i++)
        cr_assert_eq(t.data[i], i % 2 ? ',' : (char)('0' + i / 2 % 10), "at %zu", i);
    text_close(&t);
}

Test(text, one_append_may_be_longer_than_the_buffer)
{
    char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    text t = {0};
    text_printf(&t, "[%s]", longer);
    text_bytes(&t, longer, sizeof longer - 1);
    cr_expect_eq(t.length, 2 * sizeof longer);
    cr_expect_eq(t.data[0], '[');
    cr_expect_eq(t.data[sizeof longer], ']');
    cr_expect_eq(t.data[t.length], '\0');
    text_close(&t);
}

Test(text, bytes_may_hold_nuls)
{
    text t = {0};
    text_bytes(&t, "a\0b", 3);
    cr_expect_eq(t.length, 3);
    cr_expect_arr_eq(t.data, "a\0b", 4);
    text_close(&t);
}

Test(text, csv_fields_are_quoted_only_where_needed)
{
    static const struct {
        const char *field, *want;
    } cases[] = {
        {"", ""},
        {"plain text", "plain text"},
        {"a,b", "\"a,b\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {"say \"ah\"", "\"say \"\"ah\"\"\""},
        {"\"", "\"\"\"\""},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        text t = {0};
        text_csv_field(&t, cases[c].field);
        cr_assert_eq(text_check(&t), OK);
        cr_expect_str_eq(t.data, cases[c].want);
        text_close(&t);
    }
}

Test(text, cells_that_a_spreadsheet_would_run)
{
    static const struct {
        const char *cell, *want;
    } cases[] = {
        {"", ""},      {"plain", "plain"},  {"a=b", "a=b"},  {"=1+1", "'=1+1"},
        {"+1", "'+1"}, {"-1 cm", "'-1 cm"}, {"@a", "'@a"},   {"\ta", "'\ta"},
        {"'a", "'a"},  {"\ra", "\"'\ra\""}, {"'=a", "''=a"}, {"=\",\"", "\"'=\"\",\"\"\""},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        text t = {0};
        text_csv_cell(&t, cases[c].cell);
        text_bytes(&t, "", 0);
        cr_assert_eq(text_check(&t), OK);
        cr_expect_str_eq(t.data, cases[c].want);
        text_close(&t);
    }
    cr_expect_str_eq(csv_cell_content("'=1"), "=1");
    cr_expect_str_eq(csv_cell_content("''=1"), "'=1");
    cr_expect_str_eq(csv_cell_content("'a"), "'a");
    cr_expect_str_eq(csv_cell_content("'"), "'");
    cr_expect_str_eq(csv_cell_content(""), "");
}

Test(text, a_failure_is_kept_and_nothing_more_is_appended)
{
    text t = {0};
    text_printf(&t, "before");
    t.failed = true;
    text_printf(&t, "after");
    text_bytes(&t, "after", 5);
    text_csv_field(&t, "a,b");
    cr_expect_str_eq(t.data, "before");
    cr_expect_eq(text_check(&t), ERR_SYSTEM);
    text_close(&t);
}

static void expect_content(const char *path, const char *want, size_t want_n)
{
    char *content;
    size_t n;
    cr_assert_eq(file_read(path, 1000, &content, &n), OK);
    cr_assert_eq(n, want_n);
    cr_expect_arr_eq(content, want, n);
    free(content);
}

Test(text, is_saved_whole_or_not_at_all)
{
    char folder[] = "/tmp/test_text_XXXXXX", path[PATH_BYTES];
    text t = {0};
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(path_join(path, folder, "saved"), OK);
    text_bytes(&t, "a\0b\n", 4);
    cr_expect_eq(text_save(&t, path), OK);
    expect_content(path, "a\0b\n", 4);

    text_printf(&t, "half of");
    t.failed = true;
    cr_expect_eq(text_save(&t, path), ERR_SYSTEM);
    expect_content(path, "a\0b\n", 4);
    text_close(&t);
    cr_expect_eq(text_save(&t, path), OK);
    expect_content(path, "", 0);
    cr_expect_eq(folder_remove(folder), OK);
}
