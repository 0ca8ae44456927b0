/* Replaying a step instead of calling its kernels one by one, where the backend can: a GPU is done with a
 * small kernel before the next one is launched, and one launch for all of them leaves no gaps. */
#include "nn/step.h"

enum {
    RUNS_BEFORE = 2
}; /* the first makes libraries load their kernels; a step that runs once or twice is not worth
      a capture */

static err record(step *s, uint64_t t, step_runner run)
{
    const backend_i *i = s->n->i;
    TRY(i->capture_begin(s->n->b));
    err error = run(s, t), ended = i->capture_end(s->n->b, &s->captured);
    if (error != OK) capture_forget(s);
    return error != OK ? error : ended;
}

/* What cannot be captured can still be called, and if the calls are at fault, they say so themselves. With
 * replicas nothing is captured: NCCL's guide ("Using NCCL with CUDA Graphs") expects deadlocks where one
 * process has several GPUs. */
err capture_run(step *s, uint64_t t, step_runner run)
{
    const backend_i *i = s->n->i;
    if (!i->capture_begin || s->n->replicas > 1 || s->profile || s->cannot_capture) return run(s, t);
    if (!s->captured && s->runs < RUNS_BEFORE) {
        s->runs++;
        return run(s, t);
    }
    if (!s->captured) s->cannot_capture = record(s, t, run) != OK;
    return s->cannot_capture ? run(s, t) : i->capture_replay(s->n->b, s->captured, t);
}

void capture_forget(step *s)
{
    if (s->captured) s->n->i->capture_close(s->captured);
    s->captured = NULL;
}
