/* The sheet of samples: for each label a row of real and a row of synthetic images. */
#include "bench/gnuplot.h"
#include "bench/plot_figures.h"
#include "bench/sample_images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEET_COLUMNS = 8, SHEET_ROWS = 80, GAP = 2 };

typedef struct sheet {
    const char *labels[SHEET_ROWS], *kinds[SHEET_ROWS]; /* of the rows */
    int rows, size;                                     /* of an image, in pixels */
    uint8_t *gray; /* (rows * (size + GAP), SHEET_COLUMNS * (size + GAP)) */
} sheet;

static size_t sheet_width(const sheet *s)
{
    return (size_t)SHEET_COLUMNS * (size_t)(s->size + GAP);
}

static void copy_image(const sheet *s, const dataset *set, int index, int row, int column)
{
    size_t size = (size_t)s->size, step = size + GAP, wide = sheet_width(s);
    const uint8_t *from = set->images + (size_t)index * size * size;
    uint8_t *to = s->gray + (size_t)row * step * wide + (size_t)column * step;
    for (size_t y = 0; y < size; y++) memcpy(to + y * wide, from + y * size, size);
}

static err begin(sheet *s, const dataset *set)
{
    s->size = set->width;
    size_t bytes = sheet_width(s) * (size_t)SHEET_ROWS * (size_t)(s->size + GAP);
    s->gray = malloc(bytes);
    if (!s->gray) return err_set(ERR_SYSTEM, "out of memory for the sheet of samples");
    memset(s->gray, 255, bytes);
    return OK;
}

/* Rows of samples.csv that follow each other with one label and kind are a row of the sheet. */
static err fill(const evidence *e, sample_images *images, sheet *s)
{
    int column = 0;
    for (int i = 0; i < e->samples.rows; i++) {
        const char *label = evidence_text(&e->samples, i, "label"),
                   *kind = evidence_text(&e->samples, i, "kind");
        const dataset *set;
        int index, last = s->rows - 1;
        if (last < 0 || strcmp(s->labels[last], label) != 0 || strcmp(s->kinds[last], kind) != 0) {
            if (s->rows == SHEET_ROWS) return OK;
            s->labels[s->rows] = label;
            s->kinds[s->rows++] = kind;
            column = 0;
        }
        if (column == SHEET_COLUMNS) continue;
        TRY(sample_images_find(images, i, &set, &index));
        if (!s->gray) TRY(begin(s, set));
        if (set->width != s->size || set->height != s->size)
            return err_set(ERR_DATA, "%s/samples.csv: sets of several sizes", e->folder);
        copy_image(s, set, index, s->rows - 1, column++);
    }
    return OK;
}

static err write_sheet(const sheet *s, const char *out, text *prelude)
{
    char path[PATH_BYTES];
    TRY(path_join(path, out, "samples.gray"));
    gnuplot_number(prelude, "rows", s->rows);
    gnuplot_number(prelude, "columns", SHEET_COLUMNS);
    gnuplot_number(prelude, "step", s->size + GAP);
    gnuplot_texts(prelude, "labels", s->labels, s->rows);
    gnuplot_texts(prelude, "kinds", s->kinds, s->rows);
    return file_write(path, s->gray, sheet_width(s) * (size_t)s->rows * (size_t)(s->size + GAP));
}

err plot_samples(const evidence *e, const char *out, text *prelude, char *why)
{
    sample_images images;
    sheet s = {.rows = 0};
    sample_images_open(e, &images);
    err error = fill(e, &images, &s);
    if (error == OK && s.rows > 0)
        error = write_sheet(&s, out, prelude);
    else if (error == OK)
        (void)snprintf(why, PLOT_WHY_BYTES, "there is no samples.csv: no generator was trained");
    if (error == ERR_NO_INPUT) { /* results whose artifacts were cleared */
        (void)snprintf(why, PLOT_WHY_BYTES, "%.150s", err_message());
        error = OK;
    }
    sample_images_close(&images);
    free(s.gray);
    return error == OK ? text_check(prelude) : error;
}
