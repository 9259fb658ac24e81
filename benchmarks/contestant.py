# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the peers' programs share: the data, and answering one timing at a time.

A program prepares itself, prints "ready", then for each line on standard input runs
its 1,000 steps once and prints one JSON line {"seconds", "accuracy"}.
"""
import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np

DATA = Path("/usr/share/datasets/fashion-mnist")
BATCH = 128


def idx(name, header):
    return np.frombuffer(gzip.decompress((DATA / name).read_bytes()), "u1", offset=header)


def fashion_mnist():
    """(train images, train labels, test images, test labels); pixels / 255."""
    images = lambda name: idx(name, 16).reshape(-1, 784).astype("f4") / 255
    labels = lambda name: idx(name, 8).astype("i4")
    return (
        images("train-images-idx3-ubyte.gz"), labels("train-labels-idx1-ubyte.gz"),
        images("t10k-images-idx3-ubyte.gz"), labels("t10k-labels-idx1-ubyte.gz"),
    )  # fmt: skip


def batches(steps, seed=0):
    """Row numbers, steps x 128: passes over the shuffled 60,000, a short last one dropped."""
    random = np.random.default_rng(seed)
    whole = 60000 // BATCH
    passes = -(-steps // whole)
    rows = [random.permutation(60000)[: whole * BATCH].reshape(-1, BATCH) for _ in range(passes)]
    return np.concatenate(rows)[:steps].astype("i4")


def initial(seed=0):
    random = np.random.default_rng(seed)
    return random.normal(0, 0.01, (784, 10)).astype("f4"), np.zeros(10, "f4")


def serve(train, test_images, test_labels):
    """`train()` returns (w, b) as NumPy arrays; its first, untimed call compiles."""
    train()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        w, b = train()
        seconds = time.perf_counter() - start
        accuracy = float(((test_images @ w + b).argmax(1) == test_labels).mean())
        print(json.dumps({"seconds": seconds, "accuracy": accuracy}), flush=True)
