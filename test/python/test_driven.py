# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What follows the loss or the gradients during a run: plateaus and dynamic loss scaling, against Python's own loop."""
import json

import numpy as np
import pytest

LINEAR = """
func.func @step(%w: f32 {prec.name = "w", prec.role = "weight", prec.init = "constant:1"},
    %x: tensor<1x1xf32> {prec.name = "x"}, %labels: tensor<1xi32> {prec.name = "labels", prec.role = "label"}, %lr: f32 {prec.name = "lr"})
    -> (f32 {prec.name = "w"}, f32 {prec.name = "loss"}) {
  %c = arith.constant 0 : index
  %v = tensor.extract %x[%c, %c] : tensor<1x1xf32>
  %loss = arith.mulf %w, %v {prec.role = "loss"} : f32
  return %w, %loss : f32, f32
}
func.func @predict(%w: f32 {prec.name = "w", prec.role = "weight"}, %x: tensor<1x1xf32> {prec.name = "x"}) -> f32 {
  %c = arith.constant 0 : index
  %v = tensor.extract %x[%c, %c] : tensor<1x1xf32>
  %0 = arith.mulf %w, %v : f32
  return %0 : f32
}
"""


def mantissa(value, bits):
    return (np.float32(value).view("u4") & np.uint32(0xFFFFFFFF << (23 - bits) & 0xFFFFFFFF)).view("f4")


def call(run, folder, entry, values, flags):
    files = []
    for name, value in values.items():
        np.save(folder / f"{name}.npy", value)
        files += ["--input", f"{name}={folder / name}.npy"]
    count = {"step": 5, "predict": 1}[entry]
    outputs = [folder / f"out{i}.npy" for i in range(count)]
    for path in outputs:
        files += ["--output", path]
    run("prec-run", folder / "m.mlir", f"--entry={entry}", *files, *flags)
    return [np.load(path) for path in outputs]


def test_plateau(run, tmp_path):
    """Losses are given by x; the number moves after two steps without an improvement of more than 0.5."""
    plateau = {"start": 4, "by": 3, "until": 9, "steps": 2, "improvement": 0.5}
    rule = {"select": "loss | function:predict", "format": "m?", "rounding": "toward-zero", "parameters": ["width"]}
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "parameters": {"width": {"plateau": plateau}}, "rules": [rule]}))
    (tmp_path / "m.mlir").write_text(LINEAR)
    flags = [f"--policy={tmp_path / 'p.json'}"]
    state = {"w": np.float32(1), "prec.width": np.float32(4), "prec.width.best": np.float32(3e38), "prec.width.wait": np.float32(0)}
    width, best, wait = 4, np.float32(3e38), 0
    for given in (9.87654, 9.5, 8.1, 8.0, 7.9, 3.3, np.nan, 3.2, 3.1, 3.0, 3.0):
        values = dict(state, x=np.full((1, 1), given, "f4"), labels=np.zeros(1, "i4"), lr=np.float32(0))
        *news, loss = call(run, tmp_path, "step", values, flags)
        wanted = mantissa(given, width) if given == given else np.float32(given)
        assert np.array_equal(loss, wanted, equal_nan=True)
        (predicted,) = call(run, tmp_path, "predict", {"w": np.float32(1), "prec.width": state["prec.width"], "x": values["x"]}, flags)
        assert np.array_equal(predicted, wanted, equal_nan=True)
        if wanted < np.float32(best - np.float32(0.5)):
            best, wait = wanted, 0
        else:
            wait += 1
            if wait == 2:
                width, wait = min(width + 3, 9), 0
        state = dict(zip(state, news))
        assert [float(v) for v in news] == [1.0, width, best, wait], given
    assert width == 9


FORWARD = """
func.func @forward(%w: tensor<1x2xf32> {prec.name = "w", prec.role = "weight", prec.init = "zeros"}, %x: tensor<1x1xf32> {prec.name = "x"}) -> tensor<1x2xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2xf32>) -> tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x1xf32>, tensor<1x2xf32>) outs(%i : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
"""


def stepper(run, folder, options, names):
    (folder / "f.mlir").write_text(FORWARD)
    made = run("prec-opt", folder / "f.mlir", "--emit=graph", f"--prec-make-training-step={options}").stdout
    (folder / "m.mlir").write_text(made)

    def step(state, x, flags=()):
        values = dict(zip(names, state), x=np.full((1, 1), x, "f4"), labels=np.zeros(1, "i4"), learning_rate=np.float32(1))
        files = []
        for name, value in values.items():
            np.save(folder / f"{name}.npy", value)
            files += ["--input", f"{name}={folder / name}.npy"]
        outputs = [folder / f"out{i}.npy" for i in range(len(names) + 1)]
        for path in outputs:
            files += ["--output", path]
        run("prec-run", folder / "m.mlir", "--entry=step", *files, *flags)
        return [np.load(path) for path in outputs][:-1]

    return step


def test_a_fixed_scale_changes_no_bit_but_saves_small_gradients(run, tmp_path):
    w = np.array([[0.3, -0.2]], "f4")
    plain = stepper(run, tmp_path, "", ["w"])([w], 0.7)
    scaled = stepper(run, tmp_path, "loss-scale=1024", ["w"])([w], 0.7)
    assert plain[0].tobytes() == scaled[0].tobytes()
    # Gradients of 2^-25 underflow in half precision, those of 2^-15 do not.
    flags = ["--round=backward=f16"]
    x, zeros = 2.0**-24, np.zeros((1, 2), "f4")
    assert not stepper(run, tmp_path, "", ["w"])([zeros], x, flags)[0].any()
    want = np.array([[x / 2, -x / 2]], "f4")
    assert np.array_equal(stepper(run, tmp_path, "loss-scale=1024", ["w"])([zeros], x, flags)[0], want)


def test_a_dynamic_scale_halves_skips_and_doubles(run, tmp_path):
    step = stepper(run, tmp_path, "loss-scale=dynamic<1024,2>", ["w", "loss_scale", "loss_scale.steps"])
    flags = ["--round=backward=f16"]
    state = [np.zeros((1, 2), "f4"), np.float32(1024), np.float32(0)]
    scale, good, skipped = 1024.0, 0, 0
    for x in (200.0, 200.0, 1.0, 1.0, 1.0):
        e = np.exp(np.float64(x) * state[0][0])
        largest = abs(e / e.sum() - [1, 0]).max() * x * scale
        overflows = largest >= 65520
        before, state = state, step(state, x, flags)
        scale, good = (scale / 2, 0) if overflows else (scale * 2, 0) if good + 1 == 2 else (scale, good + 1)
        assert [float(v) for v in state[1:]] == [scale, good], x
        skipped += overflows
        if overflows:
            assert state[0].tobytes() == before[0].tobytes()
    assert state[0].any() and skipped == 1 and scale == 2048


@pytest.mark.parametrize("text", ["0", "3", "-1", "33554432", "dynamic<3,2>", "dynamic<2>", "dynamik", "2^", "2^a=b"])
def test_bad_scales(run, tmp_path, text):
    (tmp_path / "f.mlir").write_text(FORWARD)
    done = run("prec-opt", tmp_path / "f.mlir", f"--loss-scale={text}", "--print-policy", check=False)
    assert done.returncode == 1 and "expected a power of two 1..16777216, 2^PARAMETER, dynamic" in done.stderr


def test_a_run_keeps_its_state_in_checkpoints(run, tmp_path):
    """A driven width and a dynamic scale, stopped and resumed: the same weights."""
    policy = {"version": 1, "loss-scale": "dynamic<256,3>",
              "parameters": {"width": {"plateau": {"start": 5, "by": 1, "until": 20, "steps": 2, "improvement": 10}}},
              "rules": [{"select": "*", "format": "m?", "parameters": ["width"]}]}  # fmt: skip
    (tmp_path / "p.json").write_text(json.dumps(policy))
    flags = ["softmax-regression", "--steps=9", "--eval-every=0", f"--policy={tmp_path / 'p.json'}"]
    run("prec-train", *flags, "--save-weights", tmp_path / "whole.npz", "--checkpoint", tmp_path / "c.npz", "--checkpoint-every=4")
    whole = np.load(tmp_path / "whole.npz")
    assert whole["prec.width"] == 9 and whole["loss_scale"] == 2048
