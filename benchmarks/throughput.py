# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The time that a rounded multiply-add cannot beat: its vector operations, as fast as this processor starts them.

For each rounding of matmul.py the operations of one multiply-add (docs/pipeline.md has the formulas) run in a loop without loads and
without dependences: nothing but the number and kind of operations counts. x86-64 with AVX-512 only; elsewhere there is no bound.
Usage: throughput.py [--rounds=5] [--json=FILE]; prints nanoseconds for a vector of 16 multiply-adds.
"""
import argparse
import subprocess
import tempfile
from pathlib import Path

from peer import write

INSTRUCTIONS = {
    "mul": "vmulps %%zmm30, %%zmm31, {0}", "add": "vaddps %%zmm30, %%zmm31, {0}", "sub": "vsubps %%zmm30, %%zmm31, {0}",
    "fma": "vfmadd231ps %%zmm30, %%zmm31, {0}", "min": "vminps %%zmm30, %%zmm31, {0}", "max": "vmaxps %%zmm30, %%zmm31, {0}",
    "and": "vpandd %%zmm30, %%zmm31, {0}", "xor": "vpxord %%zmm30, %%zmm31, {0}", "sum": "vpaddd %%zmm30, %%zmm31, {0}",
    "most": "vpmaxsd %%zmm30, %%zmm31, {0}", "shift": "vpsrld $13, %%zmm31, {0}", "either": "vpternlogd $0xea, %%zmm30, %%zmm31, {0}",
}  # fmt: skip
# "sum", "most": of integers; "either": an and and an or.
SHIFTER = "mul and most sum add sub"
ROUNDINGS = {
    "f32": "fma",
    "m7 toward-zero": "mul and add and",
    "m7 nearest-even": "mul fma add mul fma",
    "m7 stochastic": "mul xor sum and add xor sum and",
    "e5m10 nearest-even": SHIFTER + " add mul fma",
    "e4m3 nearest-even": SHIFTER + " fma shift and sum sum and",
    "e4m3-sat nearest-even": SHIFTER + " add mul fma min max",
    "int8 nearest-even": "mul min max add min max",
    "e4m3 stochastic": "mul and most either xor fma and fma fma xor sum and",
}
PROGRAM = """#include <stdio.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
int main(void) {
  const long count = 300000;
  for (int round = 0; round < ROUNDS; ++round) {
LOOPS
    printf("\\n");
  }
}
"""
LOOP = """    { double start = now();
      for (long i = 0; i < count; ++i) __asm__ volatile("TEXT" ::: CLOBBERS);
      printf("%.6f ", (now() - start) / count / REPEATS); }
"""
REPEATS = 24


def loop(operations):
    lines, number = [], 0
    for _ in range(REPEATS):
        for name in operations.split():
            lines.append(INSTRUCTIONS[name].format(f"%%zmm{number % 24}"))  # an fma waits for one 24 operations before
            number += 1
    clobbers = ", ".join(f'"xmm{i}"' for i in range(24))
    return LOOP.replace("TEXT", "\\n".join(lines).replace("\n", "\\n")).replace("CLOBBERS", clobbers).replace("REPEATS", str(REPEATS))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    if "avx512f" not in Path("/proc/cpuinfo").read_text():
        print("no AVX-512 here: no bounds")
        return write(options.json, {})
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "t.c", Path(folder) / "t"
        loops = "".join(loop(operations) for operations in ROUNDINGS.values())
        source.write_text(PROGRAM.replace("ROUNDS", str(options.rounds)).replace("LOOPS", loops))
        subprocess.run(["/usr/bin/clang-22", "-O1", "-mavx512f", "-o", program, source], check=True)
        lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    least = [min(column) for column in zip(*([float(word) for word in line.split()] for line in lines if line.strip()))]
    result = {}
    for (name, operations), time in zip(ROUNDINGS.items(), least):
        count = len(operations.split())
        result[name] = {"operations": count, "least": time * 1e-9}
        print(f"{name:26}{count:4} operations{time:8.3f} ns")
    write(options.json, result)


if __name__ == "__main__":
    main()
