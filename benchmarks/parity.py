# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""f32 training on Fashion-MNIST beside PyTorch eager, from the same first weights through the same batches, one thread.

For each network: test accuracy over seeds with 95% intervals, and the largest relative difference of the loss over the
first 100 steps, ours from PyTorch's; beside it PyTorch's in f32 from PyTorch's in f64, which is what rounding itself does.
Usage: parity.py [--seeds=5] [--runs=MODEL:STEPS:RATE,...] [--json=FILE]; torch must be there.
"""
import argparse
import json
import math
import subprocess
import tempfile
from pathlib import Path
from statistics import mean, median, stdev

import numpy as np
import torch
from contestant import BATCH, fashion_mnist
from peer import BIN, write
from torch.nn import functional as F

FIRST = 100
T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # Student's, by degrees of freedom from 1


def mlp(x, p):
    x = F.relu(x.flatten(1) @ p["fc1.weight"] + p["fc1.bias"])
    x = F.relu(x @ p["fc2.weight"] + p["fc2.bias"])
    return x @ p["fc3.weight"] + p["fc3.bias"]


def lenet(x, p):
    x = F.max_pool2d(F.relu(F.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=2)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, p["conv2.weight"], p["conv2.bias"], padding=2)), 2)
    return F.relu(x.flatten(1) @ p["fc1.weight"] + p["fc1.bias"]) @ p["fc2.weight"] + p["fc2.bias"]


NETWORKS = {"mlp-100x2": mlp, "lenet5": lenet}


def scramble(x):
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def order(count, seed, epoch):
    """prec-train's order of the samples (docs/numerics.md has mix64, hash64 and h32)."""
    name = 0xCBF29CE484222325
    for byte in b"shuffle":
        name = (name ^ byte) * 0x100000001B3 % 2**64
    name = scramble(name ^ len(b"shuffle"))
    key = scramble(scramble(scramble(seed) ^ name) ^ epoch)
    x = np.arange(count, dtype="u4") ^ np.uint32(key % 2**32)
    x = (x ^ x >> np.uint32(16)) * np.uint32(0x21F0AAAD) + np.uint32(key >> 32)
    x = (x ^ x >> np.uint32(15)) * np.uint32(0x735A2D97)
    words = (x ^ x >> np.uint32(15)).tolist()
    rows = list(range(count))
    for i in range(count - 1, 0, -1):
        j = words[i] * (i + 1) >> 32
        rows[i], rows[j] = rows[j], rows[i]
    return np.array(rows)


def ours(model, seed, steps, rate, folder):
    """(first weights, losses, test accuracy)"""
    common = [BIN / "prec-train", model, f"--seed={seed}", f"--batch-size={BATCH}", f"--learning-rate={rate}", f"--cache-dir={folder}"]
    run = lambda *more: subprocess.run([*common, *more], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run("--steps=0", f"--save-weights={folder}/w.npz")
    run(f"--steps={steps}", f"--log={folder}/log.jsonl", "--threads=1")
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    with np.load(folder / "w.npz") as archive:
        weights = {name: archive[name] for name in archive.files}
    accuracies = [row["test_accuracy"] for row in rows if "test_accuracy" in row]
    return weights, [row["loss"] for row in rows if "loss" in row], accuracies[-1]


def eager(net, weights, data, seed, steps, rate, dtype):
    """(losses, last weights)"""
    x, y, *_ = data
    p = {name: torch.tensor(value, dtype=dtype).requires_grad_() for name, value in weights.items()}
    optimizer, losses, rows = torch.optim.SGD(p.values(), rate), [], None
    whole = len(x) // BATCH
    for step in range(steps):
        if step % whole == 0:
            rows = order(len(x), seed, step // whole)
        batch = rows[step % whole * BATCH :][:BATCH]
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x[batch].to(dtype), p), y[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, p


@torch.no_grad()
def right(net, p, x, y):
    """The share of samples that are classified so."""
    return sum((net(a, p).argmax(1) == b).sum().item() for a, b in zip(x.split(500), y.split(500))) / len(x)


def interval(values):
    half = T_975[len(values) - 2] * stdev(values) / math.sqrt(len(values))
    return mean(values), half


def difference(a, b):
    return float(np.max(np.abs(np.array(a[:FIRST]) / np.array(b[:FIRST]) - 1)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, choices=range(2, len(T_975) + 2))
    parser.add_argument("--runs", default="mlp-100x2:468:0.05,lenet5:100:0.01")
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    train_x, train_y, test_x, test_y = fashion_mnist()
    images = lambda x: torch.tensor(x).reshape(-1, 1, 28, 28)
    data = images(train_x), torch.tensor(train_y).long(), images(test_x), torch.tensor(test_y).long()
    tables = {}
    print(f"| network | steps | rate | ours | PyTorch | loss, median and largest | PyTorch f32 from f64 |\n|{' --- |' * 7}")
    for run in options.runs.split(","):
        model, steps, rate = (kind(word) for kind, word in zip((str, int, float), run.split(":"), strict=True))
        found = []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                weights, losses, accuracy = ours(model, seed, steps, rate, Path(folder))
            again = lambda count, dtype: eager(NETWORKS[model], weights, data, seed, count, rate, dtype)
            expected, p = again(steps, torch.float32)
            exact, _ = again(min(steps, FIRST), torch.float64)
            found.append({
                "ours": accuracy, "torch": right(NETWORKS[model], p, *data[2:]),
                "loss": difference(losses, expected), "own": difference(expected, exact),
            })  # fmt: skip
        column = lambda name: [row[name] for row in found]
        text = lambda name: "{:.2f} ± {:.2f} %".format(*(100 * v for v in interval(column(name))))
        both = lambda name: f"{median(column(name)):.1e}, {max(column(name)):.1e}"
        tables[model] = found
        print(f"| `{model}` | {steps} | {rate} | {text('ours')} | {text('torch')} | {both('loss')} | {both('own')} |", flush=True)
    write(options.json, tables)


if __name__ == "__main__":
    main()
