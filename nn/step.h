/* A compiled step, as compile.c builds it and step.c runs it.
 *
 * The program of a step has the positions 0..F-1, forward calls in order of recording (which is topological),
 * and F..F+B-1, backward calls in reverse. A buffer's lifetime is an interval of positions. */
#ifndef NN_STEP_H
#define NN_STEP_H

#include "nn/internal.h"

/* What a step knows of one node. */
typedef struct binding {
    bool needed;  /* runs forward (or is a leaf that a needed node reads) */
    bool wants;   /* its gradient is wanted: a trained parameter, or it depends on one, and the loss on it */
    bool written; /* while compiling: some backward call already stores its gradient */
    bool kept;    /* its value has memory of its own */
    bool continues;       /* its memory holds the values of others, too */
    bool again;           /* its value is computed twice, not kept from forward to backward */
    int writers;          /* backward calls that contribute to its gradient */
    const node *absorber; /* the call of this node computes what it needs of its value, which nobody keeps */
    const node *addend;   /* its call adds the value of this node: what it stores is that of a sum */
    bool stored;          /* the call of one of its inputs has stored its value */
    const node *within; /* its value is the first channels of this concat's, or this sum's: the same memory */
    const node *shares; /* its gradient is this node's, or the first channels of it: the same memory */
    int forward_at, backward_at;            /* position in the program, or -1 */
    buffer value, gradient, saved, moments; /* moments: of the channels of `value`, whoever needs them */
    bool reads_moments;                     /* its call has those of its input */
    int known;                              /* while compiling: channels of `moments` that calls have left */
    float *memory;                          /* of a kept value */
    call c;
} binding;

/* With replicas there is a step for each; the user holds that of rank 0. */
struct step {
    net *n;
    step *replicas[NN_MAX_REPLICAS]; /* of rank 0: all of them, itself the first */
    step *next;
    binding *nodes; /* by node id, of the nodes that were recorded when the step was compiled */
    int n_nodes;
    node **forward, **backward;
    int n_forward, n_backward;
    node *loss;
    scope_vectors *scope; /* NULL: forward only */
    size_t arena_bytes, scratch_bytes;
    bool bound;
    const void *bound_arena, *bound_scratch; /* where the calls' pointers point, once bound */
    float *loss_gradient;                    /* device, one float */
    int runs;                                /* call by call, up to those that come before a capture */
    capture *captured;                       /* of a run, with the memory that is bound now; or NULL */
    bool cannot_capture;
    bool profile;
    op_time times[OP_COUNT];
};

/* sharing.c: the node in whose name the value or gradient of x has its memory: x itself unless it shares
 * another's. */
const node *step_value_owner(const step *s, const node *x);
const node *step_gradient_owner(const step *s, const node *x);

/* Decides which values and gradients share memory, and which values are computed twice; between
 * describe_calls and plan_calls. */
void step_share(step *s);

/* absorbing.c: decides which batch norms and sums do not run, since the call after or before them does their
 * work; between step_share and plan_calls. */
void step_absorb(step *s);

/* capture.c: runs the step through `run`, which makes its calls, or by replaying them. */
typedef err (*step_runner)(step *s, uint64_t t);
err capture_run(step *s, uint64_t t, step_runner run);
void capture_forget(step *s); /* the memory moves, or the step ends */

/* Whether x is a parameter that the step trains. */
bool step_trains(const step *s, const node *x);

#endif
