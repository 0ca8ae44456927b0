/* Which of the images that are there twice to leave out. */
#ifndef DATA_DEDUP_H
#define DATA_DEDUP_H

#include "data/near_duplicates.h"

/* Sets leave_out (set->n) of a set whose pairs `found` are. Images that are alike directly or through others
 * are a group; one stays of each: one on the test side of the split before validation, before training,
 * before none, so that what others test on stays as it is; of these the first. Returns the number of groups,
 * or -1 when out of memory. */
int dedup_within(const dataset *set, const near_duplicates *found, bool *leave_out);

/* Sets leave_out (set->n) for every image of the set that is alike one of the other set: `a` of the pairs. */
void dedup_against(const dataset *set, const near_duplicates *found, bool *leave_out);

/* What is worth knowing about pairs. */
typedef struct pair_counts {
    int pairs;
    int one_patient, two_patients; /* the patients of both are known, and the same or not */
    int two_sides;                 /* both have a split, and not the same */
    int other_labels;              /* a label is 1 for one and 0 for the other */
} pair_counts;

/* `b` is the other set, or `a` again. Patients and sides are only compared within one set, labels by name. */
void dedup_count(const dataset *a, const dataset *b, const near_duplicates *found, pair_counts *out);

#endif
