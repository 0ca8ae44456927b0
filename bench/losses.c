#include "bench/losses.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const char header[] = LOSSES_HEADER;

err losses_open(const char *path, bool fresh, losses *out)
{
    *out = (losses){.fresh = fresh || !path_exists(path)};
    (void)snprintf(out->path, sizeof out->path, "%s", path);
    return OK;
}

/* Bytes of the whole lines at the start of the file that are of steps before `update`. */
static size_t kept_bytes(const char *bytes, int update)
{
    size_t head = sizeof header - 1;
    if (strncmp(bytes, header, head) != 0) return 0;
    size_t kept = head;
    for (const char *end; (end = strchr(bytes + kept, '\n')); kept = (size_t)(end - bytes) + 1)
        if (strtol(bytes + kept, NULL, 10) >= update) break;
    return kept;
}

/* Leaves the rows before `update`, or the header alone. */
static err begin(losses *l, int update)
{
    enum { LIMIT = 1 << 30 };
    char *bytes = NULL;
    size_t n = 0, kept = 0;
    if (!l->fresh) TRY(file_read(l->path, LIMIT, &bytes, &n));
    if (bytes) kept = kept_bytes(bytes, update);
    err error = kept > 0 ? file_write(l->path, bytes, kept) : file_write(l->path, header, sizeof header - 1);
    free(bytes);
    if (error != OK) return error;
    l->file = fopen(l->path, "a");
    return l->file ? OK : err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be written", l->path);
}

err losses_add(losses *l, int update, const emixer_losses *values)
{
    if (!l->file) TRY(begin(l, update));
    if (fprintf(l->file, "%d,%.9g,%.9g,%.9g\n", update, (double)values->discriminator,
                (double)values->generator, (double)values->writer) < 0 ||
        fflush(l->file) != 0)
        return err_set_errno(ERR_IO, "%s: writing failed", l->path);
    return OK;
}

err losses_close(losses *l)
{
    FILE *file = l->file;
    l->file = NULL;
    if (file && fclose(file) != 0) return err_set_errno(ERR_IO, "%s: writing failed", l->path);
    return OK;
}
