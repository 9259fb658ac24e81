# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""f32 training steps of shipped networks, batch 128: ours beside PyTorch (eager, channels last, torch.compile) and JAX.

Wall time of one step, contestants in turn; the peak of live memory in a step beside PyTorch's.
Usage: steps.py [--rounds=5] [--threads=1] [--models=lenet5,...] [--json=FILE]
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from peer import BIN, Peer, compete, write

# Model -> (steps in a timing, input for prec-train)
MODELS = {"softmax-regression": (500, None), "mlp-100x2": (200, None), "lenet5": (5, None), "resnet20": (5, (3, 32, 32)), "char-gpt": (8, "text")}
SOURCE = Path(__file__).resolve().parent.parent


class Steps:
    """prec-train's own seconds of a step, without loading and logging."""

    def __init__(self, folder, model, count, data, threads):
        self.warm = count + 4  # the peers have made as many when their first timing begins
        self.log, self.timing = folder / "log.jsonl", folder / "timing.json"
        self.command = [
            BIN / "prec-train", SOURCE / f"models/{model}.json", f"--threads={threads}", "--eval-every=0", f"--steps={2 * count + 4}",
            f"--log={self.log}", f"--cache-dir={folder}", f"--print-timing={self.timing}", *self.data(folder, data),
        ]  # fmt: skip

    def data(self, folder, data):
        if data is None:
            return []
        random = np.random.default_rng(0)
        if data == "text":
            (folder / "x.txt").write_bytes(random.integers(32, 127, 40000, np.uint8).tobytes())
            return [f"--data={folder / 'x.txt'}"]
        np.savez(folder / "x.npz", x=random.integers(0, 256, (512, *data), np.uint8), y=random.integers(0, 10, 512))
        return [f"--data={folder / 'x.npz'}"]

    def time(self):
        subprocess.run(self.command, check=True, stdout=subprocess.DEVNULL)
        return median(json.loads(line)["seconds"] for line in self.log.read_text().splitlines()[self.warm :])

    @property
    def peak_bytes(self):
        return json.loads(self.timing.read_text())["peak_bytes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--json")
    options = parser.parse_args()
    tables = {}
    print(f"{'':20}{'':22}{'ms':>9}{'median':>9}  time / ours   MB / ours")
    for model in options.models.split(","):
        count, data = MODELS[model]
        with tempfile.TemporaryDirectory() as folder:
            peer = lambda *mode: Peer("steps_torch.py", model, count, options.threads, *mode, threads=options.threads)
            running = {"prec": Steps(Path(folder), model, count, data, options.threads), "torch": peer(), "torch.compile": peer("compile")}
            if data != "text":
                running["torch channels_last"] = peer("channels_last")
            running["jax"] = Peer("steps_jax.py", model, count, options.threads, threads=options.threads)
            table = tables[model] = compete(running, options.rounds)
            for name, row in table.items():
                row["ratio"] = row["least"] / table["prec"]["least"]
                memory = running[name].peak_bytes
                if memory:
                    row["peak_bytes"] = memory
                ratio = f"{memory / 1e6:8.1f} {memory / table['prec']['peak_bytes']:.2f}" if memory else ""
                print(f"{model:20}{name:22}{1e3 * row['least']:9.3f}{1e3 * row['median']:9.3f}  {row['ratio']:8.2f}   {ratio}", flush=True)
            for each in running.values():
                if isinstance(each, Peer):
                    each.process.kill()
    write(options.json, tables)


if __name__ == "__main__":
    main()
