#include "bench/trial_images.h"

#include <stdio.h>

static const samples no_samples = {NULL, 0};

static err open_synthetic(const builder *b, const artifact *a, dataset **out)
{
    char path[PATH_BYTES], source[PATH_BYTES + 16];
    *out = NULL;
    if (a->inputs[1] < 0) return OK;
    TRY(builder_path(b, a->inputs[1], NULL, path));
    (void)snprintf(source, sizeof source, "packed:%s", path);
    return dataset_open(source, b->study->s.size, 0, 0, out);
}

err trial_images_open(const builder *b, const artifact *a, const dataset *set, const draw *d,
                      trial_images *out)
{
    const arm *which = &b->study->arms[a->arm];
    *out = (trial_images){.set = set,
                          .real = which->parts[ROLE_REAL] ? &d->labelled : &no_samples,
                          .synthetic_share = a->ratio,
                          .augment = which->parts[ROLE_TRANSFORM] != NULL};
    return open_synthetic(b, a, &out->synthetic);
}

void trial_images_close(trial_images *images)
{
    dataset_close(images->synthetic);
    *images = (trial_images){0};
}
