# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The report's page in a real browser: loads without errors or a network, sorts, changes
its theme, gives out CSV, by mouse and by keyboard."""

import json
import subprocess
import sys

import browser
import pytest
from study_tools import STUDY, Bench

READY = "document.documentElement?.dataset.ready !== undefined"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("report"))
    bench.write({
        **STUDY, "title": "A <b>title</b> & </script>", "trials": 3,
        "measure": {"eval-every": 5, "thresholds": [0.7]},
        "claims": [{"says": "twelve bits are enough", "kind": "inflection", "value": 12,
                    "where": {"rounding": "stochastic"}}],
    })  # fmt: skip
    done = bench.sweep()
    assert done.returncode == 0, done.stderr
    return bench


@pytest.fixture(scope="module")
def path(bench):
    done = bench.report("-o", "report.html")
    assert done.returncode == 0, done.stderr
    return bench.folder / "report.html"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.CHROMIUM is None:
        pytest.skip("Debian's package chromium is not installed")
    chromium = browser.Browser(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


@pytest.fixture
def page(path, chromium):
    chromium.open(path, READY)
    yield chromium
    assert chromium.errors == []


def test_it_shows_every_chart_and_asks_no_network(page, path):
    shown = page.run("[...document.querySelectorAll('figure svg.marks')].map(s => s.closest('figure')"
                     ".querySelector('figcaption').textContent)")  # fmt: skip
    for title in ("Accuracy by word size", "Accuracy by mini-batch", "Accuracy by pass",
                  "Steps to 70 %", "Spread over the seeds", "Mean accuracy"):  # fmt: skip
        assert sum(title in caption for caption in shown) == 1, shown
    outside = [url for url in page.requests if not url.startswith(("data:", "blob:"))]
    assert outside == [path.as_uri()]
    # The points of the mean: 3 sizes for 2 modes, each with a text for screen readers.
    marks = page.run("document.querySelectorAll('#stand-in-full-accuracy-by-bits "
                     "[aria-roledescription=point]').length")  # fmt: skip
    assert marks == 6
    assert page.run("document.querySelector('h1').textContent") == "A <b>title</b> & </script>"


def test_a_table_sorts_by_mouse_and_by_keyboard(page):
    column = ("[...document.querySelectorAll('#stand-in-full-runs-table tbody tr')]"
              ".map(row => Number(row.cells[{}].textContent))")  # fmt: skip
    heads = page.run("[...document.querySelectorAll('#stand-in-full-runs-table th')]"
                     ".map(head => head.textContent)")  # fmt: skip
    at = heads.index("accuracy, %")
    button = f"document.querySelectorAll('#stand-in-full-runs-table th button')[{at}]"
    before = page.run(column.format(at))
    page.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.run(f"{button}.click()")
    assert page.run(column.format(at)) == sorted(before) != before
    page.run(f"{button}.focus()")
    page.press("Enter", 13)
    assert page.run(column.format(at)) == sorted(before, reverse=True)
    assert page.run(f"{button}.closest('th').getAttribute('aria-sort')") == "descending"


def test_themes(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    theme = page.run("document.documentElement.dataset.theme")
    seen = {theme: page.run(ground)}
    page.run("document.getElementById('theme').focus()")
    page.press("Enter", 13)
    other = "light" if theme == "dark" else "dark"
    page.until(f"document.documentElement.dataset.ready === '{other}'")
    seen[other] = page.run(ground)
    assert seen == {"dark": "rgb(22, 24, 28)", "light": "rgb(255, 255, 255)"}
    title = "document.querySelector('figure svg.marks .role-title-text text').getAttribute('fill')"
    assert page.run(title) == ("#e6e6e6" if other == "dark" else "#1b1b1b")


def test_a_legend_entry_picks_its_series(page):
    opacity = ("[...new Set([...document.querySelectorAll('#stand-in-full-accuracy-by-bits "
               "[aria-roledescription=point]')].map(p => p.getAttribute('opacity')))].sort()")  # fmt: skip
    before = page.run(opacity)
    page.run("document.querySelector('#stand-in-full-accuracy-by-bits .role-legend-symbol path')"
             ".dispatchEvent(new MouseEvent('click', {bubbles: true}))")  # fmt: skip
    page.until(f"JSON.stringify({opacity}) !== '{json.dumps(before, separators=(',', ':'))}'")
    assert "0.12" in page.run(opacity)


def test_downloads(page):
    """CSV of a chart and of a table by our buttons; SVG and PNG in the menu of each chart."""
    page.run("window.texts = []; URL.createObjectURL = blob => { blob.text().then(t => "
             "texts.push(t)); return 'blob:x'; }; HTMLAnchorElement.prototype.click = () => {}")  # fmt: skip
    for name in ("stand-in-full-accuracy-by-bits", "stand-in-full-runs-table"):
        page.run(f"document.querySelector('[data-csv={name}]').click()")
    page.until("texts.length === 2")
    chart, table = (text.strip().split("\n") for text in page.run("texts"))
    assert chart[0].split(",")[:4] == ["panel", "series", "x", "accuracy"] and len(chart) == 7
    assert len(table) == 1 + 18 and "prec-train softmax-regression" in table[1]
    links = page.run("[...document.querySelectorAll('#stand-in-full-accuracy-by-bits "
                     ".vega-actions a')].map(a => a.download)")  # fmt: skip
    name = "stand-in-full-accuracy-by-bits"
    assert links == [f"{name}.svg", f"{name}.png"]


def test_everything_can_be_reached_by_the_tab_key(page):
    for _ in range(4):
        page.press("Tab", 9)
    assert page.run("document.activeElement.tagName") in ("BUTTON", "A", "DIV", "SUMMARY")
    # Names for those who hear the page.
    assert page.run("[...document.querySelectorAll('figure > div, .wide, section, nav')]"
                    ".every(e => e.ariaLabel || e.getAttribute('aria-labelledby'))")  # fmt: skip


def test_the_other_formats(bench):
    assert bench.report("--format=png").returncode == 0
    assert (bench.folder / "report.png").read_bytes().startswith(b"\x89PNG")
    assert bench.report("-o", "x.svg").returncode == 0
    assert (bench.folder / "x.svg").read_text().startswith("<svg")


def test_what_is_refused(bench, tmp_path):
    done = bench.report("--study=nothing")
    assert done.returncode == 1 and "has no study 'nothing'; it has stand-in" in done.stderr
    done = bench.report("-o", str(tmp_path / "no" / "x.html"))
    assert done.returncode == 1 and "cannot write" in done.stderr and "Traceback" not in done.stderr
    bench.environment = {**bench.environment}
    empty = subprocess.run([sys.executable, "-m", "prec", "report", str(tmp_path / "none.db")],
                           env=bench.environment, capture_output=True, text=True)  # fmt: skip
    assert empty.returncode == 1 and "there is no store" in empty.stderr
