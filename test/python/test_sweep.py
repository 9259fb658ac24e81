# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small study through the real tools: each run has the numbers of prec-train itself."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE
from study_tools import Bench

sys.path.insert(0, str(SOURCE / "python"))
from prec.report import dataset  # noqa: E402
from prec.study import rerun  # noqa: E402
from prec.study.store import Store  # noqa: E402

STUDY = {
    "version": 1,
    "name": "small",
    "settings": {
        "model": {
            "version": 1, "input": [1, 28, 28], "loss": "softmax-cross-entropy",
            "layers": [
                {"type": "flatten", "name": "flatten"},
                {"repeat": "$depth", "index": "i", "items": [
                    {"type": "dense", "name": "fc$i", "units": 8},
                    {"type": "relu", "name": "relu$i"}]},
                {"type": "dense", "name": "out", "units": 10},
            ],
        },
        "steps": 6, "granularity": "op", "rounding": "stochastic",
    },
    "axes": {"model.depth": [1, 2], "truncate-mantissa": [2, 7, None]},
    "trials": 1,
    "measure": {"eval-every": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("sweep"))
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    bench.write(STUDY)
    done = bench.sweep()
    assert done.returncode == 0, done.stderr
    return bench


def test_each_run_is_what_prec_train_says(bench):
    rows = bench.query("SELECT key, config FROM runs WHERE status = 'done'")
    assert len(rows) == 6
    for key, config in rows:
        config = json.loads(config)
        model = bench.folder / "model.json"
        with open(model, "w") as file:
            subprocess.run(
                [sys.executable, "-m", "prec", "export", bench.store,
                 "--content", config["model"].removeprefix("sha256:")],
                env=bench.environment, stdout=file, check=True)  # fmt: skip
        flags = []
        if "truncate-mantissa" in config:
            flags = [f"--truncate-mantissa={config['truncate-mantissa']}", "--rounding=stochastic"]
        lines = subprocess.run(
            [BUILD / "bin" / "prec-train", model, "--steps=6", "--eval-every=3", "--log=-", *flags],
            capture_output=True, text=True, check=True).stdout.splitlines()  # fmt: skip
        want = [r for r in map(json.loads, lines) if "test_accuracy" in r]
        got = bench.query("SELECT step, accuracy, test_accuracy FROM points WHERE key = ?", key)
        assert got == [(r["step"], r["accuracy"], r["test_accuracy"]) for r in want]


def test_commands_help_and_unknown_ones(bench):
    def prec(*arguments):
        return subprocess.run([sys.executable, "-m", "prec", *arguments], env=bench.environment,
                              capture_output=True, text=True)  # fmt: skip

    for command in ("sweep", "export"):
        assert command in prec("--help").stdout
        done = prec(command, "--help")
        assert done.returncode == 0 and f"usage: prec {command}" in done.stdout
    assert prec("sweep", "--nonsense", "x").returncode == 1
    unknown = prec("swep")
    assert unknown.returncode == 1 and "unknown command 'swep'" in unknown.stderr
    missing = prec("sweep", "nowhere.json")
    assert missing.returncode == 1 and "cannot read 'nowhere.json'" in missing.stderr


@pytest.mark.parametrize("path", sorted((SOURCE / "studies").glob("*.json")), ids=lambda p: p.stem)
def test_shipped_studies_are_read_and_counted(bench, path):
    """In both forms, by the real importer and the real policy reader."""
    for form in ([], ["--quick"]):
        code = ("import sys; from functools import partial; from prec.study import data, halving\n"
                "from prec.study.file import load; from prec.study.runs import Resolver\n"
                "study = load(sys.argv[1], len(sys.argv) > 2)\n"
                "print(len(Resolver(study, lambda name: name).runs()))")  # fmt: skip
        done = subprocess.run([sys.executable, "-c", code, path, *form], env=bench.environment,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0


def test_the_page_for_notebooks_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    monkeypatch.syspath_prepend(str(SOURCE / "python"))
    text = (SOURCE / "docs" / "studies-in-python.md").read_text()
    names = {}
    for block in text.split("```python\n")[1:]:
        exec(compile(block.split("```")[0], "docs/studies-in-python.md", "exec"), names)
    assert len(names["rows"]) == 6 and all(run["status"] == "done" for run in names["found"].runs)
    assert (tmp_path / "accuracy-by-bits.png").read_bytes().startswith(b"\x89PNG")
    assert "Test accuracy at the end" in capsys.readouterr().out
    names["store"].close()


IMPORTED = """func.func @main(%x: tensor<?x784xf32> {prec.role = "input"}, %w: tensor<784x10xf32> {prec.name = "w", prec.role = "weight"})
    -> tensor<?x10xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x784xf32>
  %e = tensor.empty(%n) : tensor<?x10xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<?x10xf32>) -> tensor<?x10xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x784xf32>, tensor<784x10xf32>) outs(%i : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %y : tensor<?x10xf32>
}
"""


def test_a_study_of_an_imported_model_begins_with_its_weights(tmp_path):
    bench = Bench(tmp_path)
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    (tmp_path / "m.mlir").write_text(IMPORTED)
    np.savez(tmp_path / "w.npz", w=np.random.default_rng(0).standard_normal((784, 10)).astype("f4") / 28)
    settings = {"model": "m.mlir", "weights": "w.npz", "steps": 2, "seed": 1}
    bench.write({"version": 1, "name": "tuned", "settings": settings, "axes": {"truncate-mantissa": [4, 8]}})
    assert bench.sweep().returncode == 0
    rows = bench.query("SELECT config, (SELECT test_accuracy FROM points WHERE points.key = runs.key) FROM runs")
    for config, accuracy in rows:
        # The command that the report gives for the run, with the files that it writes first.
        command = rerun.command_text(json.loads(config), bench.store)
        assert "--weights=weights-" in command and ".mlir" in command
        command = command.replace("python -m", f"{sys.executable} -m").replace("prec-train", str(BUILD / "bin" / "prec-train"))
        done = subprocess.run(command, shell=True, cwd=tmp_path, env=bench.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["test_accuracy"] == accuracy
    settings["weights"] = "absent.npz"
    bench.write({"version": 1, "name": "tuned", "settings": settings, "axes": {"truncate-mantissa": [4, 8]}})
    done = bench.sweep()
    assert done.returncode == 1 and "cannot read the weights" in done.stderr and "absent.npz" in done.stderr


def test_the_command_of_a_report_gives_the_run_whatever_the_store_is_called_and_though_it_diverged(tmp_path):
    bench = Bench(tmp_path)
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    bench.store = tmp_path / "other name.db"
    network = {"version": 1, "name": "net", "input": [1, 28, 28], "loss": "softmax-cross-entropy",
               "layers": [{"type": "flatten", "name": "f"}, {"type": "dense", "name": "d", "units": 10}]}  # fmt: skip
    bench.write({"version": 1, "name": "s", "settings": {"model": network, "steps": 3}, "axes": {"learning-rate": [0.1, 1e38]},
                 "measure": {"eval-every": 1}})  # fmt: skip
    assert bench.sweep().returncode == 0
    with Store(bench.store) as store:
        (found,) = dataset.from_store(store)
    assert [run["diverged_at"] is not None for run in found.runs] == [False, True]
    for run in found.runs:
        command = run["command"].replace("python -m", f"{sys.executable} -m").replace("prec-train", str(BUILD / "bin" / "prec-train"))
        done = subprocess.run(command, shell=True, cwd=tmp_path, env=bench.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["test_accuracy"] * 100 == run["value"]


NUMBERS = {
    "version": 1, "name": "numbers",
    "settings": {"model": "softmax-regression", "steps": 4, "optimizer": "momentum", "label-smoothing": 0.1, "learning-rate-schedule": "cosine:0.01",
                 "clip-norm": 0.5, "normalize": True, "flip": True, "crop": 1, "accumulate": 2},
    "axes": {"momentum": [0.5, 0.9], "weight-decay": [0, 0.01], "warm-up": [0, 2]}, "trials": 1,
}  # fmt: skip


def test_numbers_of_the_optimizer_and_the_data_are_axes(tmp_path):
    """Each run is prec-train with these flags."""
    bench = Bench(tmp_path)
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    bench.write(NUMBERS)
    done = bench.sweep()
    assert done.returncode == 0, done.stderr
    rows = bench.query("SELECT key, config FROM runs WHERE status = 'done'")
    assert len(rows) == 8
    accuracies = set()
    for key, config in rows:
        config = json.loads(config)
        names = [*NUMBERS["settings"], *NUMBERS["axes"]]
        flags = [f"--{name}={config[name]}" for name in names if name in config and name != "model"]
        assert len(flags) == len(names) - 1
        lines = subprocess.run([BUILD / "bin" / "prec-train", "softmax-regression", "--log=-", *flags], capture_output=True, text=True,
                               check=True).stdout.splitlines()  # fmt: skip
        want = json.loads(lines[-1])
        assert bench.query("SELECT accuracy, test_accuracy FROM points WHERE key = ?", key) == [(want["accuracy"], want["test_accuracy"])]
        accuracies.add(want["accuracy"])
    assert len(accuracies) > 4


def test_every_setting_is_a_flag_of_prec_train():
    from prec.study.runs import FLAGS

    known = subprocess.run([BUILD / "bin" / "prec-train", "--help"], capture_output=True, text=True, check=True).stdout
    schema = json.loads((SOURCE / "python/prec/study/study.schema.json").read_text())["$defs"]
    for name in FLAGS:
        assert f"--{name}" in known
        assert name in schema["settings"]["properties"] and name in schema["axes"]["properties"]


@pytest.mark.parametrize("model, data, numbers", [
    ("softmax-regression", "fashion-mnist-14", "1x28x28 numbers, those of 'fashion-mnist-14' have 196"),
    ({"version": 1, "input": [5], "layers": [{"type": "dense", "name": "d", "units": 2}]}, "d.npz", "5 numbers, those of 'd.npz' have 6"),
])  # fmt: skip
def test_a_model_for_other_samples_is_refused_before_anything_runs(tmp_path, model, data, numbers):
    bench = Bench(tmp_path)
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    x, y = np.zeros((4, 2, 3), np.float32), np.zeros(4, np.int32)
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    bench.write({"version": 1, "name": "x", "settings": {"model": model, "data": data, "steps": 1}})
    done = bench.sweep()
    assert done.returncode == 1 and f"impossible combination: the model takes samples of {numbers}" in done.stderr
    assert not bench.store.exists()
