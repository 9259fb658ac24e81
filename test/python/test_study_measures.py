# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a study measures beside accuracy, through the real tools: gradients and roundings by layer,
and the loss where the data are values. Each number against prec-train's own lines."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE
from study_tools import STUDY as STAND_IN
from study_tools import Bench

sys.path.insert(0, str(SOURCE / "python"))
from prec import report  # noqa: E402
from prec.report import charts, dataset, tables  # noqa: E402
from prec.study.store import Store  # noqa: E402

NET = {"version": 1, "name": "net", "input": [12],
       "layers": [{"type": "dense", "name": "fc1", "units": 9}, {"type": "relu", "name": "relu"},
                  {"type": "dense", "name": "fc2", "units": 3}]}  # fmt: skip
STUDY = {"version": 1, "name": "measured", "axes": {"truncate-mantissa": [2, 8, None]}, "trials": 3,
         "settings": {"model": NET, "data": "data.npz", "steps": 8, "batch-size": 32, "granularity": "op"}}  # fmt: skip
FLAGS = ["--steps=8", "--batch-size=32", "--eval-every=4", "--log=-"]


def made(folder, values, measure, **more):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((160, 12)).astype(np.float32)
    y = x[:, :3] * 0.5 if values else x[:, :3].argmax(1).astype(np.int32)
    np.savez(folder / "data.npz", x_train=x[:96], y_train=y[:96], x_test=x[96:], y_test=y[96:])
    (folder / "net.json").write_text(json.dumps(NET))
    bench = Bench(folder)
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    bench.write({**STUDY, "measure": {"eval-every": 4, **measure}, **more})
    done = bench.sweep()
    assert done.returncode == 0, done.stderr
    return bench


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    return made(tmp_path_factory.mktemp("layers"), False, {"gradients": True, "rounding": True})


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    claims = [
        {"says": "eight bits lose less", "kind": "better", "where": {"truncate-mantissa": 8}, "than": {"truncate-mantissa": 2}},
        {"says": "two bits do not learn", "kind": "does-not-learn", "where": {"truncate-mantissa": 2}, "value": 0.001},
    ]  # fmt: skip
    return made(tmp_path_factory.mktemp("values"), True, {"thresholds": [5, 0.3], "margin": 0.05}, claims=claims)


def trained(bench, bits, seed, *flags):
    flags = [*flags, f"--truncate-mantissa={bits}", "--granularity=op"] if bits is not None else flags
    done = subprocess.run([BUILD / "bin" / "prec-train", bench.folder / "net.json", f"--data={bench.folder / 'data.npz'}", *FLAGS,
                           f"--seed={seed}", *flags], capture_output=True, text=True, check=True)  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_key(bench, bits, seed):
    (key,) = bench.query("SELECT key FROM runs WHERE config ->> '$.truncate-mantissa' IS ? AND config ->> '$.seed' = ?", bits, seed)[0]
    return key


def loaded(bench):
    with Store(bench.store) as store:
        (data,) = dataset.from_store(store)
    return data


@pytest.mark.parametrize("bits", [2, 8, None])
def test_layers_hold_the_means_since_the_point_before(layers, bits):
    lines = trained(layers, bits, 1, "--log-gradients", *(["--log-rounding"] if bits is not None else []))
    found = layers.query("SELECT step, layer, gradient_norm, overflow, underflow, saturation FROM layers WHERE key = ?"
                         " ORDER BY step, layer", run_key(layers, bits, 1))  # fmt: skip
    names = {layer for line in lines for part in ("gradient_norms", "rounding_shares") for layer in line.get(part, {})}
    assert {"fc1", "fc2"} <= names and len(found) == 2 * len(names)
    for step, layer, norm, *shares in found:
        part = lines[step - 3 : step + 1]  # evaluated at the steps 3 and 7
        if layer in lines[0]["gradient_norms"]:
            assert norm == pytest.approx(np.mean([line["gradient_norms"][layer] for line in part]))
        else:
            assert norm is None
        for kind, share in zip(("overflow", "underflow", "saturation"), shares):
            if bits is None:
                assert share is None
            elif layer in lines[0]["rounding_shares"]:
                assert share == pytest.approx(np.mean([line["rounding_shares"][layer][kind] for line in part]))


def test_measuring_changes_no_result(layers):
    for bits in (2, 8, None):
        accuracies = layers.query("SELECT test_accuracy FROM points WHERE key = ? ORDER BY step", run_key(layers, bits, 0))
        lines = trained(layers, bits, 0)
        assert [a for (a,) in accuracies] == [line["test_accuracy"] for line in lines if "test_accuracy" in line]


def test_layers_are_exported_and_shown(layers):
    done = subprocess.run([sys.executable, "-m", "prec", "export", layers.store, "--layers"], env=layers.environment,
                          capture_output=True, text=True, check=True)  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == layers.query("SELECT count(*) FROM layers")[0][0]
    assert {row["truncate-mantissa"] for row in rows if row["overflow"]} == {"2", "8"}
    data = loaded(layers)
    norms = charts.all_of(data)["gradient-norms"].to_dict()
    (drawn,) = norms["datasets"].values() if "datasets" in norms else [norms["data"]["values"]]
    assert {row["layer"] for row in drawn} == {"fc1", "fc2"} and {row["x"] for row in drawn} == {"2", "8", "f32"}
    (norm,) = [row["norm"] for row in drawn if (row["layer"], row["x"], row["step"]) == ("fc1", "2", 8)]
    lines = [trained(layers, 2, seed, "--log-gradients")[4:] for seed in range(3)]
    assert norm == pytest.approx(np.mean([[line["gradient_norms"]["fc1"] for line in part] for part in lines]), rel=1e-3)
    _, columns, body = tables.layers(data)
    assert columns[:3] == ["fraction, bits", "layer", "norm of the weights' gradients"] and len(body) >= 6
    assert layers.report("-o", "x.md").returncode == 0
    text = (layers.folder / "x.md").read_text()
    assert "gradient-norms.svg" in text and "Gradients and roundings by layer" in text
    assert layers.report("-o", "x.html").returncode == 0


def test_a_point_without_roundings_to_count_is_a_run(tmp_path):
    """Roundings of single numbers inside of operations are not counted; the run is none the worse."""
    bench = made(tmp_path, False, {"gradients": True, "rounding": True}, axes={"round": ["accumulator=e4m3fn@elementary",
                 "activation=e4m3fn"]}, trials=2)  # fmt: skip
    assert bench.count() == 4 and bench.count("failed") == 0
    (shares,) = bench.query("SELECT count(DISTINCT runs.key) FROM runs JOIN layers USING (key) WHERE underflow IS NOT NULL")[0]
    (norms,) = bench.query("SELECT count(DISTINCT key) FROM layers WHERE gradient_norm IS NOT NULL")[0]
    assert (shares, norms) == (2, 4)
    assert "2 of them round no whole tensor: their roundings are inside of operations" in report.length(loaded(bench))


def test_a_run_with_measures_is_another_run(layers):
    layers.write({**STUDY, "measure": {"eval-every": 4}})
    done = layers.sweep("--dry-run")
    assert done.returncode == 0 and done.stdout.splitlines()[1].startswith("0 are in")
    assert "kinds of run, a step takes" in done.stdout  # measured by the trainer itself
    command = loaded(layers).runs[0]["command"]
    assert "--log-gradients --log-rounding" in command


@pytest.mark.parametrize("bits", [2, 8, None])
def test_points_hold_the_losses(values, bits):
    found = values.query("SELECT step, training_loss, test_loss, test_accuracy FROM points WHERE key = ? ORDER BY step",
                         run_key(values, bits, 2))  # fmt: skip
    want = [(line["step"], line["training_loss"], line["test_loss"], None) for line in trained(values, bits, 2) if "test_loss" in line]
    assert found == want and len(want) == 2
    assert values.query("SELECT test_loss, samples FROM runs WHERE key = ?", run_key(values, bits, 2)) == [(want[-1][2], 96)]


def test_the_report_is_about_losses(values):
    data = loaded(values)
    last = {bits: [trained(values, bits, seed)[-1]["test_loss"] for seed in range(3)] for bits in (2, 8, None)}
    _, columns, rows = tables.summary(data)
    assert columns[1] == "loss" and columns[-2:] == ["steps to a loss of 5", "steps to a loss of 0.3"]
    assert {row[0]: row[1] for row in rows} == {
        "f32" if bits is None else str(bits): float(f"{np.mean(found):.4g}") for bits, found in last.items()}  # fmt: skip
    assert [row[-2] for row in rows] == [4, 4, 4]  # the first evaluation
    assert values.report("-o", "x.md").returncode == 0
    text = (values.folder / "x.md").read_text()
    less = [100 * (b - a) / b for a, b in zip(last[8], last[2])]
    assert f"{np.mean(less):+.2f} % less loss (" in text
    assert f"two bits do not learn: **holds**, {np.mean(last[2]):.4g} (" in text or "two bits do not learn: **undecided**" in text
    assert "Test loss at the end: mean" in text and "loss-by-axis" in text or "loss-by-bits" in text
    assert "2.67 passes over 96 samples" in text
    assert "accuracy" not in text.split("## Claims")[1].split("How to read it")[0]
    for kind in ("html", "svg"):
        assert values.report(f"--format={kind}").returncode == 0


def test_halving_keeps_the_smallest_losses(values, tmp_path):
    bench = Bench(tmp_path)
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    (tmp_path / "data.npz").write_bytes((values.folder / "data.npz").read_bytes())
    settings = {**STUDY["settings"]}
    del settings["steps"], settings["granularity"]
    # The second of the rates diverges: its loss is infinite, and not the smallest.
    bench.write({**STUDY, "settings": settings, "axes": {"learning-rate": [0.1, 1e30, 0.0001]}, "trials": 2,
                 "combine": {"halving": {"keep": 0.3, "steps": [8, 9]}}})  # fmt: skip
    done = bench.sweep()
    assert done.returncode == 0, done.stderr
    assert bench.query("SELECT DISTINCT config ->> '$.learning-rate' FROM runs WHERE config ->> '$.steps' = 9") == [(0.1,)]
    assert bench.query("SELECT DISTINCT test_loss IS NULL, status FROM runs WHERE config ->> '$.learning-rate' > 1") == [(1, "done")]
    data = loaded(bench)
    assert sum(run["value"] == float("inf") for run in data.runs) == 2
    assert bench.report("-o", "x.html").returncode == 0


def test_what_is_refused(tmp_path):
    bench = Bench(tmp_path)
    settings = STAND_IN["settings"]
    for measure, more, message in (
        ({"eval-every": 0}, {}, "/measure/eval-every: found 0, expected at least 1"),
        ({"gradient": True}, {}, "unknown key 'gradient', did you mean 'gradients'?"),
        ({"thresholds": [80]}, {}, "/measure/thresholds: found 80, expected at most 1"),
        ({}, {"settings": settings, "axes": {"data": ["fashion-mnist", "a.npz"]}}, "a.npz has values, fashion-mnist has labels"),
    ):
        np.savez(tmp_path / "a.npz", x_train=np.zeros((7, 2)), y_train=np.zeros(7), x_test=np.zeros((7, 2)), y_test=np.zeros(7))
        bench.write({**STAND_IN, "measure": measure, **more})
        done = bench.sweep()
        assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert bench.begun_runs() == []
