#!/usr/bin/env python3
"""Makes nn_sequence.safetensors: what PyTorch computes for the rows of tests/nn/cases.c on sequences, beside this file,
as nn_make.py does for the others. Needs torch and safetensors; run with: python3 nn_sequence_make.py
"""
import torch
import torch.nn.functional as F

from nn_make import ACTS, Draw, one, row, scalar, several, write


def linear(name, b, t, i, o, bias, act):
    d = Draw(name)
    inputs = [d.normal(b, t, i), d.weight(o, i)] + ([d.normal(o)] if bias else [])
    row(name, inputs, lambda *x: ACTS[act](F.linear(*x)), range(len(inputs)))


def products():
    linear("linear_rows", 3, 4, 5, 6, True, "none")
    linear("linear_rows_tanh", 2, 7, 20, 9, True, "tanh")
    several("matmul", [(5, 7), (7, 3)], lambda t: t[0] @ t[1])
    several("matmul_rows", [(2, 3, 11), (11, 4)], lambda t: t[0] @ t[1])
    several("matmul_pairs", [(5, 6), (4, 6)], lambda t: t[0] @ t[1].T)


def parts():
    several("concat_times", [(2, 3, 5), (2, 1, 5)], lambda t: torch.cat(t, 1))
    several("concat_features", [(2, 3, 4), (2, 3, 1), (2, 3, 9)], lambda t: torch.cat(t, 2))
    one("slice_columns", (4, 7), lambda x: x[:, 2:5])
    one("slice_features", (2, 3, 7), lambda x: x[:, :, 3:7])
    several("multiply", [(2, 3, 7)] * 2, lambda t: t[0] * t[1])
    one("repeat_table", (4, 5), lambda x: x.unsqueeze(0).expand(3, 4, 5))
    one("repeat_rows", (5, 7), lambda x: x.unsqueeze(1).expand(5, 4, 7))
    one("grid_rows", (2, 12, 3, 4), lambda x: x.flatten(2).transpose(1, 2))
    one("rows_grid", (2, 12, 12), lambda x: x.transpose(1, 2).reshape(2, 12, 3, 4))


def look_up(table, ids):
    """Zeros where the id is not in the table."""
    known = (ids >= 0) & (ids < len(table))
    return F.embedding(ids.clamp(0, len(table) - 1).long(), table) * known.unsqueeze(-1)


def tables():
    d = Draw("embedding")
    ids = torch.tensor([[0, 3, -1, 3, 10], [10, 5, 3, 0, 0], [1, 9, 8, 11, -1]]).double()
    row("embedding", [ids, d.normal(11, 7)], lambda i, t: look_up(t, i), [1])
    at = torch.tensor([0, 2, -1, 1, 3, 2, 0]).double()
    row("gather", [Draw("gather").normal(7, 3, 5), at], lambda x, i: torch.stack(list(map(look_up, x, i))), [0])


def layer_norm(name, *shape):
    d = Draw(name)
    inputs = [d.normal(*shape), d.normal(shape[-1]), d.normal(shape[-1])]
    row(name, inputs, lambda x, g, b: F.layer_norm(x, g.shape, g, b), range(3))


def norms():
    layer_norm("layer_norm", 3, 4, 20)
    layer_norm("layer_norm_rows", 5, 7)
    one("normalize", (5, 9), lambda x: F.normalize(x, dim=1, eps=1e-6))
    one("normalize_short", (4, 6), lambda x: F.normalize(x, dim=1, eps=100))


def gumbel(x, u):
    return x - torch.log(-torch.log(u))


def straight_through(z):
    """One-hot at the largest, with the gradient of the softmax."""
    soft = F.softmax(z, dim=-1)
    hard = F.one_hot(z.argmax(-1), z.shape[-1]).to(z.dtype)
    return hard + soft - soft.detach()


def softmaxes():
    one("softmax", (2, 3, 7), lambda x: F.softmax(x, dim=-1))
    one("softmax_cool", (4, 33), lambda x: F.softmax(2 * x, dim=-1))
    one("softmax_log", (2, 2, 9), lambda x: F.log_softmax(x, dim=-1))
    one("softmax_hard", (5, 8), straight_through)
    d = Draw("gumbel")
    row("gumbel", [d.normal(4, 9), d.uniform(4, 9)], lambda x, u: F.softmax(gumbel(x, u), dim=-1), [0])
    row("gumbel_hard", [d.normal(2, 3, 12), d.uniform(2, 3, 12)], lambda x, u: straight_through(2 * gumbel(x, u)), [0])
    d = Draw("dropout")
    row("dropout", [d.normal(2, 3, 7), d.uniform(2, 3, 7)], lambda x, u: x * (u >= 0.5) / 0.5, [0])
    one("gelu", (2, 3, 7), F.gelu)


def weighted_cross_entropy(x, ids, weights):
    each = F.cross_entropy(x.flatten(0, -2), ids.flatten().long(), ignore_index=-1, reduction="none").view(ids.shape)
    w = weights.view(-1, *[1] * (ids.dim() - 1)) * (ids >= 0)
    return (w * each).sum() / w.sum()


def tokens():
    d = Draw("token_cross_entropy")
    ids = torch.tensor([[0, 6, -1, 3], [2, 2, -1, -1], [5, 1, 4, 0]]).double()
    function = lambda x, i: F.cross_entropy(x.flatten(0, 1), i.flatten().long(), ignore_index=-1)
    row("token_cross_entropy", [d.normal(3, 4, 7), ids], scalar(function), [0])
    d = Draw("token_cross_entropy_rows")
    ids = torch.tensor([4, -1, 0, 2, 2, 1]).double()
    row("token_cross_entropy_rows", [d.normal(6, 5), ids, d.uniform(6)], scalar(weighted_cross_entropy), [0])


def attention(heads, causal, q, k, v, lengths=None):
    """PyTorch's, with the row of a query that sees no key zero."""
    b, tq, tk = q.shape[0], q.shape[1], k.shape[1]
    parts = [t.view(b, -1, heads, t.shape[2] // heads).transpose(1, 2) for t in (q, k, v)]
    seen = torch.ones(b, 1, tq, tk, dtype=torch.bool)
    if causal:
        seen = seen.tril()
    if lengths is not None:
        seen = seen & (torch.arange(tk) < lengths.view(b, 1, 1, 1))
    out = F.scaled_dot_product_attention(*parts, attn_mask=seen, scale=0.5)
    return torch.where(seen.any(-1, keepdim=True), out, 0.0).transpose(1, 2).reshape(b, tq, -1)


def attended(name, heads, b, tq, tk, d, v, causal, lengths):
    draw = Draw(name)
    inputs = [draw.normal(b, tq, d), draw.normal(b, tk, d), draw.normal(b, tk, v)]
    if lengths:
        inputs.append(torch.tensor(lengths).double())
    row(name, inputs, lambda *t: attention(heads, causal, *t), range(3))


def attentions():
    attended("attention", 2, 2, 3, 5, 8, 6, False, None)
    attended("attention_causal", 1, 2, 5, 5, 7, 7, True, None)
    attended("attention_lengths", 3, 5, 4, 6, 9, 12, False, [6, 1, 3, 5, 7])
    attended("attention_both", 2, 6, 5, 5, 6, 8, True, [5, 2, 4, 1, 3, 5])


def run_lstm(x, w_ih, w_hh, b_ih, b_hh, state=None, lengths=None, reverse=False):
    """torch.nn.LSTM; of a bidirectional one the second direction, if reversed."""
    batch, times, _ = x.shape
    hidden = w_hh.shape[1]
    module = torch.nn.LSTM(x.shape[2], hidden, batch_first=True, bidirectional=reverse).double()
    given = {"weight_ih_l0": w_ih, "weight_hh_l0": w_hh, "bias_ih_l0": b_ih, "bias_hh_l0": b_hh}
    weights = dict(module.named_parameters())
    weights.update({k + "_reverse" * reverse: v for k, v in given.items()})
    start = torch.zeros(batch, 2 * hidden).double() if state is None else state
    start = [s.expand(1 + reverse, -1, -1).contiguous() for s in start.chunk(2, 1)]
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.full((batch,), times) if lengths is None else lengths, batch_first=True, enforce_sorted=False
    )
    out, _ = torch.func.functional_call(module, weights, (packed, start))
    out, _ = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=times)
    return out[..., hidden:] if reverse else out


def lstm(name, b, t, i, h, state=False, lengths=None, reverse=False):
    d = Draw(name)
    inputs = [d.normal(b, t, i), d.weight(4 * h, i), d.weight(4 * h, h), d.normal(4 * h), d.normal(4 * h)]
    inputs += [d.normal(b, 2 * h)] if state else []
    inputs += [torch.tensor(lengths).double()] if lengths else []

    def function(*t):
        return run_lstm(*t[:5], t[5] if state else None, t[-1].long() if lengths else None, reverse)

    row(name, inputs, function, range(5 + state))


def lstm_cell(name, b, i, h):
    d = Draw(name)
    inputs = [d.normal(b, i), d.weight(4 * h, i), d.weight(4 * h, h), d.normal(4 * h), d.normal(4 * h)]
    module = torch.nn.LSTMCell(i, h).double()

    def function(x, w_ih, w_hh, b_ih, b_hh, state):
        weights = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}
        return torch.cat(torch.func.functional_call(module, weights, (x, state.chunk(2, 1))), 1)

    row(name, inputs + [d.normal(b, 2 * h)], function, range(6))


def lstms():
    lstm("lstm", 2, 3, 5, 4)
    lstm("lstm_state", 3, 4, 3, 5, state=True)
    lstm("lstm_lengths", 6, 4, 2, 3, lengths=[4, 1, 3, 2, 4, 2])
    lstm("lstm_reverse", 2, 4, 3, 3, reverse=True)
    lstm("lstm_all", 5, 4, 3, 2, state=True, lengths=[2, 4, 1, 3, 4], reverse=True)
    lstm_cell("lstm_cell", 3, 5, 4)


products()
parts()
tables()
norms()
softmaxes()
tokens()
attentions()
lstms()
write("nn_sequence.safetensors")
