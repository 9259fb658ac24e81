# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec-eval against NumPy, on numbers whose sums are exact in f32, so that every bit counts."""
import json

import numpy as np
import pytest

NET = {"version": 1, "name": "net", "input": [6],
       "layers": [{"type": "dense", "name": "fc", "units": 4}]}


def truncated(a, bits):
    word = np.float32(a).view(np.uint32) & np.uint32(0xFFFFFFFF << (23 - bits) & 0xFFFFFFFF)
    return word.view(np.float32)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eval")
    rng = np.random.default_rng(5)
    x = rng.integers(-64, 64, (150, 6)).astype(np.float32) / 16
    w = rng.integers(-512, 512, (6, 4)).astype(np.float32) / 256
    b = rng.integers(-512, 512, 4).astype(np.float32) / 256
    y = np.where(rng.random(150) < 0.8, (x @ w + b).argmax(1), rng.integers(0, 4, 150))
    y = y.astype(np.int32)
    np.savez(folder / "data.npz", x_train=x[:100], y_train=y[:100], x_test=x[100:], y_test=y[100:])
    np.savez(folder / "w.npz", **{"fc.bias": b, "unused": b[:1], "fc.weight": w})
    np.savez(folder / "bad.npz", **{"fc.bias": b[:3], "fc.weight": w})
    np.savez(folder / "less.npz", **{"fc.weight": w})
    (folder / "net.json").write_text(json.dumps(NET))
    (folder / "squared.json").write_text(json.dumps({**NET, "loss": "squared-error"}))
    return folder, x, y, w, b


def expected(x, y, w, b, bits=23, loss="softmax-cross-entropy"):
    """Arguments and result truncated, once each: granularity batch."""
    logits = truncated(truncated(x, bits) @ truncated(w, bits) + truncated(b, bits), bits)
    wide = logits.astype(np.float64)
    right = (logits.argmax(1) == y).mean()
    if loss == "squared-error":
        return right, ((wide - np.eye(4)[y]) ** 2).mean()
    wide -= wide.max(1, keepdims=True)
    return right, (np.log(np.exp(wide).sum(1)) - wide[np.arange(len(y)), y]).mean()


def evaluate(run, folder, *flags, model="net", weights="w", check=True):
    return run("prec-eval", folder / f"{model}.json", f"--data={folder / 'data.npz'}",
               f"--weights={folder / f'{weights}.npz'}", f"--cache-dir={folder / 'cache'}", *flags,
               check=check)


def records(run, folder, *flags, **keywords):
    text = evaluate(run, folder, "--log=-", *flags, **keywords).stdout
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("batch", [1, 7, 128])
@pytest.mark.parametrize("split", ["test", "training"])
def test_unrounded(run, place, batch, split):
    folder, x, y, w, b = place
    part = slice(100, None) if split == "test" else slice(100)
    [record] = records(run, folder, f"--batch-size={batch}", f"--split={split}")
    right, loss = expected(x[part], y[part], w, b)
    assert record["accuracy"] == right and record["samples"] == len(x[part])
    assert record["loss"] == pytest.approx(loss, rel=1e-12)
    assert record["split"] == split and "truncate_mantissa" not in record


def test_a_list_of_bits_is_one_compilation(run, place, tmp_path):
    folder, x, y, w, b = place
    bits = [0, 1, 2, 3, 5, 8, 23]
    flags = ["--truncate-mantissa=" + ",".join(map(str, bits)), "--granularity=batch"]
    timing = tmp_path / "timing.json"
    found = records(run, folder, *flags, f"--print-timing={timing}")
    assert [record["truncate_mantissa"] for record in found] == bits
    accuracies = set()
    for record in found:
        right, loss = expected(x[100:], y[100:], w, b, record["truncate_mantissa"])
        assert record["accuracy"] == right
        assert record["loss"] == pytest.approx(loss, rel=1e-12)
        accuracies.add(right)
    assert len(accuracies) > 3  # the bits matter here
    timing = json.loads(timing.read_text())
    assert len(timing["run_seconds"]) == len(bits)
    for record in found[:3]:
        [single] = records(run, folder, f"--truncate-mantissa={record['truncate_mantissa']}",
                           "--granularity=batch")
        assert {**single, "seconds": 0} == {**record, "seconds": 0}


def test_the_table_has_a_row_for_each(run, place):
    folder, *_ = place
    flags = ["--truncate-mantissa=1,12", "--granularity=batch", "--seed=4"]
    lines = evaluate(run, folder, *flags).stdout.splitlines()
    heads = lines[0].split()
    rows = [dict(zip(heads, line.split())) for line in lines[1:]]
    for row, record in zip(rows, records(run, folder, *flags), strict=True):
        assert row["truncate_mantissa"] == str(record["truncate_mantissa"])
        assert row["rounding"] == "toward-zero" and row["granularity"] == "batch"
        assert row["accuracy"] == f"{record['accuracy']:.4f}"
        assert row["loss"] == f"{record['loss']:.6f}"
        assert row["seed"] == "4"
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("flags, model", [(["--loss=squared-error"], "net"), ([], "squared")])
def test_squared_error(run, place, flags, model):
    folder, x, y, w, b = place
    [record] = records(run, folder, *flags, model=model)
    _, loss = expected(x[100:], y[100:], w, b, loss="squared-error")
    assert record["loss"] == pytest.approx(loss, rel=1e-12)


def test_fewer_samples(run, place):
    folder, x, y, w, b = place
    [record] = records(run, folder, "--samples=9")
    assert record["samples"] == 9
    assert record["accuracy"] == expected(x[100:109], y[100:109], w, b)[0]


def test_what_prec_train_saved(run, place, tmp_path):
    folder, *_ = place
    weights, checkpoint, log = tmp_path / "t.npz", tmp_path / "t.ckpt", tmp_path / "t.jsonl"
    run("prec-train", folder / "net.json", f"--data={folder / 'data.npz'}", "--batch-size=20",
        "--epochs=3", "--optimizer=adam", f"--save-weights={weights}", f"--log={log}",
        f"--checkpoint={checkpoint}")
    last = json.loads(log.read_text().splitlines()[-1])
    for path in weights, checkpoint:
        text = run("prec-eval", folder / "net.json", f"--data={folder / 'data.npz'}",
                   f"--weights={path}", "--log=-").stdout
        assert json.loads(text)["accuracy"] == last["test_accuracy"]


@pytest.mark.parametrize(
    "flags, weights, message",
    [
        ([], "bad", "argument 1 'fc.bias' of @predict: found tensor<3xf32> in '"),
        ([], "less", "argument 1 'fc.bias' of @predict: '"),
        ([], "absent", "absent.npz"),
        (["--weights="], "w", "no weights given; expected --weights=FILE.npz with 'fc.weight'"),
        (["--samples=51"], "w", "found 51 samples to evaluate, expected 1 to 50"),
        (["--samples=0"], "w", "found 0 samples to evaluate"),
        (["--batch-size=0"], "w", "found batch size 0, expected 1 or more"),
        (["--split=all"], "w", "unknown split 'all', expected test or training"),
        (["--loss=hinge"], "w", "unknown loss 'hinge', expected one of: softmax-cross-entropy"),
        (["--log=/dev/full"], "w", "/dev/full"),
        (["--data=fashion-mnist"], "w", "argument 2 'x' of @predict: found tensor<?x6xf32>"),
    ],
)
def test_what_is_refused(run, place, flags, weights, message):
    done = evaluate(run, place[0], *flags, weights=weights, check=False)
    assert done.returncode == 1 and message in done.stderr
    assert "prec-eval: error: " in done.stderr and not done.stdout
