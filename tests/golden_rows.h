/* Reads the rows of a small CSV of numbers ("nan" included) in tests/golden, below its header line. */
#ifndef TESTS_GOLDEN_ROWS_H
#define TESTS_GOLDEN_ROWS_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

typedef struct golden_rows {
    FILE *file;
    int columns;
} golden_rows;

static inline golden_rows golden_rows_open(const char *name, int columns)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", TEST_GOLDEN, name);
    golden_rows rows = {fopen(path, "r"), columns};
    cr_assert(rows.file != NULL, "%s cannot be opened", path);
    for (int c = 0; c != '\n';) {
        c = fgetc(rows.file);
        cr_assert(c != EOF, "%s has no header line", path);
    }
    return rows;
}

/* 1 and the next row's values, or 0 (and the file closed) after the last one. */
static inline int golden_rows_next(golden_rows *rows, double *values)
{
    for (int c = 0; c < rows->columns; c++) {
        int got = fscanf(rows->file, c == 0 ? "%lf" : ",%lf", &values[c]);
        if (c == 0 && got == EOF) {
            (void)fclose(rows->file);
            return 0;
        }
        cr_assert(got == 1, "a golden row lacks column %d of %d", c, rows->columns);
    }
    return 1;
}

/* Equal to within tolerance * max(1, |want|), or both NaN. */
static inline int is_close(double got, double want, double tolerance)
{
    if (isnan(want)) return isnan(got) != 0;
    return fabs(got - want) <= tolerance * fmax(1.0, fabs(want));
}

#define CHECK_CLOSE(got, want, tolerance, ...)                                                               \
    do {                                                                                                     \
        double got_ = (got), want_ = (want);                                                                 \
        cr_expect(is_close(got_, want_, (tolerance)), #got " is %.17g, want %.17g (case %d)", got_, want_,   \
                  (__VA_ARGS__));                                                                            \
    } while (0)

#endif
