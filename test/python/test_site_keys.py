# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""B-KEY: site keys are the hash that docs/numerics.md writes down, whatever the policy rounds."""
import re

import pytest

MODEL = """
func.func @net(%x: tensor<4xf32>, %n: tensor<2xi32>, %w: tensor<4xf32> {prec.role = "weight"}) -> tensor<4xf32> {
  %0 = arith.mulf %x, %w {prec.scope = "a"} : tensor<4xf32>
  %1 = arith.addf %0, %x {prec.scope = "b"} : tensor<4xf32>
  %2 = arith.addf %1, %x {prec.scope = "a"} : tensor<4xf32>
  %3 = arith.negf %2 {prec.scope = "a"} : tensor<4xf32>
  %4 = arith.subf %3, %w {prec.scope = "a", prec.phase = "update"} : tensor<4xf32>
  %5 = math.exp %4 {prec.scope = "a", prec.role = "gradient"} : tensor<4xf32>
  return %5 : tensor<4xf32>
}
func.func @other(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:2 = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%x, %x : tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %1 = arith.addf %a, %a : f32
    %2 = arith.mulf %1, %a : f32
    linalg.yield %1, %2 : f32, f32
  } -> (tensor<4xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xf32>
}
"""

# Number in the report, then what is hashed. Site 5, negf, is exempt; it has an ordinal all the same.
SITES = {
    0: ("net", "forward", "", 0, "argument:input"),
    1: ("net", "forward", "", 2, "argument:weight"),
    2: ("net", "forward", "a", 0, "activation"),
    3: ("net", "forward", "b", 0, "activation"),
    4: ("net", "forward", "a", 1, "activation"),
    6: ("net", "update", "a", 0, "state"),
    7: ("net", "forward", "a", 3, "gradient"),
    8: ("other", "forward", "", 0, "argument:input"),
    9: ("other", "forward", "", 0, "activation"),
}
SECOND_RESULT = ("other", "forward", "", 0, "activation#1")


@pytest.fixture
def hash64(source):
    """The definition in the documentation, run."""
    text = (source / "docs/numerics.md").read_text()
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", text, re.S) if "def hash64" in b]
    names = {}
    exec(block, names)  # noqa: S102
    return names["hash64"]


def keys(run, tmp_path, *flags):
    (tmp_path / "model.mlir").write_text(MODEL)
    text = run("prec-opt", tmp_path / "model.mlir", *flags).stdout
    return [(int(number), int(key)) for number, key in re.findall(r" at <(\d+), key = (\d+)", text)]


def test_keys(run, tmp_path, hash64):
    found = keys(run, tmp_path, "--format=bf16")
    wanted = {(number, hash64(*parts)) for number, parts in SITES.items()}
    assert set(found) == wanted | {(9, hash64(*SECOND_RESULT))}


def test_a_policy_changes_no_key(run, tmp_path):
    everything = set(keys(run, tmp_path, "--format=bf16"))
    for rule in ("scope:a=keep", "input=keep", "@elementwise=e4m3:stochastic@elementary"):
        few = set(keys(run, tmp_path, "--format=bf16", f"--round={rule}"))
        inside = {(n, k) for n, k in few if n > 9}  # scalar sites within the generic operation
        assert few - inside <= everything and few - inside
