# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A width that is known at run time costs the loop of a matrix product nothing: the machine code that rounds each product and
sum has the same instructions as with a constant width (docs/performance.md).
"""
import json
import platform
import re
import subprocess
from collections import Counter

import numpy as np
import pytest
from conftest import LLVM_BIN, SANITIZED

MODEL = """func.func @mm(%a: tensor<256x256xf32>, %b: tensor<256x256xf32>) -> tensor<256x256xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<256x256xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<256x256xf32>) -> tensor<256x256xf32>
  %r = linalg.matmul ins(%a, %b : tensor<256x256xf32>, tensor<256x256xf32>) outs(%f : tensor<256x256xf32>) -> tensor<256x256xf32>
  return %r : tensor<256x256xf32>
}
"""


def kind(name):
    """Bits are moved and joined by instructions for floats or for integers, as the compiler likes."""
    found = re.fullmatch(r"vp?(and|xor|or|mov|broadcast)\w*", name)
    return found[1] if found else name


def contraction_loops(code):
    """How often each instruction is in the innermost loops that multiply vectors of floats."""
    lines = [re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)", line) for line in code.splitlines()]
    code = [(int(m[1], 16), m[2], m[3]) for m in lines if m]
    number = {address: i for i, (address, _, _) in enumerate(code)}
    jumps = [(re.match(r"0x([0-9a-f]+)", rest), i) for i, (_, name, rest) in enumerate(code) if name.startswith("j")]
    loops = [(number[int(to[1], 16)], i) for to, i in jumps if to and number.get(int(to[1], 16), i) < i]
    inner = [a for a in loops if not any(a != b and a[0] <= b[0] and b[1] <= a[1] for b in loops)]
    counts = [Counter(kind(name) for _, name, _ in code[first : last + 1]) for first, last in inner]
    return [count for count in counts if sum(n for name, n in count.items() if re.fullmatch("v?mulps", name)) >= 4]


@pytest.mark.skipif(platform.machine() != "x86_64" or SANITIZED, reason="reads x86's instructions")
@pytest.mark.parametrize("mode", ["toward-zero", "nearest-even", "stochastic"])
def test_the_loops_have_the_same_instructions(run, tmp_path, mode):
    (tmp_path / "m.mlir").write_text(MODEL)
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.ones((256, 256), "f4"))
    rule = {"select": "*", "rounding": mode, "granularity": "elementary"}
    found = {}
    for form, more in ("m9", {}), ("m?", {"parameters": ["p"]}):
        policy, cache = tmp_path / "p.json", tmp_path / f"cache-{len(found)}"
        policy.write_text(json.dumps({"version": 1, "parameters": {"p": 9}, "rules": [rule | more | {"format": form}]}))
        run("prec-run", tmp_path / "m.mlir", f"--policy={policy}", f"--input={tmp_path / 'a.npy'}", f"--input={tmp_path / 'b.npy'}",
            f"--output={tmp_path / 'y.npy'}", "--threads=1", f"--cache-dir={cache}")  # fmt: skip
        (entry,) = cache.iterdir()
        content = entry.read_bytes()
        (tmp_path / "x.o").write_bytes(content[content.index(b"\x7fELF") :])
        done = subprocess.run([LLVM_BIN / "llvm-objdump", "-d", "--no-show-raw-insn", tmp_path / "x.o"], capture_output=True, text=True, check=True)
        found[form] = contraction_loops(done.stdout)
    # The one that runs unless operands have extreme exponents.
    assert min(found["m9"], key=Counter.total) in found["m?"]
