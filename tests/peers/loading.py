"""Data loading in PyTorch: a packed set drawn, augmented and normalised into batches, and a folder of PNG files read.

Words of a setting: `workers2`, a DataLoader with two worker processes, else none; `batchwise`, augmentation of whole
batches instead of sample by sample; `threads2`, a pool of two threads; `pillow`, Pillow instead of torchvision.io.
"""

import concurrent.futures

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
import torchvision.transforms.v2
from PIL import Image
from torch.utils.data import DataLoader, Dataset

BATCH = 32
DEGREES, SHIFT, ZOOM, BRIGHTNESS, CONTRAST, NOISE = 15, 0.15, 0.15, 0.2, 0.2, 0.05  # augment_classic


def between(n, most):
    return (2 * torch.rand(n, 1, 1, 1) - 1) * most


def augmented(x):
    """data/augment.h for x (B,1,R,R) in [-1,1]."""
    n = len(x)
    angle, zoom = (between(n, v).view(n) for v in (torch.pi * DEGREES / 180, ZOOM))
    a, b = (f(angle) / zoom.exp() for f in (torch.cos, torch.sin))
    shift = (2 * torch.rand(n, 2, 1) - 1) * 2 * SHIFT
    turn = torch.stack([a, -b, b, a], 1).view(n, 2, 2)
    grid = F.affine_grid(torch.cat([turn, -turn @ shift], 2), x.shape, align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * between(n, CONTRAST).exp() + between(n, BRIGHTNESS)
    return x.add_(torch.rand(n, 1, 1, 1) * NOISE * torch.randn_like(x)).clamp_(-1, 1)


class Packed(Dataset):
    def __init__(self, folder, batchwise):
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        self.labels = np.load(folder / "labels.npy", mmap_mode="r")
        if batchwise:
            self.__class__ = PackedBatches

    def __len__(self):
        return len(self.images)

    def pair(self, index):
        pixels = torch.from_numpy(self.images[index][:, None].astype(np.float32))
        return augmented(pixels.div_(127.5).sub_(1)), torch.from_numpy(self.labels[index])

    def __getitem__(self, i):
        images, labels = self.pair([i])
        return images[0], labels[0]


class PackedBatches(Packed):
    def __getitem__(self, index):
        return self.pair(index)


class Loading:
    """An epoch over the packed set per step."""

    def __init__(self, name, setting):
        batchwise = "batchwise" in setting
        self.set = Packed(setting.folder / name, batchwise)
        sampler = torch.utils.data.RandomSampler(self.set, replacement=True)
        workers = 2 if "workers2" in setting else 0
        options = {"num_workers": workers, "persistent_workers": workers > 0}
        if batchwise:
            sampler = torch.utils.data.BatchSampler(sampler, BATCH, drop_last=True)
            self.loader = DataLoader(self.set, sampler=sampler, batch_size=None, **options)
        else:
            self.loader = DataLoader(self.set, sampler=sampler, batch_size=BATCH, drop_last=True, **options)
        self.samples = len(self.set) // BATCH * BATCH

    def step(self):
        seen = sum(len(images) for images, _ in self.loader)
        assert seen == self.samples


class Files(Dataset):
    """The PNG files below a folder, each centre-cropped and shrunk to (size,size) bytes."""

    def __init__(self, folder, size, pillow):
        self.paths, self.size = sorted(folder.glob("*/*.png")), size
        self.read = self.by_pillow if pillow else self.by_torchvision

    def __len__(self):
        return len(self.paths)

    def by_pillow(self, path):
        image = Image.open(path).convert("L")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.resize((self.size, self.size), Image.Resampling.BOX, (left, top, left + side, top + side))
        return torch.from_numpy(np.asarray(image).copy())

    def by_torchvision(self, path):
        image = torchvision.io.decode_image(str(path), torchvision.io.ImageReadMode.GRAY)
        image = torchvision.transforms.v2.functional.center_crop(image, min(image.shape[1:]))
        return torchvision.transforms.v2.functional.resize(image, [self.size, self.size], antialias=True)[0]

    def __getitem__(self, i):
        return self.read(self.paths[i])


class Importing:
    """All PNG files of the folder read into one array per step."""

    def __init__(self, name, size, setting):
        self.set = Files(setting.folder / name, size, "pillow" in setting)
        self.samples = len(self.set)
        workers = 2 if "workers2" in setting else 0
        self.loader = DataLoader(self.set, batch_size=BATCH, num_workers=workers, persistent_workers=workers > 0)
        self.pool = concurrent.futures.ThreadPoolExecutor(2) if "threads2" in setting else None
        if self.pool:
            torch.set_num_threads(1)

    def step(self):
        if self.pool:
            images = torch.stack(list(self.pool.map(self.set.__getitem__, range(len(self.set)))))
        else:
            images = torch.cat(list(self.loader))
        assert len(images) == self.samples
