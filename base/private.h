/* Data that only their owner may read. A folder is marked private by a file `private` in it; a program that
 * reads from such a folder calls private_begin, and from then on all files and folders that the process makes
 * are its owner's alone (0600, 0700), and the sets and artifacts that it makes are marked in turn. */
#ifndef BASE_PRIVATE_H
#define BASE_PRIVATE_H

#include "base/err.h"

#include <stdbool.h>

/* Whether a folder is marked, or the folder that a file is in. False if nothing is there. */
bool private_is(const char *path);

/* From now on this process, and those that it starts, keep private what they make. There is no way back. */
void private_begin(void);
bool private_begun(void);

/* If private_begin was called: marks a folder, and closes it to others if it was there before. ERR_IO,
 * ERR_CANNOT_CREATE. */
err private_mark(const char *folder);

#endif
