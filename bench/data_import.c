/* `bench data import`. */
#include "base/private.h"
#include "bench/data_command.h"
#include "bench/flags.h"
#include "bench/interrupt.h"
#include "bench/privacy.h"
#include "bench/tally.h"
#include "data/importers/importer.h"
#include "downstream/labeller.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    import_options o;
    const char *missing, *broken; /* "stop", "skip" or NULL */
    bool quiet, private;
} request;

enum { FLAGS = 15 };

static void list_flags(request *r, flag out[FLAGS])
{
    import_options *o = &r->o;
    const flag flags[FLAGS] = {
        {"--out", "SET", FLAG_TEXT, &o->out, 0, 0, "the folder of the set; it must not be there yet"},
        {"--size", "N", FLAG_INTEGER, &o->size, 1, 4096,
         "side of the images in pixels (128); use it as data.size"},
        {"--views", "V", FLAG_TEXT, &o->views, 0, 0,
         "frontal, all, or names such as PA,AP,L,unknown (frontal)"},
        {"--labels", "L", FLAG_TEXT, &o->labels, 0, 0,
         "these labels only, such as Edema,Mass; xrv18: torchxrayvision's 18"},
        {"--classes", "C", FLAG_TEXT, &o->classes, 0, 0,
         "only images with exactly one of these labels, as classes: what `bench run` needs"},
        {"--label-reports", NULL, FLAG_SWITCH, &o->label_reports, 0, 0, "read the labels out of the reports"},
        {"--report", "both|findings|impression", FLAG_TEXT, &o->report, 0, 0,
         "the sections that are kept (both)"},
        {"--first-of-patient", NULL, FLAG_SWITCH, &o->first_of_patient, 0, 0,
         "one image a patient, the first"},
        {"--min-age", "YEARS", FLAG_REAL, &o->least_age, 0, 130,
         "leave out younger patients and unknown ages"},
        {"--crop-top", "SHARE", FLAG_REAL, &o->crop_top, 0, 0.9, "cut this share of the height off above"},
        {"--variant", "NAME", FLAG_TEXT, &o->variant, 0, 0, "for some kinds: see below"},
        {"--missing", "stop|skip", FLAG_TEXT, &r->missing, 0, 0,
         "when a table names an image that is not there"},
        {"--broken", "stop|skip", FLAG_TEXT, &r->broken, 0, 0,
         "when a file is no PNG or JPEG image, or damaged"},
        {"--private", NULL, FLAG_SWITCH, &r->private, 0, 0,
         "mark the set private: only you can read it and what is made of it; see docs/data.md"},
        {"--quiet", NULL, FLAG_SWITCH, &r->quiet, 0, 0, "no progress on stderr"},
    };
    memcpy(out, flags, sizeof flags);
}

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t, "usage: bench data import KIND DIR --out SET [flags]\n\n"
            "Makes the packed set SET of a data set as it is published. Images are centre-cropped to a\n"
            "square and resized. What a table calls uncertain is -1 in labels.npy, what it does not tell\n"
            "NaN. A publisher's split is kept. Files that are left out are listed in SET/left_out.csv.\n\n");
    flags_help(flags, n, &t);
    text_printf(&t, "\nKinds, and what DIR holds:\n");
    const import_kind *k;
    for (int i = 0; (k = import_kinds(i)); i++) {
        text_printf(&t, "\n  %-13s %s\n", k->name, k->title);
        for (const char *line = k->wants; *line;) {
            size_t length = strcspn(line, "\n");
            text_printf(&t, "    %.*s\n", (int)length, line);
            line += length + (line[length] == '\n');
        }
    }
    return text_print(&t);
}

/* ---- labels out of reports ---- */

typedef struct reader {
    labeller *l;
    const char **names; /* (K) */
    mention *mentions;  /* (K) */
} reader;

/* A doubt is uncertain, -1, as in the tables of CheXpert's labeller. */
static err read_report(void *context, const char *report, float *labels)
{
    reader *r = context;
    TRY(labeller_read(r->l, report, r->mentions));
    for (int k = 0; k < labeller_labels(r->l); k++)
        labels[k] = r->mentions[k] == DOUBTED ? -1.0F : mention_label(r->mentions[k], DOUBT_UNKNOWN);
    return OK;
}

static void reader_close(reader *r)
{
    labeller_close(r->l);
    free(r->names);
    free(r->mentions);
}

static err reader_open(reader *r, import_options *o)
{
    TRY(labeller_open(NULL, &r->l));
    int n = labeller_labels(r->l);
    r->names = calloc((size_t)n, sizeof *r->names);
    r->mentions = calloc((size_t)n, sizeof *r->mentions);
    if (!r->names || !r->mentions) return err_set(ERR_SYSTEM, "out of memory for %d labels", n);
    for (int k = 0; k < n; k++) r->names[k] = labeller_label(r->l, k);
    o->labeller = read_report;
    o->labeller_context = r;
    o->labeller_names = r->names;
    o->labeller_n = n;
    return OK;
}

/* ---- the command ---- */

static void list_left_out(const request *r, const import_result *result, text *out)
{
    const char *joint = "left out: ";
    for (int i = 0; i < LEFT_REASONS; i++) {
        if (result->left_out[i] == 0) continue;
        text_printf(out, "%s%ld %s", joint, result->left_out[i], import_reasons[i]);
        joint = ", ";
    }
    if (result->left_out[LEFT_MISSING] + result->left_out[LEFT_BROKEN] > 0)
        text_printf(out, "; see %s/left_out.csv", r->o.out);
    if (*joint == ',') text_printf(out, "\n");
}

static err report(const request *r, const import_result *result)
{
    const import_options *o = &r->o;
    text t = {0};
    text_printf(&t, "%s: %ld images of %d x %d pixels, %d labels", o->out, result->images, o->size, o->size,
                result->labels);
    if (result->patients > 0) text_printf(&t, ", %ld patients", result->patients);
    if (result->reports > 0) text_printf(&t, ", %ld reports", result->reports);
    text_printf(&t, "\n");
    list_left_out(r, result, &t);
    if (!result->views_known && strcmp(o->views, "all") != 0)
        text_printf(&t, "views: not told by the publisher; lateral images may be among them\n");
    if (result->patients == 0)
        text_printf(
            &t,
            "patients: not told by the publisher; two images of one may end up on both sides of a split\n");
    text_printf(&t, "split: %s\n",
                result->split_known
                    ? "the publisher's"
                    : "none yet; training splits by patient, `bench data split` writes one down");
    text_printf(&t, "to train on it: --set data.source=packed:%s --set data.size=%d\n", o->out, o->size);
    return text_print(&t);
}

static import_answer answer_of(const char *given)
{
    return !given ? IMPORT_AS_KIND : strcmp(given, "skip") == 0 ? IMPORT_SKIP : IMPORT_STOP;
}

static err run(request *r)
{
    tally done;
    reader reports = {0};
    import_result result;
    r->o.missing = answer_of(r->missing);
    r->o.broken = answer_of(r->broken);
    r->o.progress = tally_tell;
    r->o.progress_context = &done;
    interrupt_catch();
    if (r->private) private_begin();
    privacy_watch(r->o.folder);
    tally_start(&done, "images", r->quiet);
    err error = reader_open(&reports, &r->o);
    if (error == OK) error = import_set(&r->o, &result);
    tally_end(&done);
    reader_close(&reports);
    r->o.progress_context = r->o.labeller_context = NULL;
    return error == OK ? report(r, &result) : error;
}

err data_import_main(int argc, char **argv)
{
    request r = {.o = import_defaults};
    flag flags[FLAGS];
    const char *words[2];
    int count;
    bool help;
    list_flags(&r, flags);
    TRY(flags_read("data import", argc, argv, flags, FLAGS, words, 2, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count < 2 || !r.o.out)
        return err_set(ERR_USAGE, "bench data import KIND DIR --out SET; see `bench data import --help`");
    r.o.kind = words[0];
    r.o.folder = words[1];
    return run(&r);
}
