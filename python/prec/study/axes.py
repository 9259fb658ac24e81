# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a study's axes to the settings of each point: grid, zip, random, lists.

A point is a dictionary of settings. The order is that of nested loops, the first axis
outermost; random points follow from the study's own seed. Nothing here is longer in
memory than one point, so that a study of 10^9 runs can be counted and refused.
"""

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

CONTINUOUS = ("uniform", "log-uniform", "integers")


class AxisError(ValueError):
    """What is wrong with one axis; `pointer` is inside the study's axes."""

    def __init__(self, pointer: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.pointer = pointer


def discrete(name: str, axis: Any) -> Any:
    """The values of an axis that has a list of them. Raises AxisError for the others."""
    if isinstance(axis, list):
        return axis
    ((kind, limits),) = axis.items()
    if kind != "range":
        raise AxisError(
            (name,), f'\'{kind}\' is for random studies, with "combine": {{"random": N}}'
        )
    first, last, stride = (*limits, 1)[:3]
    if stride == 0 or (last - first) * stride < 0:
        raise AxisError((name, "range"), f"{limits} has no values")
    return range(first, last + (1 if stride > 0 else -1), stride)


def _check_between(name: str, axis: dict[str, list[float]]) -> None:
    ((kind, (low, high)),) = axis.items()
    if low > high or (kind == "log-uniform" and low <= 0):
        lowest = "two numbers above 0, the lower one first"
        raise AxisError((name, kind), f"found {[low, high]}, expected {lowest}")


def count(axes: dict[str, Any], combine: Any) -> int:
    """How many points the axes make, without making them."""
    if isinstance(combine, dict) and "random" in combine:
        for name, axis in axes.items():
            if isinstance(axis, dict) and set(axis) & set(CONTINUOUS):
                _check_between(name, axis)
        return combine["random"]
    lengths = {name: len(discrete(name, axis)) for name, axis in axes.items()}
    if combine != "zip":
        return math.prod(lengths.values())
    if len(set(lengths.values())) > 1:
        name = next(n for n in lengths if lengths[n] != next(iter(lengths.values())))
        sizes = ", ".join(f"'{n}' has {length}" for n, length in lengths.items())
        raise AxisError((name,), f"zip takes axes of one length, but {sizes}")
    return next(iter(lengths.values()), 1)


def _draw(axis: Any, source: random.Random) -> Any:
    if not isinstance(axis, dict) or "range" in axis:
        return source.choice(discrete("", axis))
    ((kind, (low, high)),) = axis.items()
    if kind == "integers":
        return source.randint(math.ceil(low), math.floor(high))
    if kind == "uniform":
        return source.uniform(low, high)
    return math.exp(source.uniform(math.log(low), math.log(high)))


def points(axes: dict[str, Any], combine: Any) -> Iterator[dict[str, Any]]:
    """Each point once, in order. `count` has been called: what is wrong is known."""
    if isinstance(combine, dict) and "random" in combine:
        source = random.Random(combine.get("seed", 0))
        for _ in range(combine["random"]):
            yield {name: _draw(axis, source) for name, axis in axes.items()}
        return
    values = [discrete(name, axis) for name, axis in axes.items()]
    for row in zip(*values) if combine == "zip" and values else itertools.product(*values):
        yield dict(zip(axes, row))
