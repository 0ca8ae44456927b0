/* Decodes the images of an import side by side, and writes them in their order. Private to data/importers/.
 *
 * Decoding is OpenMP tasks: whoever adds and finishes is the master of a team, whose other threads take them.
 * After a failure the end of the team's region waits for what was begun; close the batch behind it. */
#ifndef DATA_IMPORTERS_BATCH_H
#define DATA_IMPORTERS_BATCH_H

#include "data/importers/walk.h"

typedef struct batch batch;

typedef struct batch_opts {
    const import_options *options;
    const char *const *label_names;
    int n_labels;
    double crop_top;
    bool skip_broken;
    long total; /* images that will come */
} batch_opts;

err batch_open(const batch_opts *o, batch **out);

/* Takes an image: its row, its n_labels labels, and the path that its file was found at. When enough
 * came together, hands it out for decoding, and writes what was handed out before. */
err batch_add(batch *b, const walk_row *row, const float *labels, const char *path);

/* Notes a file that is not there in left_out.csv. */
err batch_missing(batch *b, const walk_row *row);

/* Decodes the rest and puts the set in its place. Counts what got into it, and what was broken. */
err batch_finish(batch *b, import_result *result);

/* What was not finished is gone. NULL is fine. */
void batch_close(batch *b);

#endif
