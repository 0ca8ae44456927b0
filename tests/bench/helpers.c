#include "helpers.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void make_folder(char out[PATH_BYTES])
{
    const char *temporary = getenv("TMPDIR");
    (void)snprintf(out, PATH_BYTES, "%s/bench-test-XXXXXX", temporary ? temporary : "/tmp");
    cr_assert_not_null(mkdtemp(out));
}

void forget_folder(const char *path)
{
    cr_assert_eq(folder_remove(path), OK, "%s", err_message());
}

void write_text(const char *folder, const char *name, const char *content, char path[PATH_BYTES])
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(file_write(path, content, strlen(content)), OK, "%s", err_message());
}

char *read_text(const char *folder, const char *name)
{
    char path[PATH_BYTES], *bytes = NULL;
    size_t n;
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    cr_assert_eq(file_read(path, 1 << 26, &bytes, &n), OK, "%s", err_message());
    return bytes;
}

void flip_bit(const char *path)
{
    FILE *f = fopen(path, "r+");
    cr_assert_not_null(f, "%s", path);
    cr_assert_eq(fseek(f, -3, SEEK_END), 0);
    int old = fgetc(f);
    cr_assert_eq(fseek(f, -3, SEEK_END), 0);
    cr_assert_neq(fputc(old ^ 1, f), EOF);
    cr_assert_eq(fclose(f), 0);
}

bool message_has(const char *part)
{
    if (strstr(err_message(), part)) return true;
    (void)fprintf(stderr, "the message is: %s\nwanted in it:   %s\n", err_message(), part);
    return false;
}

enum { ARGUMENTS_MAX = 64 };

static _Noreturn void be_bench(const char *folder, const char *const *arguments, int out, int error)
{
    char program[] = BENCH_PROGRAM, *argv[ARGUMENTS_MAX] = {program};
    for (int i = 0; arguments[i] && i + 2 < ARGUMENTS_MAX; i++) argv[i + 1] = strdup(arguments[i]);
    if (chdir(folder) != 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0) _exit(126);
    (void)execv(BENCH_PROGRAM, argv);
    _exit(127);
}

static int status_of(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static char *read_back(int file)
{
    off_t n = lseek(file, 0, SEEK_END);
    char *bytes = calloc((size_t)n + 1, 1);
    cr_assert_eq(pread(file, bytes, (size_t)n, 0), n);
    (void)close(file);
    return bytes;
}

static int unnamed_file(void)
{
    char path[] = "/tmp/bench-test-output-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    (void)unlink(path);
    return file;
}

outcome run_bench(const char *folder, const char *const *arguments)
{
    int out = unnamed_file(), error = unnamed_file(), status;
    pid_t pid = fork();
    if (pid == 0) be_bench(folder, arguments, out, error);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return (outcome){status_of(status), read_back(out), read_back(error)};
}

outcome run_line(const char *folder, const char *line)
{
    char copy[1024];
    const char *arguments[ARGUMENTS_MAX] = {NULL};
    int n = 0;
    cr_assert_lt(snprintf(copy, sizeof copy, "%s", line), (int)sizeof copy);
    for (char *word = strtok(copy, " "); word && n + 1 < ARGUMENTS_MAX; word = strtok(NULL, " "))
        arguments[n++] = word;
    return run_bench(folder, arguments);
}

void outcome_close(outcome *o)
{
    free(o->out);
    free(o->err);
}

void expect_refused(const char *folder, const char *const *arguments, int status, const char *line)
{
    outcome o = run_bench(folder, arguments);
    cr_expect_str_eq(o.err, line);
    cr_expect_eq(o.status, status, "%s", o.err);
    cr_expect_str_eq(o.out, "");
    outcome_close(&o);
}

pid_t start_bench(const char *folder, const char *const *arguments)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        be_bench(folder, arguments, null, null);
    }
    return pid;
}

int finish_bench(pid_t pid)
{
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status_of(status);
}
