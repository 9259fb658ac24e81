# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compiled training step equals the scalar reference, bit for bit, over four steps."""
import numpy as np
import numpy_reference as reference
import pytest
from reduced_model import RATE, STEPS, bits, data, reduced_model

ROUNDINGS = {
    "none": (None, []),
    **{
        f"truncate-{m}": (
            lambda value, m=m: reference.toward_zero(value, m), [f"--truncate-mantissa={m}"]
        )
        for m in (1, 3, 7, 15)
    },
    "nearest-7": (
        lambda value: reference.nearest_even(value, 7),
        ["--truncate-mantissa=7", "--rounding=nearest-even"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("loops", [[], ["--plain-loops"], ["--opt-level=0"]], ids=str)
@pytest.mark.parametrize("granularity", ["elementary", "op"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_step_equals_reference(run, tmp_path, rounding, granularity, loops):
    function, flags = ROUNDINGS[rounding]
    if flags:
        flags = [*flags, f"--granularity={granularity}"]
    (tmp_path / "model.mlir").write_text(reduced_model())
    w, b, x, labels = data()
    for step in range(STEPS):
        arguments = {"w": w, "b": b, "x": x[step], "labels": labels[step], "lr": np.float32(RATE)}
        inputs = []
        for name, value in arguments.items():
            np.save(tmp_path / f"{name}.npy", value)
            inputs += ["--input", f"{name}={tmp_path / name}.npy"]
        outputs = [tmp_path / f"out{i}.npy" for i in range(3)]
        run("prec-run", tmp_path / "model.mlir", "--entry=step", *inputs, *flags, *loops,
            *(part for path in outputs for part in ("--output", path)))  # fmt: skip
        found = [np.load(path) for path in outputs]
        wanted = reference.step(w, b, x[step], labels[step], RATE, function, granularity)
        for name, got, want in zip(("w", "b", "loss"), found, wanted):
            assert bits(got) == bits(want), (step, name, got, want)
        w, b, _ = wanted
