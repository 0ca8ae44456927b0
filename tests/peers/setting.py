"""How one workload is run."""

import dataclasses
import pathlib

import torch


@dataclasses.dataclass(frozen=True)
class Setting:
    """`words` choose among equivalent ways:

    compile        torch.compile; on a GPU with CUDA graphs
    channels_last  images and weights in NHWC
    bf16           autocast to bfloat16
    and words of single workloads, such as `merged`.
    """

    words: frozenset
    device: torch.device = torch.device("cpu")
    folder: pathlib.Path = pathlib.Path()  # where the files of a data workload are

    @classmethod
    def of(cls, words, device="cpu", folder=""):
        return cls(frozenset(words.split("+")), torch.device(device), pathlib.Path(folder))

    def __contains__(self, word):
        return word in self.words

    def memory_format(self):
        return torch.channels_last if "channels_last" in self else torch.contiguous_format

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled="bf16" in self)

    def compiled(self, function):
        if "compile" not in self:
            return function
        return torch.compile(function, mode="max-autotune" if self.device.type == "cuda" else "default")

    def next_step(self):
        """Tells CUDA graphs that the tensors of the last step are done with."""
        if "compile" in self and self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
