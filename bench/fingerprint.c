#include "bench/fingerprint.h"

#include "base/files.h"
#include "base/text.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 8 }; /* a loop of links ends here */

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static err list_folder(const char *folder, int depth, text *out);

static err list_entry(const char *folder, const char *name, int depth, text *out)
{
    char path[PATH_BYTES];
    struct stat status;
    TRY(path_join(path, folder, "%s", name));
    if (stat(path, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be read", path);
    text_printf(out, "%s %lld %lld.%09ld\n", name, S_ISDIR(status.st_mode) ? -1 : (long long)status.st_size,
                S_ISDIR(status.st_mode) ? 0 : (long long)status.st_mtim.tv_sec,
                S_ISDIR(status.st_mode) ? 0 : status.st_mtim.tv_nsec);
    if (S_ISDIR(status.st_mode) && depth < DEEPEST) return list_folder(path, depth + 1, out);
    return OK;
}

static err list_folder(const char *folder, int depth, text *out)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_visible, alphasort);
    if (n < 0) return err_set_errno(ERR_NO_INPUT, "%s: the folder cannot be read", folder);
    err error = OK;
    for (int i = 0; i < n; i++) {
        if (error == OK) error = list_entry(folder, entries[i]->d_name, depth, out);
        free(entries[i]);
    }
    free(entries);
    text_printf(out, "/\n");
    return error;
}

err fingerprint(const char *source, hash *out)
{
    static const char *const on_disk[] = {"folder:", "packed:", "openi:"};
    text t = {0};
    text_printf(&t, "%s\n", source);
    err error = OK;
    for (size_t i = 0; i < sizeof on_disk / sizeof on_disk[0]; i++)
        if (strncmp(source, on_disk[i], strlen(on_disk[i])) == 0)
            error = list_folder(source + strlen(on_disk[i]), 0, &t);
    if (error == OK) error = text_check(&t);
    if (error == OK) *out = hash_bytes(t.data, t.length);
    text_close(&t);
    return error;
}

err fingerprint_file(const char *path, hash *out)
{
    const void *bytes;
    size_t n;
    TRY(file_map(path, &bytes, &n));
    *out = hash_bytes(bytes, n);
    file_unmap(bytes, n);
    return OK;
}
