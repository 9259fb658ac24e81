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


def parted_gradient(words, x, labels, w, rate, parts):
    """Mean loss and the gradient of w over parts of a batch, in f64; `words` has one for each element of x."""
    loss, gradient = 0.0, np.zeros_like(w)
    for own, y, word in zip(*(np.split(a, parts) for a in (x, labels, words))):
        kept = np.where(word.astype("u8") >= round(rate * 2**32), own / (1 - rate), 0)
        logits = kept @ w
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss -= np.log(p[np.arange(len(y)), y]).mean()
        gradient += kept.T @ (p - np.eye(C)[y]) / len(y)
    return loss / parts, gradient / parts


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("batch", [8, None])
def test_parts_of_a_batch_drop_what_the_whole_drops(run, tmp_path, parts, batch):
    """Positions go on from part to part: element e of sample n has the word of position n K + e, in any number of parts."""
    (tmp_path / "net.json").write_text(json.dumps(network(0.5)))
    size = [] if batch is None else [f"--batch={batch // parts}"]
    made = run("prec-translate", "--import-json", "--training", *size, tmp_path / "net.json").stdout
    step = run("prec-opt", "-", "--emit=graph", f"--prec-make-training-step=accumulate={parts}", input=made).stdout
    (tmp_path / "step.mlir").write_text(step)
    rng = np.random.default_rng(parts)
    x, w = rng.uniform(0.5, 1, (8, K)).astype("f4"), rng.normal(0, 0.3, (K, C)).astype("f4")
    labels = rng.integers(0, C, 8).astype("i4")
    names = {"fc.weight": w, "x": x, "labels": labels, "learning_rate": np.float32(RATE)}
    files = []
    for name, array in names.items():
        np.save(tmp_path / f"{name}.npy", array)
        files += ["--input", f"{name}={tmp_path / name}.npy"]
    for now in 0, 1, 77:
        run("prec-run", tmp_path / "step.mlir", "--entry=step", *files, f"--step={now}",
            "--output", tmp_path / "w.npy", "--output", tmp_path / "loss.npy")  # fmt: skip
        words = h32(mix(0, hash64("dropout", "drop"), now), np.arange(8 * K)).reshape(8, K)
        loss, gradient = parted_gradient(words, x.astype("f8"), labels, w.astype("f8"), 0.5, parts)
        assert np.load(tmp_path / "loss.npy") == pytest.approx(loss, rel=64 * 2**-24)
        np.testing.assert_allclose(np.load(tmp_path / "w.npy"), w - RATE * gradient, rtol=0, atol=64 * 2**-24)


def test_training_with_dropout_in_parts(run, tmp_path):
    """prec-train: other elements are dropped in each part, and the whole batch's losses come out."""
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0.5, 1, (32, K)).astype("f4"), rng.integers(0, C, 32).astype("i4")
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y)
    (tmp_path / "net.json").write_text(json.dumps(network(0.5)))
    losses = []
    for parts in 1, 2, 8:
        run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}", "--batch-size=16", "--steps=6", "--seed=5",
            "--eval-every=0", f"--accumulate={parts}", f"--log={tmp_path / 'log'}")  # fmt: skip
        losses.append([json.loads(line)["loss"] for line in (tmp_path / "log").read_text().splitlines()])
    np.testing.assert_allclose(losses[1:], [losses[0]] * 2, rtol=1e-5)


@pytest.mark.parametrize("rate", [-0.1, 1])
def test_rates_out_of_range(run, tmp_path, rate):
    (tmp_path / "net.json").write_text(json.dumps(network(rate)))
    done = run("prec-translate", "--import-json", tmp_path / "net.json", check=False)
    assert done.returncode == 1 and "/layers/0/rate" in done.stderr
