# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A sweep's budget: no job beyond it, nothing lost or done twice, and what is left is said."""

import json
import re
import sys

import pytest
from conftest import SOURCE
from study_tools import STUDY, Bench

sys.path.insert(0, str(SOURCE / "python"))
from prec import jsonc  # noqa: E402
from prec.study import budget, file  # noqa: E402

HALVING = {**STUDY, "settings": {"model": "softmax-regression"}, "axes": {"truncate-bits": [9, 10, 12, 16]},
           "combine": {"halving": {"keep": 0.5, "steps": [4, 8, 16]}}}  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def last(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_runs_are_counted_and_the_same_command_goes_on(bench):
    said = last(bench.sweep("--budget=5"))
    assert said == "5 done, 0 failed, 7 left: the budget of 5 runs is spent; the same command goes on from there"
    # Seed by seed: none of the second before the first is whole.
    assert bench.query("SELECT DISTINCT config ->> '$.seed' FROM runs") == [(0,)]
    assert "1 of 5 runs, 0 failed, 2 more than the budget pays" in bench.sweep("--budget=5").stderr
    assert bench.count() == 10
    assert last(bench.sweep("--budget=5")) == f"12 done, 0 failed, all in {bench.store}"
    assert len(bench.begun_runs()) == 12


def test_the_file_has_one_and_the_flag_replaces_it(bench):
    bench.write({**STUDY, "budget": {"runs": 3}, "quick": {"budget": {"runs": 2}}})
    assert "the budget of one sweep: 3 runs" in bench.sweep("--dry-run").stdout
    assert last(bench.sweep()).startswith("3 done, 0 failed, 9 left: the budget of 3 runs")
    assert last(bench.sweep("--quick")).startswith("5 done, 0 failed, 7 left: the budget of 2 runs")
    assert last(bench.sweep("--budget=100")).startswith("12 done")


def test_the_flag_is_for_all_studies_together(bench):
    (bench.folder / "b.json").write_text(json.dumps({**STUDY, "name": "b", "axes": {**STUDY["axes"], "truncate-bits": [10]}}))
    lines = bench.sweep(bench.folder / "b.json", "--budget=6").stdout.splitlines()
    assert lines[1] == f"4 done, 0 failed, all in {bench.store}"
    assert lines[3].startswith("6 done, 0 failed, 6 left")  # four of them are the other study's


def test_time(tmp_path):
    bench = Bench(tmp_path, pause=0.1)
    # A run takes a second, a job does three; jobs that wait for a worker are not begun.
    said = last(bench.sweep("--budget=6s"))
    left = int(re.search(r", (\d+) left: the budget of 6 s is spent", said)[1])
    assert bench.count() == 12 - left and left in (3, 6, 9, 12)
    assert last(bench.sweep("--budget=1h")).startswith("12 done") and len(bench.begun_runs()) == 12


def test_a_spent_budget_starts_nothing(bench):
    assert last(bench.sweep("--budget=0.001s")).startswith("0 done, 0 failed, 12 left")
    assert bench.begun_runs() == []


def test_halving_waits_for_a_whole_round(bench, tmp_path):
    bench.write(HALVING)
    assert last(bench.sweep("--budget=5")).startswith("5 done, 0 failed, 9 left")
    assert bench.query("SELECT DISTINCT config ->> '$.steps' FROM runs") == [(4,)]
    assert last(bench.sweep("--budget=5")).startswith("10 done, 0 failed, 4 left")
    assert last(bench.sweep("--budget=5")).startswith("14 done")
    assert len(bench.begun_runs()) == 14
    whole = Bench(tmp_path / "whole")
    whole.write(HALVING)
    assert last(whole.sweep()).startswith("14 done")
    query = "SELECT key FROM members ORDER BY position"
    assert [len(b.query(query)) for b in (bench, whole)] == [14, 14]
    assert [row[1:] for row in bench.query("SELECT name, planned FROM studies")] == [(14,)]


def test_reports_say_that_a_study_is_incomplete(bench):
    bench.write(HALVING)
    last(bench.sweep("--budget=5"))
    assert bench.report("--format=md", "-o", "page.md").returncode == 0
    text = (bench.folder / "page.md").read_text()
    assert "5 runs ended of 14 that the full form plans; the study is incomplete, 9 are left" in text
    assert "| stand-in | full | 5 of 14 |" in text
    last(bench.sweep())
    assert bench.report("--format=md", "-o", "page.md").returncode == 0
    assert "incomplete" not in (bench.folder / "page.md").read_text()


def test_a_dry_run_of_halving_expects_all_rounds(bench):
    """A step takes 1 ms, an evaluation 0.25 s - 4 ms: 14 runs have an evaluation each, and a start."""
    bench.write({**HALVING, "measure": {}})
    lines = bench.sweep("--dry-run").stdout.splitlines()
    assert lines[:2] == ["14 runs", f"0 are in {bench.store}, 0 of them failed; 8 are to be done in the first round"]
    # A start of 0.5 s is for all sizes of a seed; the rounds to come are taken as the first.
    total = 14 * (0.246 + 2 * 0.5 / 8) + (8 * 4 + 4 * 8 + 2 * 16) * 0.001
    assert lines[2].startswith(f"expected: {total:.0f} s of computing")


@pytest.mark.parametrize("text, runs, seconds, words", [
    ("200", 200, None, "200 runs"), ("1", 1, None, "1 run"), ("90s", None, 90, "90 s"), ("1.5h", None, 5400, "90 min"),
    ("7,2min", 7, 120, "7 runs and 2 min"),
])  # fmt: skip
def test_what_is_understood(text, runs, seconds, words):
    found = budget.parse(text)
    assert (found.runs, found.seconds, str(found)) == (runs, seconds, words)


@pytest.mark.parametrize("text", ["0", "x", "3d", "-1", "", "1,2", "1s,2s", "0h", "2.5"])
def test_what_is_not(text):
    with pytest.raises(ValueError, match="expected a number of runs"):
        budget.parse(text)


def test_the_command_says_so(bench):
    done = bench.sweep("--budget=3d")
    assert done.returncode == 1 and "argument --budget: found '3d', expected a number of runs" in done.stderr
    assert bench.begun_runs() == []


@pytest.mark.parametrize("value, message", [
    ({}, "/budget: found {}, expected at least 1"), ({"runs": 0}, "/budget/runs: found 0, expected at least 1"),
    ({"seconds": 0}, "/budget/seconds: found 0"), ({"run": 3}, "unknown key 'run', did you mean 'runs'?"),
])  # fmt: skip
def test_what_a_file_may_not_say(value, message):
    with pytest.raises(jsonc.Fault) as fault:
        file.parse(json.dumps({**STUDY, "budget": value}), "s.json", SOURCE)
    assert message in str(fault.value)
