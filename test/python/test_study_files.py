# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Study files: what is refused, with place and reason; what is expanded, against itertools."""

import copy
import itertools
import json
import sys

import jsonschema
import pytest
from conftest import SOURCE
from study_tools import STUDY, Bench

sys.path.insert(0, str(SOURCE / "python"))
from prec import jsonc  # noqa: E402
from prec.study import file, template  # noqa: E402
from prec.study.runs import Resolver  # noqa: E402


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


def changed(**values):
    return {**copy.deepcopy(STUDY), **values}


def parsed(study, quick=False):
    return file.parse(
        study if isinstance(study, str) else json.dumps(study), "s.json", SOURCE, quick
    )


SYNTAX = {
    '{"version": 1,\n "name": }': "s.json:2:10: found '}', expected a JSON value",
    '{"version": 1 "name": "x"}': "s.json:1:15: found '\"', expected ',' or '}'",
    '{"version": 1, "version": 1}': "s.json:1:16: /version: the key 'version' stands here twice",
    '{"version": 1': "s.json:1:14: found the end of the file, expected ',' or '}'",
    '{"version": 1} x': "s.json:1:16: found 'x', expected the end of the file",
    "[" * 70: "s.json:1:66: nested deeper than 64",
    "": "s.json:1:1: found the end of the file, expected a JSON value",
}


@pytest.mark.parametrize("text", SYNTAX)
def test_faults_of_syntax(text):
    with pytest.raises(jsonc.Fault) as fault:
        parsed(text)
    assert str(fault.value) == SYNTAX[text]


def axes(**values):
    return changed(axes={name.replace("_", "-"): value for name, value in values.items()})


CASES = [
    (axes(truncate_bit=[1]), "/axes/truncate-bit: unknown key 'truncate-bit', did you mean "
                             "'truncate-bits'?"),
    (changed(trails=3), "/trails: unknown key 'trails', did you mean 'trials'?"),
    (changed(version=2), "/version: found 2, expected 1"),
    (axes(truncate_bits=[10, 8]), "/axes/truncate-bits/1: found 8, expected at least 9"),
    (axes(truncate_bits=[]), "/axes/truncate-bits: found [], expected at least 1 items"),
    (axes(truncate_bits=[10, 10]), "/axes/truncate-bits: found [10, 10], expected no item twice"),
    (axes(granularity=["ops"]), "/axes/granularity/0: unknown word 'ops', did you mean 'op'?"),
    (axes(truncate_bits={"range": [12, 8]}), "/axes/truncate-bits/range: found 8, expected at"),
    (axes(learning_rate={"uniform": [0, 1]}), "/axes/learning-rate: 'uniform' is for random"),
    (changed(trials=0), "/trials: found 0, expected at least 1"),
    (changed(name="a b"), "/name: found \"a b\", expected a name of letters"),
    (changed(axes={"seed": [1, 2]}), "/axes/seed: 'seed' is an axis and 'trials' makes seeds"),
    (changed(axes={"steps": [1, 2]}), "/axes/steps: 'steps' is an axis and a setting: keep one"),
    (changed(report={"x": "rate"}), "/report/x: 'rate' is no axis of this study; legal: "),
    (changed(combine={"halving": {"keep": 0.5, "steps": [9, 3]}}), "/combine/halving/steps: "),
]  # fmt: skip


@pytest.mark.parametrize("study, message", CASES, ids=[message[:30] for _, message in CASES])
def test_faults_of_form(study, message):
    with pytest.raises(jsonc.Fault) as fault:
        parsed(study)
    assert message in str(fault.value) and str(fault.value).startswith("s.json:1:")


def test_all_faults_at_once_in_order():
    with pytest.raises(jsonc.Fault) as fault:
        parsed('{"version": 1,\n"name": "x",\n"trials": "3",\n"settings": {"step": 1}}')
    lines = str(fault.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["3", "4"]


def test_quick_form_is_needed_for_quick():
    with pytest.raises(jsonc.Fault, match="no quick form"):
        parsed(STUDY, quick=True)


RESOLVED = [
    (changed(settings={**STUDY["settings"], "format": "bf16"}),
     "impossible combination: 'truncate-bits' and 'format' both say the format"),
    (changed(settings={**STUDY["settings"], "epochs": 1}), "'steps' and 'epochs' both say how long"),
    (changed(settings={"model": "nowhere.json"}), "cannot read the model"),
    (changed(settings={"model": "refused"}), "the model is refused: error: no such model"),
    (changed(settings={"steps": 3}), "the study names no model"),
    (changed(settings={**STUDY["settings"], "model.units": 3}), "the model has no '$units'"),
    (axes(rounding=["sideways"], truncate_bits=[10]), "the precision is refused: error: --rounding=si"),
    (axes(truncate_bits=[10], batch_size={"range": [1, 10**9]}), "has 2000000000 runs, expected at most"),
    (axes(truncate_bits=[10, 12], rounding=["toward-zero"]) | {"combine": "zip"},
     "zip takes axes of one length, but 'truncate-bits' has 2, 'rounding' has 1"),
]  # fmt: skip


@pytest.mark.parametrize("study, message", RESOLVED, ids=[message[:30] for _, message in RESOLVED])
def test_faults_that_the_command_reports(bench, study, message):
    bench.write(study)
    done = bench.sweep("--dry-run")
    assert done.returncode == 1 and done.stdout == ""
    assert message in done.stderr and "Traceback" not in done.stderr
    assert str(bench.study) + ":1:" in done.stderr


def test_grid_is_the_product():
    points = [settings for _, settings in parsed(STUDY).points()]
    want = [
        {"model": "softmax-regression", "steps": 10, "truncate-bits": b, "rounding": r, "seed": s}
        for b, r, s in itertools.product([10, 12, 16], ["toward-zero", "stochastic"], range(2))
    ]
    assert points == want


def test_zip_list_range_and_first_seed():
    study = parsed(changed(
        axes={"truncate-bits": {"range": [9, 15, 3]}, "batch-size": [32, 64, 128]}, combine="zip",
        list=[{"rounding": "up"}, {"rounding": "down"}], trials=1, **{"first-seed": 5},
    ))  # fmt: skip
    got = [
        (s["rounding"], s["truncate-bits"], s["batch-size"], s["seed"]) for _, s in study.points()
    ]
    pairs = [(9, 32, 5), (12, 64, 5), (15, 128, 5)]
    assert got == [("up", *p) for p in pairs] + [("down", *p) for p in pairs]
    assert study.count() == 6
    twice = parsed(changed(axes={"batch-size": [32, 32], "rounding": ["up", "down"]}, combine="zip"))
    assert [p["batch-size"] for _, p in twice.points()] == [32] * 4


def test_random_points_follow_from_the_seed_and_lie_within():
    def draw(seed):
        return [s for _, s in parsed(changed(
            axes={"learning-rate": {"log-uniform": [0.001, 1]}, "batch-size": {"integers": [8, 9]},
                  "rounding": ["up", "down"]},
            combine={"random": 50, "seed": seed}, trials=1)).points()]  # fmt: skip

    assert draw(1) == draw(1) != draw(2)
    rates = [point["learning-rate"] for point in draw(3)]
    assert all(0.001 <= rate <= 1 for rate in rates)
    assert 10 < sum(rate < 0.0316 for rate in rates) < 40  # half of a log-uniform draw
    assert {point["batch-size"] for point in draw(3)} == {8, 9}


def test_quick_merges_settings_and_replaces_axes():
    study = changed(quick={"settings": {"steps": 3}, "axes": {"truncate-bits": [10]}, "trials": 1})
    (point,) = [settings for _, settings in parsed(study, quick=True).points()]
    assert point == {"model": "softmax-regression", "steps": 3, "truncate-bits": 10, "seed": 0}


def test_quick_with_another_model_drops_what_fills_the_old_one():
    full = {"model": "a.json", "model.units": 3, "steps": 10}
    study = changed(settings=full, trials=1, axes={}, quick={"settings": {"model": "b"}})
    ((_, point),) = parsed(study, quick=True).points()
    assert point == {"model": "b", "steps": 10, "seed": 0}


def test_equal_runs_are_run_once(bench):
    """Without a format the mode does not matter: 2 seeds, not 4 runs."""
    bench.write(axes(truncate_bits=[None], rounding=["toward-zero", "stochastic"]))
    assert bench.sweep("--dry-run").stdout.splitlines()[0] == "2 runs"


def test_templates():
    layers = [
        {"repeat": "$n", "index": "i", "items": [{"name": "fc$i", "units": "$u"}]},
        "$$u ${u}x",
    ]
    assert template.holes(layers) == {"n", "u"}
    assert template.fill(layers, {"n": 2, "u": 7}) == [
        {"name": "fc1", "units": 7}, {"name": "fc2", "units": 7}, "$u 7x",
    ]  # fmt: skip
    choice = {"choose": "$g", "from": {"8": ["$a", 1], "null": "none", "else": {"x": "$b"}}}
    assert template.holes(choice) == {"g", "a", "b"}
    assert template.fill([choice, 2], {"g": 8, "a": 7}) == [7, 1, 2]
    assert template.fill({"k": choice}, {"g": 8, "a": 7}) == {"k": [7, 1]}
    assert template.fill([choice], {"g": None}) == ["none"] and template.fill(choice, {"g": "z", "b": 3}) == {"x": 3}
    with pytest.raises(template.TemplateError, match=r"'\$g' is '9', expected one of 8"):
        template.fill({"choose": "$g", "from": {"8": 1}}, {"g": 9})
    with pytest.raises(template.TemplateError, match="a choice has the keys choose, from"):
        template.fill({"choose": "$g", "of": {}}, {"g": 9})
    with pytest.raises(template.TemplateError, match=r"'\$u' has no value; known: i, n"):
        template.fill(layers, {"n": 2})


def test_the_schema_is_a_schema_and_is_published():
    schema = json.loads(file.SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads((SOURCE / "docs" / "study.schema.json").read_text()) == schema


def test_the_example_of_the_docs_is_a_study():
    text = (SOURCE / "docs" / "study-files.md").read_text()
    example = text.split("```json\n")[1].split("```")[0]
    assert parsed(example).count() == 3 * 4 * 10
    assert parsed(example, quick=True).count() == 3 * 4 * 2


def test_a_folder_may_be_a_text(tmp_path, monkeypatch):
    """As docs/studies-in-python.md gives it; files of the study lie there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.json").write_text(json.dumps({"version": 1, "name": "$name"}))
    text = json.dumps({"version": 1, "name": "s", "settings": {"model": "m.json", "model.name": "n"}})
    study = file.parse(text, "s", ".")
    resolver = Resolver(study, lambda name: name)
    resolver._check_model = lambda *_: None
    resolver.run(*next(study.points()))
    assert [json.loads(held["text"])["name"] for held in resolver.contents.values()] == ["n"]


@pytest.mark.parametrize("study, place", [
    ({"axes": {"truncate-bits": [10], "rounding": ["toward-zero", "sideways"]}}, "/axes/rounding/1: the precision is refused"),
    ({"settings": {"model": "refused", "steps": 3}}, "/settings/model: the model is refused"),
    ({"settings": {"steps": 3}, "axes": {"model": ["lenet5", "refused"]}}, "/axes/model/1: the model is refused"),
    ({"settings": {"model": "m", "steps": 3}, "list": [{}, {"model": "none.json"}]}, "/list/1/model: cannot read the model"),
    ({"axes": {"truncate-bits": [10], "format": ["bf16"]}}, "/axes/truncate-bits/0: impossible combination"),
    ({"settings": {"model": "m", "steps": 3, "epochs": 1}}, "/settings/steps: impossible combination"),
])  # fmt: skip
def test_a_fault_is_where_the_file_says_it(tmp_path, study, place):
    bench = Bench(tmp_path)
    bench.write({**STUDY, **study})
    done = bench.sweep()
    assert done.returncode == 1 and place in done.stderr, done.stderr


def test_a_study_that_is_not_there(bench):
    for name, message in (("acuracy-by-bits", "no shipped study 'acuracy-by-bits', did you mean 'accuracy-by-bits'?"),
                          ("none.json", "cannot read 'none.json': No such file")):  # fmt: skip
        done = bench.sweep(name)
        assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
