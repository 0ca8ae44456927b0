/* A step as one launch: what the stream is given is recorded once as a CUDA graph and launched again and
 * again. */
#include "nn/cuda/internal.h"

#include <stdlib.h>

struct capture {
    cudaGraphExec_t executable;
};

/* Other threads may allocate meanwhile; this one may not. */
err cuda_capture_begin(backend *b)
{
    CUDA_TRY(cudaStreamBeginCapture(b->stream, cudaStreamCaptureModeThreadLocal));
    b->capturing = true;
    return OK;
}

static err instantiate(cudaGraph_t graph, capture **out)
{
    capture *c = calloc(1, sizeof *c);
    if (!c) return err_set(ERR_SYSTEM, "out of memory for a CUDA graph");
    cudaError_t status = cudaGraphInstantiate(&c->executable, graph, 0);
    if (status != cudaSuccess) {
        free(c);
        return cuda_error(status, "cudaGraphInstantiate");
    }
    *out = c;
    return OK;
}

err cuda_capture_end(backend *b, capture **out)
{
    cudaGraph_t graph = NULL;
    *out = NULL;
    b->capturing = false;
    CUDA_TRY(cudaStreamEndCapture(b->stream, &graph));
    err error = instantiate(graph, out);
    (void)cudaGraphDestroy(graph);
    return error;
}

err cuda_capture_replay(backend *b, capture *c, uint64_t t)
{
    TRY(cuda_set_t(b, t));
    CUDA_TRY(cudaGraphLaunch(c->executable, b->stream));
    return OK;
}

/* A graph that is still running is freed when it has ended. */
void cuda_capture_close(capture *c)
{
    if (!c) return;
    (void)cudaGraphExecDestroy(c->executable);
    free(c);
}
