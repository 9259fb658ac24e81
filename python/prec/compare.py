# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares an imported model's results with a framework's.

What may differ: sums in another order. How much that matters is measured on the model
itself: its answer to inputs that are changed in their last bits bounds the difference.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import ml_dtypes  # noqa: F401  NumPy's bfloat16
import numpy as np

from prec.frontend import run_tool, write_model


def run_model(
    text: str, weights: Mapping[str, np.ndarray], names: Sequence[str], inputs: Mapping[str, np.ndarray], count: int, seconds: float | None = None, entry: str | None = None
) -> list[np.ndarray]:
    """The results of prec-run, which may take so long."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_model(folder / "model.mlir", text, weights)
        command = [folder / "model.mlir", "--no-cache"]
        if entry:
            command.append(f"--entry={entry}")
        if weights:
            command.append(f"--weights={folder / 'model.npz'}")
        for k, name in enumerate(names):
            np.save(folder / f"in{k}.npy", inputs[name])
            command.append(f"--input={folder / f'in{k}.npy'}")
        command += [f"--output={folder / f'out{k}.npy'}" for k in range(count)]
        run_tool("prec-run", *command, seconds=seconds)
        made = [np.load(folder / f"out{k}.npy") for k in range(count)]
        return [x.view("bfloat16") if x.dtype.str == "|V2" else x for x in made]


NARROW_EPS = 4e-3  # of layers that are rounded to f16 one after the other


def allowance(reference: np.ndarray, nudged: Iterable[np.ndarray], is_narrow: bool = False) -> float:
    """How far each element may be off; `is_narrow`: f16 or bf16 are on the way to it."""
    wide = reference.astype(np.float64)
    finite = np.abs(wide[np.isfinite(wide)])
    scale = finite.max() if finite.size else 0.0
    response = np.zeros_like(wide)
    with np.errstate(invalid="ignore"):
        for other in nudged:
            response = np.maximum(response, np.nan_to_num(np.abs(other.astype(np.float64) - wide)))
    eps = NARROW_EPS if is_narrow else {2: NARROW_EPS, 4: 1e-5}.get(reference.dtype.itemsize, 1e-10)
    if reference.dtype.name == "bfloat16":
        eps *= 4
    return eps * scale + 4 * (response.max() if response.size else 0.0)


def shifted(reference: np.ndarray, ours: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """A result next to the reference, as far from it as ours moved with inputs that are changed in their last bits."""
    if reference.shape != ours.shape:
        return reference
    if reference.dtype.kind in "iub":
        return np.where(moved == ours, reference, ~reference)
    with np.errstate(invalid="ignore"):
        return reference.astype(np.float64) + (moved.astype(np.float64) - ours.astype(np.float64))


def differs(ours: np.ndarray, reference: np.ndarray, nudged: Iterable[np.ndarray], is_narrow: bool = False) -> str | None:
    """A sentence on how a result differs, or None."""
    if ours.shape != reference.shape:
        return f"has shape {list(ours.shape)}; expected {list(reference.shape)}"
    if reference.dtype.kind in "iub":
        off = ours != reference
        for other in nudged:  # what a last bit decides is not ours to decide
            off &= other == reference
        count = int(off.sum())
        small = reference.dtype.itemsize == 1 and reference.dtype.kind in "iu"
        if small and count * 100 <= off.size:
            steps = np.abs(ours[off].astype(int) - reference[off].astype(int))
            count = int((steps > 1).sum())
        return f"differs in {count} of {off.size} elements" if count else None
    a, b = ours.astype(np.float64), reference.astype(np.float64)
    if (np.isnan(a) != np.isnan(b)).any():
        return "has NaN in other places"
    with np.errstate(invalid="ignore"):
        error = np.where(a == b, 0, np.abs(a - b))
    worst, allowed = float(np.nanmax(error, initial=0)), allowance(reference, nudged, is_narrow)
    if worst > allowed or np.isinf(worst):
        return f"differs by {worst:.3g}; expected at most {allowed:.3g}"
    return None


def differs_for_all(
    ours: np.ndarray, reference: np.ndarray, grounds: Iterable[Callable[[], Iterable[np.ndarray]]], is_narrow: bool = False
) -> str | None:
    """As `differs`, where results next to the reference cost time: `grounds` make them, one after the other, while there is a difference."""
    others: list[np.ndarray] = []
    said = differs(ours, reference, others, is_narrow)
    for ground in grounds:
        if not said:
            break
        others += ground()
        said = differs(ours, reference, others, is_narrow)
    return said
