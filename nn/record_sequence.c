/* Recording operators on sequences: one shape rule each. */
#include "nn/record.h"
#include "nn/sequence.h"

nn_t nn_multiply(net *n, nn_t a, nn_t b)
{
    nn_t in[] = {a, b};
    if (!net_inputs_fine(n, OP_MULTIPLY, in, 2)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, a), other = nn_shape_of(n, b);
    REQUIRE(s.rank < 4 && net_same_shape(&s, &other),
            "%smultiply: the inputs must have one shape of rank 1 to 3", n->path);
    return net_add_node(n, OP_MULTIPLY, s, in, 2, (attributes){0});
}
