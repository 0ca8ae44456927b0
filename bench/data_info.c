/* `bench data info`. */
#include "bench/data_command.h"
#include "bench/flags.h"
#include "bench/privacy.h"
#include "data/images.h"
#include "data/set_summary.h"

#include <stdlib.h>
#include <string.h>

/* Tables of labels that occur together are printed whole up to this many labels, else their largest entries.
 */
enum { TABLE_MOST = 15, PAIRS_PRINTED = 20, SHEET_COLUMNS = 12 };

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(&t,
                "usage: bench data info SET [flags]\n\n"
                "Counts images, labels and those that occur together, views, patients, splits, reports, and\n"
                "images that are there twice to the pixel; `bench data dedup` finds those that are nearly "
                "alike.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

static double percent(long part, long whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void put_labels(const set_summary *s, text *t)
{
    text_printf(t, "\n  %-28s %9s %9s %9s %9s  %s\n", "label", "present", "absent", "uncertain", "unknown",
                "present among known");
    for (int k = 0; k < s->set->n_labels; k++) {
        const label_counts *c = &s->labels[k];
        text_printf(t, "  %-28s %9ld %9ld %9ld %9ld  %5.1f%%\n", s->set->label_names[k], c->present,
                    c->absent, c->uncertain, c->unknown, percent(c->present, c->present + c->absent));
    }
}

static void put_table(const set_summary *s, text *t)
{
    int n = s->set->n_labels;
    text_printf(t, "\n  images with both labels (numbered as above)\n  %-28s", "");
    for (int b = 0; b < n; b++) text_printf(t, " %6d", b + 1);
    text_printf(t, "\n");
    for (int a = 0; a < n; a++) {
        text_printf(t, "  %2d %-25.25s", a + 1, s->set->label_names[a]);
        for (int b = 0; b < n; b++) text_printf(t, " %6ld", s->together[a * n + b]);
        text_printf(t, "\n");
    }
}

typedef struct pair {
    int a, b;
    long n;
} pair;

static int by_count(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return x->a != y->a ? x->a - y->a : x->b - y->b;
}

static err put_pairs(const set_summary *s, text *t)
{
    int n = s->set->n_labels, count = 0;
    pair *pairs = calloc((size_t)n * (size_t)n, sizeof *pairs);
    if (!pairs) return err_set(ERR_SYSTEM, "out of memory for %d labels", n);
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n; b++)
            if (s->together[a * n + b] > 0) pairs[count++] = (pair){a, b, s->together[a * n + b]};
    qsort(pairs, (size_t)count, sizeof *pairs, by_count);
    text_printf(t, "\n  most frequent pairs of labels\n");
    for (int i = 0; i < count && i < PAIRS_PRINTED; i++)
        text_printf(t, "  %9ld  %s, %s\n", pairs[i].n, s->set->label_names[pairs[i].a],
                    s->set->label_names[pairs[i].b]);
    free(pairs);
    return OK;
}

static void put_names(const char *title, const name_counts *c, const char *without, text *t)
{
    text_printf(t, "\n  %-28s %9s %9s\n", title, "images", "patients");
    for (int k = 0; k < c->n; k++)
        text_printf(t, "  %-28s %9ld %9ld\n", c->names[k].name[0] ? c->names[k].name : without,
                    c->names[k].images, c->names[k].patients);
    if (c->others > 0) text_printf(t, "  %-28s %9ld\n", "(others)", c->others);
}

static void put_patients(const set_summary *s, text *t)
{
    text_printf(
        t,
        "\n  patients     %ld known, %ld with several images, at most %ld; %ld images of unknown patients\n",
        s->patients, s->several, s->most, s->without_patient);
    if (s->torn > 0)
        text_printf(t, "  LEAK         %ld patients are on more than one side of the split\n", s->torn);
    text_printf(t, "  reports      %ld", s->reports);
    if (s->reports > 0) text_printf(t, ", %.1f words on average", (double)s->words / (double)s->reports);
    text_printf(t, "\n");
}

static void put_pixels(const set_summary *s, text *t)
{
    text_printf(t, "  pixels       mean %.1f, standard deviation %.1f; %ld images of one gray only\n",
                s->mean, s->deviation, s->flat);
    text_printf(t, "  duplicates   %ld images have the very pixels of an earlier one", s->duplicates);
    if (s->duplicates > 0)
        text_printf(t, ": %ld of another patient, %ld on another side of the split", s->duplicate_patients,
                    s->duplicate_splits);
    text_printf(t, "\n");
    for (int i = 0; i < s->n_pairs; i++)
        text_printf(t, "               %s = %s\n", s->set->samples[s->pairs[i][1]].id,
                    s->set->samples[s->pairs[i][0]].id);
}

static err describe(const char *folder, const set_summary *s, text *t)
{
    const dataset *set = s->set;
    text_printf(t, "%s: %d images of %d x %d pixels, %d labels (content %.12s)\n", folder, set->n, set->width,
                set->height, set->n_labels, set->content.hex);
    put_labels(s, t);
    if (set->n_labels > TABLE_MOST)
        TRY(put_pairs(s, t));
    else
        put_table(s, t);
    put_names("view", &s->views, "(none)", t);
    put_names("split", &s->splits, "(none)", t);
    put_patients(s, t);
    put_pixels(s, t);
    return OK;
}

/* ---- the contact sheet ---- */

/* A row a label: images that have it, evenly spread over the set. Rows of labels that no image has are gray.
 */
static void fill_row(const set_summary *s, int label, uint8_t *row)
{
    const dataset *set = s->set;
    size_t pixels = (size_t)set->height * (size_t)set->width;
    long present = s->labels[label].present, seen = 0;
    int shown = present < SHEET_COLUMNS ? (int)present : SHEET_COLUMNS, next = 0;
    memset(row, 128, SHEET_COLUMNS * pixels);
    for (int i = 0; i < set->n && next < shown; i++) {
        if (!(set->labels[(size_t)i * (size_t)set->n_labels + (size_t)label] > 0)) continue;
        if (seen++ != next * present / shown) continue;
        memcpy(row + (size_t)next++ * pixels, set->images + (size_t)i * pixels, pixels);
    }
}

static err write_sheet(const char *path, const set_summary *s)
{
    const dataset *set = s->set;
    enum { SMALL = 64 };
    int rows = set->n_labels;
    size_t row_bytes = SHEET_COLUMNS * (size_t)set->height * (size_t)set->width;
    uint8_t *images = malloc((size_t)rows * row_bytes);
    if (!images) return err_set(ERR_SYSTEM, "%s: out of memory for the sheet", path);
    for (int k = 0; k < rows; k++) fill_row(s, k, images + (size_t)k * row_bytes);
    err error = image_write_sheet(path, images, rows * SHEET_COLUMNS, set->width, SHEET_COLUMNS,
                                  set->width < SMALL ? 2 : 1);
    free(images);
    return error;
}

static err run(const char *folder, const char *sheet, bool include_private)
{
    privacy_watch(folder);
    if (sheet) TRY(privacy_allow(include_private, "--sheet"));
    set_summary s;
    text t = {0};
    TRY(set_summary_open(folder, &s));
    err error = describe(folder, &s, &t);
    if (error == OK && sheet) error = write_sheet(sheet, &s);
    if (error == OK && sheet)
        text_printf(&t, "  sheet        %s: a row a label, in their order above\n", sheet);
    if (error == OK)
        error = text_print(&t);
    else
        text_close(&t);
    set_summary_close(&s);
    return error;
}

err data_info_main(int argc, char **argv)
{
    const char *folder, *sheet = NULL;
    int count;
    bool include_private = false, help;
    const flag flags[] = {
        {"--sheet", "FILE", FLAG_TEXT, &sheet, 0, 0, "also a PNG with a row of images for each label"},
        {"--include-private", NULL, FLAG_SWITCH, &include_private, 0, 0, privacy_help},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("data info", argc, argv, flags, FLAGS, &folder, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count < 1) return err_set(ERR_USAGE, "bench data info SET; see `bench data info --help`");
    return run(folder, sheet, include_private);
}
