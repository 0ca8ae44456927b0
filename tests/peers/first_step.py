"""From the start of a process to its first finished EMIXER update."""

import pathlib
import subprocess
import sys
import time

SERVE = pathlib.Path(__file__).parent / "serve.py"


class FirstStep:
    def __init__(self, setting):
        words, device = "+".join(sorted(setting.words)), str(setting.device)
        self.command = [sys.executable, SERVE, "emixer-64", words, "--device", device, "--once"]

    def step(self):
        """Returns the seconds, without those of ending the process."""
        start = time.perf_counter()
        with subprocess.Popen(self.command, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"done\n"
            return time.perf_counter() - start
