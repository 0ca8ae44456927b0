/* The source "folder:DIR": one sub-folder per class. Order is that of the bytes of the names, so that it does
 * not depend on the file system or the locale. A link is followed where it stays within DIR and is an error
 * where it leaves it: left out silently, images would be missing from a set without anyone knowing. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "base/files.h"
#include "data/build.h"
#include "data/images.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct name_list {
    char **names;
    size_t n, capacity;
} name_list;

typedef struct folder_tree {
    const char *folder;
    char *real; /* DIR without links */
    name_list classes;
    name_list files; /* "class/name", class after class */
} folder_tree;

static void names_close(name_list *list)
{
    for (size_t i = 0; i < list->n; i++) free(list->names[i]);
    free(list->names);
    *list = (name_list){0};
}

static err names_add(name_list *list, const char *name)
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

/* All names in a folder but hidden ones, sorted. */
static err names_read(const char *path, name_list *list)
{
    DIR *opened = opendir(path);
    if (!opened) return err_set_errno(ERR_NO_INPUT, "%s: the folder cannot be opened", path);
    err error = OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(opened);
        if (!entry) {
            if (errno) error = err_set_errno(ERR_IO, "%s: the folder cannot be read", path);
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

/* Refuses a link out of the folder; *mode is that of what the path leads to. */
static err path_inspect(const folder_tree *tree, const char *path, mode_t *mode)
{
    struct stat status;
    if (lstat(path, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be read", path);
    if (S_ISLNK(status.st_mode)) {
        char *real = realpath(path, NULL);
        size_t root = strlen(tree->real);
        bool inside = real && strncmp(real, tree->real, root) == 0 && (real[root] == '/' || root == 1);
        free(real);
        if (!inside)
            return err_set(ERR_DATA,
                           "%s: is a link that leaves %s or leads nowhere; put the file itself there", path,
                           tree->folder);
        if (stat(path, &status) != 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be read", path);
    }
    *mode = status.st_mode;
    return OK;
}

static err file_add(folder_tree *tree, const char *class_name, const char *name)
{
    char relative[PATH_BYTES], path[PATH_BYTES];
    mode_t mode = 0;
    TRY(path_join(relative, class_name, "%s", name));
    TRY(path_join(path, tree->folder, "%s", relative));
    TRY(path_inspect(tree, path, &mode));
    if (!S_ISREG(mode))
        return err_set(ERR_DATA, "%s: is %s inside a class; only PNG and JPEG files belong there", path,
                       S_ISDIR(mode) ? "a folder" : "not a file");
    TRY(names_add(&tree->files, relative));
    if (tree->files.n > INT_MAX)
        return err_set(ERR_DATA, "%s: holds more than %d files", tree->folder, INT_MAX);
    return OK;
}

static err class_add(folder_tree *tree, const char *name)
{
    char path[PATH_BYTES];
    mode_t mode = 0;
    name_list found = {0};
    TRY(path_join(path, tree->folder, "%s", name));
    TRY(path_inspect(tree, path, &mode));
    if (!S_ISDIR(mode)) return OK; /* a README or a metadata.csv beside the classes */
    TRY(names_add(&tree->classes, name));
    err error = names_read(path, &found);
    for (size_t i = 0; i < found.n && error == OK; i++) error = file_add(tree, name, found.names[i]);
    if (error == OK && found.n == 0)
        error = err_set(ERR_NO_INPUT,
                        "%s: the class has no images; put its PNG or JPEG files there or remove the folder",
                        path);
    names_close(&found);
    return error;
}

static void tree_close(folder_tree *tree)
{
    names_close(&tree->classes);
    names_close(&tree->files);
    free(tree->real);
}

static err tree_read(const char *folder, folder_tree *tree)
{
    name_list found = {0};
    tree->folder = folder;
    tree->real = realpath(folder, NULL);
    if (!tree->real)
        return err_set_errno(ERR_NO_INPUT, "%s: a folder with one sub-folder of images per class is needed",
                             folder);
    err error = names_read(folder, &found);
    for (size_t i = 0; i < found.n && error == OK; i++) error = class_add(tree, found.names[i]);
    names_close(&found);
    if (error == OK && tree->classes.n == 0)
        error =
            err_set(ERR_NO_INPUT,
                    "%s: has no sub-folders; one per class is needed, with its PNG or JPEG files", folder);
    return error;
}

static err read_one(const folder_tree *tree, int i, int size, uint8_t *out)
{
    char path[PATH_BYTES];
    gray_image image;
    TRY(path_join(path, tree->folder, "%s", tree->files.names[i]));
    TRY(image_read(path, &image));
    err error = image_square(&image, size, out);
    free(image.pixels);
    return error;
}

static err read_images(const folder_tree *tree, int size, uint8_t *images)
{
    first_failure first = {.index = INT_MAX};
    int n = (int)tree->files.n;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) {
        if (failure_before(&first, i)) continue;
        err error = read_one(tree, i, size, images + (size_t)i * (size_t)size * (size_t)size);
        if (error != OK) failure_note(&first, i, error);
    }
    return failure_result(&first);
}

static bool is_of_class(const char *file, const char *class_name)
{
    size_t n = strlen(class_name);
    return strncmp(file, class_name, n) == 0 && file[n] == '/';
}

static err fill(const folder_tree *tree, int size, dataset *set)
{
    dataset_memory *memory = dataset_memory_of(set);
    TRY(read_images(tree, size, memory->images));
    for (int k = 0; k < set->n_labels; k++) TRY(dataset_set_label(set, k, tree->classes.names[k]));
    for (int i = 0, k = 0; i < set->n; i++) {
        const char *name = tree->files.names[i];
        sample_info info = {name, "", "", "UNKNOWN", name, ""};
        TRY(dataset_set_sample(set, i, &info));
        while (!is_of_class(name, tree->classes.names[k])) k++;
        memory->labels[(size_t)i * (size_t)set->n_labels + (size_t)k] = 1;
    }
    err error = dataset_finish(set);
    return error == OK ? OK : err_context(error, "%s", tree->folder);
}

err folder_set_open(const char *folder, int size, dataset **out)
{
    folder_tree tree = {0};
    dataset *set = NULL;
    err error;
    TRY_GOTO(tree_read(folder, &tree), done);
    TRY_GOTO(dataset_begin((int)tree.files.n, size, size, (int)tree.classes.n, NULL, &set), done);
    TRY_GOTO(fill(&tree, size, set), done);
done:
    tree_close(&tree);
    if (error != OK) {
        dataset_close(set);
        set = NULL;
    }
    *out = set;
    return error;
}
