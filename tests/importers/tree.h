/* Made-up data sets in the publishers' layouts, and what their import makes of them. */
#ifndef TESTS_IMPORTERS_TREE_H
#define TESTS_IMPORTERS_TREE_H

#include "base/text.h"
#include "data/images.h"
#include "data/importers/importer.h"
#include "data/npy.h"
#include "data/table.h"
#include "tests/data/scratch.h"

#include <math.h>
#include <zlib.h>

/* Makes the folders above scratch/in/name, and gives its path below the scratch folder. */
static inline const char *placed(const char *name)
{
    static char path[PATH_BYTES], folder[PATH_BYTES];
    ASSERT_OK(path_join(path, "in", "%s", name));
    (void)snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    ASSERT_OK(folder_make(in_scratch(folder)));
    return path;
}

static inline void tree_text(const char *name, const char *content)
{
    put_text(placed(name), content);
}

static inline void tree_gzip(const char *name, const char *content)
{
    gzFile file = gzopen(in_scratch(placed(name)), "wb");
    cr_assert(file && gzputs(file, content) == (int)strlen(content) && gzclose(file) == Z_OK);
}

/* An 8 x 6 PNG of one gray, by which it is known again. */
static inline void tree_image(const char *name, int gray)
{
    uint8_t pixels[48];
    memset(pixels, gray, sizeof pixels);
    ASSERT_OK(image_write_png(in_scratch(placed(name)), pixels, 8, 6));
}

/* Options that import scratch/in into scratch/out at 4 x 4 pixels. */
static inline import_options options_of(const char *kind)
{
    static char in[PATH_BYTES], out[PATH_BYTES];
    (void)snprintf(in, sizeof in, "%s", in_scratch("in"));
    (void)snprintf(out, sizeof out, "%s", in_scratch("out"));
    import_options o = import_defaults;
    o.kind = kind;
    o.folder = in;
    o.out = out;
    o.size = 4;
    return o;
}

static inline const char *label_signs(const float *labels, int n)
{
    static char signs[64];
    for (int k = 0; k < n; k++)
        signs[k] = isnan(labels[k]) ? '.' : labels[k] == 1 ? '1' : labels[k] == 0 ? '0' : '-';
    signs[n] = '\0';
    return signs;
}

/* The set in scratch/out as text, a line a sample: id, patient, split, view, sex, age, labels (1, 0, - for
 * -1, . for unknown), gray, report; and before them a line with the names of the labels. To be freed. */
static inline char *described(void)
{
    table rows, labels;
    npy images, values;
    text t = {0};
    ASSERT_OK(table_open(in_scratch("out/samples.csv"), 1 << 20, &rows));
    ASSERT_OK(table_open(in_scratch("out/labels.csv"), 1 << 20, &labels));
    ASSERT_OK(npy_open(in_scratch("out/images.npy"), &images));
    ASSERT_OK(npy_open(in_scratch("out/labels.npy"), &values));
    cr_assert(images.shape[0] == rows.rows && values.shape[0] == rows.rows);
    for (int k = 0; k < labels.rows; k++)
        text_printf(&t, "%s%s", k ? "," : "", csv_cell_content(table_cell(&labels, k, 0)));
    text_printf(&t, "\n");
    for (int i = 0; i < rows.rows; i++) {
        static const char *const columns[] = {"id", "patient", "split", "view", "sex", "age"};
        for (int c = 0; c < 6; c++)
            text_printf(&t, "%s|", csv_cell_content(table_cell(&rows, i, table_column(&rows, columns[c]))));
        const uint8_t *pixels = (const uint8_t *)images.data + (size_t)i * 16;
        for (int p = 1; p < 16; p++) cr_assert_eq(pixels[p], pixels[0]);
        text_printf(&t, "%s|%d|%s\n",
                    label_signs((const float *)values.data + (size_t)i * (size_t)labels.rows, labels.rows),
                    pixels[0], csv_cell_content(table_cell(&rows, i, table_column(&rows, "report"))));
    }
    table_close(&rows);
    table_close(&labels);
    npy_close(&images);
    npy_close(&values);
    return t.data;
}

/* Imports and compares with what `described` gives. Leaves no set behind. */
static inline import_result expect_import(const import_options *o, const char *wanted)
{
    import_result result;
    ASSERT_OK(import_set(o, &result));
    char *got = described();
    cr_expect_str_eq(got, wanted, "got:\n%swanted:\n%s", got, wanted);
    free(got);
    ASSERT_OK(folder_remove(in_scratch("out")));
    return result;
}

/* The import fails, and leaves neither a set nor a part of one. */
static inline void expect_refused(const import_options *o, err code, const char *message)
{
    import_result result;
    EXPECT_ERROR(import_set(o, &result), code, message);
    cr_expect_not(path_exists(in_scratch("out")));
    cr_expect_not(path_exists(in_scratch("out.part")));
}

#endif
