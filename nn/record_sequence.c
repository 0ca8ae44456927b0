/* Recording operators on sequences: one shape rule each. */
#include "nn/record.h"
#include "nn/sequence.h"

#include <math.h>

nn_t nn_multiply(net *n, nn_t a, nn_t b)
{
    nn_t in[] = {a, b};
    if (!net_inputs_fine(n, OP_MULTIPLY, in, 2)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, a), other = nn_shape_of(n, b);
    REQUIRE(s.rank < 4 && net_same_shape(&s, &other),
            "%smultiply: the inputs must have one shape of rank 1 to 3", n->path);
    return net_add_node(n, OP_MULTIPLY, s, in, 2, (attributes){0});
}

nn_t nn_repeat(net *n, nn_t x, int axis, int times)
{
    if (!net_inputs_fine(n, OP_REPEAT, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank <= 2 && axis >= 0 && axis <= s.rank, "%srepeat: a new axis %d for an input of rank %d",
            n->path, axis, s.rank);
    for (int k = s.rank++; k > axis; k--) s.d[k] = s.d[k - 1];
    s.d[axis] = times;
    return net_add_node(n, OP_REPEAT, s, &x, 1, (attributes){.axis = axis});
}

nn_t net_add_embedding(net *n, nn_t ids, nn_t table)
{
    nn_t in[] = {ids, table};
    if (!net_inputs_fine(n, OP_EMBEDDING, in, 2)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, ids), t = nn_shape_of(n, table);
    REQUIRE(s.rank <= 2 && t.rank == 2, "%sembedding: wants ids of rank 1 or 2, and a table of rank 2",
            n->path);
    s.d[s.rank++] = t.d[1];
    return net_add_node(n, OP_EMBEDDING, s, in, 2, (attributes){0});
}

nn_t nn_gather(net *n, nn_t x, nn_t at)
{
    nn_t in[] = {x, at};
    if (!net_inputs_fine(n, OP_GATHER, in, 2)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x), rows = nn_shape_of(n, at), expected = nn_shape(1, s.d[0]);
    REQUIRE(s.rank == 3 && net_same_shape(&rows, &expected),
            "%sgather: wants (B,T,D) and one row number each (B)", n->path);
    return net_add_node(n, OP_GATHER, nn_shape(2, s.d[0], s.d[2]), in, 2, (attributes){0});
}

nn_t net_add_layer_norm(net *n, nn_t x, nn_t gain, nn_t bias, float epsilon)
{
    nn_t in[] = {x, gain, bias};
    if (!net_inputs_fine(n, OP_LAYER_NORM, in, 3)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x), g = nn_shape_of(n, gain), b = nn_shape_of(n, bias);
    nn_shape_t expected = nn_shape(1, s.d[s.rank - 1]);
    REQUIRE(s.rank <= 3 && net_same_shape(&g, &expected) && net_same_shape(&b, &expected),
            "%slayer_norm: wants rows of rank 1 to 3, and gain and bias for their %d elements", n->path,
            expected.d[0]);
    return net_add_node(n, OP_LAYER_NORM, s, in, 3, (attributes){.epsilon = epsilon});
}

nn_t nn_normalize(net *n, nn_t x)
{
    if (!net_inputs_fine(n, OP_NORMALIZE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank <= 3, "%snormalize: the input has rank %d, not 1 to 3", n->path, s.rank);
    return net_add_node(n, OP_NORMALIZE, s, &x, 1, (attributes){.epsilon = 1e-6F});
}

static nn_t add_softmax(net *n, nn_t x, const nn_t *noise, nn_softmax_kind kind, float temperature)
{
    nn_t in[] = {x, noise ? *noise : x};
    if (!net_inputs_fine(n, OP_SOFTMAX, in, 2)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank <= 3, "%ssoftmax: the input has rank %d, not 1 to 3", n->path, s.rank);
    REQUIRE(temperature > 0, "%ssoftmax: the temperature must be positive", n->path);
    attributes a = {.kind = (int)kind, .scale = 1 / temperature};
    return net_add_node(n, OP_SOFTMAX, s, in, noise ? 2 : 1, a);
}

nn_t nn_softmax(net *n, nn_t x, nn_softmax_kind kind, float temperature)
{
    return add_softmax(n, x, NULL, kind, temperature);
}

nn_t nn_gumbel_softmax(net *n, nn_t logits, const char *purpose, nn_softmax_kind kind, float temperature)
{
    nn_t noise = nn_random(n, purpose, nn_shape_of(n, logits), DISTRIBUTION_UNIFORM);
    return add_softmax(n, logits, &noise, kind, temperature);
}

nn_t nn_token_cross_entropy(net *n, nn_t logits, nn_t ids, const nn_t *weights)
{
    nn_t in[] = {logits, ids, weights ? *weights : ids};
    if (!net_inputs_fine(n, OP_TOKEN_CROSS_ENTROPY, in, 3)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, logits), t = nn_shape_of(n, ids), expected = s;
    expected.rank--;
    REQUIRE((s.rank == 2 || s.rank == 3) && net_same_shape(&t, &expected),
            "%stoken_cross_entropy: wants logits (N,V) or (B,T,V), and an id for each row", n->path);
    nn_shape_t w = nn_shape_of(n, in[2]), each = nn_shape(1, s.d[0]);
    REQUIRE(!weights || net_same_shape(&w, &each),
            "%stoken_cross_entropy: wants a weight for each of %d sequences", n->path, s.d[0]);
    return net_add_node(n, OP_TOKEN_CROSS_ENTROPY, nn_shape(1, 1), in, weights ? 3 : 2, (attributes){0});
}

nn_t nn_dropout(net *n, nn_t x, const char *purpose, float rate)
{
    if (rate == 0) return x;
    if (!net_inputs_fine(n, OP_DROPOUT, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank <= 3, "%sdropout: the input has rank %d, not 1 to 3", n->path, s.rank);
    REQUIRE(rate > 0 && rate < 1, "%sdropout: a rate of %g is not in [0,1)", n->path, (double)rate);
    nn_t in[] = {x, nn_random(n, purpose, s, DISTRIBUTION_UNIFORM)};
    return net_add_node(n, OP_DROPOUT, s, in, 2, (attributes){.rate = rate});
}

nn_t nn_grid_rows(net *n, nn_t x)
{
    if (!net_inputs_fine(n, OP_GRID_ROWS, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4 && !net_node(n, x)->plain, "%sgrid_rows: wants an image (B,C,H,W), not rank %d",
            n->path, s.rank);
    return net_add_node(n, OP_GRID_ROWS, nn_shape(3, s.d[0], s.d[2] * s.d[3], s.d[1]), &x, 1,
                        (attributes){0});
}

nn_t nn_rows_grid(net *n, nn_t x, int height, int width)
{
    if (!net_inputs_fine(n, OP_GRID_ROWS, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 3 && (long)height * width == s.d[1], "%sgrid_rows: %d rows are not an image of %d x %d",
            n->path, s.rank == 3 ? s.d[1] : 0, height, width);
    return net_add_node(n, OP_GRID_ROWS, nn_shape(4, s.d[0], s.d[2], height, width), &x, 1, (attributes){0});
}

nn_t nn_attention(net *n, nn_t q, nn_t k, nn_t v, attention_opts o)
{
    nn_t in[] = {q, k, v, o.lengths ? *o.lengths : v};
    if (!net_inputs_fine(n, OP_ATTENTION, in, 4)) return (nn_t){-1};
    nn_shape_t qs = nn_shape_of(n, q), ks = nn_shape_of(n, k), vs = nn_shape_of(n, v),
               ls = nn_shape_of(n, in[3]);
    int heads = o.heads ? o.heads : 1;
    REQUIRE(qs.rank == 3 && ks.rank == 3 && vs.rank == 3 && ks.d[0] == qs.d[0] && vs.d[0] == qs.d[0] &&
                ks.d[2] == qs.d[2] && vs.d[1] == ks.d[1],
            "%sattention: wants queries (B,Tq,D), keys (B,Tk,D) and values (B,Tk,V)", n->path);
    REQUIRE(heads > 0 && qs.d[2] % heads == 0 && vs.d[2] % heads == 0,
            "%sattention: %d and %d columns cannot be shared by %d heads", n->path, qs.d[2], vs.d[2], heads);
    REQUIRE(!o.causal || qs.d[1] == ks.d[1],
            "%sattention: causal wants as many keys as queries, not %d and %d", n->path, ks.d[1], qs.d[1]);
    REQUIRE(!o.lengths || (ls.rank == 1 && ls.d[0] == qs.d[0]),
            "%sattention: wants one length for each of %d samples", n->path, qs.d[0]);
    attributes a = {.heads = heads, .causal = o.causal};
    int width = qs.d[2] / heads;
    a.scale = o.scale > 0 ? o.scale : 1 / sqrtf((float)width);
    qs.d[2] = vs.d[2];
    return net_add_node(n, OP_ATTENTION, qs, in, o.lengths ? 4 : 3, a);
}

/* Whether the weights are (4H,I), (4H,H), (4H), (4H), and the state (if there is one) is (B,2H). */
static bool lstm_fits(const net *n, const lstm_inputs *in, int batch, int columns)
{
    nn_shape_t hh = nn_shape_of(n, in->weight_hh), b = nn_shape_of(n, in->bias_hh);
    int hidden = hh.d[1];
    nn_shape_t ih = nn_shape_of(n, in->weight_ih), bih = nn_shape_of(n, in->bias_ih);
    nn_shape_t inputs = nn_shape(2, 4 * hidden, columns), states = nn_shape(2, 4 * hidden, hidden);
    nn_shape_t bias = nn_shape(1, 4 * hidden), state = nn_shape(2, batch, 2 * hidden);
    nn_shape_t given = in->state ? nn_shape_of(n, *in->state) : state;
    return net_same_shape(&hh, &states) && net_same_shape(&ih, &inputs) && net_same_shape(&b, &bias) &&
           net_same_shape(&bih, &bias) && net_same_shape(&given, &state);
}

nn_t net_add_lstm(net *n, nn_op op, const lstm_inputs *from, bool reverse)
{
    nn_t in[7] = {from->x, from->weight_ih, from->weight_hh, from->bias_ih, from->bias_hh};
    int count = 5;
    if (from->state) in[count++] = *from->state;
    if (from->lengths) in[count++] = *from->lengths;
    if (!net_inputs_fine(n, op, in, count)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, from->x), lengths = nn_shape_of(n, in[count - 1]);
    int rank = op == OP_LSTM ? 3 : 2, hidden = nn_shape_of(n, from->weight_hh).d[1];
    REQUIRE(
        s.rank == rank && lstm_fits(n, from, s.d[0], s.d[rank - 1]),
        "%s%s: the input has rank %d and %d columns, the weights want rank %d, and a state (B,2H) of H = %d",
        n->path, nn_op_name(op), s.rank, s.d[s.rank - 1], rank, hidden);
    REQUIRE(!from->lengths || (lengths.rank == 1 && lengths.d[0] == s.d[0]),
            "%slstm: wants one length for each of %d samples", n->path, s.d[0]);
    s.d[rank - 1] = op == OP_LSTM ? hidden : 2 * hidden;
    return net_add_node(n, op, s, in, count, (attributes){.state = from->state != NULL, .reverse = reverse});
}
