#define _XOPEN_SOURCE 700 /* realpath */
#include "data/listing.h"

#include <dirent.h>
#include <errno.h>
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
    free(root->inside);
    *root = (data_root){0};
}

static bool is_inside(const data_root *root, const char *real)
{
    size_t n = strlen(root->real);
    return strncmp(real, root->real, n) == 0 && (real[n] == '/' || n == 1);
}

static err leaves(const data_root *root, const char *path)
{
    return err_set(ERR_DATA, "%s: is a link that leaves %s or leads nowhere; put the file itself there", path,
                   root->folder);
}

err data_root_inspect(const data_root *root, const char *path, mode_t *mode)
{
    struct stat status;
    if (lstat(path, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be read", path);
    if (S_ISLNK(status.st_mode)) {
        char *real = realpath(path, NULL);
        bool inside = real && is_inside(root, real);
        free(real);
        if (!inside) return leaves(root, path);
        if (stat(path, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be read", path);
    }
    *mode = status.st_mode;
    return OK;
}

bool path_is_relative(const char *path)
{
    if (!path[0] || path[0] == '/') return false;
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2])) return false;
    }
    return true;
}

/* Whether `path` is a file, and no link, in the folder of the file found last. */
static bool is_beside_last(const data_root *root, const char *path)
{
    struct stat status;
    size_t n = root->inside ? strlen(root->inside) : 0;
    return n > 0 && strncmp(path, root->inside, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/') &&
           lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* No memory for it costs time only. */
static void remember_folder(data_root *root, const char *path)
{
    free(root->inside);
    root->inside = strndup(path, (size_t)(strrchr(path, '/') - path));
}

err data_root_file(data_root *root, const char *relative, char out[PATH_BYTES])
{
    struct stat status;
    if (!path_is_relative(relative))
        return err_set(ERR_DATA, "\"%.200s\" %s", relative,
                       relative[0] ? "leaves the data set's folder" : "is no file's name");
    TRY(path_join(out, root->folder, "%s", relative));
    if (is_beside_last(root, out)) return OK;
    char *real = realpath(out, NULL);
    if (!real) {
        if (lstat(out, &status) == 0 && S_ISLNK(status.st_mode)) return leaves(root, out);
        return err_set_errno(ERR_NO_INPUT, "%s: is missing", out);
    }
    bool inside = is_inside(root, real);
    free(real);
    if (!inside) return leaves(root, out);
    if (stat(out, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: is missing", out);
    if (!S_ISREG(status.st_mode)) return err_set(ERR_DATA, "%s: is not a file", out);
    /* A link could lie outside and lead back in; where there is none, the folder is inside, as the file is.
     */
    if (lstat(out, &status) == 0 && S_ISREG(status.st_mode)) remember_folder(root, out);
    return OK;
}
