#include "bench/process.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void be_program(const char *const *argv, int out, int error)
{
    /* execvp's type is older than const; it changes nothing. */
    union {
        const char *const *given;
        char *const *wanted;
    } words = {.given = argv};
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(error, STDERR_FILENO) >= 0)
        (void)execvp(argv[0], words.wanted);
    _exit(PROCESS_NOT_FOUND);
}

/* Files rather than pipes: whatever it writes first, it never waits for us. */
static void read_back(FILE *f, text *out)
{
    char bytes[4096];
    size_t n;
    rewind(f);
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) text_bytes(out, bytes, n);
}

static err run(const char *const *argv, FILE *out, FILE *error, process_result *r)
{
    int status;
    (void)fflush(NULL); /* or the child would write it again */
    pid_t pid = fork();
    if (pid < 0) return err_set_errno(ERR_SYSTEM, "%s cannot be started", argv[0]);
    if (pid == 0) be_program(argv, fileno(out), fileno(error));
    while (waitpid(pid, &status, 0) != pid) continue;
    r->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    read_back(out, &r->out);
    read_back(error, &r->err);
    TRY(text_check(&r->out));
    return text_check(&r->err);
}

err process_run(const char *const *argv, process_result *out)
{
    *out = (process_result){0};
    FILE *told = tmpfile(), *error_told = tmpfile();
    err error = told && error_told ? run(argv, told, error_told, out)
                                   : err_set_errno(ERR_SYSTEM, "no temporary file for what %s says", argv[0]);
    if (told) (void)fclose(told);
    if (error_told) (void)fclose(error_told);
    if (error != OK) process_close(out);
    return error;
}

void process_close(process_result *r)
{
    text_close(&r->out);
    text_close(&r->err);
}

err process_own_path(char *out, size_t bytes)
{
    ssize_t n = readlink("/proc/self/exe", out, bytes - 1);
    if (n < 0) return err_set_errno(ERR_SYSTEM, "/proc/self/exe: cannot be read");
    out[n] = '\0';
    return OK;
}

static void add_word(arguments *a, const char *word, size_t length)
{
    if (a->n + 1 >= a->capacity) {
        int capacity = a->capacity ? 2 * a->capacity : 32;
        const char **words = realloc(a->words, (size_t)capacity * sizeof *words);
        a->failed = a->failed || !words;
        if (!words) return;
        a->words = words;
        a->capacity = capacity;
    }
    const char *kept = string_keep(&a->kept, word, length);
    a->failed = a->failed || !kept;
    a->words[a->n++] = kept;
    a->words[a->n] = NULL;
}

void arguments_add(arguments *a, const char *format, ...)
{
    va_list values, again;
    va_start(values, format);
    va_copy(again, values);
    int n = vsnprintf(NULL, 0, format, values);
    va_end(values);
    char *word = n < 0 ? NULL : malloc((size_t)n + 1);
    a->failed = a->failed || !word;
    if (word) {
        (void)vsnprintf(word, (size_t)n + 1, format, again);
        add_word(a, word, (size_t)n);
    }
    va_end(again);
    free(word);
}

void arguments_split(arguments *a, const char *words)
{
    for (;;) {
        words += strspn(words, " \t");
        size_t length = strcspn(words, " \t");
        if (length == 0) return;
        add_word(a, words, length);
        words += length;
    }
}

err arguments_run(const arguments *a, process_result *out)
{
    if (a->failed || a->n == 0) return err_set(ERR_SYSTEM, "out of memory for a command line");
    return process_run(a->words, out);
}

void arguments_close(arguments *a)
{
    free(a->words);
    string_store_close(&a->kept);
    *a = (arguments){0};
}
