"""The workloads that both sides have, by the names that `bench perf` gives them."""

import dataclasses
import importlib

BOTH = ("fp32", "bf16")
FP32 = ("fp32",)

# Which ways of running a network are tried.
NETS = ("eager", "eager+channels_last", "compile", "compile+channels_last")
GENERATORS = NETS + ("eager+channels_last+merged", "compile+merged", "compile+channels_last+merged")
DENSENETS = NETS + ("eager+channels_last+pooled_first", "compile+channels_last+pooled_first")
INFERENCE = DENSENETS + ("compile+freezing", "compile+channels_last+pooled_first+freezing")
LOADING = ("sample", "sample+workers2", "batchwise", "batchwise+workers2")
IMPORTING = tuple(f"{reader}{how}" for reader in ("torchvision", "pillow") for how in ("", "+workers2", "+threads2"))


@dataclasses.dataclass(frozen=True)
class Workload:
    """What `function` of `module` makes of the arguments and a Setting has a method step()."""

    module: str  # imported only by who needs it: torchvision takes memory, and time from the start
    function: str
    arguments: tuple
    variants: tuple  # words of settings
    precisions: tuple = BOTH

    def load(self):
        """A function of a Setting."""
        function = getattr(importlib.import_module(self.module), self.function)
        return lambda setting: function(*self.arguments, setting)


def emixer_step(resolution, width, batch):
    return Workload("emixer", "of_shape", (resolution, width, batch), GENERATORS)


def training(name, resolution, batch, variants):
    return Workload("classifiers", "Training", (name, resolution, batch), variants)


def inference(name, resolution, batch, variants):
    return Workload("classifiers", "Inference", (name, resolution, batch), variants)


workloads = {
    "emixer-32": emixer_step(32, 8, 16),
    "emixer-64": emixer_step(64, 16, 32),
    "emixer-128": emixer_step(128, 16, 32),
    "densenet_small-32": training("densenet_small", 32, 32, NETS),
    "densenet_small-64": training("densenet_small", 64, 32, NETS),
    "densenet_small-64-infer": inference("densenet_small", 64, 32, NETS + ("compile+channels_last+freezing",)),
    "densenet121-128": training("densenet121", 128, 32, DENSENETS),
    "densenet121-224": training("densenet121", 224, 16, DENSENETS),
    "densenet121-224-infer": inference("densenet121", 224, 32, INFERENCE),
    "loading-64": Workload("loading", "Loading", ("packed-64",), LOADING, FP32),
    "loading-128": Workload("loading", "Loading", ("packed-128",), LOADING, FP32),
    "import-128": Workload("loading", "Importing", ("png", 128), IMPORTING, FP32),
    "start": Workload("first_step", "FirstStep", (), ("eager+channels_last", "eager+channels_last+merged"), FP32),
}


def candidates(words, precision):
    """The variants to choose PyTorch's best of. In bf16 it may also stay in fp32."""
    if precision == "fp32":
        return tuple(words)
    return tuple(f"{v}+bf16" for v in words if not v.endswith("+bf16")) + tuple(words)
