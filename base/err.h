/* Errors are values. A function that can fail returns `err`; on failure it has left one line for the user in
 * err_message(), naming the file, line, key or sample and what to do. The codes are also the exit statuses of
 * `bench`: the numbers of sysexits.h where it has one; 1 and 2 are the verdicts of `bench check` and of
 * nothing else. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

typedef enum err {
    OK = 0,
    ERR_REGRESSED = 1,      /* a score or a gain is worse than the baseline allows */
    ERR_CANNOT_TELL = 2,    /* it cannot be compared: too few seeds, other data, nothing to compare with */
    ERR_USAGE = 64,         /* the command line cannot be understood */
    ERR_DATA = 65,          /* an input file was read, and its content is wrong */
    ERR_NO_INPUT = 66,      /* an input file or folder is missing or unreadable */
    ERR_UNAVAILABLE = 69,   /* a device or a program that was asked for is not on this machine */
    ERR_INTERNAL = 70,      /* a bug of ours */
    ERR_SYSTEM = 71,        /* out of memory, or the operating system refused a process */
    ERR_CANNOT_CREATE = 73, /* an output file or folder cannot be made */
    ERR_IO = 74,            /* reading or writing failed half-way: a full disk, a vanished file */
    ERR_CONFIG = 78,        /* an experiment file has an unknown key, or a value of the wrong type or range */
    ERR_DIVERGED = 80,    /* a trial has no result: training met a NaN or an infinity, or no image was left to
                             train on; the others go on */
    ERR_GUARD = 81,       /* a guard was broken: what would come out would be worth nothing */
    ERR_INTERRUPTED = 130 /* SIGINT or SIGTERM; what was finished is kept */
} err;

/* Stores the message (printf-style, no trailing newline) for this thread and returns `code`. */
err err_set(err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As err_set, and appends ": " and the text of the current errno. */
err err_set_errno(err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message that is already there; returns `code` unchanged. */
err err_context(err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of the last failure on this thread; "" if there was none. Owned by the thread. */
const char *err_message(void);

/* Records that a failure passed through file:line; err_trace() lists the hops, innermost first. */
err err_hop(err code, const char *file, int line);
const char *err_trace(void);

/* A static analyzer sees one file at a time, and must know that these return `code`. */
#ifdef __clang_analyzer__
#define err_set(code, ...) ((void)err_set(code, __VA_ARGS__), (code))
#define err_set_errno(code, ...) ((void)err_set_errno(code, __VA_ARGS__), (code))
#define err_context(code, ...) ((void)err_context(code, __VA_ARGS__), (code))
#endif

/* Forwards a failure to the caller and records the hop. */
#define TRY(expression)                                                                                      \
    do {                                                                                                     \
        err try_error_ = (expression);                                                                       \
        if (try_error_ != OK) {                                                                              \
            (void)err_hop(try_error_, __FILE__, __LINE__);                                                   \
            return try_error_; /* what a reader, and an analyzer, knows not to be OK */                      \
        }                                                                                                    \
    } while (0)

/* As TRY, but leaves through `label` with the code in the variable `error`, to free what was taken. */
#define TRY_GOTO(expression, label)                                                                          \
    do {                                                                                                     \
        error = (expression);                                                                                \
        if (error != OK) {                                                                                   \
            (void)err_hop(error, __FILE__, __LINE__);                                                        \
            goto label;                                                                                      \
        }                                                                                                    \
    } while (0)

#endif
