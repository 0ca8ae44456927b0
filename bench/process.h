/* Other programs, run to their end. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "base/strings.h"
#include "base/text.h"

/* What an ended program left: its exit status (128 + number if a signal ended it), and what it wrote.
 * process_close. */
typedef struct process_result {
    int status;
    text out, err;
} process_result;

enum { PROCESS_NOT_FOUND = 127 };

/* Runs argv[0], found on PATH, with the arguments up to NULL, and waits for its end; its input is empty. The
 * status is PROCESS_NOT_FOUND if there is no such program. ERR_SYSTEM. */
err process_run(const char *const *argv, process_result *out);
void process_close(process_result *r);

/* The path of this program's file, at most `bytes` long. ERR_SYSTEM. */
err process_own_path(char *out, size_t bytes);

/* A command line that is put together word by word. Start from {0}; arguments_close. */
typedef struct arguments {
    const char **words; /* n, and NULL */
    int n, capacity;
    bool failed;       /* out of memory: sticky */
    string_store kept; /* private */
} arguments;

/* Adds one word; all of the words that blanks part. */
void arguments_add(arguments *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arguments_split(arguments *a, const char *words);
err arguments_run(const arguments *a, process_result *out);
void arguments_close(arguments *a);

#endif
