/* Adding up vectors over several GPUs by NCCL: a communicator per GPU, which the thread of its replica uses.
 * NCCL is loaded when a net with replicas is opened. */
#include "nn/cuda/internal.h"

#ifdef HAVE_NCCL

#include <nccl.h>
#include <pthread.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define NCCL_LIBRARY "libnccl.so." TEXT(NCCL_MAJOR)

#define NCCL_FUNCTIONS(X)                                                                                    \
    X(GetUniqueId)                                                                                           \
    X(CommInitRank)                                                                                          \
    X(CommAbort)                                                                                             \
    X(AllReduce)                                                                                             \
    X(GetErrorString)

/* nccl.AllReduce is ncclAllReduce, and so on. typeof is a GNU extension: the types are the header's own. */
static struct {
#define X(name) __typeof__(&nccl##name) name;
    NCCL_FUNCTIONS(X)
#undef X
} nccl;

static bool find_nccl(void *library)
{
    bool found = true;
#define X(name) found = found && library_find(library, "nccl" #name, &nccl.name);
    NCCL_FUNCTIONS(X)
#undef X
    return found;
}

static err load(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool loaded;
    (void)pthread_mutex_lock(&lock);
    err error = loaded ? OK : library_open(NCCL_LIBRARY, NCCL_FOLDER "/" NCCL_LIBRARY, find_nccl);
    loaded = error == OK;
    (void)pthread_mutex_unlock(&lock);
    return error;
}

static err check(ncclResult_t status, const char *name)
{
    if (status == ncclSuccess) return OK;
    return err_set(ERR_SYSTEM, "%s: %s", name, nccl.GetErrorString(status));
}

err cuda_join(backend *b, replica_group *g, int rank)
{
    ncclUniqueId id = {{0}};
    TRY(load());
    if (rank == 0) TRY(check(nccl.GetUniqueId(&id), "ncclGetUniqueId"));
    TRY(group_share(g, rank, &id, sizeof id));
    b->group = g;
    return check(nccl.CommInitRank(&b->communicator, group_replicas(g), id, rank), "ncclCommInitRank");
}

/* NCCL may wait on the host for all replicas, and has no safe way out of that (its guide, "Fault tolerance"):
 * so it is entered only when all have come. */
err cuda_all_reduce(backend *b, float *x, size_t n)
{
    TRY(group_meet(b->group));
    return check(nccl.AllReduce(x, x, n, ncclFloat, ncclSum, b->communicator, b->stream), "ncclAllReduce");
}

/* Nothing is under way; and if something has failed, ncclCommDestroy would wait for it. */
void cuda_leave(backend *b)
{
    if (b->communicator) (void)nccl.CommAbort(b->communicator);
}

#else

err cuda_join(backend *b, replica_group *g, int rank)
{
    (void)b;
    (void)g;
    (void)rank;
    return err_set(ERR_UNAVAILABLE,
                   "this program was built without NCCL, which several GPUs need; build it where "
                   "NCCL is (cmake says what it misses), or use --device cuda");
}

err cuda_all_reduce(backend *b, float *x, size_t n)
{
    (void)b;
    (void)x;
    (void)n;
    return err_set(ERR_INTERNAL, "a single GPU adds up nothing");
}

void cuda_leave(backend *b)
{
    (void)b;
}

#endif
