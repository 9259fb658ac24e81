# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The result page: its structure and verdicts on results that are a known function of the
flags; the shipped studies are good in both forms, and docs/study.md is about all of them."""

import json
import re
import sys

import pytest
from conftest import SOURCE
from study_tools import STUDY, Bench

sys.path.insert(0, str(SOURCE / "python"))
from prec import tools  # noqa: E402
from prec.report import claims, result  # noqa: E402
from prec.study import file  # noqa: E402
from prec.study.runs import Resolver, canonical  # noqa: E402

SHIPPED = sorted((SOURCE / "studies").glob("*.json"))
PAGE = SOURCE / "docs" / "study.md"

# The stand-in's accuracy is bits / 20 + seed / 1000, up to 16 bits, and at step k / 10000 more:
# 16 bits are needed, at no seed otherwise, and modes differ in nothing.
CLAIMS = [
    ("twelve bits are enough", {"kind": "inflection", "value": 12, "where": {"rounding": "stochastic"}},
     "16 bits, 3 seeds", "does not hold"),
    ("sixteen bits are needed", {"kind": "inflection", "value": 16, "where": {"rounding": "stochastic"}},
     "16 bits, 3 seeds", "holds"),
    ("modes are equal", {"kind": "better", "where": {"rounding": "stochastic"},
                         "than": {"rounding": "toward-zero"}, "value": 0, "within": 0.1},
     "+0.00 points (+0.00 to +0.00), 3 seeds", "holds"),
    ("10 bits do not learn", {"kind": "does-not-learn", "where": {"truncate-bits": 10}, "value": 0.5},
     "50.2 % (50.1 to 50.3), 6 runs", "does not hold"),
    ("a question", {"kind": "more-bits", "question": True, "where": {"rounding": "up"},
                    "than": {"rounding": "stochastic"}}, "0 curves, one is needed", "undecided"),
]  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("result"))
    claimed = [{"says": says, **claim} for says, claim, *_ in CLAIMS]
    first = {**STUDY, "experiment": 2, "trials": 3, "claims": claimed, "title": "The title",
             "about": "Is it so?", "measure": {"eval-every": 5, "thresholds": [0.7]}}  # fmt: skip
    second = {**STUDY, "experiment": 1, "name": "earlier", "trials": 1}
    bench.write(first)
    (bench.folder / "b.json").write_text(json.dumps(second))
    done = bench.sweep(bench.folder / "b.json", timeout=400)  # two studies in one sweep
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "earlier: 6 runs"
    return bench


@pytest.fixture(scope="module")
def text(bench):
    done = bench.report("--format=md", "-o", "page.md")
    assert done.returncode == 0, done.stderr
    return (bench.folder / "page.md").read_text()


def rows(text, heading):
    """The cells of the first table below a heading."""
    table = re.search(r"^\|(?:.*\n\|)*.*", text.split(heading, 1)[1], re.MULTILINE).group()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.split("\n")]


def test_parts_come_in_order(text):
    place = 0
    for part in ("# Studies of precision", "## What was run", "## Claims", "## 1. earlier",
                 "sweep earlier", "## 2. The title", "Is it so?", "![The title", "**Test accuracy",
                 "**Inflection", "**What it decides**", "    python -m prec sweep stand-in"):  # fmt: skip
        assert part in text[place:], part
        place = text.index(part, place)


def test_what_was_run(text):
    head, _, *body = rows(text, "## What was run")
    assert head == ["study", "form", "runs", "seeds", "CPU minutes"]
    assert [row[:4] for row in body] == [["earlier", "full", "6", "1"], ["stand-in", "full", "18", "3"]]
    assert re.search(r"24 runs on \d+ cores of .*: 0\.\d\d hours of CPU time", text)


def test_verdicts(text):
    head, _, *body = rows(text, "## Claims")
    assert head == ["study", *claims.COLUMNS]
    want = [[says, "asked" if claim.get("question") else "said so", measured, verdict]
            for says, claim, measured, verdict in CLAIMS]  # fmt: skip
    assert [row[1:5] for row in body] == want
    for says, _, measured, verdict in CLAIMS:
        assert f"- {says}: **{verdict}**, {measured}." in text


def test_means_are_a_column_a_series(text):
    head, _, *body = rows(text, "**Test accuracy at the end")
    assert head == ["word size, bits", "truncation", "stochastic rounding"]
    of_three = text.split("## 2. The title")[1]
    body = rows(of_three, "**Test accuracy at the end")[2:]
    # 50, 50.1, 50.2 and nine steps more: 50.19 +- 4.303 * 0.1 / sqrt 3.
    assert body[0] == ["10", *["50.19 (49.9 to 50.4)"] * 2]
    assert [row[0] for row in body] == ["10", "12", "16"]


def test_pictures_lie_beside_it(bench, text):
    pictures = re.findall(r"^!\[.*\]\((.*)\)$", text, re.MULTILINE)
    of_three = [name for name in pictures if "stand-in" in name]
    assert of_three == [f"images/page/stand-in-full-{name}.svg" for name in (
        "accuracy-by-bits", "accuracy-by-step", "accuracy-by-pass", "steps-to-70")]  # fmt: skip
    for name in pictures:
        assert (bench.folder / name).read_text().startswith("<svg")


def test_shipped_studies_without_runs_are_named_with_what_they_take(bench):
    done = bench.report("-o", "all.md", "--shipped")
    assert done.returncode == 1 and "no finished runs" in done.stderr
    bench.write({**STUDY, "name": "cnn-by-iteration"})
    assert bench.sweep().returncode == 0
    assert bench.report("-o", "all.md", "--shipped").returncode == 0
    text = (bench.folder / "all.md").read_text()
    assert "The title" not in text
    table = rows(text, "## Claims")
    study = file.load(SOURCE / "studies" / "batch-sizes.json", quick=True)
    (row,) = [row for row in table if row[0] == study.get("title", "")]
    assert row[3:5] == ["no runs yet", "undecided"]
    assert row[5].startswith(f"{study.count()} runs in the quick form")


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_shipped_studies(path, quick, monkeypatch):
    """Each model and policy is one that the tools take; a claim is about runs that there are."""
    study = file.load(path, quick)
    assert study.name == path.stem and study.get("experiment", 0) and study.get("claims", [])
    resolver, seen, points = Resolver(study, lambda name: "hash"), set(), []
    monkeypatch.setattr(resolver, "_check_precision", lambda *_: None)
    for pointer, settings in study.points():
        points.append({"settings": settings})
        kind = canonical([(n, v) for n, v in settings.items() if n.startswith(("model", "policy"))])
        if kind not in seen:
            seen.add(kind)
            resolver.run(pointer, settings)
    for kind in {name for name, held in resolver.contents.items() if '"rules"' in held["text"]}:
        tools.run("prec-train", "--policy=-", "--print-policy", input=resolver.contents[kind]["text"])
    for claim in study.get("claims", []):
        for side in filter(None, (claim.get("where"), claim.get("than"))):
            assert any(claims.picks(point, side) for point in points), claim["says"]


def test_experiments_are_numbered_once():
    numbers = [file.load(path).get("experiment", 0) for path in SHIPPED]
    assert sorted(numbers) == list(range(1, len(SHIPPED) + 1))


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_the_written_result_is_about_every_study_and_claim(path):
    study, text = file.load(path), PAGE.read_text()
    heading = f"## {study.get('experiment', 0)}. {study.get('title', '')}"
    assert heading in text, f"make it anew: {REMAKE}"
    assert f"python -m prec sweep --quick {study.name}" in text
    for claim in study.get("claims", []):
        row = next((r for r in rows(text, "## Claims") if r[1] == claim["says"]), None)
        assert row, f"'{claim['says']}' is not in {PAGE.name}; make it anew: {REMAKE}"
        assert row[2] == claims.source(claim)
        assert row[4] in (claims.HOLDS, claims.FAILS, claims.UNDECIDED)


def test_the_page_says_what_granularities_are():
    text = PAGE.read_text()
    assert text.index("## Claims") < text.index(f"## Granularities\n\n{result.GRANULARITIES}\n\n## 1.")


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_each_form_has_the_four_granularities(path, quick):
    """As an axis, in a policy or as policies; each of them at the same points."""
    points = {}
    for _, settings in file.load(path, quick).points():
        policy = re.fullmatch(r"policies/binarynet-(\w+)\.json", str(settings.get("policy")))
        found = settings.get("granularity") or settings.get("policy.granularity") or (policy and policy[1])
        if found:
            rest = {n: v for n, v in settings.items() if n not in ("granularity", "policy.granularity", "policy")}
            points.setdefault(found, []).append(rest)
    assert set(points) == {"elementary", "op", "layer", "batch"}
    assert all(rest == points["op"] for rest in points.values())


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_no_claim_mixes_granularities(path):
    """Its runs have one, on each side, or none says a number format."""
    points = [settings for _, settings in file.load(path).points()]
    for claim in file.load(path).get("claims", []):
        for side in filter(None, (claim.get("where"), claim.get("than"))):
            mine = [p for p in points if claims.picks({"settings": p}, side)]
            for name in ("granularity", "policy.granularity"):
                assert len({p.get(name) for p in mine}) == 1, (claim["says"], side)


def test_the_readme_says_what_the_page_says():
    page = {row[1]: row for row in rows(PAGE.read_text(), "## Claims")}
    _, _, *body = rows((SOURCE / "README.md").read_text(), "docs/study.md")
    assert len(body) > 3
    for says, measured, verdict in body:
        assert [measured, verdict] == page[says][3:5], f"{says}: it is in {PAGE.name} otherwise"


def test_its_pictures_are_there_and_small():
    names = re.findall(r"^!\[.*\]\((.*)\)$", PAGE.read_text(), re.MULTILINE)
    there = {f"images/study/{path.name}" for path in (PAGE.parent / "images" / "study").iterdir()}
    assert set(names) == there and len(names) == len(there)
    assert sum((PAGE.parent / name).stat().st_size for name in names) < 2_500_000


REMAKE = ("python -m prec sweep --quick studies/*.json; "
          "python -m prec report results.db --shipped --format=md -o docs/study.md")  # fmt: skip
