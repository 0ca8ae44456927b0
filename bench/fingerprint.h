/* A cheap answer to "is this still the same data?", so that no image is read before it is needed. */
#ifndef BENCH_FINGERPRINT_H
#define BENCH_FINGERPRINT_H

#include "base/err.h"
#include "base/hash.h"

/* Hash of a data source: its text, and for folder:DIR and packed:DIR names, sizes and modification times of
 * the files. ERR_NO_INPUT naming a folder that cannot be read. */
err fingerprint(const char *source, hash *out);

/* Hash of a file's bytes. ERR_NO_INPUT naming it. */
err fingerprint_file(const char *path, hash *out);

#endif
