/* Files and folders. Every write is atomic: a temporary file beside the target, fsync, one rename; the fsync
 * may be left out (base/file_writer.h). */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { PATH_BYTES = 4096 };

/* Writes "folder/name" (printf-style name) into out[PATH_BYTES]. ERR_USAGE if it does not fit. */
err path_join(char out[PATH_BYTES], const char *folder, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool path_exists(const char *path);

/* Makes the folder and its parents; an existing folder is fine. ERR_CANNOT_CREATE. */
err folder_make(const char *path);

/* Deletes a folder and all in it; a missing one is fine. ERR_IO. */
err folder_remove(const char *path);

/* Replaces `path` with n bytes. ERR_CANNOT_CREATE if it cannot be opened, ERR_IO if the disk is full. */
err file_write(const char *path, const void *bytes, size_t n);

/* Waits until a file is on the disk. ERR_NO_INPUT, ERR_IO. */
err file_sync(const char *path);

/* Reads all of a file into memory that the caller frees; a NUL follows the last byte (not counted in *n).
 * ERR_NO_INPUT if it cannot be opened, ERR_DATA if it is larger than `limit` bytes, ERR_IO. */
err file_read(const char *path, size_t limit, char **bytes, size_t *n);

/* Maps a file read-only. *n its length; unmap with file_unmap. ERR_NO_INPUT, ERR_IO. */
err file_map(const char *path, const void **bytes, size_t *n);
void file_unmap(const void *bytes, size_t n);

#endif
