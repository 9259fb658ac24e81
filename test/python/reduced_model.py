# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The shipped softmax regression at a size that plain Python can follow."""
import re
from pathlib import Path

INPUTS, CLASSES, BATCH = 14, 3, 8
MODEL = Path(__file__).resolve().parents[2] / "models" / "logistic.mlir"


def reduced_model():
    """The model's text with 784 -> 14 inputs, 10 -> 3 classes, 128 -> 8 a batch."""
    text = MODEL.read_text()
    for old, new in ((784, INPUTS), (10, CLASSES), (128, BATCH)):
        text = re.sub(rf"(?<![\w.%@]){old}(?=x|\.0\b|, 1\])", str(new), text)
        text = re.sub(rf"x{old}(?=x)", f"x{new}", text)
    return text
