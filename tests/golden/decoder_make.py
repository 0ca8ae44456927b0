#!/usr/bin/env python3
"""Makes emixer_decoder.safetensors beside this file: what PyTorch computes in double precision for the report decoder
(emixer/report_decoder.c), taught a report and free running, with the gradients of its weights and of the image's code.

Tensors: the weights, and the image's code, under their names; in/NAME, the inputs; taught/NAME and written/NAME, losses,
logits or the report that is written, and gradients. Run with: python3 decoder_make.py (needs what models_make.py needs).
"""

import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

from models_make import FOLDER, Weights, fill_uniform

B, P, E, V, S, W = 3, 4, 6, 9, 3, 4
BEGIN, END = 1, 2
SEED, TIME = 7, 2  # of the net, and of the step's run
REPORTS = [[[5, 4, 8, 4], [6, 7]], [[3]], [[4, 5], [8, 8, 5], [7, 3, 6, 5]]]  # words; the longest are cut


def make_weights():
    w = Weights(3)
    w.add("R/grid", (B, P, E), 1)
    w.add("R/embedding", (B, E), 1)
    w.add("R/decoder/words.weight", (V, E), 0.5)
    for who in ("sentence", "word"):
        w.layer(f"R/decoder/{who}.keys", (E, E), bias=False)
        for name, shape in (("weight_ih", (4 * E, 2 * E)), ("weight_hh", (4 * E, E)), ("bias_ih", (4 * E,)),
                            ("bias_hh", (4 * E,))):
            w.add(f"R/decoder/{who}.{name}", shape, 0.5)
    for name, rows, columns in (("bag", E, E), ("topic", E, 2 * E), ("stop", 1, E), ("next", V, 2 * E)):
        w.layer(f"R/decoder/{name}", (rows, columns))
    with torch.no_grad():  # so that some sentences and reports end
        w.trained["R/decoder/next.bias"][END] += 1.5
        w.trained["R/decoder/stop.bias"] -= 1
    return w


class Decoder:
    def __init__(self, trained):
        self.trained, self.grid, self.embedding = trained, trained["R/grid"], trained["R/embedding"]

    def weight(self, name):
        return self.trained["R/decoder/" + name]

    def linear(self, name, x):
        return F.linear(x, self.weight(name + ".weight"), self.weight(name + ".bias"))

    def lstm(self, who):
        return {k: self.weight(f"{who}.{k}") for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}

    def attended(self, who, h):
        keys = F.linear(self.grid, self.weight(who + ".keys.weight"))
        return torch.cat([h, F.scaled_dot_product_attention(h, keys, self.grid)], 2)

    def whole(self, who, x):
        weights = {k + "_l0": v for k, v in self.lstm(who).items()}
        return torch.func.functional_call(torch.nn.LSTM(2 * E, E, batch_first=True), weights, (x,))[0]

    def cell(self, who, x, state):
        return torch.func.functional_call(torch.nn.LSTMCell(2 * E, E), self.lstm(who), (x, state))

    def before(self, bags):
        return torch.tanh(self.linear("bag", bags @ self.weight("words.weight")))

    def topic(self, h):
        return torch.tanh(self.linear("topic", self.attended("sentence", h)))


def target():
    """ids, previous (B,S*W), bags (B,S,V), stops (B,S)"""
    ids, previous = torch.full((B, S, W), -1.0), torch.full((B, S, W), -1.0)
    bags, stops = torch.zeros(B, S, V), torch.full((B, S), float("nan"))
    for b, report in enumerate(REPORTS):
        for s, words in enumerate(report):
            said = (words + [END])[:W]
            ids[b, s, : len(said)] = torch.tensor(said).double()
            previous[b, s, : len(said)] = torch.tensor([BEGIN] + said[:-1]).double()
            stops[b, s] = float(s == len(report) - 1)
            for word in said if s + 1 < len(report) else []:
                bags[b, s + 1, word] += 1
    return {"ids": ids.reshape(B, -1), "previous": previous.reshape(B, -1), "bags": bags, "stops": stops}


def teach(d, t):
    x = torch.cat([d.embedding.unsqueeze(1).expand(B, S, E), d.before(t["bags"])], 2)
    topics = d.topic(d.whole("sentence", x))
    stops = d.linear("stop", topics).squeeze(2)
    known = t["previous"] >= 0
    words = d.weight("words.weight")[t["previous"].clamp(min=0).long()] * known.unsqueeze(2)
    x = torch.cat([words, topics.repeat_interleave(W, 1)], 2).reshape(B * S, W, 2 * E)
    logits = d.linear("next", d.attended("word", d.whole("word", x).reshape(B, S * W, E)))
    told = ~torch.isnan(t["stops"])
    return {"words": F.cross_entropy(logits[known], t["ids"][known].long()),
            "stops": F.binary_cross_entropy_with_logits(stops[told], t["stops"][told]),
            "word_logits": logits, "stop_logits": stops}


def drawn(logits, purpose):
    """One-hot, with the gradient of the soft draw."""
    noise = -torch.log(-torch.log(fill_uniform(SEED, purpose, TIME, logits.shape)))
    soft = F.softmax(logits + noise, 1)
    return F.one_hot(soft.argmax(1), logits.shape[1]).double() + soft - soft.detach()


def write_sentence(d, topic, s):
    state, previous, words = (torch.zeros(B, E), torch.zeros(B, E)), d.weight("words.weight")[BEGIN].expand(B, E), []
    for i in range(W):
        state = d.cell("word", torch.cat([previous, topic], 1), state)
        logits = d.linear("next", d.attended("word", state[0].unsqueeze(1)).squeeze(1))
        words.append(drawn(logits, f"writing/word{s}.{i}"))
        previous = words[-1] @ d.weight("words.weight")
    return words


def write(d):
    there, state, bag, rows = torch.ones(B, 1), (torch.zeros(B, E), torch.zeros(B, E)), torch.zeros(B, V), []
    for s in range(S):
        state = d.cell("sentence", torch.cat([d.embedding, d.before(bag)], 1), state)
        topic = d.topic(state[0].unsqueeze(1)).squeeze(1)
        kept, bag = there, torch.zeros(B, V)
        for word in write_sentence(d, topic, s):
            rows.append(word * kept)
            bag = bag + rows[-1]
            kept = kept * (1 - word[:, END : END + 1])
        stop = torch.cat([d.linear("stop", topic), torch.zeros(B, 1)], 1)
        there = there * drawn(stop, f"writing/stop{s}")[:, 1:]
    return torch.stack(rows, 1)


def gradients(prefix, loss, trained):
    values = torch.autograd.grad(loss, list(trained.values()))
    return {f"{prefix}/{name}": v for name, v in zip(trained, values)}


def main():
    w = make_weights().trained
    judge = torch.randn(B, S * W * V, generator=torch.Generator().manual_seed(1)).float().double()
    d, t = Decoder(w), target()
    out = w | {"in/" + k: v for k, v in t.items()} | {"in/judge": judge}
    taught = teach(d, t)
    out |= {"taught/" + k: v for k, v in taught.items()}
    out |= gradients("taught", taught["words"] + taught["stops"], w)
    report = write(d)
    ends, there = report[:, :, END].sum(), report.reshape(B, S, -1)[:, -1].sum(1) > 0
    assert 1 < ends < B * S and there.any() and not there.all(), "show all that can happen"
    out["written/report"] = report
    out |= gradients("written", -(report.reshape(B, -1) * judge).sum(1).mean(), w)
    save_file({k: v.detach().float().numpy().copy() for k, v in out.items()}, FOLDER / "emixer_decoder.safetensors")


if __name__ == "__main__":
    main()
