/* What the tests of bench/ share. */
#ifndef TESTS_BENCH_HELPERS_H
#define TESTS_BENCH_HELPERS_H

#include "base/err.h"
#include "base/files.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A fresh folder below TMPDIR or /tmp, removed by forget_folder. */
void make_folder(char out[PATH_BYTES]);
void forget_folder(const char *path);

/* Writes a text file folder/name and gives its path. */
void write_text(const char *folder, const char *name, const char *content, char path[PATH_BYTES]);

/* The whole file; free() it. */
char *read_text(const char *folder, const char *name);

/* Flips a bit of the third byte from the end of a file. */
void flip_bit(const char *path);

/* True, or prints both, if err_message() has `part` in it. */
bool message_has(const char *part);

/* A finished program: its exit status (128 + number if a signal killed it) and what it wrote; outcome_close
 * frees. */
typedef struct outcome {
    int status;
    char *out, *err;
} outcome;

/* Runs BENCH_PROGRAM in `folder` with arguments ended by NULL. */
outcome run_bench(const char *folder, const char *const *arguments);
void outcome_close(outcome *o);

/* The same with arguments parted by blanks. */
outcome run_line(const char *folder, const char *line);

/* Runs it, and expects that status, exactly `line` on stderr, and nothing on stdout. */
void expect_refused(const char *folder, const char *const *arguments, int status, const char *line);

/* Starts it without waiting, its output going to /dev/null; finish_bench waits as run_bench does. */
pid_t start_bench(const char *folder, const char *const *arguments);
int finish_bench(pid_t pid);

#endif
