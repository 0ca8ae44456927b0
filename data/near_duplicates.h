/* Images that are there twice: in another size, brightness or contrast, compressed anew, or cut out of one
 * another. */
#ifndef DATA_NEAR_DUPLICATES_H
#define DATA_NEAR_DUPLICATES_H

#include "data/dataset.h"

/* Two images are compared where they agree best: one of them whole, and a part of the other, which is found
 * by its look (16x16 mean grays) and fitted by moving its edges. `agreement` is that of their details there
 * (data/windows.h), and least_agreement what counts if the caller has no other idea.
 *
 * How 0.86 was chosen, at 64x64 pixels: 83 images of Cohen's collection are also in a set of 1,124 X-rays
 * that others made of it and of NIH's, known by their file names, 46 of them cut out differently. 81 of the
 * 83 agree to 0.88 and more; of all pairs of different patients' NIH images in that set the nearest has 0.84.
 * Images of one patient taken at other times reach 0.89. */
extern const double least_agreement;

typedef struct near_duplicate {
    int a, b;         /* samples: of the one set, of the other */
    double agreement; /* least to 1 */
    double share;     /* how much of the larger one's area is in the smaller one; near 1: not cut */
} near_duplicate;

typedef struct near_duplicates {
    near_duplicate *pairs; /* by a, then by b */
    int n;
} near_duplicates;

typedef struct near_options {
    bool cuts; /* also images cut out of another one, down to 0.56 of its side: about 1,000 times the work */
    double least;                                          /* agreement */
    float least_look;                                      /* how far whole images must look alike before they
                                                              are compared closely, in correlation; 0: 0.95 */
    err (*progress)(void *context, long done, long total); /* as in export_set; may be NULL */
    void *context;
} near_options;

/* All pairs of two sets, or, with `b` NULL, within one (a < b). Images of one gray are like nothing. The same
 * pairs for any number of threads. ERR_SYSTEM, and what `progress` returns. */
err near_duplicates_find(const dataset *a, const dataset *b, const near_options *o, near_duplicates *out);
void near_duplicates_close(near_duplicates *d);

#endif
