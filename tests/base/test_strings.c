#include "base/strings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(strings, stay_where_they_are)
{
    enum { STRINGS = 20000 };
    static const char *kept[STRINGS];
    string_store s = {0};
    char name[32];
    for (int i = 0; i < STRINGS; i++) {
        int n = snprintf(name, sizeof name, "string %d", i);
        kept[i] = string_keep(&s, name, (size_t)n);
        cr_assert_not_null(kept[i]);
    }
    for (int i = 0; i < STRINGS; i++) {
        (void)snprintf(name, sizeof name, "string %d", i);
        cr_assert_str_eq(kept[i], name);
    }
    string_store_close(&s);
    cr_expect_null(s.chunks);
    string_store_close(&s);
}

Test(strings, of_any_length)
{
    static const size_t lengths[] = {0, 1, 65534, 65535, 65536, 65537, 1000000};
    char *longest = malloc(1000000);
    cr_assert_not_null(longest);
    memset(longest, 'x', 1000000);
    string_store s = {0};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const char *kept = string_keep(&s, longest, lengths[i]);
        cr_assert_not_null(kept);
        cr_expect_eq(strlen(kept), lengths[i]);
        cr_expect_eq(*string_keep(&s, "", 0), '\0');
    }
    free(longest);
    string_store_close(&s);
}
