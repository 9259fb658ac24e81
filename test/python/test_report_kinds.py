# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reports of all kinds of studies in a real browser: random and halving searches, one seed,
words on the axis, a mark that few reach, values, layers. Nothing on the console in either theme."""

import csv
import json
import sys

import numpy as np
import pytest
from conftest import SOURCE
from study_tools import Bench
from test_report_page import READY, chromium  # noqa: F401

sys.path.insert(0, str(SOURCE / "python"))
from prec.study import data, file, halving  # noqa: E402
from prec.study.runs import Resolver  # noqa: E402
from prec.study.store import Store  # noqa: E402

RATES = [0.01, 0.1, 1]
STUDIES = [
    {"name": "random", "axes": {"learning-rate": {"log-uniform": [0.001, 1]}, "batch-size": {"integers": [16, 512]},
                                "optimizer": ["sgd", "adam"]}, "combine": {"random": 8, "seed": 1}, "trials": 2},
    {"name": "halving", "axes": {"learning-rate": RATES, "truncate-bits": [10, 16]},
     "combine": {"halving": {"keep": 0.5, "steps": [10, 20]}}, "trials": 2},
    {"name": "one-seed", "axes": {"truncate-bits": [10, 16]}},
    {"name": "words", "axes": {"rounding": ["toward-zero", "stochastic", "nearest-even"], "truncate-bits": [10]}, "trials": 3,
     "about": "What `--rounding` does & <b>."},
    {"name": "rates", "axes": {"learning-rate": RATES, "optimizer": ["sgd", "adam", "rmsprop"]}, "trials": 3,
     "measure": {"eval-every": 5, "thresholds": [0.65]}},
    {"name": "values", "settings": {"model": "softmax-regression", "data": "values.npz", "steps": 10},
     "axes": {"truncate-bits": [10, 16], "rounding": ["toward-zero", "stochastic"]}, "trials": 3},
    {"name": "layers", "axes": {"truncate-bits": [10, 12, 16], "rounding": ["toward-zero", "stochastic"]}, "trials": 3,
     "measure": {"eval-every": 5, "gradients": True, "rounding": True}},
]  # fmt: skip


def result(run):
    """Made up: better with more bits, best at a rate of 0.1."""
    settings = run.settings
    rate, bits = settings.get("learning-rate", 0.1), settings.get("truncate-bits", 16)
    points = []
    for step in (4, 9, 14, 19)[: settings["steps"] // 5]:
        good = bits / 20 - abs(np.log10(rate) + 1) / 5 + settings["seed"] / 200 - 1 / (step + 5)
        point = {"step": step, "epoch": 0, "loss": 1 - good, "accuracy": good, "test_accuracy": good}
        if settings.get("data"):
            point = {"step": step, "epoch": 0, "loss": 1 - good, "test_loss": None if bits == 10 else 1 - good}
        if run.config.get("log-gradients"):
            point["layers"] = {layer: {"gradient_norm": size / bits, "overflow": 0.0, "underflow": 10.0 ** -(bits - 8) * size,
                                       "saturation": None} for layer, size in (("fc1", 2.0), ("fc2", 5.0))}  # fmt: skip
        points.append(point)
    last = points[-1]
    return {"points": points, "steps": settings["steps"], "seconds": 0.1, "samples": 60000,
            **{name: last.get(name) for name in ("test_accuracy", "test_loss", "loss")}}  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("kinds"))
    ones = np.ones((20, 1), np.float32)
    np.savez(bench.folder / "values.npz", x_train=ones, y_train=ones, x_test=ones, y_test=ones)
    with pytest.MonkeyPatch.context() as patch, Store(bench.store) as store:
        patch.setenv("PREC_BUILD_DIR", str(bench.folder))
        patch.chdir(bench.folder)
        for study in STUDIES:
            settings = {"model": "softmax-regression", **({} if study["name"] == "halving" else {"steps": 10})}
            text = json.dumps({"version": 1, "settings": settings, "measure": {"eval-every": 5}, **study})
            study, asked = file.parse(text, "study.json", bench.folder), {}
            resolver = Resolver(study, data.content_hash)
            rounds = halving.rounds(study, resolver)
            runs = next(rounds)
            while runs:
                asked.update(runs)
                store.plan(study, asked, resolver.contents)
                for run in runs.values():
                    store.add(run, result(run))
                try:
                    runs = rounds.send(store)
                except StopIteration:
                    runs = None
    done = bench.report("-o", "report.html")
    assert done.returncode == 0, done.stderr
    return bench


@pytest.fixture
def page(bench, chromium):  # noqa: F811
    chromium.open(bench.folder / "report.html", READY)
    yield chromium
    assert chromium.errors == []


def pictures(page, study):
    return page.run(f"[...document.querySelectorAll('#{study}-full figure')].filter(f => f.querySelector('svg.marks'))"
                    f".map(f => f.querySelector('[role=group]').id.slice({len(study) + 6}))")  # fmt: skip


def test_each_kind_has_its_pictures_in_both_themes(page):
    first = page.run("document.documentElement.dataset.theme")
    for theme in (first, "light" if first == "dark" else "dark"):
        if theme != first:
            page.run("document.getElementById('theme').click()")
            page.until(f"document.documentElement.dataset.ready === '{theme}'")
        # A random study's runs are at one step with different batches: no curves.
        assert pictures(page, "random") == ["accuracy-by-axes"]
        assert pictures(page, "one-seed") == ["accuracy-by-bits", "accuracy-by-step", "accuracy-by-pass"]
        assert "spread" in pictures(page, "words") and "loss-by-bits" in pictures(page, "values")
        assert {"gradient-norms", "rounding-shares-underflow", "heat-map"} <= set(pictures(page, "layers"))
        whiskers = page.run("[...document.querySelectorAll('#rates-full-spread .mark-rule.role-mark line')].map(l => l.getAttribute('stroke'))")
        assert set(whiskers) == {"#e6e6e6" if theme == "dark" else "#1b1b1b"}


def texts(page, picture, role):
    return page.run(f"[...document.querySelectorAll('#{picture} .{role} text')].map(t => t.textContent)")


def test_an_axis_has_all_values_of_the_study(page):
    """0.65 is reached at a rate of 0.1 alone."""
    ticks = set(texts(page, "rates-full-steps-to-65", "role-axis-label"))
    assert {"0.1", "1.0"} <= ticks, ticks
    # Three panels in two columns: no axis where there is no panel.
    assert texts(page, "rates-full-accuracy-by-step", "role-axis-title").count("mini-batch") == 3


def test_cells_of_heat_maps_are_wider_than_their_numbers(page):
    widths = page.run("[...document.querySelectorAll('#layers-full-rounding-shares-underflow .mark-rect.role-mark path')]"
                      ".map(p => p.getBBox().width)")  # fmt: skip
    numbers = page.run("[...document.querySelectorAll('#layers-full-rounding-shares-underflow .mark-text.role-mark text')]"
                       ".map(t => [t.textContent, t.getBBox().width])")  # fmt: skip
    assert len(widths) == len(numbers) == 12  # two layers and two modes, three sizes
    assert max(width for _, width in numbers) < min(widths)
    assert {"2.0e-6", "5.0e-6"} <= {text for text, _ in numbers}  # percent: 1e-8 of the numbers, times 2 and 5


def test_tables_and_words(page):
    head = "[...document.querySelectorAll('#halving-full-runs-table th')].find(h => h.textContent === '{}')"
    align = "getComputedStyle({}).textAlign"
    assert page.run(align.format(head.format("command"))) == "left"
    assert page.run(align.format(head.format("seed"))) == "right"
    about = page.run("document.querySelector('#words-full p').innerHTML")
    assert about == "What <code>--rounding</code> does &amp; &lt;b&gt;."
    command = page.run("document.querySelector('#one-seed-full-runs-table code').textContent")
    assert command == ("prec-train softmax-regression --steps=10 --truncate-bits=10 --seed=0 --eval-every=5 "
                       "--data=fashion-mnist --log=-")  # fmt: skip


SAVED = """(async () => {
  const found = [], texts = [], wait = async (done) => { for (let i = 0; i < 200 && !done(); i++) await new Promise(r => setTimeout(r, 25)); };
  URL.createObjectURL = blob => { blob.text().then(t => texts.push(t)); return "blob:x"; };
  HTMLAnchorElement.prototype.click = () => {};
  for (const figure of document.querySelectorAll("figure")) {
    const links = [...figure.querySelectorAll(".vega-actions a")], number = texts.length;
    for (const link of links) {
      link.dispatchEvent(new MouseEvent("mousedown", {bubbles: true}));
      await wait(() => /^(data|blob):/.test(link.href));
    }
    figure.querySelector("[data-csv]").click();
    await wait(() => texts.length === number + 2);
    found.push([links.map(link => link.download.split(".").pop()), links[1].href.slice(0, 22), ...texts.slice(number)]);
  }
  return found;
})()"""


def test_every_picture_can_be_saved_in_three_forms(page):
    """Its SVG has the page's ground, so that what was saved of a dark page can be read."""
    color = {"dark": "#16181c", "light": "#fff"}[page.run("document.documentElement.dataset.theme")]
    saved = page.run(SAVED)
    assert len(saved) == page.run("document.querySelectorAll('figure').length") > 25
    for names, png, svg, table in saved:
        assert names == ["svg", "png"] and png == "data:image/png;base64,"
        assert svg.startswith("<svg") and f'fill="{color}"' in svg[:2000]
        heads, *rows = csv.reader(table.splitlines())
        assert len(heads) > 3 and rows and all(len(row) == len(heads) for row in rows)
