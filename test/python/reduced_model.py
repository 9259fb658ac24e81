# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The shipped softmax regression at a size that plain Python can follow."""
import re
from pathlib import Path

import numpy as np

INPUTS, CLASSES, BATCH = 14, 3, 8
RATE, STEPS = 0.1, 4
MODEL = Path(__file__).resolve().parents[2] / "models" / "logistic.mlir"


def reduced_model():
    """The model's text with 784 -> 14 inputs, 10 -> 3 classes, 128 -> 8 a batch."""
    text = MODEL.read_text()
    for old, new in ((784, INPUTS), (10, CLASSES), (128, BATCH)):
        text = re.sub(rf"(?<![\w.%@]){old}(?=x|\.0\b|, 1\])", str(new), text)
        text = re.sub(rf"x{old}(?=x)", f"x{new}", text)
    return text


def data(seed=3):
    """(w, b, x, labels); x and labels hold one mini-batch for each step."""
    random = np.random.default_rng(seed)
    w = random.normal(0, 0.1, (INPUTS, CLASSES)).astype("f4")
    b = np.zeros(CLASSES, "f4")
    x = (random.integers(0, 256, (STEPS, BATCH, INPUTS)) / 255).astype("f4")
    return w, b, x, random.integers(0, CLASSES, (STEPS, BATCH)).astype("i4")


def bits(values):
    return np.asarray(values, "f4").view("u4").tolist()
