# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Studies with a third axis: their short tables against the long ones, their pictures in rows
and columns; a slim SVG looks as Vega's does."""

import itertools
import re
import sys

import pytest
import vl_convert
from conftest import SOURCE

sys.path.insert(0, str(SOURCE / "python"))
from prec.report import charts, dataset, drawing, result, tables  # noqa: E402

BITS, LAYERS = (10, 12, 16), (1, 2)
SETTINGS = ("elementary", "op", "layer", "batch")


def study(before=()):
    """Accuracy in percent: 70, at 10 bits 10 less, at 12 bits 5 less at elementary alone; two layers
    are 2 better, give or take a tenth of a seed; a seed more is a point more."""
    runs, points = [], {}
    for b, bits, layers, setting, seed in itertools.product(before or (None,), BITS, LAYERS, SETTINGS, range(3)):
        lost = {10: 10, 12: 5 if setting == "elementary" else 0, 16: 0}[bits]
        value = 70 - lost + seed + (layers == 2) * (2 + seed / 10)
        key = f"{b}{bits}{layers}{setting}{seed}"
        settings = {"truncate-bits": bits, "model.layers": layers, "granularity": setting, "seed": seed}
        runs.append({"key": key, "test_accuracy": value / 100, "settings": settings | ({"policy.before": b} if before else {})})
        points[key] = [{"step": k, "epoch": 0, "test_accuracy": value / 100} for k in (9, 19)]
    document = {"report": {"x": "truncate-bits", "series": "model.layers"}, "measure": {"thresholds": [0.6]}}
    return dataset.assemble("s", "full", ["policy.before", "truncate-bits", "model.layers", "granularity"], runs, points, document)


def test_inflections_are_a_row_a_series_and_a_column_a_setting():
    heading, columns, rows = tables.inflections_by_setting(study())
    assert heading.endswith("the largest size's: word size, bits (95 % interval)")
    assert columns == ["series", *(f"granularity {name}" for name in SETTINGS)]
    assert rows == [[f"dense layers {n}", "16 (16 to 16)", *["12 (12 to 12)"] * 3] for n in LAYERS]
    # Of one setting there is no such column, and it is the long table.
    one = dataset.assemble("s", "full", ["truncate-bits"], [
        {"key": str(b), "test_accuracy": 0.5, "settings": {"truncate-bits": b, "seed": 0}} for b in BITS], {})  # fmt: skip
    assert tables.inflections_by_setting(one) == tables.inflections(one)


def test_comparisons_in_short_say_what_the_long_ones_do():
    data = study()
    heading, columns, rows = tables.comparisons_by_point(data)
    assert heading.startswith("Compared with dense layers 1, seed by seed: points above it")
    assert columns == ["setting", "word size, bits", "dense layers 2"] and len(rows) == len(SETTINGS) * len(BITS)
    # 2, 2.1, 2.2: t = 2.1 / (0.1 / sqrt 3) = 36, p = 0.00076; twelve of them 0.009: they are bold.
    assert {row[2] for row in rows} == {"**+2.10** (1.9 to 2.3)"}
    _, long, cells = tables.comparisons(data)
    place = {(row[long.index("setting")], row[long.index("word size, bits")]): row[long.index("verdict")] for row in cells}
    assert [place[row[0], row[1]] for row in rows] == ["higher"] * len(rows)
    for run in data.runs:  # a seed the other way round: 2, 2.1, -2
        run["value"] -= 4.2 * (run["seed"] == 2 and run["series"] == "dense layers 2")
    assert {row[2] for row in tables.comparisons_by_point(data)[2]} == {"+0.70 (-5.1 to 6.5)"}


def test_long_tables_are_folded(tmp_path):
    text = result.page([study(), study(before=(4, 9))], str(tmp_path / "page.md"))
    short, long = text.split("## s\n")[1:]
    assert "**Test accuracy at the end" in short  # twelve rows
    assert "<details><summary>Test accuracy at the end" not in short and "<summary>Test accuracy at the end" in long
    assert "<details><summary>Compared with" in short and "**Compared" not in text


def facets(chart):
    spec = chart.to_dict()
    return {name: spec["facet"][name]["sort"] for name in ("row", "column") if name in spec["facet"]}, spec


def test_curves_of_several_settings_stand_in_rows_and_columns():
    panels, series = [f"granularity {name}" for name in SETTINGS], [f"dense layers {n}" for n in LAYERS]
    data = study()
    found, spec = facets(charts.measured_over(data, "step", "mini-batch"))
    assert found == {"row": series, "column": panels} and spec["spec"]["width"] == charts.SMALL["width"]
    assert "columns" not in charts.measured_by_x(data).to_dict() or charts.measured_by_x(data).to_dict()["columns"] == 2
    # More settings than there is room for side by side: four in a row, each with its series.
    data = study(before=(4, 9))
    spec = charts.measured_over(data, "step", "mini-batch").to_dict()
    assert spec["columns"] == 4 and len(spec["facet"]["sort"]) == 16
    assert spec["facet"]["sort"][:8] == [f"{panel}, dense layers 1" for panel in data.values("panel")]
    assert {row["panel"] for row in spec["data"]["values"]} == set(spec["facet"]["sort"])
    spec = charts.measured_by_x(data).to_dict()
    assert spec["columns"] == 4 and spec["spec"]["width"] == charts.SMALL["width"]
    for chart in charts.all_of(data).values():
        assert drawing.picture(chart, "svg").startswith(b"<svg")


@pytest.mark.parametrize("name", ["accuracy-by-bits", "accuracy-by-step", "steps-to-60", "spread", "heat-map"])
def test_a_slim_svg_looks_the_same(name):
    chart = charts.all_of(study())[name]
    whole = vl_convert.vegalite_to_svg(chart.to_dict())
    slim = drawing.slim(whole)
    assert len(slim) < 0.7 * len(whole)
    # Pixel by pixel as resvg draws them, rounded to the same hundredths.
    rounded = re.sub(r"(\.\d\d)\d+", r"\1", whole)
    assert vl_convert.svg_to_png(slim) == vl_convert.svg_to_png(rounded)
