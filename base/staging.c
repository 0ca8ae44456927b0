#include "base/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h> /* flock: fcntl's locks want a descriptor that can write, which no folder has */
#include <unistd.h>

static err name_folders(const char *path, staging *s)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    if (n == 0) return err_set(ERR_USAGE, "an empty path cannot be made");
    int length = snprintf(s->work, sizeof s->work, "%.*s.part", (int)n, path);
    if (length < 0 || (size_t)length >= sizeof s->work)
        return err_set(ERR_USAGE, "%.60s...: the path is too long", path);
    memcpy(s->target, path, n);
    s->target[n] = '\0';
    return OK;
}

/* Only an empty folder may be in the way: rename replaces it. */
static err check_target(const char *target)
{
    if (!path_exists(target)) return OK;
    DIR *folder = opendir(target);
    bool empty = folder != NULL;
    const struct dirent *entry;
    while (empty && (entry = readdir(folder)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder) (void)closedir(folder);
    return empty ? OK : err_set(ERR_CANNOT_CREATE, "%s: exists; remove it or choose another name", target);
}

static err clear(const char *folder)
{
    DIR *opened = opendir(folder);
    if (!opened) return err_set_errno(ERR_IO, "%s: the folder cannot be opened", folder);
    err error = OK;
    const struct dirent *entry;
    while (error == OK && (entry = readdir(opened))) {
        char path[PATH_BYTES];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        error = path_join(path, folder, "%s", entry->d_name);
        if (error == OK) error = folder_remove(path);
    }
    (void)closedir(opened);
    return error;
}

err staging_open(const char *path, staging *s)
{
    s->lock = -1;
    TRY(name_folders(path, s));
    TRY(check_target(s->target));
    TRY(folder_make(s->work));
    s->lock = open(s->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0) return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be opened", s->work);
    err error = flock(s->lock, LOCK_EX | LOCK_NB) == 0
                    ? clear(s->work)
                    : err_set(ERR_CANNOT_CREATE, "%s: another process is making it", s->target);
    if (error != OK) {
        (void)close(s->lock);
        s->lock = -1;
    }
    return error;
}

err staging_finish(staging *s)
{
    TRY(check_target(s->target));
    if (fsync(s->lock) != 0) return err_set_errno(ERR_IO, "%s: writing failed", s->work);
    if (rename(s->work, s->target) != 0)
        return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be put in its place", s->target);
    (void)close(s->lock);
    s->lock = -1;
    return OK;
}

void staging_close(staging *s)
{
    if (!s || s->lock < 0) return;
    (void)folder_remove(s->work);
    (void)close(s->lock);
    s->lock = -1;
}
