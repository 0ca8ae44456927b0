/* What is in a packed set. */
#ifndef DATA_SET_SUMMARY_H
#define DATA_SET_SUMMARY_H

#include "data/dataset.h"

enum { SUMMARY_NAMES = 32, SUMMARY_NAME_BYTES = 64, SUMMARY_PAIRS = 5 };

/* How many images and patients have each value of a column, the most frequent first. What does not fit is in
 * `others`. Images without a patient count as patients of their own. */
typedef struct name_count {
    char name[SUMMARY_NAME_BYTES];
    long images, patients;
} name_count;

typedef struct name_counts {
    name_count names[SUMMARY_NAMES];
    int n;
    long others;
} name_counts;

typedef struct label_counts {
    long present, absent, uncertain, unknown;
} label_counts;

typedef struct set_summary {
    dataset *set;         /* owned */
    label_counts *labels; /* (K) */
    long *together;       /* (K,K): images with both labels; the diagonal is `present` */
    name_counts views, splits;
    long patients, without_patient, several, most; /* known patients; images of none; patients with more than
                                                      one image; images of the one with most */
    long torn;                                     /* patients on more than one side of the split */
    long reports, words;                           /* images with a report, and words of all of them */
    long duplicates;                               /* images whose pixels are those of an earlier one */
    long duplicate_patients, duplicate_splits;     /* ... of another patient; on another side */
    int pairs[SUMMARY_PAIRS][2], n_pairs;          /* the first ones: earlier, later */
    long flat;                                     /* images of one gray only */
    double mean, deviation;                        /* of all pixels, 0..255 */
} set_summary;

/* Opens the set and counts. Errors as dataset_open. */
err set_summary_open(const char *folder, set_summary *out);
void set_summary_close(set_summary *s);

#endif
