/* Replicas that work on one step, a thread each: meeting one another, and adding up vectors of host memory.
 * Every replica of the group makes the same calls in the same order. A call returns when all have made it, or
 * fails in all that wait once one replica has broken the group, so that none waits for one that has failed.
 */
#ifndef NN_GROUP_H
#define NN_GROUP_H

#include "base/err.h"

#include <stddef.h>

typedef struct replica_group replica_group;

err group_open(int replicas, replica_group **out); /* 2 to NN_MAX_REPLICAS; ERR_SYSTEM */
void group_close(replica_group *g);                /* NULL is fine; nobody may be waiting */

int group_replicas(const replica_group *g);

err group_meet(replica_group *g);

/* x (n) = the sum of the replicas' x. Each sum is taken in double in the order of ranks and is rounded once:
 * all replicas get the same bits, in every run. */
err group_all_reduce(replica_group *g, int rank, float *x, size_t n);

/* Copies replica 0's `bytes` at data to the others' data. */
err group_share(replica_group *g, int rank, void *data, size_t bytes);

/* Fails every call under way and to come. `cause` is the failure of the calling replica, whose message is
 * kept; the first counts. */
void group_break(replica_group *g, err cause);

/* The failure that broke the group, with its message; OK if it is whole. */
err group_cause(replica_group *g);

#endif
