/* The state of an import. Only walk.c and import.c look inside. */
#ifndef DATA_IMPORTERS_STATE_H
#define DATA_IMPORTERS_STATE_H

#include "data/importers/batch.h"
#include "data/importers/labels.h"
#include "data/importers/views.h"
#include "data/key_map.h"

struct walk {
    const import_options *options;
    const importer *importer;
    data_root root;
    char named_file[PATH_BYTES]; /* of the folder, if the user named a file */
    view_filter views;
    name_list wanted, classes; /* of --labels and --classes */
    bool views_known, from_reports;
    int located; /* the folder that walk_locate found the last file in */

    label_list labels;
    label_choice choice; /* after the first walk */
    batch *out;          /* NULL during the first walk */

    key_map ids, patients;
    long accepted, split; /* images that pass; those with a publisher's split */
    long left_out[LEFT_REASONS];
    char missing[1024]; /* the first file that is not there */
};

/* Whether files that are not there are left out. */
bool walk_skips_missing(const walk *w);

/* Counting starts anew; what was learnt stays. */
void walk_restart(walk *w);

#endif
