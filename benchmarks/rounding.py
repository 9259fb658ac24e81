# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounding of arrays, nanoseconds an element: ours beside what others have, and memcpy.

    PYTHONPATH=build/python:python benchmarks/.venv/bin/python benchmarks/rounding.py [--rounds=15] [--json=FILE]

1 Mi f32 (4 MB, in the cache) and 16 Mi (64 MB), normally distributed, one thread, CPU time,
contestants in turn. All write to memory that exists where their interface has a way to. The
compiled rows run a function of one rounding through prec-run (--repeat, wall time), the others
in this process. Peers that are not installed are left out: ml_dtypes, gfloat, pychop, qtorch, torch, jax.
"""
import argparse
import importlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
from peer import BIN, write

import prec

FORMATS = [
    ("e4m3", "nearest-even"), ("e4m3", "stochastic"), ("f8e4m3fn", "nearest-even"),
    ("e5m10", "nearest-even"), ("e5m10", "toward-zero"), ("e5m10", "stochastic"),
    ("bf16", "nearest-even"), ("bf16", "stochastic"), ("tf32", "nearest-even"),
    ("int8", "nearest-even"), ("int8", "stochastic"), ("fixed<4,4>-wrap", "nearest-even"), ("int8<0.1>", "nearest-even"),
    ("int8<max>", "nearest-even"), ("posit<8,1>", "nearest-even"), ("pow2<-8,0>", "nearest-even"),
    ("mxfp8", "nearest-even"), ("mxfp8", "stochastic"), ("mxfp4", "nearest-even"),
    ("nvfp4", "nearest-even"), ("nvfp4", "stochastic"), ("bfp<8,16>", "nearest-even"), ("bfp<8,16>", "stochastic"),
    ("adaptivfloat<8,4>", "nearest-even"), ("adaptivfloat<8,4>", "stochastic"),
]  # fmt: skip
COMPILED = [("e4m3", "nearest-even"), ("e5m10", "nearest-even"), ("bf16", "nearest-even"),
            ("e4m3", "stochastic")]  # fmt: skip
PROGRAM = """func.func @round(%x: tensor<Nxf32>, %key: i64) -> tensor<Nxf32> {
  %y = prec.round %x to "FORMAT" "MODE"RANDOM : tensor<Nxf32>
  return %y : tensor<Nxf32>
}
"""


class Call:
    """CPU seconds of one call in this process, after one that fetches what others displaced."""

    def __init__(self, call):
        self.call = call

    def time(self):
        self.call()
        start = time.process_time()
        self.call()
        return time.process_time() - start


class Compiled:
    """Wall seconds of one of many runs, without the first two, which get new memory."""

    def __init__(self, command, count, timing):
        self.command, self.timing = [*map(str, command), f"--repeat={count}", f"--print-timing={timing}"], timing

    def time(self):
        subprocess.run(self.command, check=True, stdout=subprocess.DEVNULL)
        return median(json.loads(self.timing.read_text())["run_seconds"][2:])


def own(x, out, compiled, folder):
    """Our contestants, by name."""
    running = {}
    for format, mode in FORMATS:
        running[f"prec.round {format} {mode}"] = Call(
            lambda f=format, m=mode: prec.round(x, format=f, rounding=m, out=out)
        )
    if compiled:
        np.save(folder / "x.npy", x)
        np.save(folder / "key.npy", np.int64(7))
    for format, mode in COMPILED if compiled else []:
        program = folder / f"{format}-{mode}.mlir"
        random = " random(%key : i64)" if mode == "stochastic" else ""
        text = PROGRAM.replace("FORMAT", format).replace("MODE", mode).replace("RANDOM", random)
        program.write_text(text.replace("N", str(x.size)))
        command = [BIN / "prec-run", program, f"--input={folder}/x.npy", f"--input={folder}/key.npy",
                   f"--output={folder}/y.npy", "--threads=1", f"--cache-dir={folder}/cache"]  # fmt: skip
        running[f"compiled {format} {mode}"] = Compiled(command, max(5, (1 << 28) // x.size), folder / "timing.json")
    return running


def peers(x, out):
    """Contestants that others provide, by name; a package that is not there has none."""
    found = {}

    def module(name):
        try:
            return importlib.import_module(name)
        except ImportError:
            print(f"{name} is not installed")
            return None

    if ml_dtypes := module("ml_dtypes"):
        for name in ("float8_e4m3", "float8_e4m3fn", "bfloat16"):
            dtype = getattr(ml_dtypes, name)
            found[f"ml_dtypes {name} and back"] = Call(lambda d=dtype: x.astype(d).astype(np.float32))
    found["NumPy float16 and back"] = Call(lambda: x.astype(np.float16).astype(np.float32))
    if gfloat := module("gfloat"):
        info = importlib.import_module("gfloat.formats").format_info_ocp_e4m3
        found["gfloat round_ndarray ocp_e4m3"] = Call(lambda: gfloat.round_ndarray(info, x))
    if module("pychop"):
        chop = importlib.import_module("pychop").Chop(exp_bits=4, sig_bits=3, rmode=1)
        found["pychop e4m3"] = Call(lambda: chop(x))
    if torch := module("torch"):
        if module("qtorch"):
            quantize = importlib.import_module("qtorch.quant").float_quantize
            for mode in ("nearest", "stochastic"):
                found[f"qtorch e4m3 {mode}"] = Call(lambda m=mode: quantize(tensor, exp=4, man=3, rounding=m))
        torch.set_num_threads(1)
        tensor, result = torch.from_numpy(x), torch.from_numpy(out)
        for name in ("float8_e4m3fn", "bfloat16", "float16"):
            dtype = getattr(torch, name)
            found[f"torch {name} and back"] = Call(
                lambda d=dtype: result.copy_(tensor.to(d))
            )
        found["torch fake_quantize int8"] = Call(
            lambda: torch.fake_quantize_per_tensor_affine(tensor, 0.1, 0, -128, 127)
        )
    if jax := module("jax"):
        array = jax.numpy.asarray(x)
        for name in ("float8_e4m3fn", "bfloat16", "float16"):
            dtype = getattr(jax.numpy, name)
            # The barrier keeps XLA from dropping the pair of casts.
            cast = jax.jit(lambda a, d=dtype: jax.lax.optimization_barrier(a.astype(d)).astype(a.dtype))
            found[f"jax {name} and back"] = Call(lambda c=cast: c(array).block_until_ready())
        reduce = jax.jit(lambda a: jax.lax.reduce_precision(a, 4, 3))
        found["jax reduce_precision e4m3"] = Call(lambda: reduce(array).block_until_ready())
    return found


def compete(contestants, rounds, slow=0.5):
    """{name: seconds}, each round in turn; who takes longer than `slow` runs three times."""
    times = {}
    for contestant in contestants.values():
        contestant.time()  # compiles
    for round in range(rounds):
        for name, contestant in contestants.items():
            spent = times.setdefault(name, [])
            if round < 3 or (sum(spent) < slow * round and not isinstance(contestant, Compiled)):
                spent.append(contestant.time())
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", type=lambda s: [int(n) for n in s.split(",")], default=[20, 24],
                        help="binary logarithms of the numbers of elements")  # fmt: skip
    parser.add_argument("--json")
    options = parser.parse_args()
    result = {}
    for size in options.sizes:
        n = 1 << size
        x = np.random.default_rng(0).normal(size=n).astype("f4")
        out = np.zeros_like(x)
        print(f"\n{n} elements, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        with tempfile.TemporaryDirectory() as name:
            running = {"memcpy": Call(lambda: np.copyto(out, x))}
            running |= own(x, out, (BIN / "prec-run").exists(), Path(name)) | peers(x, out)
            times = compete(running, options.rounds)
        base = min(times["memcpy"])
        print(f"{'':42}{'least':>9}{'median':>9}{'most':>9}  / memcpy (least)")
        for name, spent in times.items():
            least, middle, most = (t / n * 1e9 for t in (min(spent), median(spent), max(spent)))
            print(f"{name:42}{least:9.3f}{middle:9.3f}{most:9.3f}{least * n / base / 1e9:9.2f}")
        result[n] = times
    write(options.json, result)


if __name__ == "__main__":
    main()
