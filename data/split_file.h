/* Writing a split into a packed set, so that it stays the same whoever reads the set. */
#ifndef DATA_SPLIT_FILE_H
#define DATA_SPLIT_FILE_H

#include "data/dataset.h"

/* Splits the set by patient (splits_open) and writes train, validation or test into the column `split` of its
 * samples.csv, which is made if it is not there; all other columns stay. Counts of images into sides[3], in
 * that order. ERR_USAGE for bad fractions, or if samples have a split already and `replace` is false;
 * ERR_DATA as dataset_open and splits_open; ERR_IO, ERR_CANNOT_CREATE: then the file is as it was. */
err split_write(const char *folder, double validation, double test, uint64_t seed, bool replace,
                int sides[3]);

#endif
