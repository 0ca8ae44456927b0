#!/usr/bin/env python3
"""Runs `bench perf` and PyTorch alternately on the same workloads and prints the ratios of their times and memory.

PyTorch runs in a process of its own for each workload (serve.py), in the fastest of its variants (workloads.py), which a
trial finds first unless --variant gives one. Then the two take turns, ours first in odd rounds. A ratio above 1 means that
ours is faster, or smaller. Memory is the largest resident set: of the steps alone for PyTorch, with what its worker
processes hold for themselves, and of the whole process for ours; `work` is what it exceeds the idle process by, before the
model was made and after all libraries were loaded. `core-core ns`: from one core to another and back, over our rounds; a virtual
machine may move its processors meanwhile.
"""

import argparse
import csv
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from workloads import candidates, workloads

HERE = pathlib.Path(__file__).resolve().parent

# What PyTorch's tuning guide says about memory: keep it, and in huge pages.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "THP_MEM_ALLOC_ENABLE": "1",
}


@dataclasses.dataclass
class Run:
    """Some steps: median seconds of one, bytes of the idle process and at most; ours: nanoseconds between two cores."""

    seconds: float
    idle: int
    peak: int
    core_core: float = 0


class Failed(Exception):
    pass


class Torch:
    """A PyTorch process that holds one workload in one variant."""

    def __init__(self, name, variant, a):
        command = [sys.executable, HERE / "serve.py", name, variant, "--device", a.device, "--folder", a.folder]
        cache = {"TORCHINDUCTOR_CACHE_DIR": str(a.cache.resolve())}
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True, env=os.environ | ALLOCATOR | cache)
        self.variant = variant  # answer names it where it fails
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.close()
        self.errors.seek(0)
        last = (self.errors.read().strip().splitlines() or ["no message"])[-1]
        raise Failed(f"PyTorch, {self.variant}: {last}")

    def run(self, seconds):
        print(seconds, file=self.process.stdin, flush=True)
        answer = self.answer()
        return Run(statistics.median(answer["seconds"]), answer["idle"], answer["peak"])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run_ours(name, precision, seconds, a):
    """The row of `bench perf`, or None if it is not available here."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "perf.csv"
        command = [a.bench, "perf", name, "--plain", "--device", a.ours or a.device, "--precision", precision,
                   "--seconds", str(seconds), "--folder", a.folder, "--csv", path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        row = next(csv.DictReader(path.read_text().splitlines()))
    return row if row["status"] == "measured" else None


def tell(text):
    print(text, file=sys.stderr, flush=True)


def fastest(name, precision, a):
    """Tries the variants, telling the time of each; the best one's process stays open."""
    best, best_seconds = None, float("inf")
    for variant in candidates(a.variant or workloads[name].variants, precision):
        try:
            torch = Torch(name, variant, a)
            seconds = torch.run(a.seconds).seconds
        except Failed as failure:
            tell(f"  {variant}: {failure}")
            continue
        tell(f"  {variant}: {1e3 * seconds:.2f} ms")
        loser = best if seconds < best_seconds else torch
        if seconds < best_seconds:
            best, best_seconds = torch, seconds
        if loser:
            loser.close()
    return best


BUSY = 0.05  # PERF_BUSY_PERCENT of bench/perf.h


def check_equal_work(name, row, torch):
    for key in ("parameters", "samples"):
        ours, theirs = int(row[key]), torch.about[key]
        if theirs and ours != theirs:
            raise Failed(f"{name}: ours has {ours} {key}, and PyTorch's {theirs}: not the same work")


def take_turns(name, precision, torch, a):
    ours, theirs = [], []
    for turn in range(a.rounds):
        for who in ("ours", "theirs") if turn % 2 == 0 else ("theirs", "ours"):
            if who == "theirs":
                theirs.append(torch.run(a.seconds))
                continue
            row = run_ours(name, precision, a.seconds, a)
            if not row:
                return None, None
            check_equal_work(name, row, torch)
            if float(row["others_share"]) >= BUSY:
                tell(f"  round {turn + 1}: others took {float(row['others_share']):.0%} of the machine meanwhile")
            ours.append(Run(float(row["median_ms"]) / 1e3, int(row["idle_bytes"]), int(row["peak_bytes"]),
                            float(row["core_core_ns"])))
    return ours, theirs


@dataclasses.dataclass
class Row:
    workload: str
    precision: str
    ours_ms: float = None
    torch_ms: float = None
    ratio: float = None
    ratio_least: float = None
    ratio_most: float = None
    ours_work_mib: float = None
    torch_work_mib: float = None
    work_ratio: float = None
    ours_total_mib: float = None
    torch_total_mib: float = None
    core_core_least_ns: float = None
    core_core_most_ns: float = None
    torch_variant: str = ""
    rounds: int = 0


def memory_of(runs):
    """(above idle, in all) in MiB: the largest over the rounds."""
    return max(r.peak - r.idle for r in runs) / 2**20, max(r.peak for r in runs) / 2**20


def compare(name, precision, a):
    row = Row(name, precision)
    if run_ours(name, precision, 0.01, a) is None:
        return row
    tell(f"{name} {precision}: PyTorch's variants")
    torch = fastest(name, precision, a)
    if not torch:
        raise Failed(f"{name}: PyTorch ran in no variant")
    ours, theirs = take_turns(name, precision, torch, a)
    torch.close()
    ratios = [t.seconds / o.seconds for o, t in zip(ours, theirs)]
    row.ours_ms, row.torch_ms = (1e3 * statistics.median(r.seconds for r in runs) for runs in (ours, theirs))
    row.ratio, row.ratio_least, row.ratio_most = statistics.median(ratios), min(ratios), max(ratios)
    apart = [o.core_core for o in ours if o.core_core > 0]
    if apart:
        row.core_core_least_ns, row.core_core_most_ns = min(apart), max(apart)
    row.torch_variant, row.rounds = torch.variant, a.rounds
    if name != "start":  # its memory is that of other processes
        (row.ours_work_mib, row.ours_total_mib), (row.torch_work_mib, row.torch_total_mib) = map(memory_of, (ours, theirs))
        row.work_ratio = row.torch_work_mib / row.ours_work_mib
    return row


def cells(row):
    if row.ours_ms is None:
        return [row.workload, row.precision, "not available"] + [""] * 8
    memory = ["-"] * 4
    if row.ours_work_mib is not None:
        memory = [f"{row.ours_work_mib:.0f}", f"{row.torch_work_mib:.0f}", f"{row.work_ratio:.2f}",
                  f"{row.ours_total_mib:.0f}/{row.torch_total_mib:.0f}"]
    apart = "-" if row.core_core_least_ns is None else f"{row.core_core_least_ns:.0f}-{row.core_core_most_ns:.0f}"
    return [row.workload, row.precision, f"{row.ours_ms:.2f}", f"{row.torch_ms:.2f}", f"{row.ratio:.2f}",
            f"{row.ratio_least:.2f}-{row.ratio_most:.2f}", *memory, apart, row.torch_variant]


HEAD = ["workload", "precision", "ours ms", "torch ms", "ratio", "range", "ours MiB", "torch MiB", "ratio",
        "in all", "core-core ns", "torch variant"]


def print_table(rows):
    table = [HEAD] + [cells(row) for row in rows]
    for line in table:
        line += [""] * (len(HEAD) - len(line))
    widths = [max(map(len, column)) for column in zip(*table)]
    for line in table:
        print("  ".join(c.ljust(w) if i in (0, 1, len(HEAD) - 1) else c.rjust(w)
                        for i, (c, w) in enumerate(zip(line, widths))).rstrip())


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        out = csv.DictWriter(file, [f.name for f in dataclasses.fields(Row)], lineterminator="\n")
        out.writeheader()
        out.writerows(dataclasses.asdict(row) for row in rows)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"all by default: {', '.join(workloads)}")
    parser.add_argument("--bench", default="build/bench", help="our program")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--ours", metavar="DEVICE", help="of ours, if it is to be another one than PyTorch's: cpu:2")
    parser.add_argument("--precision", choices=("fp32", "bf16"), action="append", help="both by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each run")
    parser.add_argument("--variant", action="append",
                        help="PyTorch's, such as compile+channels_last+merged, instead of trying all; several are tried")
    parser.add_argument("--folder", default="build/peers/data", help="where the data workloads keep their files")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("build/peers/inductor"),
                        help="where torch.compile keeps what it made: the first run takes long")
    parser.add_argument("--csv", help="writes the table to this file, too")
    return parser.parse_args()


def main():
    a, rows = arguments(), []
    unknown = [name for name in a.workloads if name not in workloads]
    if unknown:
        sys.exit(f"compare.py: there is no workload {unknown[0]}; see --help")
    try:
        for name in a.workloads or workloads:
            for precision in workloads[name].precisions:
                if not a.precision or precision in a.precision:
                    rows.append(compare(name, precision, a))
    except Failed as failure:
        sys.exit(f"compare.py: {failure}")
    print_table(rows)
    if a.csv:
        write_csv(a.csv, rows)


if __name__ == "__main__":
    main()
