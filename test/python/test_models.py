# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every shipped description trains, f32 and rounded, at a reduced size.

What is learned is a rule that each network can learn: the loss on fixed data falls, and the
accuracy passes chance. The networks' values and gradients are compared elsewhere.
"""
import json

import numpy as np
import pytest
from conftest import SOURCE

SHIPPED = {path.stem: path for path in sorted((SOURCE / "models").glob("*.json"))}
# Of a family whose members differ in one number the first and the last one are trained.
SKIPPED = {f"mlp-100x{n}" for n in (2, 3, 4)} | {f"cnn-conv{n}" for n in (2, 3, 4)}
SKIPPED |= {f"cnn-dense{n}" for n in (130, 110, 100, 90, 70)}
# At 0.01 the ReLUs of five convolutions die in the first steps.
RATES = {"cnn-conv5": 0.003}
ROUNDED = ["--truncate-mantissa=10", "--rounding=nearest-even", "--granularity=op"]


def reduced(description):
    """The same layers with an eighth of the channels and units, for images of a quarter."""
    net = json.loads(json.dumps(description))
    small = lambda n: max(4, n // 8)
    outputs = net["layers"][-1] if net["layers"][-1]["type"] != "batch-norm" else net["layers"][-2]
    if "inputs" in net:
        net["inputs"]["tokens"]["sizes"] = [8]
    elif net["input"] == [3, 32, 32]:
        net["input"] = [3, 8, 8]
    for layer in net["layers"]:
        if layer is not outputs:
            for key in {"channels", "units"} & layer.keys():
                layer[key] = small(layer[key])
            if layer["type"] == "attention":
                layer["heads"] = 2
        if layer["name"] == "rows" and layer["sizes"] == [64, 49]:
            layer["sizes"] = [small(64), 49]
    outputs["units"] = 256 if "inputs" in net else 4
    return net


def data(folder, net):
    """48 samples in 4 classes that a brighter quarter tells apart; or a text of period 4."""
    if "inputs" in net:
        path = folder / "text.txt"
        path.write_text("abcd" * 64)
        return path, 1 / 256
    rng = np.random.default_rng(1)
    y = np.arange(48) % 4
    x = rng.integers(0, 128, (48, *net["input"]))
    height, width = net["input"][1] // 2, net["input"][2] // 2
    for image, label in zip(x, y):
        row, column = height * (label // 2), width * (label % 2)
        image[:, row: row + height, column: column + width] += 127
    np.savez(folder / "data.npz", x=x.astype(np.uint8), y=y.astype(np.int32))
    return folder / "data.npz", 1 / 4


@pytest.mark.parametrize("name", sorted(SHIPPED.keys() - SKIPPED))
def test_trains(run, tmp_path, name):
    net = reduced(json.loads(SHIPPED[name].read_text()))
    (tmp_path / "net.json").write_text(json.dumps(net))
    path, chance = data(tmp_path, net)
    losses = {}
    for kind, flags in {"f32": [], "rounded": ROUNDED}.items():
        log = tmp_path / f"{kind}.jsonl"
        run("prec-train", tmp_path / "net.json", f"--data={path}", "--batch-size=24",
            "--steps=60", "--optimizer=adam", f"--learning-rate={RATES.get(name, 0.01)}",
            f"--log={log}", f"--cache-dir={tmp_path}", *flags)
        records = [json.loads(line) for line in log.read_text().splitlines()]
        losses[kind] = [record["loss"] for record in records]
        assert len(records) == 60 and np.isfinite(losses[kind]).all()
        assert np.mean(losses[kind][-5:]) < 0.7 * np.mean(losses[kind][:5])
        assert records[-1]["accuracy"] > chance + 0.2
    assert losses["f32"] != losses["rounded"]


def test_the_text_model_learns_the_text(run, tmp_path):
    """--data=FILE.txt: the labels are the bytes that follow."""
    net = reduced(json.loads(SHIPPED["char-gpt"].read_text()))
    (tmp_path / "net.json").write_text(json.dumps(net))
    (tmp_path / "t.txt").write_text("the cat sat. " * 40)
    weights, log = tmp_path / "w.npz", tmp_path / "log.jsonl"
    run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 't.txt'}", "--batch-size=32",
        "--steps=150", "--optimizer=adam", "--learning-rate=0.01", f"--save-weights={weights}",
        f"--log={log}")
    last = json.loads(log.read_text().splitlines()[-1])
    assert last["test_accuracy"] > 0.95
    text = run("prec-eval", tmp_path / "net.json", f"--data={tmp_path / 't.txt'}",
               f"--weights={weights}", "--log=-").stdout
    assert json.loads(text)["accuracy"] == last["test_accuracy"]


def test_tokens_need_integers(run, tmp_path):
    net = reduced(json.loads(SHIPPED["char-gpt"].read_text()))
    (tmp_path / "net.json").write_text(json.dumps(net))
    np.savez(tmp_path / "d.npz", x=np.zeros((40, 8), np.float32), y=np.zeros(40, np.int32))
    done = run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 'd.npz'}",
               "--batch-size=8", "--steps=1", check=False)
    assert done.returncode == 1 and "expected integers for tokens" in done.stderr
