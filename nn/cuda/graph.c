/* A training step as one launch: kernels are recorded once and replayed. */
#include "nn/cuda/internal.h"

#include <stdlib.h>

struct cuda_graph {
    cudaGraphExec_t executable;
};

err cuda_capture_begin(backend *b)
{
    CUDA_TRY(cudaStreamBeginCapture(b->stream, cudaStreamCaptureModeThreadLocal));
    b->capturing = true;
    return OK;
}

static err instantiate(cudaGraph_t graph, cuda_graph **out)
{
    cuda_graph *g = calloc(1, sizeof *g);
    if (!g) return err_set(ERR_SYSTEM, "out of memory for a CUDA graph");
    cudaError_t status = cudaGraphInstantiate(&g->executable, graph, 0);
    if (status != cudaSuccess) {
        free(g);
        return cuda_error(status, "cudaGraphInstantiate");
    }
    *out = g;
    return OK;
}

err cuda_capture_end(backend *b, cuda_graph **out)
{
    cudaGraph_t graph = NULL;
    *out = NULL;
    b->capturing = false;
    CUDA_TRY(cudaStreamEndCapture(b->stream, &graph));
    err error = instantiate(graph, out);
    (void)cudaGraphDestroy(graph);
    return error;
}

err cuda_graph_run(backend *b, cuda_graph *g, uint64_t t)
{
    TRY(cuda_set_t(b, t));
    CUDA_TRY(cudaGraphLaunch(g->executable, b->stream));
    return OK;
}

void cuda_graph_close(cuda_graph *g)
{
    if (!g) return;
    (void)cudaGraphExecDestroy(g->executable);
    free(g);
}
