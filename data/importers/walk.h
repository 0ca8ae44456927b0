/* What an importer is, and what it has to work with. Private to data/importers/.
 *
 * An importer walks the publisher's tables and calls walk_image for every image they name, all of them: what
 * is wanted is decided behind it. It is run twice, and must walk the same way both times. */
#ifndef DATA_IMPORTERS_WALK_H
#define DATA_IMPORTERS_WALK_H

#include "base/files.h"
#include "base/text.h"
#include "data/csv_rows.h"
#include "data/importers/importer.h"

#include <sys/types.h>

enum { WALK_LABELS = 512, WALK_LABEL_BYTES = 128 };

typedef struct walk walk;

typedef struct importer {
    import_kind about;
    err (*walk)(walk *w);
    bool skip_missing, skip_broken; /* the publisher's own tables name files that are not there, or broken */
    bool unlabelled;                /* the publisher has no labels: they come from the reports */
    double crop_top;                /* what the publisher's own programs cut off above */
} importer;

extern const importer importers[];
extern const int importer_count;

/* One image. Texts are not NULL; they are copied by walk_image. */
typedef struct walk_row {
    const char *file; /* below the data set's folder */
    const char *id;   /* unique in the set */
    const char *patient, *split, *view, *report, *sex;
    float age;                 /* years, or NaN */
    bool inverted;             /* white is 0 (DICOM's MONOCHROME1) */
    const char *table;         /* where it is named, for messages */
    int line;                  /* 0: not in a line */
    float labels[WALK_LABELS]; /* in the order of the walk's labels: 0, 1, -1 (uncertain) or NaN (unknown) */
} walk_row;

/* A row without anything, whose labels are all `fill`. */
void walk_row_begin(walk_row *row, const char *table, int line, float fill);

/* The folder's path, for messages, and the file within it that the user named; "" if it was the folder. */
const char *walk_folder(const walk *w);
const char *walk_named_file(const walk *w);

/* The option --variant, or "". */
const char *walk_variant(const walk *w);

/* Declares the labels, before the first image, where they are known beforehand. */
err walk_labels(walk *w, const char *const *names, int n);

/* Sets a label of a row by its name. Where none were declared, the walk learns the names, and the set has
 * them in the order of their bytes; else ERR_DATA if there is no such label. */
err walk_set_label(walk *w, walk_row *row, const char *name, float value);

/* The publisher tells the view of (nearly) every image. Before the first image. */
void walk_views_known(walk *w);

/* Takes an image. ERR_DATA, with table and line, for a path that leaves the folder and an id that occurred
 * before. */
err walk_image(walk *w, walk_row *row);

/* Counts an image that is left out for a reason that only the importer can see. */
void walk_leave_out(walk *w, import_reason reason);

/* Whether reports are looked at in this walk: reading them is left out if not. */
bool walk_wants_reports(const walk *w);

/* The sections of a report that are kept, as one text; both may be "". `out` is emptied first. */
err walk_report(const walk *w, const char *findings, const char *impression, text *out);

/* The checked path of a file below the data set's folder, as data_root_file has it. */
err walk_path(walk *w, const char *relative, char out[PATH_BYTES]);

/* The kind of what a path leads to that was made from walk_folder, as data_root_inspect has it. */
err walk_inspect(const walk *w, const char *path, mode_t *mode);

/* Whether a file is there, below the data set's folder. */
bool walk_has(walk *w, const char *relative);

/* Finds a file by name in one of several folders ("" is the data set's), remembering which had the last one.
 * Gives its relative path; that in the first folder if it is nowhere. */
err walk_locate(walk *w, const char *const *folders, int n, const char *name, char out[PATH_BYTES]);

/* Opens the first table that is there, by its name or with ".gz" behind. Without any, *out is NULL. */
err walk_find_table(walk *w, const char *const *names, int n, csv_rows **out);

/* The same, but ERR_NO_INPUT without any. */
err walk_table(walk *w, const char *const *names, int n, csv_rows **out);

/* Calls `take` for every row and closes the table. */
err walk_rows(csv_rows *rows, err (*take)(void *context, csv_rows *rows), void *context);

/* Calls `take` for every line of a text file that is not empty; the line is without its end. ERR_DATA for a
 * line of more than 64 KiB. */
err walk_lines(walk *w, const char *relative,
               err (*take)(void *context, const char *table, int line, char *content), void *context);

/* Reads a small text file (1 MiB). */
err walk_read(walk *w, const char *relative, char **bytes, size_t *n);

/* Years: "58", "058Y", "11M", "3W", "5D", "61.0"; NaN if it is none of these. */
float walk_age(const char *age);

/* "M" or "F" for the ways publishers say it, else "". */
const char *walk_sex(const char *sex);

/* The part of a path before its last '/', with it: "" or "a/b/". */
void walk_parent(const char *path, char out[PATH_BYTES]);

#endif
