/* A folder per class, as Kaggle publishes many sets: DIR/CLASS/IMAGE, or DIR/train/CLASS/IMAGE and so on. */
#include "data/importers/kinds.h"
#include "data/importers/walk.h"
#include "data/listing.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_split(const char *name)
{
    static const char *const names[] = {"train", "val", "valid", "validate", "validation", "test"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

/* The folders in root/below, by name. `below` is "" or ends in '/'. */
static err list_folders(walk *w, const char *below, name_list *out)
{
    name_list all = {0};
    char path[PATH_BYTES];
    TRY(path_join(path, walk_folder(w), "%s", below));
    err error = names_read(path, &all);
    for (size_t i = 0; i < all.n && error == OK; i++) {
        mode_t mode = 0;
        error = path_join(path, walk_folder(w), "%s%s", below, all.names[i]);
        if (error == OK) error = walk_inspect(w, path, &mode);
        if (error == OK && S_ISDIR(mode)) error = names_add(out, all.names[i]);
    }
    names_close(&all);
    return error;
}

static err take_image(walk *w, const char *split, const char *below, const char *class_name, const char *name)
{
    walk_row row;
    char file[PATH_BYTES];
    int n = snprintf(file, sizeof file, "%s%s/%s", below, class_name, name);
    if (n < 0 || n >= PATH_BYTES)
        return err_set(ERR_DATA, "%s/%.60s...: the path is too long", walk_folder(w), name);
    walk_row_begin(&row, NULL, 0, 0);
    row.file = row.id = file;
    row.split = split;
    TRY(walk_set_label(w, &row, class_name, 1));
    return walk_image(w, &row);
}

static err take_class(walk *w, const char *split, const char *below, const char *class_name)
{
    char folder[PATH_BYTES];
    name_list files = {0};
    TRY(path_join(folder, walk_folder(w), "%s%s", below, class_name));
    err error = names_read(folder, &files);
    for (size_t i = 0; i < files.n && error == OK; i++)
        error = take_image(w, split, below, class_name, files.names[i]);
    /* With sides, one of them may have no image of a class: torchvision needs its folder none the less. */
    if (error == OK && files.n == 0 && !*split)
        error = err_set(ERR_NO_INPUT,
                        "%s: the class has no images; put its PNG or JPEG files there or remove the folder",
                        folder);
    names_close(&files);
    return error;
}

static err take_classes(walk *w, const char *split, const char *below)
{
    name_list classes = {0};
    err error = list_folders(w, below, &classes);
    for (size_t i = 0; i < classes.n && error == OK; i++)
        error = take_class(w, split, below, classes.names[i]);
    if (error == OK && classes.n == 0)
        error = err_set(ERR_NO_INPUT,
                        "%s/%s: has no sub-folders; one per class is needed, with its PNG or JPEG files",
                        walk_folder(w), below);
    names_close(&classes);
    return error;
}

err folder_walk(walk *w)
{
    name_list top = {0};
    char below[PATH_BYTES];
    err error = list_folders(w, "", &top);
    bool splits = top.n > 0;
    for (size_t i = 0; i < top.n; i++) splits = splits && is_split(top.names[i]);
    if (error == OK && !splits) error = take_classes(w, "", "");
    for (size_t i = 0; i < top.n && splits && error == OK; i++) {
        (void)snprintf(below, sizeof below, "%s/", top.names[i]);
        error = take_classes(w, top.names[i], below);
    }
    names_close(&top);
    return error;
}
