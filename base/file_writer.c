#include "base/file_writer.h"

#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 16 };

static bool waits = true;

struct file_writer {
    int file;
    size_t buffered;
    char path[PATH_BYTES], temporary[PATH_BYTES];
    char buffer[BUFFER_BYTES];
};

static err write_all(const file_writer *w, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(w->file, bytes, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return err_set_errno(ERR_IO, "%s: writing failed", w->path);
        bytes += written;
        n -= (size_t)written;
    }
    return OK;
}

static err flush(file_writer *w)
{
    size_t n = w->buffered;
    w->buffered = 0;
    return write_all(w, w->buffer, n);
}

err file_writer_open(const char *path, file_writer **out)
{
    *out = NULL;
    file_writer *w = malloc(sizeof *w);
    if (!w) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    w->buffered = 0;
    w->file = -1;
    int a = snprintf(w->path, sizeof w->path, "%s", path);
    int b = snprintf(w->temporary, sizeof w->temporary, "%s.part-%ld", path, (long)getpid());
    err error = OK;
    if (a < 0 || b < 0 || (size_t)a >= sizeof w->path || (size_t)b >= sizeof w->temporary)
        error = err_set(ERR_USAGE, "%.60s...: the path is too long", path);
    else if ((w->file = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0)
        error = err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be written", path);
    if (error == OK)
        *out = w;
    else
        free(w);
    return error;
}

err file_writer_add(file_writer *w, const void *bytes, size_t n)
{
    if (n > sizeof w->buffer - w->buffered) TRY(flush(w));
    if (n > sizeof w->buffer) return write_all(w, bytes, n);
    if (n > 0) memcpy(w->buffer + w->buffered, bytes, n); /* nothing may be given as NULL */
    w->buffered += n;
    return OK;
}

err file_writer_patch(file_writer *w, size_t offset, const void *bytes, size_t n)
{
    TRY(flush(w));
    off_t end = lseek(w->file, 0, SEEK_CUR);
    if (end < 0 || lseek(w->file, (off_t)offset, SEEK_SET) < 0)
        return err_set_errno(ERR_IO, "%s: writing failed", w->path);
    TRY(write_all(w, bytes, n));
    if (lseek(w->file, end, SEEK_SET) < 0) return err_set_errno(ERR_IO, "%s: writing failed", w->path);
    return OK;
}

err file_writer_finish(file_writer *w)
{
    TRY(flush(w));
    if (waits && fsync(w->file) != 0 && errno != EINVAL) /* EINVAL: a special file that cannot be synced */
        return err_set_errno(ERR_IO, "%s: writing failed", w->path);
    int closed = close(w->file);
    w->file = -1;
    err error = closed != 0 ? err_set_errno(ERR_IO, "%s: writing failed", w->path)
                : rename(w->temporary, w->path) != 0
                    ? err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be replaced", w->path)
                    : OK;
    if (error != OK) (void)unlink(w->temporary);
    return error;
}

void file_writer_close(file_writer *w)
{
    if (!w) return;
    if (w->file >= 0) {
        (void)close(w->file);
        (void)unlink(w->temporary);
    }
    free(w);
}

void file_writers_wait(bool wait)
{
    waits = wait;
}

bool file_writers_waiting(void)
{
    return waits;
}
