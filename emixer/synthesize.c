/* Making images with the averaged generator. Batch norm's running statistics belong to the weights that were
 * trained, not to their average, so they are renewed first: the mean of the statistics of a few batches whose
 * noise and labels follow the training distribution (the "standing statistics" of Brock et al., ICLR 2019,
 * appendix D). */
#include "emixer/internal.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STATISTICS_BATCHES = 16 };

/* The generator's running means and variances, end to end in the order of recording. */
typedef struct running {
    float *before, *batch;
    double *sum;
    size_t n;
} running;

static bool is_running(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strncmp(name, "G/", 2) == 0 && dot &&
           (strcmp(dot, ".running_mean") == 0 || strcmp(dot, ".running_var") == 0);
}

typedef err (*transfer)(net *n, const char *name, float *host);

static err get_one(net *n, const char *name, float *host)
{
    return net_get_parameter(n, name, host);
}

static err set_one(net *n, const char *name, float *host)
{
    return net_set_parameter(n, name, host);
}

static err transfer_all(net *n, transfer move, float *host)
{
    for (int i = 0; i < net_parameter_count(n); i++) {
        const char *name = net_parameter_name(n, i);
        nn_shape_t shape = net_parameter_shape(n, i);
        if (!is_running(name)) continue;
        TRY(move(n, name, host));
        host += nn_count(&shape);
    }
    return OK;
}

static void running_close(running *r)
{
    free(r->before);
    free(r->batch);
    free(r->sum);
}

static err running_open(net *n, running *r)
{
    *r = (running){0};
    for (int i = 0; i < net_parameter_count(n); i++) {
        nn_shape_t shape = net_parameter_shape(n, i);
        if (is_running(net_parameter_name(n, i))) r->n += nn_count(&shape);
    }
    r->before = malloc((r->n + 1) * sizeof *r->before);
    r->batch = malloc((r->n + 1) * sizeof *r->batch);
    r->sum = calloc(r->n + 1, sizeof *r->sum);
    err error = r->before && r->batch && r->sum ? transfer_all(n, get_one, r->before)
                                                : err_set(ERR_SYSTEM, "out of memory for statistics");
    if (error != OK) running_close(r);
    return error;
}

static void pool_labels(const emixer *e, const float *pool, int batch, float *labels)
{
    size_t k = (size_t)e->o.n_labels;
    for (int i = 0; i < e->o.batch; i++) {
        size_t row = ((size_t)batch * (size_t)e->o.batch + (size_t)i) % LABEL_POOL;
        memcpy(labels + (size_t)i * k, pool + row * k, k * sizeof *labels);
    }
}

static err renew(emixer *e, running *r, float *pool, float *labels)
{
    TRY(net_get_parameter(e->n, LABEL_POOL_NAME, pool));
    for (int batch = 0; batch < STATISTICS_BATCHES; batch++) {
        pool_labels(e, pool, batch, labels);
        TRY(nn_set(e->n, e->in.statistics_labels, labels));
        TRY(step_run(e->statistics, (uint64_t)batch));
        TRY(transfer_all(e->n, get_one, r->batch));
        for (size_t i = 0; i < r->n; i++) r->sum[i] += r->batch[i];
    }
    for (size_t i = 0; i < r->n; i++) r->batch[i] = (float)(r->sum[i] / STATISTICS_BATCHES);
    return transfer_all(e->n, set_one, r->batch);
}

static err renew_statistics(emixer *e, running *r)
{
    size_t k = (size_t)e->o.n_labels;
    float *pool = malloc(LABEL_POOL * k * sizeof *pool);
    float *labels = malloc((size_t)e->o.batch * k * sizeof *labels);
    err error =
        pool && labels ? renew(e, r, pool, labels) : err_set(ERR_SYSTEM, "out of memory for statistics");
    free(pool);
    free(labels);
    return error;
}

static uint8_t gray(float x)
{
    float v = roundf((x + 1.0F) * 127.5F);
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Images first..first+B of n; the noise of image i is drawn under (seed, i) alone. */
static err make_batch(emixer *e, const float *labels, int first, int n, uint64_t seed, float *host,
                      uint8_t *images)
{
    size_t batch = (size_t)e->o.batch, k = (size_t)e->o.n_labels, latent = (size_t)e->o.latent;
    size_t pixels = (size_t)e->o.resolution * (size_t)e->o.resolution;
    size_t count = (size_t)(n - first) < batch ? (size_t)(n - first) : batch;
    uint64_t key = rng_key(seed, "emixer/synthesize");
    memset(host, 0, batch * k * sizeof *host);
    memcpy(host, labels + (size_t)first * k, count * k * sizeof *host);
    TRY(nn_set(e->n, e->in.labels, host));
    for (size_t i = 0; i < batch; i++) rng_fill_normal(key, (uint64_t)first + i, host + i * latent, latent);
    TRY(nn_set(e->n, e->in.z, host));
    TRY(step_run(e->sampling, 0));
    TRY(nn_get(e->sampling, e->images, host));
    for (size_t i = 0; i < count * pixels; i++) images[(size_t)first * pixels + i] = gray(host[i]);
    return OK;
}

static err make_all(emixer *e, running *r, const float *labels, int n, uint64_t seed, uint8_t *images)
{
    size_t row = (size_t)e->o.resolution * (size_t)e->o.resolution;
    if ((size_t)e->o.latent > row) row = (size_t)e->o.latent;
    if ((size_t)e->o.n_labels > row) row = (size_t)e->o.n_labels;
    TRY(renew_statistics(e, r));
    float *host = malloc((size_t)e->o.batch * row * sizeof *host);
    if (!host) return err_set(ERR_SYSTEM, "out of memory for a batch");
    err error = OK;
    for (int first = 0; first < n && error == OK; first += e->o.batch)
        error = make_batch(e, labels, first, n, seed, host, images);
    free(host);
    return error;
}

err emixer_synthesize(emixer *e, const float *labels, int n, uint64_t seed, uint8_t *images)
{
    running r;
    TRY(running_open(e->n, &r));
    bool averaged = e->o.ema_decay > 0;
    err error = averaged ? optimizer_swap_ema(e->optimizers[PLAYER_GENERATOR]) : OK;
    if (error == OK) {
        error = make_all(e, &r, labels, n, seed, images);
        if (averaged) {
            err back = optimizer_swap_ema(e->optimizers[PLAYER_GENERATOR]);
            if (error == OK) error = back;
        }
    }
    /* Training goes on from the statistics that it had. */
    if (error == OK) error = transfer_all(e->n, set_one, r.before);
    running_close(&r);
    return error;
}

err emixer_draw_labels(emixer *e, int n, uint64_t seed, float *labels)
{
    size_t k = (size_t)e->o.n_labels;
    if (!e->label_names) return err_set(ERR_USAGE, "the model was not trained yet: it knows no labels");
    float *pool = malloc(LABEL_POOL * k * sizeof *pool);
    if (!pool) return err_set(ERR_SYSTEM, "out of memory for labels");
    err error = net_get_parameter(e->n, LABEL_POOL_NAME, pool);
    for (int i = 0; i < n && error == OK; i++) {
        rng draw = rng_open(seed, "emixer/draw labels", (uint64_t)i);
        size_t row = (size_t)rng_below(&draw, LABEL_POOL);
        memcpy(labels + (size_t)i * k, pool + row * k, k * sizeof *labels);
    }
    free(pool);
    return error;
}
