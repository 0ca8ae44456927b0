/* Parsers of one file. */
#include "base/text.h"
#include "bench/inifile.h"
#include "bench/settings.h"
#include "data/csv_rows.h"
#include "data/decode.h"
#include "data/importers/sections.h"
#include "data/npy.h"
#include "data/report_text.h"
#include "data/table.h"
#include "data/vocabulary.h"
#include "downstream/rules.h"
#include "emixer/emixer.h"
#include "nn/safetensors.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* Keeps a sum of what was read, so that no compiler leaves the reading out. */
static volatile size_t touched;

static void touch(const void *bytes, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((const unsigned char *)bytes)[i];
    touched += sum;
}

/* The bytes as a string that ends exactly where it must. To be freed. */
static char *string_of(const uint8_t *bytes, size_t n)
{
    char *out = malloc(n + 1);
    if (!out) abort();
    if (n > 0) memcpy(out, bytes, n);
    out[n] = '\0';
    return out;
}

void fuzz_ini(const uint8_t *bytes, size_t n)
{
    ini_file f;
    if (ini_file_open(fuzz_file(bytes, n), &f) == OK)
        for (int i = 0; i < f.n; i++) touch(f.entries[i].section, strlen(f.entries[i].section));
    ini_file_close(&f);
}

void fuzz_settings(const uint8_t *bytes, size_t n)
{
    static settings initial, s;
    static study experiment;
    const char *const presets[] = {"full"};
    if (!initial.name[0]) settings_defaults(&initial);
    s = initial;
    if (settings_load(&s, fuzz_file(bytes, n), presets, n % 2 ? 1 : 0) == OK)
        (void)study_open(&s, &experiment);
}

static void read_rows(csv_rows *r)
{
    text copied = {0};
    bool more = true;
    csv_rows_copy_header(r, &copied);
    (void)csv_rows_column(r, "path");
    while (csv_rows_next(r, &more) == OK && more) {
        for (int c = 0; c < csv_rows_width(r); c++) touch(csv_rows_cell(r, c), strlen(csv_rows_cell(r, c)));
        csv_rows_copy_row(r, 0, "x", &copied);
        if (copied.length > 1 << 16) copied.length = 0;
    }
    text_close(&copied);
    csv_rows_close(r);
}

void fuzz_csv(const uint8_t *bytes, size_t n)
{
    csv_rows *r;
    table t;
    if (csv_rows_parse("f.csv", (const char *)bytes, n, &r) == OK) read_rows(r);
    if (table_parse("f.csv", (const char *)bytes, n, &t) != OK) return;
    for (int i = 0; i < t.rows; i++) touch(table_cell(&t, i, 0), strlen(table_cell(&t, i, 0)));
    table_close(&t);
}

void fuzz_gzip(const uint8_t *bytes, size_t n)
{
    csv_rows *r;
    if (csv_rows_open(fuzz_file(bytes, n), &r) == OK) read_rows(r);
}

void fuzz_npy(const uint8_t *bytes, size_t n)
{
    npy array;
    if (npy_open(fuzz_file(bytes, n), &array) != OK) return;
    size_t size = array.type == 'f' ? sizeof(float) : 1;
    for (int d = 0; d < array.rank; d++) size *= (size_t)array.shape[d];
    touch(array.data, size);
    npy_close(&array);
}

void fuzz_safetensors(const uint8_t *bytes, size_t n)
{
    safetensors *f;
    emixer_opts o;
    const char *path = fuzz_file(bytes, n);
    (void)emixer_read_options(path, &o);
    if (safetensors_open(path, &f) != OK) return;
    for (int i = 0; i < safetensors_count(f); i++) {
        nn_shape_t shape;
        const float *values;
        if (safetensors_read(f, safetensors_name(f, i), &shape, &values) == OK)
            touch(values, nn_count(&shape) * sizeof *values);
    }
    (void)safetensors_metadata(f, "labels");
    safetensors_close(f);
}

static void touch_image(gray_image *image)
{
    touch(image->pixels, (size_t)image->width * (size_t)image->height * sizeof *image->pixels);
    free(image->pixels);
}

/* What the fast way accepts, libpng reads as the same image. */
void fuzz_png(const uint8_t *bytes, size_t n)
{
    gray_image image, fast;
    bool gray = png_decode_gray("f.png", (const char *)bytes, n, &fast);
    err error = png_decode_any("f.png", (const char *)bytes, n, &image);
    if (gray) {
        fuzz_must(error);
        if (image.width != fast.width || image.height != fast.height ||
            memcmp(image.pixels, fast.pixels,
                   (size_t)image.width * (size_t)image.height * sizeof *image.pixels) != 0)
            fuzz_must(err_set(ERR_INTERNAL, "the two ways through a PNG differ"));
        touch_image(&fast);
    }
    if (error == OK) touch_image(&image);
}

void fuzz_jpeg(const uint8_t *bytes, size_t n)
{
    gray_image image;
    if (jpeg_decode("f.jpg", (const char *)bytes, n, &image) == OK) touch_image(&image);
}

void fuzz_report(const uint8_t *bytes, size_t n)
{
    char *report = string_of(bytes, n);
    text findings = {0}, impression = {0}, clean = {0}, readable = {0};
    sections_find(report, &findings, &impression);
    report_rules how = n % 2 ? REPORT_RULES_IU : REPORT_RULES_MIMIC;
    if (report_clean(report, how, &clean) == OK && clean.data) (void)report_readable(clean.data, &readable);
    text_close(&findings);
    text_close(&impression);
    text_close(&clean);
    text_close(&readable);
    free(report);
}

void fuzz_vocabulary(const uint8_t *bytes, size_t n)
{
    vocabulary *v;
    int ids[32], sentences[32], counts[4];
    if (vocabulary_parse("f.csv", (const char *)bytes, n, &v) != OK) return;
    (void)report_encode(v, "the heart is normal . no effusion .", 32, ids);
    (void)report_encode_sentences(v, "the heart is normal . no effusion .", 4, 8, sentences, counts);
    vocabulary_close(v);
}

void fuzz_rules(const uint8_t *bytes, size_t n)
{
    rules r;
    if (rules_parse("f.csv", (const char *)bytes, n, &r) == OK) touch(&r, sizeof r);
    rules_close(&r);
}
