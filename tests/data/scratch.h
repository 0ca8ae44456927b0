/* A scratch folder for the tests that need files, and checks of errors. */
#ifndef TESTS_DATA_SCRATCH_H
#define TESTS_DATA_SCRATCH_H

#include "base/err.h"
#include "base/files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char scratch[] = "/tmp/bench-test-data-XXXXXX";

static inline void scratch_make(void)
{
    cr_assert_not_null(mkdtemp(scratch));
}

static inline void scratch_drop(void)
{
    cr_assert_eq(folder_remove(scratch), OK);
}

/* scratch/name. One of four buffers in turn. */
static inline const char *in_scratch(const char *name)
{
    static char paths[4][PATH_BYTES];
    static int next;
    char *path = paths[next++ % 4];
    cr_assert_eq(path_join(path, scratch, "%s", name), OK);
    return path;
}

static inline const char *in_golden(const char *name)
{
    static char path[PATH_BYTES];
    cr_assert_eq(path_join(path, TEST_GOLDEN, "%s", name), OK);
    return path;
}

/* Without file_write's fsync: some tests write thousands of files. */
static inline const char *put_bytes(const char *name, const void *bytes, size_t n)
{
    const char *path = in_scratch(name);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0, "%s cannot be written", path);
    return path;
}

static inline void put_text(const char *name, const char *content)
{
    (void)put_bytes(name, content, strlen(content));
}

/* The bytes of a file, to be freed. */
static inline char *bytes_of(const char *path, size_t *n)
{
    char *bytes;
    cr_assert_eq(file_read(path, 1 << 24, &bytes, n), OK, "%s", err_message());
    return bytes;
}

static inline void expect_message(const char *fragment)
{
    cr_expect_not_null(strstr(err_message(), fragment), "\"%s\" lacks \"%s\"", err_message(), fragment);
}

#define EXPECT_ERROR(expression, code, fragment)                                                             \
    do {                                                                                                     \
        err got_ = (expression);                                                                             \
        cr_expect_eq(got_, (code), "%s is %d (%s)", #expression, got_, err_message());                       \
        if (got_ != OK) expect_message(fragment);                                                            \
    } while (0)

#define ASSERT_OK(expression) cr_assert_eq((expression), OK, "%s", err_message())

#endif
