/* The losses of a training as a CSV file that an interrupted training goes on with. */
#ifndef BENCH_LOSSES_H
#define BENCH_LOSSES_H

#include "base/files.h"
#include "bench/plan.h"
#include "bench/store.h"
#include "emixer/emixer.h"

#include <stdio.h>

/* Updates between two rows. */
enum { LOSSES_EVERY = 10 };

#define LOSSES_FILE "losses.csv" /* in the artifact of a generator */
#define LOSSES_HEADER "update,discriminator,generator,writer\n"

typedef struct losses {
    char path[PATH_BYTES];
    FILE *file; /* open for appending; NULL before the first row */
    bool fresh;
} losses;

/* Prepares `path` with the header update,discriminator,generator,writer; nothing of an older file is kept if
 * `fresh`. */
err losses_open(const char *path, bool fresh, losses *out);

/* Adds a row (9 digits). The first one drops rows of this and later updates that a killed training left. It
 * is in the file when this returns. ERR_CANNOT_CREATE, ERR_IO. */
err losses_add(losses *l, int update, const emixer_losses *values);

err losses_close(losses *l); /* ERR_IO */

/* Writes the losses of all finished generators of a plan, in its order, to `path`: the same columns behind
 * shots and seed. Without any there is no file. ERR_IO, ERR_CANNOT_CREATE. */
err losses_collect(const plan *p, const store *s, const char *path);

#endif
