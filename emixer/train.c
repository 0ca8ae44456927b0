/* Training: batches, updates, checkpoints. Every draw is keyed by (seed, purpose, step), so a run that was
 * stopped and resumed does what the uninterrupted one would have done. */
#include "emixer/internal.h"

#include "base/clock.h"
#include "base/files.h"

#include <stdlib.h>
#include <time.h>

/* Where batches come from and the host memory that they are put together in. */
typedef struct feed {
    const emixer_data *data;
    balance draws;
    float *images; /* (B,R*R) */
    float *labels; /* (max(B,LABEL_POOL),K) */
} feed;

static err check_data(const emixer *e, const emixer_data *data)
{
    const dataset *set = data->set;
    int side = e->o.resolution;
    if (set->height != side || set->width != side)
        return err_set(ERR_DATA, "the generator makes %d x %d images, and those of the data are %d x %d",
                       side, side, set->height, set->width);
    if (set->n_labels != e->o.n_labels)
        return err_set(ERR_DATA, "the generator has %d labels, and the data %d", e->o.n_labels,
                       set->n_labels);
    if (data->labelled->n < 1) return err_set(ERR_DATA, "a generator needs at least one labelled image");
    return OK;
}

static void feed_close(feed *f)
{
    balance_close(&f->draws);
    free(f->images);
    free(f->labels);
}

static err feed_open(const emixer *e, const emixer_data *data, feed *f)
{
    size_t pixels = (size_t)e->o.resolution * (size_t)e->o.resolution, batch = (size_t)e->o.batch;
    size_t rows = batch > LABEL_POOL ? batch : LABEL_POOL;
    *f = (feed){.data = data};
    f->images = malloc(batch * pixels * sizeof *f->images);
    f->labels = malloc(rows * (size_t)e->o.n_labels * sizeof *f->labels);
    err error = f->images && f->labels ? balance_open(data->set, data->labelled, &f->draws)
                                       : err_set(ERR_SYSTEM, "out of memory for a batch");
    if (error != OK) feed_close(f);
    return error;
}

static err set_labels(emixer *e, feed *f, const char *purpose, uint64_t t, nn_t input)
{
    balance_draw(&f->draws, e->o.seed, purpose, t, e->o.batch, NULL, f->labels);
    return nn_set(e->n, input, f->labels);
}

static err discriminator_batch(emixer *e, feed *f, uint64_t t)
{
    balance_draw(&f->draws, e->o.seed, "emixer/real", t, e->o.batch, f->images, f->labels);
    TRY(nn_set(e->n, e->in.real, f->images));
    TRY(nn_set(e->n, e->in.real_labels, f->labels));
    TRY(set_labels(e, f, "emixer/fake", t, e->in.fake_labels));
    if (rotation_batch(&e->o) == 0) return OK;
    rotation_draw(&e->o, f->data, t, f->images);
    return nn_set(e->n, e->in.rotation, f->images);
}

/* One generator update after its discriminator updates; t from 0. */
static err update(emixer *e, feed *f, uint64_t t, float *discriminator_loss, float *generator_loss)
{
    uint64_t times = (uint64_t)e->o.discriminator_steps;
    for (uint64_t i = 0; i < times; i++) {
        TRY(discriminator_batch(e, f, t * times + i));
        TRY(update_discriminator(e, t * times + i, discriminator_loss));
    }
    TRY(set_labels(e, f, "emixer/generator", t, e->in.generator_labels));
    return update_generator(e, t, generator_loss);
}

/* Keeps label vectors of the training distribution, which the statistics of batch norm are renewed with. */
static err keep_labels(emixer *e, feed *f)
{
    balance_draw(&f->draws, e->o.seed, "emixer/pool", 0, LABEL_POOL, NULL, f->labels);
    return net_set_parameter(e->n, LABEL_POOL_NAME, f->labels);
}

static err train(emixer *e, feed *f, const char *checkpoint, double checkpoint_seconds,
                 emixer_progress progress, void *context)
{
    double saved = clock_seconds();
    float d = 0, g = 0;
    TRY(keep_labels(e, f));
    while (e->updates < e->o.steps) {
        err error = update(e, f, (uint64_t)e->updates, &d, &g);
        if (error != OK)
            return err_context(error, "generator update %d, seed %llu", e->updates + 1,
                               (unsigned long long)e->o.seed);
        e->updates++;
        err stop = progress ? progress(context, e->updates, d, g) : OK;
        bool due = stop != OK || e->updates == e->o.steps || clock_seconds() - saved >= checkpoint_seconds;
        if (checkpoint && due) {
            TRY(emixer_save(e, checkpoint));
            saved = clock_seconds();
        }
        if (stop != OK) return stop;
    }
    return OK;
}

err emixer_train(emixer *e, const emixer_data *data, const char *checkpoint, double checkpoint_seconds,
                 emixer_progress progress, void *context)
{
    feed f;
    TRY(check_data(e, data));
    if (checkpoint && path_exists(checkpoint)) TRY(emixer_load(e, checkpoint));
    TRY(feed_open(e, data, &f));
    err error = train(e, &f, checkpoint, checkpoint_seconds, progress, context);
    feed_close(&f);
    return error;
}
