#define _GNU_SOURCE /* nftw */
#include "base/files.h"

#include "base/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

err path_join(char out[PATH_BYTES], const char *folder, const char *format, ...)
{
    int used = snprintf(out, PATH_BYTES, "%s/", folder);
    if (used >= 0 && used < PATH_BYTES) {
        va_list arguments;
        va_start(arguments, format);
        int more = vsnprintf(out + used, (size_t)(PATH_BYTES - used), format, arguments);
        va_end(arguments);
        if (more >= 0 && used + more < PATH_BYTES) return OK;
    }
    return err_set(ERR_USAGE, "%.60s...: the path is longer than %d bytes; use a shorter folder", folder,
                   PATH_BYTES - 1);
}

bool path_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static err make_parents_and(const char *path)
{
    char partial[PATH_BYTES];
    size_t length = strlen(path);
    if (length >= sizeof partial) return err_set(ERR_USAGE, "%.60s...: the path is too long", path);
    memcpy(partial, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != '\0') continue;
        char kept = partial[i];
        partial[i] = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return err_set_errno(ERR_CANNOT_CREATE, "%s: the folder cannot be made", partial);
        partial[i] = kept;
    }
    return OK;
}

err folder_make(const char *path)
{
    if (mkdir(path, 0777) == 0) return OK; /* mostly only the last part is missing */
    TRY(make_parents_and(path));
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return err_set(ERR_CANNOT_CREATE, "%s: exists and is not a folder", path);
    return OK;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

err folder_remove(const char *path)
{
    if (!path_exists(path)) return OK;
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return err_set_errno(ERR_IO, "%s: cannot be removed", path);
    return OK;
}

err file_sync(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be opened", path);
    bool failed = fsync(file) != 0 && errno != EINVAL;
    err error = failed ? err_set_errno(ERR_IO, "%s: writing failed", path) : OK;
    (void)close(file);
    return error;
}

err file_write(const char *path, const void *bytes, size_t n)
{
    file_writer *w;
    TRY(file_writer_open(path, &w));
    err error = file_writer_add(w, bytes, n);
    if (error == OK) error = file_writer_finish(w);
    file_writer_close(w);
    return error;
}

static err open_regular(const char *path, int *file, size_t *n)
{
    *file = open(path, O_RDONLY | O_CLOEXEC);
    if (*file < 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be opened", path);
    struct stat status;
    if (fstat(*file, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)close(*file);
        return err_set(ERR_NO_INPUT, "%s: is not a file", path);
    }
    *n = (size_t)status.st_size;
    return OK;
}

static err read_all(int file, const char *path, char *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(file, bytes + done, n - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_set_errno(ERR_IO, "%s: reading failed", path);
        if (got == 0) return err_set(ERR_IO, "%s: became shorter while it was read", path);
        done += (size_t)got;
    }
    bytes[n] = '\0';
    return OK;
}

err file_read(const char *path, size_t limit, char **bytes, size_t *n)
{
    int file;
    TRY(open_regular(path, &file, n));
    err error = OK;
    *bytes = NULL;
    if (*n > limit)
        error = err_set(ERR_DATA, "%s: has %zu bytes, more than the %zu that are read", path, *n, limit);
    else if (!(*bytes = malloc(*n + 1)))
        error = err_set(ERR_SYSTEM, "%s: out of memory for its %zu bytes", path, *n);
    else
        error = read_all(file, path, *bytes, *n);
    (void)close(file);
    if (error != OK) {
        free(*bytes);
        *bytes = NULL;
    }
    return error;
}

err file_map(const char *path, const void **bytes, size_t *n)
{
    int file;
    TRY(open_regular(path, &file, n));
    *bytes = NULL;
    if (*n > 0) {
        void *mapped = mmap(NULL, *n, PROT_READ, MAP_SHARED, file, 0);
        if (mapped == MAP_FAILED) {
            (void)close(file);
            return err_set_errno(ERR_IO, "%s: cannot be mapped", path);
        }
        *bytes = mapped;
    }
    (void)close(file);
    return OK;
}

void file_unmap(const void *bytes, size_t n)
{
    /* munmap takes no pointer to const. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    if (bytes) (void)munmap((void *)(uintptr_t)bytes, n);
}
