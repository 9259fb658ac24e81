# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Matrix products with every product and partial sum rounded: ours beside JAX's fori_loop.

One thread; ours is the least of several calls in a process, by prec-run's own clock, JAX's the CPU time of one call. Usage: matmul.py [--size=512] [--rounds=5] [--json=FILE]
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from peer import BIN, Peer, compete, write

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
# matmul_jax.py knows mN only.
FORMATS = [("e5m10", "nearest-even"), ("e4m3", "nearest-even"), ("e4m3-sat", "nearest-even"), ("f8e4m3fn", "nearest-even"),
           ("fixed<8,8>", "nearest-even"), ("int8", "nearest-even"), ("e4m3", "toward-zero"), ("e4m3", "stochastic"),
           ("e5m10", "stochastic"), ("fixed<8,8>", "stochastic")]  # fmt: skip


class Ours:
    """Seconds of a call: the least of `count` in one process."""

    def __init__(self, command, timing, count):
        self.command, self.timing = [*map(str, command), f"--print-timing={timing}", f"--repeat={count}"], timing

    def time(self):
        subprocess.run(self.command, check=True)
        return min(json.loads(self.timing.read_text())["run_seconds"])


def ours(folder, flags, count):
    inputs = [f"--input={folder}/a.npy", f"--input={folder}/b.npy", f"--output={folder}/y.npy"]
    fixed = [BIN / "prec-run", folder / "mm.mlir", *inputs, "--threads=1", *flags]
    return Ours([*fixed, f"--cache-dir={folder}/cache"], folder / "timing.json", count)


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
        count = 10 * max(1, round((512 / n) ** 3))
        running = {"prec f32": ours(folder, [], count)}
        for mode, m in ROUNDED:
            flags = [f"--truncate-mantissa={m}", f"--rounding={mode}", "--granularity=elementary"]
            running[f"prec m{m} {mode}"] = ours(folder, flags, count)
            running[f"jax m{m} {mode}"] = Peer("matmul_jax.py", n, mode, m)
        for format, mode in FORMATS:
            running[f"prec {format} {mode}"] = ours(folder, [f"--format={format}", f"--rounding={mode}", "--granularity=elementary"], count)
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
