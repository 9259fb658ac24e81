# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--recompute changes what a training step keeps in memory, and not one bit of what it computes.

The network is wide before its poolings, as convolutional ones are: what the forward part makes
there, for the backward part, is most of the memory.
"""
import json
import os
import re

import numpy as np
import pytest

NETWORK = {
    "version": 1,
    "input": [3, 16, 16],
    "layers": [
        {"type": "conv", "name": "conv1", "channels": 8, "kernel": 3, "padding": 1},
        {"type": "batch-norm", "name": "norm1"},
        {"type": "relu", "name": "relu1"},
        {"type": "conv", "name": "conv2", "channels": 8, "kernel": 3, "padding": 1},
        {"type": "batch-norm", "name": "norm2"},
        {"type": "relu", "name": "relu2"},
        {"type": "conv", "name": "conv3", "channels": 8, "kernel": 3, "padding": 1},
        {"type": "sigmoid", "name": "sigmoid3"},
        {"type": "max-pool", "name": "pool3", "kernel": 2},
        {"type": "flatten", "name": "flatten"},
        {"type": "dense", "name": "fc", "units": 10},
    ],
}
BATCH = 16
DTYPES = {"f32": np.float32, "i32": np.int32}
POLICIES = {
    "f32": [],
    "stochastic": ["--truncate-mantissa=6", "--rounding=stochastic", "--seed=5", "--step=3"],
    "layers": ["--format=e4m3fn", "--rounding=stochastic", "--granularity=layer", "--step=1"],
    "elementary": ["--format=e5m6", "--rounding=stochastic", "--granularity=elementary", "--step=2"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recompute")


@pytest.fixture
def step(run, folder):
    """The training step's file, and its inputs as files."""
    (folder / "net.json").write_text(json.dumps(NETWORK))
    made = run("prec-translate", "--import-json", "--training", f"--batch={BATCH}", folder / "net.json")
    text = run("prec-opt", "--prec-make-training-step", "-", input=made.stdout).stdout
    (folder / "step.mlir").write_text(text)
    head = re.search(r"func\.func @step\((.*?)\) -> ", text)[1]
    rng, files = np.random.default_rng(0), []
    for k, (shape, dtype) in enumerate(re.findall(r"%\w+: (?:tensor<)?((?:\d+x)*)(f32|i32)", head)):
        sizes = [int(n) for n in shape.split("x") if n]
        array = rng.integers(0, 10, sizes) if dtype == "i32" else rng.standard_normal(sizes) * 0.3
        array = np.abs(array) if "running" in head.split("%arg")[k + 1] else array
        np.save(folder / f"{k}.npy", np.asarray(array, DTYPES[dtype]))
        files.append(f"--input={folder / f'{k}.npy'}")
    return folder / "step.mlir", files


def results(run, folder, step, *flags):
    """(the results' bytes, the peak of memory)."""
    path, files = step
    head = re.search(r"func\.func @step\(.*?\) -> \((.*)\) \{", path.read_text())[1]
    count = head.count("prec.name")
    outputs = [folder / f"out{k}.npy" for k in range(count)]
    run(
        "prec-run", path, "--entry=step", *files, *flags, *(f"--output={o}" for o in outputs),
        "--no-cache", f"--print-timing={folder / 'timing.json'}",
    )  # fmt: skip
    peak = json.loads((folder / "timing.json").read_text())["peak_bytes"]
    return [o.read_bytes() for o in outputs], peak


@pytest.mark.parametrize("policy", [
    pytest.param(name, marks=pytest.mark.skipif(
        name == "elementary" and os.environ.get("PREC_EXHAUSTIVE") != "1", reason="compiles for a minute"))
    for name in POLICIES
])
def test_bits_stay_and_the_peak_falls(run, folder, step, policy):
    flags = POLICIES[policy]
    kept, peak = results(run, folder, step, *flags, "--recompute=none")
    assert len(kept) > 6
    # A random word is not cheap: what is rounded stochastically is kept.
    for word, share in (("cheap", 0.8 if policy == "f32" else 1.0), ("all", 0.9)):
        again, lower = results(run, folder, step, *flags, f"--recompute={word}")
        print(f"{policy}, {word}: {lower / peak:.3f} of {peak / 1e6:.1f} MB")
        assert again == kept
        assert lower < share * peak


def test_other_words_are_refused(run, step):
    done = run("prec-run", step[0], "--recompute=some", check=False)
    assert done.returncode == 1 and "some" in done.stderr
    done = run("prec-opt", step[0], "--pass-pipeline=builtin.module(func.func(prec-recompute{kind=some}))", check=False)
    assert done.returncode == 1 and "some" in done.stderr
