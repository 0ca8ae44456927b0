#include "base/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

Test(err, nothing_has_failed_at_the_start)
{
    cr_expect_str_eq(err_message(), "");
    cr_expect_str_eq(err_trace(), "");
}

Test(err, set_keeps_the_message_and_returns_the_code)
{
    cr_expect_eq(err_set(ERR_DATA, "%s:%d: bad %s", "a.csv", 7, "row"), ERR_DATA);
    cr_expect_str_eq(err_message(), "a.csv:7: bad row");
}

Test(err, set_errno_appends_the_systems_words)
{
    errno = ENOENT;
    cr_expect_eq(err_set_errno(ERR_NO_INPUT, "%s: cannot be opened", "x"), ERR_NO_INPUT);
    char want[256];
    (void)snprintf(want, sizeof want, "x: cannot be opened: %s", strerror(ENOENT));
    cr_expect_str_eq(err_message(), want);
}

Test(err, context_goes_before_the_message)
{
    err error = err_set(ERR_CONFIG, "unknown key");
    cr_expect_eq(err_context(error, "%s:%d", "e.ini", 3), ERR_CONFIG);
    cr_expect_eq(err_context(error, "run"), ERR_CONFIG);
    cr_expect_str_eq(err_message(), "run: e.ini:3: unknown key");
}

Test(err, long_messages_are_cut)
{
    char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)err_set(ERR_DATA, "start %s", longer);
    cr_expect_eq(strncmp(err_message(), "start xxx", 9), 0);
    cr_expect_lt(strlen(err_message()), sizeof longer);
    (void)err_context(ERR_DATA, "%s", longer);
    cr_expect_eq(strncmp(err_message(), "xxx", 3), 0);
    errno = EIO;
    (void)err_set_errno(ERR_IO, "%s", longer);
    cr_expect_eq(strncmp(err_message(), "xxx", 3), 0);
}

static int reached;

static err innermost(err code)
{
    return code == OK ? OK : err_set(code, "innermost");
}

static err middle(err code)
{
    TRY(innermost(code));
    reached++;
    return OK;
}

static err outermost(err code, int *freed)
{
    err error;
    TRY_GOTO(middle(code), done);
    reached++;
done:
    ++*freed;
    return error;
}

Test(err, try_forwards_and_records_the_hops)
{
    int freed = 0;
    cr_expect_eq(outermost(ERR_DIVERGED, &freed), ERR_DIVERGED);
    cr_expect_eq(reached, 0);
    cr_expect_eq(freed, 1);
    cr_expect_str_eq(err_message(), "innermost");
    /* Two hops, the inner one (an earlier line of this file) first. */
    char first[256], second[256];
    int first_line, second_line;
    cr_assert_eq(sscanf(err_trace(), "%255[^:]:%d < %255[^:]:%d", first, &first_line, second, &second_line),
                 4);
    cr_expect_str_eq(first, __FILE__);
    cr_expect_str_eq(second, __FILE__);
    cr_expect_lt(first_line, second_line);
}

Test(err, try_goes_on_after_success)
{
    int freed = 0;
    cr_expect_eq(outermost(OK, &freed), OK);
    cr_expect_eq(reached, 2);
    cr_expect_eq(freed, 1);
    cr_expect_str_eq(err_trace(), "");
}

Test(err, a_new_failure_starts_a_new_trace)
{
    (void)middle(ERR_IO);
    cr_expect_neq(err_trace()[0], '\0');
    (void)err_set(ERR_IO, "another");
    cr_expect_str_eq(err_trace(), "");
}

Test(err, a_long_trace_is_cut)
{
    (void)err_set(ERR_IO, "deep");
    for (int i = 0; i < 10000; i++) cr_assert_eq(err_hop(ERR_IO, "file.c", i), ERR_IO);
    cr_expect_eq(strncmp(err_trace(), "file.c:0 < file.c:1 < ", 22), 0);
}

static void *fail_elsewhere(void *unused)
{
    (void)unused;
    (void)err_set(ERR_IO, "elsewhere");
    return NULL;
}

Test(err, messages_belong_to_their_thread)
{
    (void)err_set(ERR_IO, "here");
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect_str_eq(err_message(), "here");
}
