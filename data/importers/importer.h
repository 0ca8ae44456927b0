/* Public chest X-ray data sets, as they are published, into packed sets (data/dataset.h).
 *
 * An import walks the publisher's tables twice: first to see what there is (counts, label names, files that
 * are missing), then to decode. Memory does not grow with the images; for the ids, and where tables are
 * joined, a few dozen bytes an image are kept. */
#ifndef DATA_IMPORTERS_IMPORTER_H
#define DATA_IMPORTERS_IMPORTER_H

#include "base/err.h"

#include <stdbool.h>

/* What to do about a file that a table names and that is not there, or is no image. */
typedef enum import_answer {
    IMPORT_AS_KIND, /* what the kind's publisher makes necessary: mostly to stop */
    IMPORT_STOP,
    IMPORT_SKIP /* leave it out, and say so in left_out.csv */
} import_answer;

/* Why an image is not in the set. */
typedef enum import_reason {
    LEFT_VIEW,       /* another view */
    LEFT_MODALITY,   /* not an X-ray */
    LEFT_UNLABELLED, /* the publisher has no finding for it */
    LEFT_CLASS,      /* none, or several, of the classes asked for */
    LEFT_AGE,        /* too young, or of unknown age */
    LEFT_PATIENT,    /* not the first of its patient */
    LEFT_MISSING,
    LEFT_BROKEN,
    LEFT_REASONS
} import_reason;
extern const char *const import_reasons[LEFT_REASONS]; /* "of another view", ... */

/* Reads labels out of a report: fills labels (n) with 0, 1, -1 or NaN. */
typedef err (*import_labeller)(void *context, const char *report, float *labels);

typedef struct import_options {
    const char *kind, *folder, *out;
    int size;          /* side of the images */
    const char *views; /* "frontal", "all", or names joined by commas; `unknown` is one */
    const char
        *labels; /* NULL: the publisher's; "xrv18": torchxrayvision's 18; else names joined by commas */
    const char *classes; /* NULL; or names joined by commas: keep the images that have exactly one of these
                            labels, which become one-hot */
    const char *variant; /* NULL; which of several lists a folder has (covidx) */
    const char *report;  /* "both", "findings" or "impression": the sections kept */
    import_answer missing, broken;
    double crop_top;       /* share of the height cut off above; negative: as the kind's publisher does */
    double least_age;      /* years; 0: any age */
    bool first_of_patient; /* keep each patient's first image (of those that pass the filters) */

    bool label_reports;       /* labels come from the reports, even where the publisher has some */
    import_labeller labeller; /* for that, and for kinds without labels */
    void *labeller_context;
    const char *const *labeller_names; /* (labeller_n) */
    int labeller_n;

    /* Told how far it is, from one thread; total is 0 while images are being counted. An error stops the
     * import. May be NULL. */
    err (*progress)(void *context, long done, long total);
    void *progress_context;
} import_options;

extern const import_options import_defaults; /* kind, folder and out are NULL */

typedef struct import_result {
    long images, patients, reports; /* in the set; patients: 0 if the publisher does not tell */
    long left_out[LEFT_REASONS];
    int labels;
    bool views_known; /* the publisher tells the views */
    bool split_known; /* every image has a publisher's split */
} import_result;

/* Makes the set options->out, with every image centre-cropped to a square and resized, and left_out.csv if
 * files were missing or broken. It is there when it is whole, or not at all. ERR_USAGE for an unknown kind,
 * view or label, or an option the kind cannot serve; ERR_NO_INPUT for a missing folder, table or image;
 * ERR_DATA naming the table and its line for a path that leaves the folder, an id that is not unique, a value
 * that is none, or a file that is no image; ERR_CANNOT_CREATE if `out` exists; ERR_IO, ERR_SYSTEM; and what
 * `progress` returns. */
err import_set(const import_options *options, import_result *result);

/* The kinds, by index; NULL behind the last. */
typedef struct import_kind {
    const char *name, *title;
    const char *wants; /* what the folder must hold, in a few lines */
} import_kind;
const import_kind *import_kinds(int index);

#endif
