/* The source "folder:DIR": one sub-folder per class. */
#include "base/files.h"
#include "data/build.h"
#include "data/images.h"
#include "data/listing.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct folder_tree {
    data_root root;
    name_list classes;
    name_list files; /* "class/name", class after class */
} folder_tree;

static err file_add(folder_tree *tree, const char *class_name, const char *name)
{
    char relative[PATH_BYTES], path[PATH_BYTES];
    mode_t mode = 0;
    TRY(path_join(relative, class_name, "%s", name));
    TRY(path_join(path, tree->root.folder, "%s", relative));
    TRY(data_root_inspect(&tree->root, path, &mode));
    if (!S_ISREG(mode))
        return err_set(ERR_DATA, "%s: is %s inside a class; only PNG and JPEG files belong there", path,
                       S_ISDIR(mode) ? "a folder" : "not a file");
    TRY(names_add(&tree->files, relative));
    if (tree->files.n > INT_MAX)
        return err_set(ERR_DATA, "%s: holds more than %d files", tree->root.folder, INT_MAX);
    return OK;
}

static err class_add(folder_tree *tree, const char *name)
{
    char path[PATH_BYTES];
    mode_t mode = 0;
    name_list found = {0};
    TRY(path_join(path, tree->root.folder, "%s", name));
    TRY(data_root_inspect(&tree->root, path, &mode));
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
    data_root_close(&tree->root);
}

static err tree_read(const char *folder, folder_tree *tree)
{
    name_list found = {0};
    TRY(data_root_open(folder, "a folder with one sub-folder of images per class", &tree->root));
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
    TRY(path_join(path, tree->root.folder, "%s", tree->files.names[i]));
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
        sample_info info = {name, "", "", "UNKNOWN", name, "", "", ""};
        TRY(dataset_set_sample(set, i, &info));
        while (!is_of_class(name, tree->classes.names[k])) k++;
        memory->labels[(size_t)i * (size_t)set->n_labels + (size_t)k] = 1;
    }
    err error = dataset_finish(set);
    return error == OK ? OK : err_context(error, "%s", tree->root.folder);
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
