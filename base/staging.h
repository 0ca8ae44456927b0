/* A folder that appears at its path only when it is finished: what is made goes into PATH.part, and one
 * rename puts it in its place. What a killed maker left is cleared by the next one; two at once are refused.
 */
#ifndef BASE_STAGING_H
#define BASE_STAGING_H

#include "base/files.h"

typedef struct staging {
    char target[PATH_BYTES]; /* without slashes at its end */
    char work[PATH_BYTES];   /* make the files in here */
    int lock;                /* private; -1: nothing is open */
} staging;

/* ERR_CANNOT_CREATE if `path` is there already (an empty folder is fine), if another process makes it, or if
 * its parent cannot be made or written; ERR_USAGE, ERR_IO. */
err staging_open(const char *path, staging *s);

/* ERR_CANNOT_CREATE if `path` appeared meanwhile. */
err staging_finish(staging *s);

/* Removes the work folder unless it was finished. */
void staging_close(staging *s);

#endif
