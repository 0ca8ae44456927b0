/* A packed set without some of its samples. */
#ifndef DATA_SUBSET_H
#define DATA_SUBSET_H

#include "base/err.h"

#include <stdbool.h>

/* Copies the packed set at `folder` to `out`, less the samples whose `leave_out` is set: n of them, as many
 * as the set has. All columns of samples.csv, and labels as they are in the file, are kept. The copy is there
 * when it is whole, or not at all. ERR_DATA if none is left, if the set does not have n samples, and as
 * npy_open; ERR_CANNOT_CREATE if `out` exists; ERR_IO. */
err subset_write(const char *folder, const bool *leave_out, int n, const char *out);

#endif
