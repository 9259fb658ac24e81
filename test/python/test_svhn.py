# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""python -m prec data svhn: MATLAB files as SVHN's, written by scipy, to the .npz that prec-train reads."""
import json
import sys

import numpy as np
import pytest
from conftest import SOURCE

sys.path.insert(0, str(SOURCE / "python"))
from prec.study import data

scipy_io = pytest.importorskip("scipy.io")
COUNTS = {"train": 12, "test": 7, "extra": 3}


@pytest.fixture
def folder(tmp_path):
    """Compressed as the originals are; labels are numbers of f64 in train, of u8 elsewhere."""
    random = np.random.default_rng(3)
    for kind, count in COUNTS.items():
        x = random.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        y = (np.arange(count) % 10 + 1).reshape(-1, 1).astype("f8" if kind == "train" else "u1")
        scipy_io.savemat(tmp_path / f"{kind}_32x32.mat", {"X": x, "y": y}, do_compression=True)
    return tmp_path


def convert(folder, *more):
    code = data.main(["svhn", f"--data-dir={folder}", "-o", str(folder / "svhn.npz"), *more])
    return code, np.load(folder / "svhn.npz") if code == 0 else None


@pytest.mark.parametrize("extra", [False, True])
def test_every_pixel_and_label(folder, extra):
    code, arrays = convert(folder, *["--extra"] * extra)
    assert code == 0
    training = ["train", "extra"][: 1 + extra]
    for short, kinds in ("train", training), ("test", ["test"]):
        x, y = arrays[f"x_{short}"], arrays[f"y_{short}"]
        assert x.dtype == np.uint8 and x.shape == (sum(COUNTS[k] for k in kinds), 3, 32, 32)
        sample = 0
        for kind in kinds:
            given = scipy_io.loadmat(folder / f"{kind}_32x32.mat")
            for own in range(COUNTS[kind]):
                for channel in range(3):
                    assert np.array_equal(x[sample, channel], given["X"][:, :, channel, own])
                assert y[sample] == {10: 0}.get(int(given["y"][own, 0]), int(given["y"][own, 0]))
                sample += 1


def test_prec_train_takes_it(run, folder):
    convert(folder)
    net = {"version": 1, "input": [3, 32, 32], "layers": [
        {"type": "flatten", "name": "flat"}, {"type": "dense", "name": "fc", "units": 10}]}  # fmt: skip
    (folder / "net.json").write_text(json.dumps(net))
    run("prec-train", folder / "net.json", f"--data={folder / 'svhn.npz'}", "--batch-size=4", "--steps=3",
        f"--log={folder / 'log'}")  # fmt: skip
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert len(lines) == 3 and "test_accuracy" in lines[-1]


def rewritten(folder, **changes):
    given = scipy_io.loadmat(folder / "test_32x32.mat")
    arrays = {name: given[name] for name in ("X", "y")} | changes
    scipy_io.savemat(folder / "test_32x32.mat", {k: v for k, v in arrays.items() if v is not None})


@pytest.mark.parametrize("spoil, wanted", [
    (lambda f: (f / "train_32x32.mat").unlink(), "no file '{}train_32x32.mat'"),
    (lambda f: (f / "test_32x32.mat").write_bytes(b"no matrix"), "'{}test_32x32.mat' is no MATLAB file"),
    (lambda f: (f / "test_32x32.mat").write_bytes((f / "test_32x32.mat").read_bytes()[:900]), "is no MATLAB file"),
    (lambda f: rewritten(f, y=None), "has no variable y, expected X and y"),
    (lambda f: rewritten(f, X=np.zeros((7, 32, 32, 3), "u1")), "X is uint8 [7, 32, 32, 3], expected uint8 [32, 32, 3, samples]"),
    (lambda f: rewritten(f, X=np.zeros((32, 32, 3, 7))), "X is float64 [32, 32, 3, 7], expected uint8"),
    (lambda f: rewritten(f, y=np.ones((6, 1))), "7 samples in X, but 6 labels in y"),
    (lambda f: rewritten(f, y=np.array([1, 2, 3, 0, 5, 6, 7])), "label 3 is 0, expected 1..10"),
])  # fmt: skip
def test_faults(folder, capsys, spoil, wanted):
    spoil(folder)
    code, _ = convert(folder)
    assert code == 1 and wanted.replace("{}", f"{folder}/") in capsys.readouterr().err
    assert not list(folder.glob("*.npz*"))


def test_what_is_missing(capsys):
    assert data.main(["svhn"]) == 1 and "no default place; give --data-dir=DIR" in capsys.readouterr().err
    assert data.main([data.SMALL, "--extra"]) == 1 and "--extra is for svhn" in capsys.readouterr().err
