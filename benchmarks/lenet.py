# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A training step of lenet5, batch 128: ours (f32 and rounded) beside PyTorch eager, which is
faster with channels last on some machines.

One thread, CPU time. Usage: lenet.py [--rounds=5] [--json=FILE] [--only=TEXT]: those of ours whose names have it
"""
import argparse
import tempfile

from peer import BIN, Ours, Peer, compete, write

ROUNDED = {
    "op, m=7": ["--truncate-mantissa=7"],
    "elementary, m=7 toward zero": ["--truncate-mantissa=7", "--granularity=elementary"],
    "elementary, m=7 nearest": [
        "--truncate-mantissa=7", "--rounding=nearest-even", "--granularity=elementary",
    ],
    "elementary, m=7 stochastic": [
        "--truncate-mantissa=7", "--rounding=stochastic", "--granularity=elementary",
    ],
}  # fmt: skip


def ours(cache, flags, count):
    fixed = [BIN / "prec-train", "lenet5", "--threads=1", "--eval-every=0", "--log=/dev/null"]
    return Ours(
        lambda n: [*map(str, fixed), f"--cache-dir={cache}", f"--steps={n}", *flags], count
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        running = {"prec f32": ours(cache, [], 10), "torch f32": Peer("lenet_torch.py", 10)}
        running["torch f32, channels last"] = Peer("lenet_torch.py", 10, "channels_last")
        running |= {
            f"prec {name}": ours(cache, flags, 10 if name.startswith("op") else 3)
            for name, flags in ROUNDED.items()
            if options.only in name
        }
        table = compete(running, options.rounds)
    for name in ("torch f32", "torch f32, channels last"):
        table[name] = {k: v / 10 for k, v in table[name].items()}
    print(f"{'lenet5, batch 128':36}{'ms':>8}{'median':>8}  time / time of torch f32")
    for name, row in table.items():
        row["ratio"] = row["least"] / table["torch f32"]["least"]
        print(
            f"{name:36}{1e3 * row['least']:8.1f}{1e3 * row['median']:8.1f}  {row['ratio']:.2f}"
        )
    write(options.json, table)


if __name__ == "__main__":
    main()
