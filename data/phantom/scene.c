/* Puts the solids of one study before the beam, and exposes the film. */
#include "data/phantom/chest.h"

#include <stdlib.h>

/* Small images are rendered at twice their size and averaged, for the solids' sharp edges. */
static int inner_size(int size)
{
    return size <= 96 ? 2 * size : size;
}

err latents_attenuation(const latents *l, int size, float *out)
{
    chest t;
    canvas *c = NULL;
    row_sections *rows = malloc((size_t)size * sizeof *rows);
    if (!rows) return err_set(ERR_SYSTEM, "phantom: out of memory at size %d", size);
    chest_build(l, &t);
    err error = canvas_open(size, &l->technique.view, &c);
    if (error == OK) {
        draw_organs(&t, c);
        draw_vessels(&t, c);
        draw_skeleton(&t, c);
        draw_findings(&t, c, size);
        draw_devices_of(&t, c);
        chest_rows(&t, c, size, rows);
        mu_tissue mu = {.soft = MU_SOFT, .lung = MU_LUNG * l->anatomy.lung_density};
        canvas_compose(c, rows, t.domes, mu, out);
    }
    canvas_close(c);
    free(rows);
    return error;
}

err latents_render(const latents *l, int size, uint8_t *pixels)
{
    int inner = inner_size(size);
    float *attenuation = malloc((size_t)inner * (size_t)inner * sizeof *attenuation);
    if (!attenuation)
        return err_set(ERR_SYSTEM, "phantom: out of memory for an image of %d x %d pixels", size, size);
    err error = latents_attenuation(l, inner, attenuation);
    if (error == OK) error = expose(l, attenuation, inner, size, pixels);
    free(attenuation);
    return error;
}
