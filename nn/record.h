/* What the files that record operators share. */
#ifndef NN_RECORD_H
#define NN_RECORD_H

#include "nn/internal.h"

bool net_same_shape(const nn_shape_t *a, const nn_shape_t *b);

/* Adds a node; {-1} after any mistake, which every builder accepts as an input. */
nn_t net_add_node(net *n, nn_op op, nn_shape_t shape, const nn_t *in, int n_in, attributes a);

/* The inputs of an operator by shape; false (and a mistake, if there is none yet) when one is missing. */
bool net_inputs_fine(net *n, nn_op op, const nn_t *in, int n_in);

/* Leaves a builder with a mistake unless the condition holds. */
#define REQUIRE(condition, ...)                                                                              \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            net_mistake(n, __VA_ARGS__);                                                                     \
            return (nn_t){-1};                                                                               \
        }                                                                                                    \
    } while (0)

#endif
