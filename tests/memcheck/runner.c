/* Runs a suite's tests in place of Criterion's runner, each in a child that is forked, not started anew:
 * under valgrind a start takes a second of reading symbols and translating code, and Criterion's own runner
 * now and then ends there by a signal. Usage: memcheck_SUITE [PATTERN | !PATTERN]...: the tests whose
 * SUITE/NAME a pattern of fnmatch(3) matches, and no `!` one does. One line for each test on stdout; the
 * status is 1 if one failed. */
#include <criterion/criterion.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77 };

/* What the linker makes of the sections that Test and TestSuite write to. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[], *__stop_cr_sts[];

/* A program whose tests have no TestSuite would have no such section. */
TestSuite(of_no_test);

/* The part of Criterion's interface that its macros call. */
struct criterion_options criterion_options;
static bool failed;

void criterion_internal_test_setup(void)
{
}

void criterion_internal_test_main(void (*test)(void))
{
    test();
}

void criterion_internal_test_teardown(void)
{
}

void cri_asserts_passed_incr(void)
{
}

void criterion_continue_test(void)
{
}

/* The test's own memory was not freed then: no exit handlers, so that valgrind says nothing of it. */
void criterion_abort_test(void)
{
    (void)fflush(NULL);
    _exit(EXIT_FAILURE);
}

void criterion_skip_test(const char *format, ...)
{
    (void)format;
    (void)fflush(NULL);
    _exit(SKIPPED);
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    failed = failed || !stats->passed;
    (void)printf("%s:%u: %s\n", stats->file, stats->line, stats->message);
}

char *cr_translate_assert_msg(int message, ...)
{
    (void)message;
    return strdup("the assertion failed");
}

int cr_asprintf(char **out, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, format, list);
    *out = n < 0 ? NULL : malloc((size_t)n + 1);
    if (*out) (void)vsnprintf(*out, (size_t)n + 1, format, again);
    va_end(again);
    va_end(list);
    return n;
}

void cr_asprintf_free(char *text)
{
    free(text);
}

void cr_log(enum criterion_severity severity, const char *format, ...)
{
    (void)severity, (void)format;
}

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *test)
{
    for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++)
        if (*suite && strcmp((*suite)->name, test->category) == 0) return (*suite)->data;
    return NULL;
}

static void be_test(const struct criterion_test *test)
{
    const struct criterion_test_extra_data *suite = suite_of(test);
    if (suite && suite->init) suite->init();
    if (test->data->init) test->data->init();
    test->test();
    if (test->data->fini) test->data->fini();
    if (suite && suite->fini) suite->fini();
    exit(failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* True if it passed or skipped itself. */
static bool run_test(const struct criterion_test *test)
{
    struct timespec from, to;
    int status = -1;
    (void)fflush(stdout);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    pid_t child = fork();
    if (child == 0) be_test(test);
    if (child < 0 || waitpid(child, &status, 0) != child) status = -1;
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    bool ended = status != -1 && WIFEXITED(status);
    int code = ended ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    (void)printf("%s %s/%s, %.1f s, status %d\n",
                 code == 0         ? "passed"
                 : code == SKIPPED ? "skipped"
                                   : "FAILED",
                 test->category, test->name,
                 (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec), code);
    return code == 0 || code == SKIPPED;
}

static bool wanted(const struct criterion_test *test, int n, char *const *patterns)
{
    char name[512];
    bool matched = false, all = true;
    (void)snprintf(name, sizeof name, "%s/%s", test->category, test->name);
    for (int i = 0; i < n; i++) {
        if (patterns[i][0] == '!' && fnmatch(patterns[i] + 1, name, 0) == 0) return false;
        if (patterns[i][0] == '!') continue;
        all = false;
        matched = matched || fnmatch(patterns[i], name, 0) == 0;
    }
    return all || matched;
}

int main(int argc, char **argv)
{
    int bad = 0, n = 0;
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        if (!*test || !wanted(*test, argc - 1, argv + 1)) continue;
        n++;
        if (!run_test(*test)) bad++;
    }
    (void)printf("%d tests, %d failed\n", n, bad);
    return bad > 0 || n == 0;
}
