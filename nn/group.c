#include "nn/group.h"

#include "nn/net.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };

struct replica_group {
    pthread_mutex_t lock;
    pthread_cond_t all_here;
    int replicas, here;
    uint64_t meetings; /* that have ended */
    err broken;        /* OK: it is whole */
    char message[MESSAGE_BYTES];
    void *shown[NN_MAX_REPLICAS]; /* what each replica shows the others until the next meeting */
};

err group_open(int replicas, replica_group **out)
{
    *out = NULL;
    replica_group *g = calloc(1, sizeof *g);
    if (!g) return err_set(ERR_SYSTEM, "out of memory for replicas");
    g->replicas = replicas;
    if (pthread_mutex_init(&g->lock, NULL) != 0) {
        free(g);
        return err_set(ERR_SYSTEM, "no lock for the replicas can be had");
    }
    if (pthread_cond_init(&g->all_here, NULL) != 0) {
        (void)pthread_mutex_destroy(&g->lock);
        free(g);
        return err_set(ERR_SYSTEM, "no lock for the replicas can be had");
    }
    *out = g;
    return OK;
}

void group_close(replica_group *g)
{
    if (!g) return;
    (void)pthread_cond_destroy(&g->all_here);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

int group_replicas(const replica_group *g)
{
    return g->replicas;
}

err group_meet(replica_group *g)
{
    (void)pthread_mutex_lock(&g->lock);
    uint64_t this = g->meetings;
    if (g->broken == OK && ++g->here == g->replicas) {
        g->here = 0;
        g->meetings++;
        (void)pthread_cond_broadcast(&g->all_here);
    }
    while (g->broken == OK && g->meetings == this) (void)pthread_cond_wait(&g->all_here, &g->lock);
    bool held = g->meetings > this;
    (void)pthread_mutex_unlock(&g->lock);
    return held ? OK : err_set(ERR_INTERNAL, "another replica has failed");
}

void group_break(replica_group *g, err cause)
{
    (void)pthread_mutex_lock(&g->lock);
    if (g->broken == OK) {
        g->broken = cause;
        (void)snprintf(g->message, sizeof g->message, "%s", err_message());
    }
    (void)pthread_cond_broadcast(&g->all_here);
    (void)pthread_mutex_unlock(&g->lock);
}

err group_cause(replica_group *g)
{
    (void)pthread_mutex_lock(&g->lock);
    err cause = g->broken == OK ? OK : err_set(g->broken, "%s", g->message);
    (void)pthread_mutex_unlock(&g->lock);
    return cause;
}

/* Elements first..end of every replica's vector become their sum. */
static void add_up(float *const *x, int replicas, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        double sum = 0;
        for (int r = 0; r < replicas; r++) sum += (double)x[r][i];
        for (int r = 0; r < replicas; r++) x[r][i] = (float)sum;
    }
}

/* Each replica adds up its share of the elements, for all. */
err group_all_reduce(replica_group *g, int rank, float *x, size_t n)
{
    float *vectors[NN_MAX_REPLICAS];
    g->shown[rank] = x;
    TRY(group_meet(g));
    for (int r = 0; r < g->replicas; r++) vectors[r] = g->shown[r];
    size_t part = (size_t)rank, parts = (size_t)g->replicas;
    add_up(vectors, g->replicas, n * part / parts, n * (part + 1) / parts);
    return group_meet(g);
}

err group_share(replica_group *g, int rank, void *data, size_t bytes)
{
    g->shown[rank] = data;
    TRY(group_meet(g));
    if (rank > 0) memcpy(data, g->shown[0], bytes);
    return group_meet(g);
}
