/* `bench data dedup`. */
#include "bench/data_command.h"
#include "bench/flags.h"
#include "bench/interrupt.h"
#include "bench/privacy.h"
#include "bench/tally.h"
#include "data/dedup.h"
#include "data/images.h"
#include "data/subset.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRS_PRINTED = 10, SHEET_PAIRS = 60, SHEET_COLUMNS = 12 };

typedef struct request {
    const char *folder, *against, *out, *pairs, *sheet;
    near_options o;
    bool quiet, include_private;
} request;

/* What was found; `other` is `set`, or the set of --against. */
typedef struct result {
    dataset *set, *other;
    near_duplicates found;
    bool *leave_out; /* set->n */
    int groups;
} result;

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench data dedup SET [flags]\n\n"
        "Finds images that are in a packed set twice, or also in another set: in another size, brightness\n"
        "or contrast, compressed anew, or, with --cuts, cut out of one another. Of images that are alike, "
        "one\n"
        "stays: one on the test side of the split before validation and training, else the first.\n\n");
    flags_help(flags, n, &t);
    text_printf(
        &t, "\nImages of one patient, taken a few days apart, can be as alike as copies are: look at the\n"
            "--sheet before you leave something out.\n");
    return text_print(&t);
}

/* ---- output ---- */

static void put_pair(const result *r, const near_duplicate *p, text *t)
{
    text_printf(t, "  %9.3f %7.0f%%   %s = %s\n", p->agreement, 100 * p->share, r->set->samples[p->a].id,
                r->other->samples[p->b].id);
}

static void put_counts(const request *q, const result *r, text *t)
{
    pair_counts c;
    dedup_count(r->set, r->other, &r->found, &c);
    text_printf(t, "%s: %d images", q->folder, r->set->n);
    if (q->against) text_printf(t, "; %s: %d images", q->against, r->other->n);
    text_printf(t, "; %d pairs are alike", c.pairs);
    if (!q->against) text_printf(t, ", in %d groups", r->groups);
    text_printf(t, "\n");
    if (c.pairs == 0) return;
    if (!q->against)
        text_printf(t, "  %d of one patient, %d of two patients, %d on two sides of the split\n",
                    c.one_patient, c.two_patients, c.two_sides);
    text_printf(t, "  %d with contrary labels\n", c.other_labels);
    text_printf(t, "\n  agreement  share   images\n");
    for (int i = 0; i < r->found.n && i < PAIRS_PRINTED; i++) put_pair(r, &r->found.pairs[i], t);
    if (r->found.n > PAIRS_PRINTED) text_printf(t, "  ... %d more\n", r->found.n - PAIRS_PRINTED);
}

static err write_pairs(const char *path, const result *r)
{
    text t = {0};
    text_printf(&t, "agreement,share,id,other_id,patient,other_patient,split,other_split\n");
    for (int i = 0; i < r->found.n; i++) {
        const near_duplicate *p = &r->found.pairs[i];
        const sample_info *x = &r->set->samples[p->a], *y = &r->other->samples[p->b];
        const char *const cells[] = {x->id, y->id, x->patient, y->patient, x->split, y->split};
        text_printf(&t, "%.4f,%.3f", p->agreement, p->share);
        for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
            text_printf(&t, ",");
            text_csv_cell(&t, cells[c]);
        }
        text_printf(&t, "\n");
    }
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

/* An image of any set at the size of a sheet's. */
static err put_on_sheet(const dataset *set, int i, int size, uint8_t *out)
{
    size_t pixels = (size_t)set->width * (size_t)set->width;
    const uint8_t *from = set->images + (size_t)i * pixels;
    gray_image image = {set->width, set->width, malloc(pixels * sizeof *image.pixels)};
    if (!image.pixels) return err_set(ERR_SYSTEM, "out of memory for an image of the sheet");
    for (size_t p = 0; p < pixels; p++) image.pixels[p] = (float)from[p];
    err error = image_square(&image, size, out);
    free(image.pixels);
    return error;
}

/* The first pairs, side by side. */
static err write_sheet(const char *path, const result *r)
{
    enum { SMALL = 64, LARGE = 128 };
    int n = r->found.n < SHEET_PAIRS ? r->found.n : SHEET_PAIRS;
    int size = r->set->width < SMALL ? SMALL : r->set->width < LARGE ? r->set->width : LARGE;
    size_t pixels = (size_t)size * (size_t)size;
    uint8_t *images = malloc(2 * (size_t)n * pixels);
    if (!images) return err_set(ERR_SYSTEM, "%s: out of memory for the sheet", path);
    err error = OK;
    for (int i = 0; i < n && error == OK; i++) {
        const near_duplicate *p = &r->found.pairs[i];
        error = put_on_sheet(r->set, p->a, size, images + 2 * (size_t)i * pixels);
        if (error == OK) error = put_on_sheet(r->other, p->b, size, images + (2 * (size_t)i + 1) * pixels);
    }
    if (error == OK) error = image_write_sheet(path, images, 2 * n, size, SHEET_COLUMNS, 1);
    free(images);
    return error;
}

/* ---- the command ---- */

static err choose(const request *q, result *r)
{
    r->leave_out = calloc((size_t)r->set->n, sizeof *r->leave_out);
    if (r->leave_out && q->against)
        dedup_against(r->set, &r->found, r->leave_out);
    else if (r->leave_out)
        r->groups = dedup_within(r->set, &r->found, r->leave_out);
    return r->leave_out && r->groups >= 0 ? OK
                                          : err_set(ERR_SYSTEM, "out of memory for %d images", r->set->n);
}

/* The pairs that agree least come first: it is these that have to be looked at. */
static int by_agreement(const void *a, const void *b)
{
    const near_duplicate *x = a, *y = b;
    if (x->agreement != y->agreement) return x->agreement < y->agreement ? -1 : 1;
    return x->a != y->a ? x->a - y->a : x->b - y->b;
}

static err search(request *q, result *r)
{
    tally done;
    TRY(dataset_open_packed(q->folder, &r->set));
    r->other = r->set;
    if (q->against) TRY(dataset_open_packed(q->against, &r->other));
    q->o.progress = tally_tell;
    q->o.context = &done;
    interrupt_catch();
    tally_start(&done, "images searched", q->quiet);
    err error = near_duplicates_find(r->set, q->against ? r->other : NULL, &q->o, &r->found);
    tally_end(&done);
    if (error == OK && r->found.n > 0)
        qsort(r->found.pairs, (size_t)r->found.n, sizeof *r->found.pairs, by_agreement);
    return error == OK ? choose(q, r) : error;
}

static err write_files(const request *q, const result *r)
{
    if (q->pairs) TRY(write_pairs(q->pairs, r));
    if (q->sheet && r->found.n > 0) TRY(write_sheet(q->sheet, r));
    return q->out ? subset_write(q->folder, r->leave_out, r->set->n, q->out) : OK;
}

static err report(const request *q, const result *r)
{
    text t = {0};
    int left_out = 0;
    TRY(write_files(q, r));
    for (int i = 0; i < r->set->n; i++) left_out += r->leave_out[i];
    put_counts(q, r, &t);
    if (q->out)
        text_printf(&t, "%s: %d images, %d left out\n", q->out, r->set->n - left_out, left_out);
    else if (left_out > 0)
        text_printf(&t, "--out NEW writes the set without %d of them\n", left_out);
    return text_print(&t);
}

static void result_close(result *r)
{
    near_duplicates_close(&r->found);
    if (r->other != r->set) dataset_close(r->other);
    dataset_close(r->set);
    free(r->leave_out);
}

err data_dedup_main(int argc, char **argv)
{
    request q = {.o.least = least_agreement};
    result r = {0};
    int count;
    bool help;
    const flag flags[] = {
        {"--against", "OTHER", FLAG_TEXT, &q.against, 0, 0, "leave out what the packed set OTHER has, too"},
        {"--cuts", NULL, FLAG_SWITCH, &q.o.cuts, 0, 0, "also images cut out of another one; slow"},
        {"--agreement", "R", FLAG_REAL, &q.o.least, 0.5, 1, "how far details must agree (0.86)"},
        {"--out", "NEW", FLAG_TEXT, &q.out, 0, 0, "write the set without them; it must not be there yet"},
        {"--pairs", "FILE", FLAG_TEXT, &q.pairs, 0, 0,
         "write all pairs as CSV, those that agree least first"},
        {"--sheet", "FILE", FLAG_TEXT, &q.sheet, 0, 0,
         "a PNG of the 60 pairs that agree least, side by side"},
        {"--include-private", NULL, FLAG_SWITCH, &q.include_private, 0, 0, privacy_help},
        {"--quiet", NULL, FLAG_SWITCH, &q.quiet, 0, 0, "no progress on stderr"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("data dedup", argc, argv, flags, FLAGS, &q.folder, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count < 1) return err_set(ERR_USAGE, "bench data dedup SET; see `bench data dedup --help`");
    privacy_watch(q.folder);
    privacy_watch(q.against);
    if (q.sheet) TRY(privacy_allow(q.include_private, "--sheet"));
    err error = search(&q, &r);
    if (error == OK) error = report(&q, &r);
    result_close(&r);
    return error;
}
