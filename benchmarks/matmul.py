# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Matrix products with every product and partial sum rounded: ours beside JAX's fori_loop.

One thread, CPU time. Usage: matmul.py [--size=512] [--rounds=5] [--json=FILE]
"""
import argparse
import tempfile
from pathlib import Path

import numpy as np
from peer import BIN, Ours, Peer, compete, write

MODEL = """func.func @mm(%a: tensor<NxNxf32>, %b: tensor<NxNxf32>) -> tensor<NxNxf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<NxNxf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<NxNxf32>) -> tensor<NxNxf32>
  %r = linalg.matmul ins(%a, %b : tensor<NxNxf32>, tensor<NxNxf32>)
      outs(%f : tensor<NxNxf32>) -> tensor<NxNxf32>
  return %r : tensor<NxNxf32>
}
"""
ROUNDED = [("toward-zero", 7), ("nearest-even", 7), ("stochastic", 7)]
# To nearest-even; matmul_jax.py knows mN only.
FORMATS = ["e5m10", "f8e4m3fn", "f8e4m3fn-sat", "fixed<8,8>", "int8"]


def ours(folder, flags, count):
    inputs = [f"--input={folder}/a.npy", f"--input={folder}/b.npy", f"--output={folder}/y.npy"]
    fixed = [BIN / "prec-run", folder / "mm.mlir", *inputs, "--threads=1", *flags]
    cache = f"--cache-dir={folder}/cache"
    return Ours(lambda n: [*map(str, fixed), cache, f"--repeat={n}"], count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    n = options.size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random = np.random.default_rng(0)
        for operand in "ab":
            np.save(folder / f"{operand}.npy", random.normal(size=(n, n)).astype("f4"))
        (folder / "mm.mlir").write_text(MODEL.replace("N", str(n)))
        running = {"prec f32": ours(folder, [], 40)}
        for mode, m in ROUNDED:
            flags = [f"--truncate-mantissa={m}", f"--rounding={mode}", "--granularity=elementary"]
            running[f"prec {mode} m={m}"] = ours(folder, flags, 8)
            running[f"jax {mode} m={m}"] = Peer("matmul_jax.py", n, mode, m)
        for format in FORMATS:
            running[f"prec {format}"] = ours(folder, [f"--format={format}", "--granularity=elementary"], 8)
        table = compete(running, options.rounds)
    for row in table.values():
        row["gmacs"] = n**3 / row["least"] / 1e9
    print(f"{n}^3{'':23}{'GMAC/s':>8}{'median':>8}  time of JAX / time")
    for name, row in table.items():
        peer = table.get(name.replace("prec", "jax"))
        row["ratio"] = peer["least"] / row["least"] if peer and peer is not row else None
        ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
        print(f"{name:26}{row['gmacs']:8.2f}{n**3 / row['median'] / 1e9:8.2f}  {ratio}")
    write(options.json, table)


if __name__ == "__main__":
    main()
