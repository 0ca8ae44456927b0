/* Artifacts on disk: OUT/artifacts/KIND-KEY/, a few files and a manifest with their hashes.
 *
 * An artifact is made in OUT/artifacts/KIND-KEY.work and appears by one rename when it is whole: a finished
 * one is never half-written, and what an interrupted maker left (a checkpoint) is there for the next. Whoever
 * makes one holds a lock on its key, so processes of one run and of other runs on the same folder share the
 * work. The locks are byte ranges of one file (fcntl), which the system releases when a process dies. */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include "base/err.h"
#include "base/files.h"
#include "base/hash.h"

#include <stdbool.h>

typedef struct store {
    char folder[PATH_BYTES]; /* OUT/artifacts */
    int locks;               /* file descriptor; one per process: closing any other would drop its locks */
} store;

/* Opens the store below `out`, making the folders. ERR_CANNOT_CREATE if it cannot be written to. */
err store_open(const char *out, store *s);
void store_close(store *s);

enum { MANIFEST_MESSAGE_BYTES = 600 };

/* What a manifest says beside the hashes of the files. */
typedef struct manifest {
    bool failed; /* the artifact is the fact that making it failed, told in message */
    char message[MANIFEST_MESSAGE_BYTES];
    double seconds; /* that making it took, in its last session */
} manifest;

/* Path of a finished artifact, or of a file in it if `file` is not NULL. */
err store_path(const store *s, const char *kind, const hash *key, const char *file, char out[PATH_BYTES]);

/* Is it finished? One look at the disk; its bytes are not checked. */
bool store_has(const store *s, const char *kind, const hash *key);

/* Reads the manifest of a finished artifact. ERR_DATA naming what is wrong with it. */
err store_manifest(const store *s, const char *kind, const hash *key, manifest *out);

/* The hash of the manifest's bytes, and so of all that the artifact is. */
err store_manifest_hash(const store *s, const char *kind, const hash *key, hash *out);

/* Checks every file of a finished artifact against its manifest. ERR_DATA naming the first that is missing or
 * differs. */
err store_verify(const store *s, const char *kind, const hash *key);

/* Takes the lock of a key; *taken is false if another process has it. */
err store_lock(const store *s, const hash *key, bool *taken);
void store_unlock(const store *s, const hash *key);

/* Takes the lock of a key as soon as no other process has it. ERR_INTERRUPTED. */
err store_wait(const store *s, const hash *key);

/* Whether another process has the lock of a key just now; one on another machine, only where the folder's
 * file system tells. */
bool store_busy(const store *s, const hash *key);

/* The following need the lock. */

/* Gives the working folder; emptied unless `resume`. */
err store_begin(const store *s, const char *kind, const hash *key, bool resume, char work[PATH_BYTES]);

/* Writes the manifest over all files of the working folder and makes it the finished artifact. Files named
 * checkpoint* or *.part-* only served the making and are removed. All of it is on the disk then if file
 * writers wait for it (base/file_writer.h). ERR_IO. */
err store_finish(const store *s, const char *kind, const hash *key, const manifest *m);

/* Removes a finished artifact. */
err store_remove(const store *s, const char *kind, const hash *key);

#endif
