/* The labels of a walk, and which of them the set gets. Private to data/importers/. */
#ifndef DATA_IMPORTERS_LABELS_H
#define DATA_IMPORTERS_LABELS_H

#include "data/importers/walk.h"
#include "data/listing.h"

typedef struct label_list {
    char (*names)[WALK_LABEL_BYTES];
    int n;
    bool declared; /* no more may be added */
} label_list;      /* start from {0} */

void label_list_close(label_list *list);
int label_list_find(const label_list *list, const char *name); /* -1; names as data/build.h compares them */
err label_list_add(label_list *list, const char *name);

/* Ends learning: the names are sorted unless they were declared. */
void label_list_settle(label_list *list);

/* "a, b" as names without blanks at their ends. ERR_USAGE if one is empty; `flag` is for the message. */
err names_split(const char *flag, const char *joined, name_list *out);

/* The position in `classes` of the only label of a row that is 1 and is one of them; -1 if there are none or
 * several. Names that the list does not have (yet) are not 1. */
int label_class(const label_list *list, const name_list *classes, const float *labels);

/* The columns of the set: column k is label from[k] of the walk, or unknown everywhere for -1. */
typedef struct label_choice {
    int n;
    int from[WALK_LABELS];
    const char *names[WALK_LABELS];
} label_choice;

/* All labels, or those of options->labels, or the classes. ERR_USAGE naming a label that is not there. The
 * names are those of `list`, `options` or `classes`, which must live as long. */
err label_choice_make(const label_list *list, const import_options *options, const name_list *wanted,
                      const name_list *classes, label_choice *out);

#endif
