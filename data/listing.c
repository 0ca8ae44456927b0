#define _XOPEN_SOURCE 700 /* realpath */
#include "data/listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void names_close(name_list *list)
{
    for (size_t i = 0; i < list->n; i++) free(list->names[i]);
    free(list->names);
    *list = (name_list){0};
}

err names_add(name_list *list, const char *name)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **grown = realloc(list->names, capacity * sizeof *grown);
        if (!grown) return err_set(ERR_SYSTEM, "out of memory for %zu file names", capacity);
        list->names = grown;
        list->capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy) return err_set(ERR_SYSTEM, "out of memory for file names");
    list->names[list->n++] = copy;
    return OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

err names_read(const char *folder, name_list *list)
{
    DIR *opened = opendir(folder);
    if (!opened) return err_set_errno(ERR_NO_INPUT, "%s: the folder cannot be opened", folder);
    err error = OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(opened);
        if (!entry) {
            if (errno) error = err_set_errno(ERR_IO, "%s: the folder cannot be read", folder);
            break;
        }
        if (entry->d_name[0] == '.') continue;
        error = names_add(list, entry->d_name);
        if (error != OK) break;
    }
    (void)closedir(opened);
    if (list->n > 0) qsort(list->names, list->n, sizeof *list->names, compare_names);
    return error;
}

err data_root_open(const char *folder, const char *wanted, data_root *out)
{
    *out = (data_root){.folder = folder, .real = realpath(folder, NULL)};
    return out->real ? OK : err_set_errno(ERR_NO_INPUT, "%s: %s is needed", folder, wanted);
}

void data_root_close(data_root *root)
{
    free(root->real);
    *root = (data_root){0};
}

err data_root_inspect(const data_root *root, const char *path, mode_t *mode)
{
    struct stat status;
    if (lstat(path, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be read", path);
    if (S_ISLNK(status.st_mode)) {
        char *real = realpath(path, NULL);
        size_t n = strlen(root->real);
        bool inside = real && strncmp(real, root->real, n) == 0 && (real[n] == '/' || n == 1);
        free(real);
        if (!inside)
            return err_set(ERR_DATA,
                           "%s: is a link that leaves %s or leads nowhere; put the file itself there", path,
                           root->folder);
        if (stat(path, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be read", path);
    }
    *mode = status.st_mode;
    return OK;
}
