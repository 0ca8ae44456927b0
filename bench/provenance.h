/* What a model, or the maker of a set of images, was trained on: a list of samples in a CSV beside it, so
 * that it can be told from a model that has seen test images.
 *
 * The file is MODEL.training.csv beside MODEL.safetensors, and training.csv in the folder of a set. Its
 * column `id` names samples; `data`, which may be missing, is the content hash of their data set: ids of
 * other data (another seed of the phantom) may be the same. */
#ifndef BENCH_PROVENANCE_H
#define BENCH_PROVENANCE_H

#include "base/files.h"
#include "data/dataset.h"

/* The path beside MODEL.safetensors, or beside any other name. */
err provenance_beside(const char *weights, char out[PATH_BYTES]);

/* The path in the folder of a set. */
err provenance_within(const char *folder, char out[PATH_BYTES]);

/* Lists the samples of up to two lists (NULL: none). */
err provenance_write(const dataset *set, const samples *first, const samples *second, const char *path);

/* Copies what is beside the weights into the folder of what was made with them, if there is anything. */
err provenance_hand_on(const char *weights, const char *folder);

typedef enum provenance_match {
    PROVENANCE_UNKNOWN, /* there is no such file */
    PROVENANCE_CLEAN,   /* of this data set, and no sample of it is among the `forbidden` */
    PROVENANCE_OTHER,   /* of another data set than `set` */
    PROVENANCE_SEEN     /* it has seen forbidden samples */
} provenance_match;

/* Compares a file with a set: seen (set->n) tells which samples with forbidden[i] are in it. A file without
 * the column `data` is taken to be of this set. ERR_DATA. */
err provenance_check(const char *path, const dataset *set, const bool *forbidden, bool *seen,
                     provenance_match *out);

#endif
