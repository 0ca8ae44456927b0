/* A file written piece by piece that appears at its path only when it is finished: a temporary file beside
 * the target, fsync, one rename. */
#ifndef BASE_FILE_WRITER_H
#define BASE_FILE_WRITER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct file_writer file_writer;

/* ERR_CANNOT_CREATE; ERR_SYSTEM. */
err file_writer_open(const char *path, file_writer **out);

/* Appends n bytes. ERR_IO if the disk is full. */
err file_writer_add(file_writer *w, const void *bytes, size_t n);

/* Writes n bytes over what was appended at `offset`: a header that is known at the end. ERR_IO. */
err file_writer_patch(file_writer *w, size_t offset, const void *bytes, size_t n);

/* Puts the file in its place, over an older one. Nothing may be added after it. ERR_IO, ERR_CANNOT_CREATE. */
err file_writer_finish(file_writer *w);

/* Whether writers of this process wait for the disk (fsync) before they put a file in its place; they do
 * unless they are told not to. Without it a power failure may leave a file empty or torn under its name: for
 * files whose loss is noticed and costs little. With a process that is killed nothing is lost. */
void file_writers_wait(bool wait);
bool file_writers_waiting(void);

/* Frees the writer; what was not finished is gone. NULL is fine. */
void file_writer_close(file_writer *w);

#endif
