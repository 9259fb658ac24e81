# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Error feedback: a rounding's loss is added to the next step's value, against NumPy; the shipped policy that has it is in
test_presets.py.
"""
import json
import re

import numpy as np
import pytest
from preset_formats import fixed_stochastic
from test_random_words import h32, mix

STEP = """
func.func @step(%w: tensor<3xf64> {prec.name = "w", prec.role = "weight"}, %x: tensor<1x3xf64> {prec.name = "x"},
    %labels: tensor<1xi32> {prec.name = "labels", prec.role = "label"}, %lr: f64 {prec.name = "lr"}) -> (tensor<3xf64> {prec.name = "w"}, f64 {prec.name = "loss"}) {
  %c = arith.constant 1 : index
  %0 = tensor.collapse_shape %x [[0, 1]] : tensor<1x3xf64> into tensor<3xf64>
  %1 = arith.mulf %0, %w {prec.phase = "backward", prec.role = "weight-gradient"} : tensor<3xf64>
  %2 = tensor.extract %1[%c] {prec.phase = "backward", prec.role = "gradient"} : tensor<3xf64>
  %3 = arith.mulf %2, %2 {prec.phase = "forward", prec.role = "loss"} : f64
  return %1, %3 : tensor<3xf64>, f64
}
"""
GRID = 8.0


def fixed(values):
    """fixed<3,3> of f64."""
    return np.clip(np.rint(values * GRID), -32, 31) / GRID + 0.0


def call(run, folder, values, count, flags):
    files = []
    for name, value in values.items():
        np.save(folder / f"{name}.npy", value)
        files += ["--input", f"{name}={folder / name}.npy"]
    outputs = [folder / f"out{i}.npy" for i in range(count)]
    for path in outputs:
        files += ["--output", path]
    run("prec-run", folder / "m.mlir", *files, *flags)
    return [np.load(path) for path in outputs]


def test_values_scalars_and_arguments(run, tmp_path):
    """A weight where it is used, a tensor and a scalar: each has a residual of its own in f64."""
    (tmp_path / "m.mlir").write_text(STEP)
    flags = ["--round=weight=fixed<3,3>@layer+feedback", "--round=weight-gradient | loss=fixed<3,3>+feedback"]
    text = run("prec-opt", tmp_path / "m.mlir", *flags).stdout
    names = re.findall(r'prec.name = "(prec.feedback[^"]*)", prec.role', text)
    numbers = {row["role"]: row["site"] for row in json.loads(run("prec-opt", tmp_path / "m.mlir", *flags, "--report-sites=json").stdout) if row["extra"] == "feedback"}
    assert names == [f"prec.feedback.{numbers[role]}" for role in ("weight", "weight-gradient", "loss")]
    rng = np.random.default_rng(3)
    w, lost = rng.normal(0, 1, 3), [np.zeros(3), np.zeros(3), np.float64(0)]
    for step in range(6):
        x = rng.normal(0, 1.5, (1, 3))
        values = dict(w=w, **dict(zip(names, lost)), x=x, labels=np.zeros(1, "i4"), lr=np.float64(0))
        results = call(run, tmp_path, values, 5, flags)

        def rounded(i, value):
            total = value + lost[i]
            lost[i] = total - fixed(total)
            return fixed(total)

        product = rounded(1, x[0] * rounded(0, w))
        loss = rounded(2, product[1] * product[1])
        for got, want in zip(results, [product, *lost, loss]):
            assert got.tobytes() == np.float64(want).tobytes(), step
        w = product
        assert all(np.any(each) for each in lost)


@pytest.mark.parametrize("kind", ["operands", "values"])
def test_stochastic_rounding(run, tmp_path, kind):
    """Random words belong to the site and to the place, or to the value that is rounded: with the residual."""
    (tmp_path / "m.mlir").write_text(STEP.replace("f64", "f32"))
    flags = ["--round=weight-gradient | loss=fixed<3,3>:stochastic+feedback", f"--random={kind}", "--seed=5"]
    text = run("prec-opt", tmp_path / "m.mlir", *flags).stdout
    keys = {role: int(key) % 2**64 for key, role in re.findall(r'prec\.round .* at <\d+, key = (-?\d+).*role = "([^"]+)"', text)}
    names = re.findall(r'prec.name = "(prec.feedback[^"]*)", prec.role', text)
    rng = np.random.default_rng(4)
    w, lost, rounding = rng.normal(0, 1, 3).astype("f4"), [np.zeros(3, "f4"), np.float32(0)], fixed_stochastic(3, 3)
    for step in range(4):
        x = rng.normal(0, 1.5, (1, 3)).astype("f4")
        got = call(run, tmp_path, dict(w=w, **dict(zip(names, lost)), x=x, labels=np.zeros(1, "i4"), lr=np.float32(0)), 4, [*flags, f"--step={step}"])

        def rounded(i, role, value):
            total = np.asarray(value + lost[i], "f4")
            place = total.view("u4") if kind == "values" else np.arange(total.size)
            result = rounding.f(total, h32(mix(5, keys[role], step), place.reshape(-1)).reshape(total.shape))
            lost[i] = total - result
            return result

        product = rounded(0, "weight-gradient", x[0] * w)
        loss = rounded(1, "loss", product[1] * product[1])
        for have, want in zip(got, [product, *lost, loss]):
            assert have.tobytes() == np.float32(want).tobytes(), step
        w = product
    assert all(np.any(each) for each in lost)


def refusal(run, folder, text, *flags):
    (folder / "m.mlir").write_text(text)
    done = run("prec-opt", folder / "m.mlir", *flags, check=False)
    assert done.returncode == 1 and re.search(r"m\.mlir:\d+:\d+: error: ", done.stderr), done.stderr
    return done.stderr


BODY = """%1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
    ins(%w : tensor<3xf64>) outs(%0 : tensor<3xf64>) {
  ^b(%a: f64, %o: f64):
    %s = math.sqrt %a : f64
    linalg.yield %s : f64
  } -> tensor<3xf64>"""
LOOP = """%n = arith.constant 0 : index
  %1 = scf.for %i = %n to %c step %c iter_args(%v = %0) -> tensor<3xf64> {
    %s = math.sqrt %v {prec.role = "weight-gradient"} : tensor<3xf64>
    scf.yield %s : tensor<3xf64>
  }"""
PRODUCT = re.search("%1 = .*", STEP).group()


@pytest.mark.parametrize(
    "change, rule, words",
    [
        (lambda t: t.replace("@step", "@predict"), "weight-gradient=m3+feedback", r"as state of @step\(.*found a site of @predict; choose sites by phase"),
        (lambda t: t.replace(", %lr: f64", "").replace(' {prec.name = "lr"}', ""), "weight-gradient=m3+feedback", r"as state of @step\(parameters"),
        (lambda t: t.replace(PRODUCT, LOOP), "op:math.sqrt=m3+feedback", "found a rounding inside 'scf.for'"),
        (lambda t: t.replace("tensor<3xf64>", "tensor<?xf64>").replace("1x3x", "1x?x"), "weight-gradient=m3+feedback", r"known size, found 'tensor<\?xf64>'"),
        (lambda t: t.replace('prec.name = "w"', 'prec.name = "loss_scale"'), "weight-gradient=m3+feedback", "dynamic or scheduled loss scale"),
    ],
)  # fmt: skip
def test_what_is_refused(run, tmp_path, change, rule, words):
    assert re.search(words, refusal(run, tmp_path, change(STEP), f"--round={rule}"))


def test_buffers_are_refused(run, tmp_path):
    text = 'func.func @step(%m: memref<4xf32> {prec.name = "m"}) { linalg.fill ins(%m0 : f32) outs(%m : memref<4xf32>) return }'
    text = text.replace("{ linalg", "{\n  %m0 = arith.constant 0.1 : f32\n  linalg").replace(" return", "\n  return")
    assert "has feedback, which keeps what the rounding of a tensor or scalar loses, found a buffer" in refusal(run, tmp_path, text, "--round=op:linalg.fill=m3+feedback")
    text = "func.func @f(%m: memref<4xf32>) -> f32 {\n  %c = arith.constant 0 : index\n  %0 = memref.load %m[%c] : memref<4xf32>\n  return %0 : f32\n}"
    assert "found a buffer" in refusal(run, tmp_path, text, "--round=input=m3+feedback")


def test_products_are_refused(run, tmp_path):
    """Inside operations there is no whole value."""
    (tmp_path / "m.mlir").write_text(STEP.replace(PRODUCT, BODY))
    done = run("prec-opt", tmp_path / "m.mlir", "--round=op:math.sqrt=m3@elementary+feedback", check=False)
    assert done.returncode == 1 and "at granularity op, layer or batch, found elementary" in done.stderr
    rule = {"select": "*", "format": "m3", "feedback": True, "granularity": "elementary"}
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "rules": [rule]}))
    done = run("prec-opt", tmp_path / "m.mlir", f"--policy={tmp_path / 'p.json'}", check=False)
    assert done.returncode == 1 and re.search(r"p\.json:1:\d+: /rules/0: feedback keeps", done.stderr)


def test_reports_say_it(run, tmp_path):
    (tmp_path / "m.mlir").write_text(STEP)
    explained = run("prec-opt", tmp_path / "m.mlir", "--round=loss=m3+feedback", "--explain=**").stdout
    assert explained.count("m3:nearest-even@op+feedback") == 1
    policies = []
    for name, feedback in ("with", True), ("without", False):
        policies.append(tmp_path / f"{name}.json")
        policies[-1].write_text(json.dumps({"version": 1, "rules": [{"select": "loss", "format": "m3", "feedback": feedback}]}))
    differs = run("prec-opt", "--diff-policy", *policies, tmp_path / "m.mlir").stdout
    assert re.search(r"role loss.*\n  - m3:nearest-even@op\+feedback \(.*\n  \+ m3:nearest-even@op \(.*\n1 of \d+ sites differ", differs)


def test_training_goes_on_where_it_stopped(run, tmp_path):
    """Residuals are in the checkpoint: a run resumed ends with the same bits, and not with those of a run without them."""
    flags = ["softmax-regression", "--eval-every=0", "--policy=preset:one-bit-gradients"]
    whole, parts, checkpoint = (tmp_path / name for name in ("whole.npz", "parts.npz", "c.npz"))
    run("prec-train", *flags, "--steps=10", "--save-weights", whole)
    run("prec-train", *flags, "--steps=4", "--checkpoint", checkpoint, "--checkpoint-every=4")
    run("prec-train", *flags, "--steps=10", "--checkpoint", checkpoint, "--resume", checkpoint, "--save-weights", parts)
    whole, parts = np.load(whole), np.load(parts)
    assert list(whole) == list(parts)
    residuals = [name for name in whole if name.startswith("prec.feedback.")]
    assert residuals and all(whole[name].any() for name in residuals)
    for name in whole:
        assert whole[name].tobytes() == parts[name].tobytes(), name
