#include "bench/sample_images.h"

#include <math.h>
#include <string.h>

void sample_images_open(const evidence *e, sample_images *out)
{
    *out = (sample_images){.e = e};
}

void sample_images_close(sample_images *s)
{
    for (int i = 0; i < s->n; i++) dataset_close(s->sets[i]);
    s->n = 0;
}

static err wrong(const sample_images *s, int row, const char *what)
{
    return err_set(ERR_DATA, "%s/samples.csv:%d: %s", s->e->folder, s->e->samples.lines[row + 1], what);
}

static err find_set(sample_images *s, int row, const dataset **set)
{
    const char *name = evidence_text(&s->e->samples, row, "set");
    char path[PATH_BYTES];
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->names[i], name) == 0) {
            *set = s->sets[i];
            return OK;
        }
    if (!name[0] || name[0] == '/' || strstr(name, ".."))
        return wrong(s, row, "the set is not below the folder");
    if (s->n == SAMPLE_SETS) return wrong(s, row, "there are too many sets");
    TRY(path_join(path, s->e->folder, "%s", name));
    if (!path_exists(path))
        return err_set(ERR_NO_INPUT, "%s: is not there any more; the same `bench run` makes it again", path);
    TRY(dataset_open_packed(path, &s->sets[s->n]));
    s->names[s->n] = name;
    *set = s->sets[s->n++];
    return OK;
}

err sample_images_find(sample_images *s, int row, const dataset **set, int *index)
{
    double number = evidence_number(&s->e->samples, row, "row");
    TRY(find_set(s, row, set));
    if (!(number >= 0 && number < (*set)->n) || number != floor(number))
        return wrong(s, row, "the set has no such row");
    *index = (int)number;
    return OK;
}
