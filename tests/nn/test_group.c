/* The meetings of replicas, and the sums that they make of host memory. */
#include "base/rng.h"
#include "nn/group.h"
#include "nn/net.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

enum { LONG = 1003, ROUNDS = 50 };

typedef struct member {
    replica_group *g;
    int rank, replicas;
    float x[LONG];
    err error;
    pthread_t thread;
} member;

static void run(member *members, int replicas, void *(*work)(void *))
{
    replica_group *g;
    cr_assert_eq(group_open(replicas, &g), OK, "%s", err_message());
    for (int r = 0; r < replicas; r++) {
        members[r].g = g;
        members[r].rank = r;
        members[r].replicas = replicas;
        cr_assert_eq(pthread_create(&members[r].thread, NULL, work, &members[r]), 0);
    }
    for (int r = 0; r < replicas; r++) (void)pthread_join(members[r].thread, NULL);
    group_close(g);
}

static float drawn(int rank, int round, size_t i)
{
    rng r = rng_open((uint64_t)rank, "group", (uint64_t)round * LONG + i);
    return (float)rng_normal(&r);
}

/* Vectors of all lengths: shorter than the group, empty, long. */
static size_t length_of(int round)
{
    return round % 5 ? (size_t)round % 5 - 1 : LONG;
}

static void *add_up(void *argument)
{
    member *m = argument;
    for (int round = 0; round < ROUNDS && m->error == OK; round++) {
        size_t n = length_of(round);
        for (size_t i = 0; i < n; i++) m->x[i] = drawn(m->rank, round, i);
        m->error = group_all_reduce(m->g, m->rank, m->x, n);
        for (size_t i = 0; i < n && m->error == OK; i++) {
            double sum = 0;
            for (int r = 0; r < m->replicas; r++) sum += (double)drawn(r, round, i);
            if (m->x[i] != (float)sum) m->error = err_set(ERR_INTERNAL, "round %d, element %zu", round, i);
        }
    }
    return NULL;
}

Test(group, all_get_the_sum_in_the_order_of_ranks)
{
    static member members[NN_MAX_REPLICAS];
    for (int replicas = 2; replicas <= NN_MAX_REPLICAS; replicas += 7) {
        memset(members, 0, sizeof members);
        run(members, replicas, add_up);
        for (int r = 0; r < replicas; r++)
            cr_expect_eq(members[r].error, OK, "replica %d of %d", r, replicas);
    }
}

static void *share(void *argument)
{
    member *m = argument;
    for (int round = 0; round < ROUNDS && m->error == OK; round++) {
        int value = m->rank == 0 ? round : -1;
        m->error = group_share(m->g, m->rank, &value, sizeof value);
        if (value != round) m->error = ERR_DATA;
    }
    return NULL;
}

Test(group, all_get_what_the_first_shares)
{
    static member members[3];
    run(members, 3, share);
    for (int r = 0; r < 3; r++) cr_expect_eq(members[r].error, OK);
}

/* The last one breaks the group instead of coming. */
static void *wait_in_vain(void *argument)
{
    member *m = argument;
    m->error = group_meet(m->g);
    if (m->rank == m->replicas - 1) group_break(m->g, err_set(ERR_DATA, "no more of this"));
    if (m->error == OK) m->error = group_meet(m->g);
    err cause = group_cause(m->g);
    if (cause != ERR_DATA || strcmp(err_message(), "no more of this") != 0) m->error = ERR_IO;
    return NULL;
}

Test(group, breaking_it_ends_all_waiting, .timeout = 60)
{
    static member members[4];
    run(members, 4, wait_in_vain);
    for (int r = 0; r < 4; r++) cr_expect_eq(members[r].error, ERR_INTERNAL);
}
