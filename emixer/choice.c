/* Which update's images a finished model makes. A game has no loss that falls: its images get better and
 * worse by turns, and the last update is just where time ran out. Every `choose_every` updates the caller's
 * judge looks at the averaged generator, and the best one so far is kept beside the one that trains on. */
#include "emixer/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEST_NAME "choice/best" /* a state (2): the least score, and the update that had it; 0: none yet */
#define KEPT_SCOPE "choice/"    /* before the name of a tensor of G */

/* Spectral norm's vectors belong to the weights that they were found for, so G's states are kept, too. */
static bool is_kept(const char *name)
{
    return strncmp(name, "G/", 2) == 0;
}

static err kept_name(const char *name, char out[NN_NAME_BYTES])
{
    if (strlen(KEPT_SCOPE) + strlen(name) >= NN_NAME_BYTES)
        return err_set(ERR_INTERNAL, "%s: no room for the name of its copy", name);
    (void)snprintf(out, NN_NAME_BYTES, "%s%s", KEPT_SCOPE, name);
    return OK;
}

err choice_record(emixer *e)
{
    int n = net_parameter_count(e->n); /* the copies come after these */
    if (e->o.choose_every == 0) return OK;
    for (int i = 0; i < n; i++) {
        char copy[NN_NAME_BYTES];
        const char *name = net_parameter_name(e->n, i);
        if (!is_kept(name)) continue;
        TRY(kept_name(name, copy));
        (void)nn_state(e->n, copy, net_parameter_shape(e->n, i), (init_opts){0});
    }
    (void)nn_state(e->n, BEST_NAME, nn_shape(1, 2), (init_opts){0});
    return OK;
}

/* Copies G's tensors to those kept, or back. */
static err copy_all(emixer *e, bool back)
{
    err error = OK;
    int n = net_parameter_count(e->n);
    for (int i = 0; i < n && error == OK; i++) {
        char copy[NN_NAME_BYTES];
        const char *name = net_parameter_name(e->n, i);
        nn_shape_t shape = net_parameter_shape(e->n, i);
        if (!is_kept(name)) continue;
        TRY(kept_name(name, copy));
        float *host = malloc(nn_count(&shape) * sizeof *host);
        error = host ? net_get_parameter(e->n, back ? copy : name, host)
                     : err_set(ERR_SYSTEM, "out of memory for %s", name);
        if (error == OK) error = net_set_parameter(e->n, back ? name : copy, host);
        free(host);
    }
    return error;
}

/* The same of what makes images: the averages, if there are any. */
static err copy_averaged(emixer *e, bool back)
{
    optimizer *generator = e->o.ema_decay > 0 ? e->optimizers[PLAYER_GENERATOR] : NULL;
    if (generator) TRY(optimizer_swap_ema(generator));
    err error = copy_all(e, back);
    err swapped = generator ? optimizer_swap_ema(generator) : OK;
    return error == OK ? swapped : error;
}

err choice_look(emixer *e, const emixer_data *data)
{
    float best[2];
    double score;
    if (e->o.choose_every == 0 || e->updates % e->o.choose_every != 0) return OK;
    TRY(net_get_parameter(e->n, BEST_NAME, best));
    TRY(data->judge(data->judge_context, e, &score));
    float rounded = (float)score; /* as it is kept, so that equal scores stay equal */
    if (!isfinite(rounded) || (best[1] > 0 && rounded >= best[0])) return OK;
    TRY(copy_averaged(e, false));
    return net_set_parameter(e->n, BEST_NAME, (float[]){rounded, (float)e->updates});
}

err choice_take(emixer *e)
{
    int update = 0;
    TRY(emixer_choice(e, &update, NULL));
    return update > 0 ? copy_averaged(e, true) : OK;
}

err emixer_choice(emixer *e, int *update, double *score)
{
    float best[2] = {0};
    if (e->o.choose_every > 0) TRY(net_get_parameter(e->n, BEST_NAME, best));
    *update = (int)best[1];
    if (score) *score = best[1] > 0 ? (double)best[0] : NAN;
    return OK;
}
