/* Operators on sequences and on the rows of tables: what texts and transformers need; included beside
 * nn/net.h. What each computes is said in nn/backend.h.
 *
 * A batch of sequences is (B,T,D), row-major. Token ids, lengths and positions are floats with whole values,
 * so that they are inputs like all others. */
#ifndef NN_SEQUENCE_H
#define NN_SEQUENCE_H

#include "nn/net.h"

/* a (R,K) or (B,T,K) times b (K,N), or with transpose_b times the transpose of b (N,K): -> (R,N) or (B,T,N).
 * Similarities of all pairs of rows; or a table looked up by a distribution instead of an id. */
nn_t nn_matmul(net *n, nn_t a, nn_t b, bool transpose_b);

/* Elements first .. first + count - 1 of an axis: 0 of any rank, 1 or 2 of rank 2 or 3. */
nn_t nn_slice_axis(net *n, nn_t x, int axis, int first, int count);

nn_t nn_multiply(net *n, nn_t a, nn_t b); /* element by element; both of one shape of rank 1 to 3 */

/* Repeats x along a new axis: (T,D) -> (times,T,D) for axis 0, one table for every sample; (B,D) ->
 * (B,times,D) for axis 1, one row for every time. x has rank 1 or 2. */
nn_t nn_repeat(net *n, nn_t x, int axis, int times);

#endif
