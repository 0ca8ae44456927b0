/* The losses of all generators of a plan as one table. */
#include "base/text.h"
#include "bench/losses.h"

#include <stdlib.h>
#include <string.h>

/* The rows of one generator's file behind `front`, the cells that say whose they are. */
static err add_rows(const char *path, const char *front, text *out)
{
    enum { LIMIT = 1 << 30 };
    char *bytes;
    size_t n;
    TRY(file_read(path, LIMIT, &bytes, &n));
    const char *row = strchr(bytes, '\n');
    for (const char *end; row && (end = strchr(row + 1, '\n')); row = end)
        text_printf(out, "%s,%.*s\n", front, (int)(end - row - 1), row + 1);
    free(bytes);
    return OK;
}

static err add_generator(const artifact *a, const store *s, text *out)
{
    char path[PATH_BYTES], front[64];
    const char *kind = artifact_kind_names[a->kind];
    if (!store_has(s, kind, &a->key)) return OK;
    TRY(store_path(s, kind, &a->key, LOSSES_FILE, path));
    if (!path_exists(path)) return OK; /* its training diverged */
    (void)snprintf(front, sizeof front, "%d,%.9g,%d", a->shots, a->labelled, a->seed);
    return add_rows(path, front, out);
}

err losses_collect(const plan *p, const store *s, const char *path)
{
    text t = {0};
    err error = OK;
    text_printf(&t, "shots,labelled,seed," LOSSES_HEADER);
    size_t header = t.length;
    for (int i = 0; i < p->n && error == OK; i++)
        if (p->items[i].kind == KIND_GENERATOR) error = add_generator(&p->items[i], s, &t);
    if (error == OK) error = text_check(&t);
    if (error == OK) error = t.length > header ? file_write(path, t.data, t.length) : folder_remove(path);
    text_close(&t);
    return error;
}
