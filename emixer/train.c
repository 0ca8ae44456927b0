/* Training: batches, updates, checkpoints. Every draw is keyed by (seed, purpose, step), so a run that was
 * stopped and resumed does what the uninterrupted one would have done. */
#include "emixer/feed.h"

#include "base/clock.h"
#include "base/files.h"

#include <stdlib.h>
#include <time.h>

/* The moving averages that LeCam holds the logits against; the first logits begin them. */
static err follow_logits(emixer *e, uint64_t t)
{
    const float decay = 0.99F; /* StudioGAN's */
    const nn_t logits[2] = {e->judged.real, e->judged.fake};
    if (e->o.lecam_weight <= 0) return OK;
    float *host = malloc((size_t)e->o.batch * sizeof *host);
    if (!host) return err_set(ERR_SYSTEM, "out of memory for a batch");
    err error = OK;
    for (int i = 0; i < 2 && error == OK; i++) {
        double mean = 0;
        error = nn_get(e->steps[PLAYER_DISCRIMINATOR], logits[i], host);
        for (int b = 0; b < e->o.batch && error == OK; b++) mean += (double)host[b] / e->o.batch;
        e->averages[i] = t == 0 ? (float)mean : decay * e->averages[i] + (1 - decay) * (float)mean;
    }
    free(host);
    return error;
}

/* One generator update after the other players'; t from 0. */
static err update(emixer *e, feed *f, uint64_t t, emixer_losses *losses)
{
    uint64_t times = (uint64_t)turns(e, PLAYER_DISCRIMINATOR), writes = (uint64_t)turns(e, PLAYER_WRITER);
    for (uint64_t i = t * times; i < (t + 1) * times; i++) {
        TRY(feed_discriminator(e, f, i));
        TRY(update_player(e, PLAYER_DISCRIMINATOR, i, &losses->discriminator));
        TRY(follow_logits(e, i));
    }
    for (uint64_t i = t * writes; i < (t + 1) * writes; i++) {
        TRY(feed_writer(e, f, i));
        TRY(update_player(e, PLAYER_WRITER, i, &losses->writer));
    }
    TRY(feed_generator(e, f, t));
    return update_player(e, PLAYER_GENERATOR, t, &losses->generator);
}

/* Keeps label vectors of the training distribution, which the statistics of batch norm are renewed with. */
static err keep_labels(emixer *e, feed *f)
{
    balance_draw(&f->draws, e->o.seed, "emixer/pool", 0, LABEL_POOL, NULL, f->labels, NULL);
    return net_set_parameter(e->n, LABEL_POOL_NAME, f->labels);
}

/* The model knows its words and labels by itself from now on. */
static err keep_names(emixer *e, const emixer_data *data)
{
    TRY(take_label_names(e, data->set->label_names));
    return e->o.pairs > 0 ? take_vocabulary(e, data->words) : OK;
}

static err train(emixer *e, feed *f, const char *checkpoint, double checkpoint_seconds,
                 emixer_progress progress, void *context)
{
    double saved = clock_seconds();
    emixer_losses losses = {0};
    TRY(keep_labels(e, f));
    while (e->updates < e->o.steps) {
        err error = update(e, f, (uint64_t)e->updates, &losses);
        if (error != OK)
            return err_context(error, "generator update %d, seed %llu", e->updates + 1,
                               (unsigned long long)e->o.seed);
        e->updates++;
        TRY(choice_look(e, f->data));
        err stop = progress ? progress(context, e->updates, &losses) : OK;
        bool due = stop != OK || e->updates == e->o.steps || clock_seconds() - saved >= checkpoint_seconds;
        if (checkpoint && due) {
            TRY(emixer_save(e, checkpoint));
            saved = clock_seconds();
        }
        if (stop != OK) return stop;
    }
    return choice_take(e);
}

err emixer_train(emixer *e, const emixer_data *data, const char *checkpoint, double checkpoint_seconds,
                 emixer_progress progress, void *context)
{
    feed f;
    if (e->o.choose_every > 0 && !data->judge)
        return err_set(ERR_USAGE, "emixer option choose_every needs a judge");
    TRY(feed_open(e, data, &f));
    err error = checkpoint && path_exists(checkpoint) ? emixer_load(e, checkpoint) : OK;
    if (error == OK) error = keep_names(e, data);
    if (error == OK) error = train(e, &f, checkpoint, checkpoint_seconds, progress, context);
    feed_close(&f);
    return error;
}
