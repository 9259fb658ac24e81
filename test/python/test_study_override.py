# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec sweep --set: settings of the command line, checked as the file's, in a study of their own;
and the data sets that a study takes."""

import gzip
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import BUILD, SOURCE
from study_tools import STUDY, Bench

sys.path.insert(0, str(SOURCE / "python"))
from prec import jsonc, tools  # noqa: E402
from prec.study import data, file, override  # noqa: E402
from prec.study.runs import Resolver  # noqa: E402
from prec.study.sweep import jobs_of  # noqa: E402
from prec.study.worker import run_job  # noqa: E402


def changed(study, quick=False, **given):
    parsed = file.parse(json.dumps(study), "s.json", SOURCE, quick)
    return override.applied(parsed, {name.replace("_", "-"): value for name, value in given.items()})


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.mark.parametrize("word, found", [
    ("data=cifar-10", ("data", "cifar-10")), ("steps=3", ("steps", 3)), ("rounding=null", ("rounding", None)),
    ("round=[\"*=bf16\"]", ("round", ["*=bf16"])), ("learning-rate-schedule=step:3:0.1", ("learning-rate-schedule", "step:3:0.1")),
    ("round=a=b", ("round", "a=b")),
])  # fmt: skip
def test_words(word, found):
    assert override.parse(word) == found


def test_a_setting_is_replaced_and_the_study_has_another_name():
    study = changed(STUDY, steps=3)
    assert {settings["steps"] for _, settings in study.points()} == {3} and study.count() == 12
    assert study.name == "stand-in-steps-3" and study.get("title", "") == "stand-in (steps=3)"
    again = file.parse(study.text, "kept", SOURCE)  # as the report reads it from the store
    assert list(again.points()) == list(study.points())


def test_a_value_takes_the_place_of_an_axis():
    study = changed({**STUDY, "report": {"series": "rounding", "x": "truncate-bits"}}, rounding="up")
    assert {settings["rounding"] for _, settings in study.points()} == {"up"} and study.count() == 6
    assert study.axis_names() == ["truncate-bits"] and study.get("report", {}) == {"x": "truncate-bits"}
    assert changed(STUDY, seed=7).count() == 6


def test_steps_and_epochs_take_each_other_s_place():
    ((_, point), *_) = changed(STUDY, epochs=2).points()
    assert point["epochs"] == 2 and "steps" not in point


def test_another_model_has_other_holes():
    settings = {"model": "a.json", "model.units": 3}
    study = changed({**STUDY, "settings": settings}, **{"model.side": 7, "model": "b.json"})
    ((_, point), *_) = study.points()
    assert {n: v for n, v in point.items() if n.startswith("model")} == {"model": "b.json", "model.side": 7}


def test_the_quick_form():
    study = changed({**STUDY, "quick": {"settings": {"steps": 2}, "trials": 1}}, quick=True, batch_size=8)
    assert study.count() == 6 and next(study.points())[1]["steps"] == 2
    assert list(file.parse(study.text, "kept", SOURCE, quick=True).points()) == list(study.points())


HALVING = {**STUDY, "settings": {"model": "m"}, "combine": {"halving": {"keep": 0.5, "steps": [2, 4]}}}
FAULTS = [
    (STUDY, {"step": 3}, "--set step: unknown setting 'step', did you mean 'steps'?"),
    (STUDY, {"steps": 0}, "--set steps: found 0, expected at least 1"),
    (STUDY, {"granularity": "ops"}, "--set granularity: unknown word 'ops', did you mean 'op'?"),
    ({**STUDY, "list": [{"batch-size": 3}]}, {"batch_size": 3}, "the list of the study 'stand-in' has 'batch-size'"),
    (HALVING, {"steps": 3}, "one of halving, which sets the steps itself"),
    ({**STUDY, "settings": {"model": "m"}, "axes": {"epochs": [1, 2]}}, {"steps": 3}, "'epochs' is an axis of the study"),
]  # fmt: skip


@pytest.mark.parametrize("study, given, message", FAULTS)
def test_faults(study, given, message):
    with pytest.raises(jsonc.Fault) as fault:
        changed(study, **given)
    assert message in str(fault.value)


def test_the_sweep_and_its_report(bench):
    assert bench.sweep().returncode == 0
    done = bench.sweep("--set=rounding=up", "--set", "batch-size=64")
    assert done.returncode == 0, done.stderr
    assert bench.query("SELECT name, planned FROM studies ORDER BY name") == [
        ("stand-in", 12), ("stand-in-rounding-up-batch-size-64", 6)]  # fmt: skip
    assert bench.report("--study=stand-in-rounding-up-batch-size-64", "-o", "x.md").returncode == 0
    text = (bench.folder / "x.md").read_text()
    assert "## stand-in (rounding=up, batch-size=64)" in text and "6 runs ended of 6" in text
    for word, message in (("steps", "found 'steps', expected NAME=VALUE"), ("steps=x", "found \"x\", expected")):
        done = bench.sweep("--set", word)
        assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


SHIPPED = sorted((SOURCE / "studies").glob("*.json"))
SHAPES = {"cifar-10": [3, 32, 32], "mnist": [1, 28, 28], "fashion-mnist": [1, 28, 28]}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("name", SHAPES)
def test_shipped_studies_take_other_data(path, quick, name):
    """With no other setting: the model is the one for the data."""
    study = override.applied(file.load(path, quick), {"data": name})
    resolver = Resolver(study, lambda name: name)
    resolver._check_precision = lambda *_: None
    taken = {resolver.run(*point).config["model"] for point in study.points() if point[1]["seed"] == 0}
    for model in taken:  # those that the data do not fit are refused
        assert resolver._inputs[model] == SHAPES[name]
    assert len(taken) == len({settings.get(axis) for _, settings in study.points() for axis in study.axis_names()
                              if axis.startswith("model.")} - {None} or [0])  # fmt: skip


def write_cifar(folder, count, seed=None):
    """Zeros, or whatever this seed gives."""
    for part in data.CIFAR["cifar-10"]:
        records = np.zeros((count, 3073), np.uint8)
        if seed is not None:
            records = np.random.default_rng(seed).integers(0, 255, records.shape, np.uint8)
            records[:, 0] %= 10
        (folder / part).write_bytes(records.tobytes())


@pytest.fixture(scope="module")
def cifar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar")
    write_cifar(folder, 110, seed=0)
    return folder


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_studies_train_on_cifar_10(path, cifar, monkeypatch):
    """The first and the last point of each quick form, through the real trainer, on files of CIFAR-10's form."""
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    study = override.applied(file.load(path, quick=True), {"data": "cifar-10", "steps": 1})
    resolver = Resolver(study, partial(data.content_hash, folder=str(cifar)))
    points = list(study.points())
    for point in (points[0], points[-1]):
        (job,) = jobs_of([resolver.run(*point)], resolver.contents, str(cifar), 1)
        (result,) = run_job(job, lambda *_: None)
        assert "error" not in result and result["steps"] == 1 and result["samples"] == 550, result


def test_settings_for_data(bench):
    """They lie between the study's own and a point's; another model's holes go with it."""
    study = {"version": 1, "name": "s", "settings": {"model": "a.json", "model.side": 14, "batch-size": 8, "steps": 2},
             "for-data": {"mnist": {"model.side": 28, "batch-size": 16}, "cifar-10": {"model": "b.json", "model.planes": 3}},
             "axes": {"data": ["fashion-mnist-14", "mnist", "cifar-10"]}}  # fmt: skip
    shared = {"steps": 2, "seed": 0}
    expected = [{"model": "a.json", "model.side": 14, "batch-size": 8, "data": "fashion-mnist-14"},
                {"model": "a.json", "model.side": 28, "batch-size": 16, "data": "mnist"},
                {"model": "b.json", "model.planes": 3, "batch-size": 8, "data": "cifar-10"}]  # fmt: skip
    assert [point for _, point in file.parse(json.dumps(study), "s", SOURCE).points()] == [{**shared, **e} for e in expected]
    # Data that nobody names are Fashion-MNIST; the quick form says more about some.
    quick = {**study, "axes": {"learning-rate": [1]}, "for-data": {"fashion-mnist": {"model.side": 28}},
             "quick": {"for-data": {"fashion-mnist": {"model.side": 7}}}}  # fmt: skip
    assert [next(file.parse(json.dumps(quick), "s", SOURCE, form).points())[1]["model.side"] for form in (False, True)] == [28, 7]
    # The command line wins.
    given = override.applied(file.parse(json.dumps(study), "s", SOURCE), {"data": "mnist", "batch-size": 2})
    assert next(given.points())[1]["batch-size"] == 2 and next(given.points())[1]["model.side"] == 28
    given = override.applied(file.parse(json.dumps(study), "s", SOURCE), {"data": "cifar-10", "model": "c.json"})
    assert next(given.points())[1] == {**shared, "model": "c.json", "batch-size": 8, "data": "cifar-10"}
    for wrong, message in (({"mnist": {"data": "mnist"}}, "/for-data/mnist/data: 'data' says which data"),
                           ({"mnist": {"rounding": "up"}}, "/for-data/mnist/rounding: 'rounding' is an axis"),
                           ({"mnist": {"step": 3}}, "/for-data/mnist/step: unknown key 'step'")):  # fmt: skip
        bench.write({**STUDY, "for-data": wrong})
        done = bench.sweep()
        assert done.returncode == 1 and message in done.stderr, done.stderr


def test_data_sets(tmp_path):
    write_cifar(tmp_path, 3)
    assert data.training_samples("cifar-10", str(tmp_path)) == 15
    before = data.content_hash("cifar-10", str(tmp_path))
    (tmp_path / "test_batch.bin").write_bytes(bytes(3072) + b"\x01")
    data.content_hash.cache_clear()
    assert data.content_hash("cifar-10", str(tmp_path)) != before
    np.savez(tmp_path / "a.npz", x_train=np.zeros((7, 2), "f4"), y_train=np.zeros(7, "f4"), x_test=np.zeros((2, 2)), y_test=np.zeros(2))
    assert data.training_samples(str(tmp_path / "a.npz")) == 7 and data.has_values(str(tmp_path / "a.npz"))
    (tmp_path / "a.txt").write_text("text")
    assert data.training_samples(str(tmp_path / "a.txt")) is None and len(data.content_hash(str(tmp_path / "a.txt"))) == 64
    assert data.training_samples("fashion-mnist") == 60000 and not data.has_values("fashion-mnist")


def test_data_sets_that_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((7, 2)), y=np.zeros(7))
    (tmp_path / "b.npz").write_text("no archive")
    for name, folder, message in (
        ("fashion", None, "unknown data set 'fashion', did you mean 'fashion-mnist'?"),
        ("cifar-10", None, "the data set cifar-10 has no default place; give --data-dir=DIR"),
        ("cifar-100", str(tmp_path), "the data set 'cifar-100' is not here: no file"),
        (str(tmp_path / "a.npz"), None, "has no x_train, found x, y; a study takes"),
        (str(tmp_path / "b.npz"), None, "cannot read the data set"),
        (str(tmp_path / "c.npz"), None, "is not here"),
    ):
        with pytest.raises(tools.ToolError) as error:
            data.content_hash(name, folder)
        assert message in str(error.value)


def test_the_place_of_a_data_set_that_is_refused(bench):
    bench.write({**STUDY, "axes": {"data": ["fashion-mnist", "fashion"]}})
    done = bench.sweep()
    assert done.returncode == 1 and f"{bench.study}:1:" in done.stderr and "/axes/data/1: unknown data set 'fashion'" in done.stderr
    study = file.parse(json.dumps({**STUDY, "settings": {**STUDY["settings"], "data": "mnist"}}), "s.json", SOURCE)
    with pytest.raises(jsonc.Fault, match="/settings/data: the data set mnist has no default place"):
        Resolver(study, partial(data.content_hash, folder=None)).runs()


def test_compressed_files_are_unpacked_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    folder.mkdir()
    for part in data.PARTS:
        with gzip.open(folder / f"{part}.gz", "wb") as file:
            file.write(part.encode())
    name, place = data.flags("mnist", str(folder))
    unpacked = Path(place.removeprefix("--data-dir="))
    assert name == "--data=mnist" and sorted(path.name for path in unpacked.iterdir()) == sorted(data.PARTS)
    assert all((unpacked / part).read_text() == part for part in data.PARTS)
    data.plain.cache_clear()
    before = [path.stat().st_mtime_ns for path in unpacked.iterdir()]
    assert data.flags("mnist", str(folder))[1] == place
    assert [path.stat().st_mtime_ns for path in unpacked.iterdir()] == before
    # Files that are not compressed are read where they are.
    write_cifar(tmp_path, 1)
    assert data.flags("cifar-10", str(tmp_path)) == ["--data=cifar-10", f"--data-dir={tmp_path}"]
