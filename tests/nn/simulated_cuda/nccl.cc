/* NCCL on the simulated device: ranks are threads of this process, and a sum is taken on the host when all
 * ranks have come. That is stricter than NCCL, which may return before. */
#ifdef HAVE_NCCL

#include "tests/nn/simulated_cuda/runtime.h"

#include <nccl.h>

extern "C" {
#include "nn/group.h"
}

#include <cstring>
#include <map>
#include <mutex>

namespace
{

struct clique {
    replica_group *group;
    int members;
};

std::mutex cliques_lock;
std::map<unsigned, clique> cliques;
unsigned newest;

unsigned number_of(const ncclUniqueId &id)
{
    unsigned number;
    std::memcpy(&number, id.internal, sizeof number);
    return number;
}

} // namespace

struct ncclComm {
    unsigned clique;
    replica_group *group;
    int rank;
};

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    std::lock_guard<std::mutex> guard(cliques_lock);
    newest++;
    std::memcpy(id->internal, &newest, sizeof newest);
    return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *communicator, int ranks, ncclUniqueId id, int rank)
{
    unsigned number = number_of(id);
    std::unique_lock<std::mutex> guard(cliques_lock);
    if (number == 0 || number > newest || rank < 0 || rank >= ranks) return ncclInvalidArgument;
    clique &c = cliques[number];
    if (!c.group && group_open(ranks, &c.group) != OK) return ncclSystemError;
    c.members++;
    *communicator = new ncclComm{number, c.group, rank};
    guard.unlock();
    return group_meet((*communicator)->group) == OK ? ncclSuccess : ncclRemoteError;
}

ncclResult_t ncclCommAbort(ncclComm_t communicator)
{
    std::lock_guard<std::mutex> guard(cliques_lock);
    clique &c = cliques[communicator->clique];
    if (--c.members == 0) {
        group_close(c.group);
        cliques.erase(communicator->clique);
    }
    delete communicator;
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t communicator, cudaStream_t stream)
{
    if (type != ncclFloat || operation != ncclSum || from != to) return ncclInvalidArgument;
    simulated_expect_device(to, count * sizeof(float), "ncclAllReduce");
    if (cudaStreamSynchronize(stream) != cudaSuccess) return ncclUnhandledCudaError;
    err error = group_all_reduce(communicator->group, communicator->rank, static_cast<float *>(to), count);
    return error == OK ? ncclSuccess : ncclRemoteError;
}

const char *ncclGetErrorString(ncclResult_t)
{
    return "simulated";
}

#endif
