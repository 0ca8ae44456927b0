"""EMIXER's image half in PyTorch: the model and one training step, as emixer/ defines them.

Written to be fast: no synchronisation, no Python loop over samples, no gradient that nobody reads. What may be faster
one way or the other is a switch (setting.py).
"""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import nn

START, EMBEDDING, MOST_WIDENING, LAST_SIDE = 4, 32, 8, 4
ROTATIONS = 4
GENERATOR_ROTATION_SHARE = 0.2
BATCH_NORM_EPSILON, SPECTRAL_EPSILON = 1e-5, 1e-6


@dataclasses.dataclass(frozen=True)
class Options:
    """emixer_opts; the defaults are emixer_defaults."""

    resolution: int
    width: int
    batch: int
    n_labels: int = 3
    latent: int = 64
    generator_rate: float = 1e-3
    discriminator_rate: float = 2e-3
    beta1: float = 0.0
    beta2: float = 0.9
    ema_decay: float = 0.99
    rotation_weight: float = 0.5

    @property
    def rotation_batch(self):
        return max(ROTATIONS, self.batch // 2 // ROTATIONS * ROTATIONS)


def full(x):
    """bf16 becomes fp32, where sums and losses are made."""
    return x.float() if x.dtype == torch.bfloat16 else x


def widening(blocks_left):
    return min(MOST_WIDENING, 1 << blocks_left)


# ---- generator ----


class ConditionalNorm(nn.Module):
    """Batch norm with gain and bias linear in the condition, then ReLU. One matrix product makes both."""

    def __init__(self, channels, condition):
        super().__init__()
        self.affine = nn.Linear(condition, 2 * channels)
        nn.init.normal_(self.affine.weight, std=0.05)
        with torch.no_grad():
            self.affine.bias[:channels] = 1
            self.affine.bias[channels:] = 0
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x, c):
        gain, bias = self.affine(c)[:, :, None, None].chunk(2, 1)
        x = F.batch_norm(x, self.running_mean, self.running_var, training=True, eps=BATCH_NORM_EPSILON)
        return F.relu(torch.addcmul(bias.to(x.dtype), gain.to(x.dtype), x))


def upsample(x):
    """Nearest, twice. By broadcasting where torch.compile fuses it: its code for F.interpolate gathers and scatters."""
    if not torch.compiler.is_compiling():
        return F.interpolate(x, scale_factor=2, mode="nearest")
    b, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1)[:, :, None, :, None].expand(b, h, 2, w, 2, c)
    return x.reshape(b, 2 * h, 2 * w, c).permute(0, 3, 1, 2)


# Rows: the 4 taps of a transposed convolution of stride 2; columns: the 3 taps of the convolution after nearest
# upsampling that each of them gathers.
GATHERED_TAPS = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])


class UpConv(nn.Module):
    """Nearest upsampling, then a 3x3 convolution; `merged`: the same map as one 4x4 transposed convolution of stride 2,
    which needs 4/9 of the multiply-adds."""

    def __init__(self, inner, out, merged):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, inner, 3, 3))
        nn.init.orthogonal_(self.weight)
        self.merged = merged
        self.register_buffer("taps", GATHERED_TAPS.clone(), persistent=False)

    def forward(self, x):
        if not self.merged:
            return F.conv2d(upsample(x), self.weight, padding=1)
        with torch.autocast(x.device.type, enabled=False):
            kernel = self.taps @ self.weight.transpose(0, 1) @ self.taps.T
        if x.is_contiguous(memory_format=torch.channels_last):
            kernel = kernel.contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1)


def conv(inner, out, k, **options):
    layer = nn.Conv2d(inner, out, k, padding=k // 2, **options)
    nn.init.orthogonal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class UpBlock(nn.Module):
    def __init__(self, inner, out, condition, merged):
        super().__init__()
        self.norm1 = ConditionalNorm(inner, condition)
        self.norm2 = ConditionalNorm(out, condition)
        self.skip = conv(inner, out, 1, bias=False)
        self.conv1 = conv(inner, out, 3, bias=False)
        self.conv2 = UpConv(out, out, merged)

    def forward(self, x, c):
        h = self.conv2(self.norm2(self.conv1(self.norm1(x, c)), c))
        return h + upsample(self.skip(x))


class Generator(nn.Module):
    """z (B,latent), y (B,K) -> images (B,1,R,R) in (-1,1)."""

    def __init__(self, o, merged):
        super().__init__()
        blocks = int(math.log2(o.resolution // START))
        condition, channels = o.latent + EMBEDDING, o.width * widening(blocks)
        self.embedding = nn.Linear(o.n_labels, EMBEDDING, bias=False)
        self.start = nn.Linear(condition, channels * START * START)
        self.blocks = nn.ModuleList()
        for i in range(blocks):
            out = o.width * widening(blocks - 1 - i)
            self.blocks.append(UpBlock(channels, out, condition, merged))
            channels = out
        self.norm = nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)
        self.image = conv(channels, 1, 3)
        for layer in (self.embedding, self.start):
            nn.init.orthogonal_(layer.weight)
        nn.init.zeros_(self.start.bias)

    def forward(self, z, y, memory_format):
        c = torch.cat([z, self.embedding(y)], 1)
        h = self.start(c).view(len(z), -1, START, START).contiguous(memory_format=memory_format)
        for block in self.blocks:
            h = block(h, c)
        return torch.tanh(self.image(F.relu(self.norm(h))))


# ---- discriminator ----


class Spectral(nn.Module):
    """A weight divided by its largest singular value, as the vectors u and v tell it (Miyato et al., ICLR 2018)."""

    def __init__(self, shape, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.orthogonal_(self.weight)
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u", F.normalize(torch.randn(shape[0]), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(math.prod(shape[1:])), dim=0))

    def iterate(self):
        """One power iteration. Not within `normalised`: torch.compile may recompute there, in the backward pass, what
        it read of u and v before they changed, and gives wrong gradients without a word (PyTorch 2.15)."""
        flat = self.weight.detach().flatten(1)
        self.v.copy_(F.normalize(torch.mv(flat.T, self.u), dim=0, eps=SPECTRAL_EPSILON))
        self.u.copy_(F.normalize(torch.mv(flat, self.v), dim=0, eps=SPECTRAL_EPSILON))

    def normalised(self, frozen):
        """(weight / sigma, bias), without gradients if `frozen`."""
        weight = self.weight.detach() if frozen else self.weight
        bias = self.bias.detach() if frozen and self.bias is not None else self.bias
        with torch.autocast(weight.device.type, enabled=False):
            return weight / torch.dot(self.u, torch.mv(weight.flatten(1), self.v)), bias


class SpectralConv(Spectral):
    def __init__(self, inner, out, k, stride=1, padding=0):
        super().__init__((out, inner, k, k))
        self.stride, self.padding = stride, padding

    def forward(self, x, frozen):
        weight, bias = self.normalised(frozen)
        return F.conv2d(x, weight, bias, self.stride, self.padding)


class SpectralLinear(Spectral):
    def forward(self, x, frozen):
        return F.linear(x, *self.normalised(frozen))


class DownBlock(nn.Module):
    def __init__(self, inner, out, first):
        super().__init__()
        self.first = first
        middle = out if first else inner
        self.skip = SpectralConv(inner, out, 1)
        self.conv1 = SpectralConv(inner, middle, 3, padding=1)
        self.conv2 = SpectralConv(middle, out, 4, stride=2, padding=1)

    def forward(self, x, frozen):
        skip = self.skip(F.avg_pool2d(x, 2), frozen)
        h = self.conv1(x if self.first else F.relu(x), frozen)
        return self.conv2(F.relu(h), frozen) + skip


class Discriminator(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.blocks, channels = nn.ModuleList(), 1
        for i in range(int(math.log2(o.resolution // LAST_SIDE))):
            out = o.width * widening(i)
            self.blocks.append(DownBlock(channels, out, i == 0))
            channels = out
        self.logit = SpectralLinear((1, channels))
        self.embedding = SpectralLinear((channels, o.n_labels), bias=False)
        self.rotation = SpectralLinear((ROTATIONS, channels))

    @torch.no_grad()
    def iterate(self):
        for layer in self.modules():
            if isinstance(layer, Spectral):
                layer.iterate()

    def forward(self, x, y, frozen=False):
        """Images x, of which the first len(y) are judged with their labels and the others' turns are told apart:
        logits (len(y)), rotation logits. `frozen`: no gradient for the parameters."""
        for block in self.blocks:
            x = block(x, frozen)
        h = full(F.relu(x)).sum((2, 3))
        judged, turned = h[: len(y)], h[len(y) :]
        logits = self.logit(judged, frozen)[:, 0] + (self.embedding(y, frozen) * judged).sum(1)
        return full(logits), full(self.rotation(turned, frozen))


def rotated(x):
    """Sample b by (b mod 4) quarter turns, anticlockwise."""
    turns = x.view(-1, ROTATIONS, *x.shape[1:])
    return torch.stack([torch.rot90(turns[:, i], i, (2, 3)) for i in range(ROTATIONS)], 1).view(x.shape)


def rotation_loss(logits):
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device) % ROTATIONS)


# ---- DiffAugment ----


def augmented(x, t):
    """Brightness, contrast, translation and cutout (Zhao et al., NeurIPS 2020) of x (B,1,R,R) by draws t (B,6) in [0,1)."""
    side, most = x.shape[2], round(x.shape[2] / 8)
    t = t.view(-1, 6, 1, 1)
    x = x[:, 0] + (t[:, 0] - 0.5)
    mean = x.mean((1, 2), keepdim=True)
    x = mean + (x - mean) * (t[:, 1] + 0.5)
    shift = (t[:, 2:4] * (2 * most + 1)).long() - most
    corner = (t[:, 4:6] * (side + 1)).long() - side // 4
    at = torch.arange(side, device=x.device)
    row, column = at.view(1, -1, 1), at.view(1, 1, -1)
    from_row, from_column = row - shift[:, 1], column - shift[:, 0]
    inside = (from_row >= 0) & (from_row < side) & (from_column >= 0) & (from_column < side)
    below, right = row - corner[:, 0], column - corner[:, 1]
    kept = inside & ~((below >= 0) & (below < side // 2) & (right >= 0) & (right < side // 2))
    source = from_row.clamp(0, side - 1) * side + from_column.clamp(0, side - 1)
    moved = x.flatten(1).gather(1, source.flatten(1)).view(x.shape)
    return (moved * kept)[:, None]


# ---- the training step ----


class Trainer:
    """One generator update with its discriminator update per step."""

    def __init__(self, o, setting):
        self.o, self.setting, self.device = o, setting, setting.device
        self.format, self.autocast = setting.memory_format(), setting.autocast
        self.G = Generator(o, "merged" in setting).to(self.device, memory_format=self.format)
        self.D = Discriminator(o).to(self.device, memory_format=self.format)
        self.average = [p.detach().clone() for p in self.G.parameters()]
        betas = (o.beta1, o.beta2)
        self.adam_g = torch.optim.Adam(self.G.parameters(), o.generator_rate, betas, 1e-6, fused=True)
        self.adam_d = torch.optim.Adam(self.D.parameters(), o.discriminator_rate, betas, 1e-6, fused=True)
        self.fakes, self.judge, self.fool = map(setting.compiled, (self._fakes, self._judge, self._fool))
        self.iterate = setting.compiled(self.D.iterate)

    def _fakes(self, z, y):
        with torch.no_grad(), self.autocast():
            return self.G(z, y, self.format)

    def _judge(self, real, fake, labels, rotation, t):
        """The discriminator's loss."""
        b = len(real)
        with self.autocast():
            x = augmented(torch.cat([real, full(fake)]), t)
            x = torch.cat([x, rotated(rotation)]).contiguous(memory_format=self.format)
            logits, turns = self.D(x, labels)
        loss = F.relu(1 - logits[:b]).mean() + F.relu(1 + logits[b:]).mean()
        return loss + self.o.rotation_weight * rotation_loss(turns)

    def _fool(self, z, labels, t):
        """The generator's loss."""
        with self.autocast():
            fake = full(self.G(z, labels, self.format))
            x = torch.cat([augmented(fake, t), rotated(fake[: self.o.rotation_batch])])
            logits, turns = self.D(x.contiguous(memory_format=self.format), labels, frozen=True)
        return -logits.mean() + GENERATOR_ROTATION_SHARE * self.o.rotation_weight * rotation_loss(turns)

    def update(self, batch):
        """Returns the discriminator's and the generator's loss, as tensors."""
        self.setting.next_step()
        fake = self.fakes(batch["discriminator z"], batch["fake labels"])
        labels = torch.cat([batch["real labels"], batch["fake labels"]])
        self.iterate()
        d = self.judge(batch["real"], fake, labels, batch["rotation"], batch["discriminator draws"])
        self.adam_d.zero_grad()
        d.backward()
        self.adam_d.step()

        self.iterate()
        g = self.fool(batch["generator z"], batch["generator labels"], batch["generator draws"])
        self.adam_g.zero_grad()
        g.backward()
        self.adam_g.step()
        torch._foreach_lerp_(self.average, [p.detach() for p in self.G.parameters()], 1 - self.o.ema_decay)
        return d.detach(), g.detach()

    def parameters(self):
        return sum(p.numel() for net in (self.G, self.D) for p in net.parameters())

    def step(self):
        return self.update(self.batch())

    def batch(self):
        """Real images and labels, and this step's random numbers."""
        o, options = self.o, {"device": self.device}
        one_hot = torch.eye(o.n_labels, **options)

        def labels():
            return one_hot[torch.randint(o.n_labels, (o.batch,), **options)]

        def images(n):
            return torch.rand(n, 1, o.resolution, o.resolution, **options) * 2 - 1

        return {"real": images(o.batch), "real labels": labels(), "fake labels": labels(), "generator labels": labels(),
                "rotation": images(o.rotation_batch), "discriminator z": torch.randn(o.batch, o.latent, **options),
                "generator z": torch.randn(o.batch, o.latent, **options),
                "discriminator draws": torch.rand(2 * o.batch, 6, **options),
                "generator draws": torch.rand(o.batch, 6, **options)}


def of_shape(resolution, width, batch, setting):
    return Trainer(Options(resolution, width, batch), setting)
