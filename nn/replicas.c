/* Opening and closing nets. A net on several devices is a net and a thread for each, and jobs that run on all
 * of them at once. */
#include "nn/internal.h"

#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };

/* ---- the threads ---- */

typedef struct worker {
    team *team;
    net *n;
    pthread_t thread;
} worker;

struct team {
    worker workers[NN_MAX_REPLICAS];
    int count, started;
    pthread_mutex_t lock;
    pthread_cond_t called, finished;
    bool have_lock, have_called, have_finished;
    uint64_t calls; /* jobs so far */
    int busy;       /* workers that have not finished the last one */
    bool stop;
    replica_job job;
    void *context;
    err error; /* of the first worker that failed */
    char message[MESSAGE_BYTES];
};

/* Waits for the job after the `done`-th; false: there will be none. */
static bool next_job(team *t, uint64_t done)
{
    (void)pthread_mutex_lock(&t->lock);
    while (t->calls == done && !t->stop) (void)pthread_cond_wait(&t->called, &t->lock);
    bool goes_on = !t->stop;
    (void)pthread_mutex_unlock(&t->lock);
    return goes_on;
}

static void report(team *t, err error)
{
    (void)pthread_mutex_lock(&t->lock);
    if (error != OK && t->error == OK) {
        t->error = error;
        (void)snprintf(t->message, sizeof t->message, "%s", err_message());
    }
    if (--t->busy == 0) (void)pthread_cond_signal(&t->finished);
    (void)pthread_mutex_unlock(&t->lock);
}

static void *work(void *argument)
{
    const worker *w = argument;
    omp_set_num_threads(1); /* the other cores are for the other replicas */
    for (uint64_t done = 0; next_job(w->team, done); done++)
        report(w->team, w->team->job(w->n, w->team->context));
    return NULL;
}

static err make_locks(team *t)
{
    t->have_lock = pthread_mutex_init(&t->lock, NULL) == 0;
    t->have_called = pthread_cond_init(&t->called, NULL) == 0;
    t->have_finished = pthread_cond_init(&t->finished, NULL) == 0;
    bool all = t->have_lock && t->have_called && t->have_finished;
    return all ? OK : err_set(ERR_SYSTEM, "no lock for the replicas can be had");
}

/* The net of replica `rank`: the user's own for 0. */
static err make_worker(team *t, net *first, int rank)
{
    worker *w = &t->workers[rank];
    w->team = t;
    w->n = rank == 0 ? first : calloc(1, sizeof *w->n);
    if (!w->n) return err_set(ERR_SYSTEM, "out of memory for a net");
    if (rank > 0) *w->n = (net){.i = first->i, .seed = first->seed, .replicas = first->replicas};
    w->n->rank = rank;
    w->n->group = first->group;
    t->count++;
    return OK;
}

static err start_workers(team *t)
{
    for (; t->started < t->count; t->started++)
        if (pthread_create(&t->workers[t->started].thread, NULL, work, &t->workers[t->started]) != 0)
            return err_set(ERR_SYSTEM, "no thread for replica %d can be had", t->started);
    return OK;
}

/* n->replicas > 1. */
static err team_open(net *n)
{
    team *t = calloc(1, sizeof *t);
    if (!t) return err_set(ERR_SYSTEM, "out of memory for replicas");
    n->team = t; /* which net_close closes, however far this comes */
    TRY(group_open(n->replicas, &n->group));
    for (int rank = 0; rank < n->replicas; rank++) TRY(make_worker(t, n, rank));
    TRY(make_locks(t));
    return start_workers(t);
}

static void team_close(team *t)
{
    if (!t) return;
    if (t->started > 0) {
        (void)pthread_mutex_lock(&t->lock);
        t->stop = true;
        (void)pthread_cond_broadcast(&t->called);
        (void)pthread_mutex_unlock(&t->lock);
    }
    for (int k = 0; k < t->started; k++) (void)pthread_join(t->workers[k].thread, NULL);
    if (t->have_finished) (void)pthread_cond_destroy(&t->finished);
    if (t->have_called) (void)pthread_cond_destroy(&t->called);
    if (t->have_lock) (void)pthread_mutex_destroy(&t->lock);
    for (int k = 1; k < t->count; k++) free(t->workers[k].n);
    free(t);
}

/* Gives replica n what `first` has recorded since: the nodes are the same, the memory will be its own. */
static err mirror(const net *first, net *n)
{
    n->nodes = first->nodes;
    if (n->n_nodes == first->n_nodes) return OK;
    size_t nodes = (size_t)first->nodes_capacity, parameters = (size_t)first->parameters_capacity;
    float **inputs = realloc(n->inputs, nodes * sizeof(*inputs));
    if (inputs) n->inputs = inputs;
    parameter *grown = parameters ? realloc(n->parameters, parameters * sizeof *grown) : NULL;
    if (grown) n->parameters = grown;
    if (!inputs || (parameters && !grown)) return err_set(ERR_SYSTEM, "out of memory for replicas");
    for (; n->n_nodes < first->n_nodes; n->n_nodes++) n->inputs[n->n_nodes] = NULL;
    for (; n->n_parameters < first->n_parameters; n->n_parameters++) {
        const parameter *p = &first->parameters[n->n_parameters];
        n->parameters[n->n_parameters] = (parameter){.n = p->n, .init = p->init, .trainable = p->trainable};
    }
    return OK;
}

static err run_job(team *t, replica_job job, void *context)
{
    if (t->started == 0) return OK; /* only net_close comes here after an opening that failed */
    (void)pthread_mutex_lock(&t->lock);
    t->job = job;
    t->context = context;
    t->error = OK;
    t->busy = t->started;
    t->calls++;
    (void)pthread_cond_broadcast(&t->called);
    while (t->busy > 0) (void)pthread_cond_wait(&t->finished, &t->lock);
    (void)pthread_mutex_unlock(&t->lock);
    return t->error == OK ? OK : err_set(t->error, "%s", t->message);
}

err net_each(net *n, replica_job job, void *context)
{
    if (!n->team) return job(n, context);
    for (int k = 1; k < n->team->count; k++) TRY(mirror(n, n->team->workers[k].n));
    return run_job(n->team, job, context);
}

/* ---- nets ---- */

static err open_one(net *n, void *context)
{
    nn_device device = *(const nn_device *)context;
    device.index += n->rank;
    err error = n->i->open(&device, &n->b);
    if (!n->group) return error;
    if (error == OK) error = n->i->join(n->b, n->group, n->rank);
    if (error != OK) group_break(n->group, error); /* the others may be waiting for this one */
    return error;
}

err net_open(nn_device device, uint64_t seed, net **out)
{
    *out = NULL;
    if (device.replicas > NN_MAX_REPLICAS)
        return err_set(ERR_USAGE, "%d replicas; up to %d are possible", device.replicas,
                       (int)NN_MAX_REPLICAS);
    if (device.replicas > 1 && !device.backend->join)
        return err_set(ERR_UNAVAILABLE, "the backend %s has no replicas", device.backend->name);
    net *n = calloc(1, sizeof *n);
    if (!n) return err_set(ERR_SYSTEM, "out of memory for a net");
    n->i = device.backend;
    n->seed = seed;
    n->replicas = device.replicas > 1 ? device.replicas : 1;
    err error = n->replicas > 1 ? team_open(n) : OK;
    if (error == OK) {
        error = net_each(n, open_one, &device);
        if (error != OK && n->group) error = group_cause(n->group);
    }
    if (error != OK) {
        net_close(n);
        return error;
    }
    *out = n;
    return OK;
}

/* Frees what replica n has of its own. */
static err close_one(net *n, void *context)
{
    (void)context;
    while (n->steps) {
        step *next = step_next(n->steps);
        step_free(n, n->steps);
        n->steps = next;
    }
    for (int k = 0; k < n->n_parameters; k++)
        if (!n->parameters[k].trainable) n->i->release(n->b, n->parameters[k].value);
    for (int k = 0; k < n->n_scopes; k++) {
        n->i->release(n->b, n->scopes[k]->values);
        n->i->release(n->b, n->scopes[k]->gradients);
        free(n->scopes[k]);
    }
    for (int k = 0; k < n->n_nodes; k++)
        if (n->inputs[k]) n->i->release(n->b, n->inputs[k]);
    n->i->release(n->b, n->arena);
    n->i->release(n->b, n->scratch);
    n->i->close(n->b);
    free(n->scopes);
    free(n->parameters);
    free(n->inputs);
    free(n->share);
    return OK;
}

void net_close(net *n)
{
    if (!n) return;
    (void)net_each(n, close_one, NULL);
    for (int k = 0; k < n->n_nodes; k++) free(n->nodes[k]);
    free(n->nodes);
    team_close(n->team);
    group_close(n->group);
    free(n);
}
