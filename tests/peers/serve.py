#!/usr/bin/env python3
"""Holds one workload in one variant and times steps of it when told to: serve.py WORKLOAD VARIANT.

Each line of its input is a number of seconds to run for; each answer is a line of JSON. The first answer comes before any
line: the number of trained parameters. With --once it makes one step, prints `done`, and ends.
"""

import argparse
import json
import pathlib
import sys
import time

import torch

from setting import Setting
from workloads import workloads

WARM_UP = 3


def status(key):
    """Bytes, from /proc/self/status."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def workers_bytes():
    """What the processes that this one started hold alone, now. They live from step to step, so this is close to their
    most; what they share with this process, or with each other, is left out."""
    children = pathlib.Path("/proc/self/task").glob("*/children")
    total = 0
    for pid in " ".join(c.read_text() for c in children).split():
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


def forget_peak():
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def timed(step, synchronise):
    """Seconds of a step, which may know better than the clock around it."""
    start = time.perf_counter()
    result = step()
    synchronise()
    return result if isinstance(result, float) else time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("variant")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default="", help="where the files of a data workload are")
    parser.add_argument("--once", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    make = workloads[a.workload].load()
    idle = status("VmRSS")
    work = make(Setting.of(a.variant, a.device, a.folder))
    synchronise = torch.cuda.synchronize if a.device.startswith("cuda") else lambda: None
    if a.once:
        work.step()
        synchronise()
        print("done", flush=True)
        return
    for _ in range(WARM_UP):
        timed(work.step, synchronise)
    forget_peak()  # what compiling took is not held against the steps
    parameters = work.parameters() if hasattr(work, "parameters") else 0
    print(json.dumps({"parameters": parameters, "samples": getattr(work, "samples", 0)}), flush=True)
    for line in sys.stdin:
        end, seconds = time.perf_counter() + float(line), []
        while not seconds or time.perf_counter() < end:
            seconds.append(timed(work.step, synchronise))
        print(json.dumps({"seconds": seconds, "idle": idle, "peak": status("VmHWM") + workers_bytes()}), flush=True)


if __name__ == "__main__":
    main()
