#include "base/private.h"

#include "base/files.h"

#include <string.h>
#include <sys/stat.h>

static const char mark[] = "private";
static bool begun;

static bool is_marked(const char *folder)
{
    char path[PATH_BYTES];
    return path_join(path, folder, "%s", mark) == OK && path_exists(path);
}

bool private_is(const char *path)
{
    struct stat status;
    char folder[PATH_BYTES];
    size_t n = strlen(path);
    if (n >= sizeof folder || stat(path, &status) != 0) return false;
    memcpy(folder, path, n + 1);
    if (S_ISDIR(status.st_mode)) return is_marked(folder);
    char *slash = strrchr(folder, '/');
    if (!slash) return is_marked(".");
    slash[slash == folder] = '\0';
    return is_marked(folder);
}

void private_begin(void)
{
    begun = true;
    (void)umask(S_IRWXG | S_IRWXO);
}

bool private_begun(void)
{
    return begun;
}

err private_mark(const char *folder)
{
    static const char content[] = "What is in this folder comes from private data, and bench keeps it so.\n";
    char path[PATH_BYTES];
    if (!begun) return OK;
    if (chmod(folder, S_IRWXU) != 0)
        return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be closed to others", folder);
    TRY(path_join(path, folder, "%s", mark));
    return path_exists(path) ? OK : file_write(path, content, strlen(content));
}
