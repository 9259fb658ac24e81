# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dropout trains as its definition says, from words that depend on position and step alone."""
import json

import numpy as np
import pytest
from test_random_words import M64, h32, mix, scramble

K, C, RATE = 40, 3, 0.5


def network(rate):
    return {"version": 1, "name": "net", "input": [K],
            "layers": [{"type": "dropout", "name": "drop", "rate": rate},
                       {"type": "dense", "name": "fc", "units": C, "bias": False}]}


def train(run, folder, rate, *flags, steps=12):
    (folder / "net.json").write_text(json.dumps(network(rate)))
    log, weights = folder / "log.jsonl", folder / "w.npz"
    run("prec-train", folder / "net.json", f"--data={folder / 'data.npz'}", "--batch-size=1",
        f"--steps={steps}", f"--learning-rate={RATE}", f"--log={log}", f"--save-weights={weights}",
        *flags)
    with np.load(weights) as arrays:
        return [json.loads(line) for line in log.read_text().splitlines()], arrays["fc.weight"]


@pytest.fixture
def sample(tmp_path):
    """One sample, so that nothing is shuffled."""
    x = np.random.default_rng(0).uniform(0.5, 1, (1, K)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=np.array([1], np.int32), x_test=x,
             y_test=np.array([1], np.int32))
    return x[0].astype(np.float64)


def hash64(*texts):
    """docs/numerics.md: FNV-1a over the bytes, then the length, text after text."""
    state = 0xCBF29CE484222325
    for text in texts:
        for byte in text.encode():
            state = ((state ^ byte) * 0x100000001B3) & M64
        state = scramble(state ^ len(text))
    return state


def stays(rate, seed, step):
    words = h32(mix(seed, hash64("dropout", "drop"), step), np.arange(K))
    return words.astype(np.uint64) >= round(rate * 2**32)


@pytest.mark.parametrize("rate, seed, first", [(0.25, 0, 0), (0.5, 7, 0), (0.9, 7, 100), (0, 1, 0)])
def test_training_is_the_definition(run, tmp_path, sample, rate, seed, first):
    flags = [f"--seed={seed}", f"--step={first}"]
    lines, last = train(run, tmp_path, rate, *flags)
    _, w = train(run, tmp_path, rate, *flags, steps=0)
    w = w.astype(np.float64)
    kept = 0
    for step, line in enumerate(lines):
        mask = stays(rate, seed, first + step)
        kept += mask.mean()
        x = np.where(mask, sample / (1 - rate), 0)
        logits = x @ w
        p = np.exp(logits - logits.max())
        p /= p.sum()
        # Forty products and a handful of functions, each with a relative error of 2^-24.
        assert line["loss"] == pytest.approx(-np.log(p[1]), rel=64 * 2**-24, abs=64 * 2**-24)
        p[1] -= 1
        w -= RATE * np.outer(x, p)
    np.testing.assert_allclose(last, w, rtol=0, atol=256 * 2**-24)
    assert abs(kept / len(lines) - (1 - rate)) < 0.1
    # In use nothing is dropped.
    assert lines[-1]["test_accuracy"] == float((sample @ w).argmax() == 1)


def test_bits_do_not_depend_on_threads_or_rounding(run, tmp_path, sample):
    flags = ["--truncate-mantissa=9", "--rounding=stochastic", "--seed=3"]
    results = [train(run, tmp_path, 0.5, *flags, f"--threads={n}")[1] for n in (1, 2)]
    assert (results[0] == results[1]).all()


@pytest.mark.parametrize("rate", [-0.1, 1])
def test_rates_out_of_range(run, tmp_path, rate):
    (tmp_path / "net.json").write_text(json.dumps(network(rate)))
    done = run("prec-translate", "--import-json", tmp_path / "net.json", check=False)
    assert done.returncode == 1 and "/layers/0/rate" in done.stderr
