"""The classifiers in PyTorch: densenet_small as downstream/ defines it, and torchvision's densenet121."""

import math

import torch
import torch._inductor.config
import torch.nn.functional as F
import torchvision
from torch import nn

CLASSES = 3
LEARNING_RATE, WEIGHT_DECAY, STEPS = 4e-3, 1e-4, 1 << 20


class DenseLayer(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, growth, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], 1)


class Transition(nn.Module):
    """Averages before the 1x1 convolution: the same result at a quarter of the work."""

    def __init__(self, norm, conv):
        super().__init__()
        self.norm, self.conv = norm, conv

    def forward(self, x):
        return self.conv(F.avg_pool2d(F.relu(self.norm(x)), 2))


class DenseNetSmall(nn.Module):
    def __init__(self, growth=8, layers=3, blocks=3):
        super().__init__()
        channels = 2 * growth
        self.stem = nn.Conv2d(1, channels, 4, 2, 1, bias=False)
        body = []
        for block in range(blocks):
            for _ in range(layers):
                body.append(DenseLayer(channels, growth))
                channels += growth
            if block < blocks - 1:
                body.append(Transition(nn.BatchNorm2d(channels), nn.Conv2d(channels, channels // 2, 1, bias=False)))
                channels //= 2
        self.body = nn.Sequential(*body)
        self.norm = nn.BatchNorm2d(channels)
        self.logits = nn.Linear(channels, CLASSES)

    def forward(self, x):
        h = self.norm(self.body(self.stem(x)))
        return self.logits(F.relu(h).mean((2, 3)))


def densenet121(pooled_first):
    """torchvision's, for gray images. `pooled_first`: transitions as in Transition."""
    net = torchvision.models.densenet121(num_classes=CLASSES)
    net.features.conv0 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    if pooled_first:
        for name, layer in list(net.features.named_children()):
            if name.startswith("transition"):
                setattr(net.features, name, Transition(layer.norm, layer.conv))
    return net


def model(name, setting):
    net = DenseNetSmall() if name == "densenet_small" else densenet121("pooled_first" in setting)
    return net.to(setting.device, memory_format=setting.memory_format())


def some_images(batch, resolution, setting):
    images = torch.rand(batch, 1, resolution, resolution, device=setting.device) * 2 - 1
    return images.contiguous(memory_format=setting.memory_format())


class Trainer:
    def __init__(self, net, setting, rate=LEARNING_RATE, decay=WEIGHT_DECAY, updates=STEPS):
        self.net, self.setting, self.rate, self.updates, self.done = net.train(), setting, rate, updates, 0
        self.adam = torch.optim.AdamW(net.parameters(), rate, weight_decay=decay, fused=True)
        self.loss = setting.compiled(self._loss)

    def _loss(self, images, targets):
        with self.setting.autocast():
            logits = self.net(images)
        return F.cross_entropy(logits.float() if "bf16" in self.setting else logits, targets)

    def update(self, images, targets):
        """Cosine decay of the rate, as in downstream/classifier.c."""
        self.setting.next_step()
        for group in self.adam.param_groups:
            group["lr"] = self.rate * (1 + math.cos(math.pi * self.done / self.updates)) / 2
        self.done += 1
        loss = self.loss(images, targets)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.detach()

    def parameters(self):
        return sum(p.numel() for p in self.net.parameters())


class Training(Trainer):
    """One update of `name` on a batch of gray images per step."""

    def __init__(self, name, resolution, batch, setting):
        super().__init__(model(name, setting), setting)
        self.images = some_images(batch, resolution, setting)
        self.targets = torch.arange(batch, device=setting.device) % CLASSES

    def step(self):
        return self.update(self.images, self.targets)


class Inference:
    """Class probabilities of one batch per step. `freezing`: torch.compile folds the constant weights."""

    def __init__(self, name, resolution, batch, setting):
        self.setting = setting
        torch._inductor.config.freezing = "freezing" in setting
        self.net = model(name, setting).eval()
        self.probabilities = setting.compiled(self._probabilities)
        self.images = some_images(batch, resolution, setting)

    def _probabilities(self, images):
        with self.setting.autocast():
            return self.net(images).float().softmax(1)

    def parameters(self):
        return sum(p.numel() for p in self.net.parameters())

    def step(self):
        self.setting.next_step()
        with torch.no_grad():
            return self.probabilities(self.images)
