# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Statistics of reports against textbook values, exact enumeration and normal theory; the
verdicts on claims against data made so that the answer is known."""

import itertools
import sys

import numpy as np
import pytest
from conftest import SOURCE

sys.path.insert(0, str(SOURCE / "python"))
from prec.report import claims, dataset, drawing, statistics, tables  # noqa: E402


def test_bootstrap_interval_is_the_normal_one_for_many_values():
    values = np.random.default_rng(1).normal(70, 2, 400)
    low, high = statistics.interval(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert low == pytest.approx(values.mean() - half, abs=0.05)
    assert high == pytest.approx(values.mean() + half, abs=0.05)
    assert statistics.interval([1.0]) == (None, None)


def test_bootstrap_intervals_cover_as_they_say():
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        low, high = statistics.interval(generator.normal(0, 1, 30))
        covered += low <= 0 <= high
    assert 0.88 <= covered / 200 <= 0.98  # percentile bootstraps of 30 cover a little less


def test_intervals_of_few_values_are_student_s():
    """Three values of mean 2 and deviation 1: 4.303 / sqrt 3 to each side."""
    assert statistics.interval([1, 2, 3]) == pytest.approx((2 - 2.4843, 2 + 2.4843), abs=1e-3)
    generator, covered = np.random.default_rng(4), 0
    for _ in range(1000):
        low, high = statistics.interval(generator.normal(0, 1, 3))
        covered += low <= 0 <= high
    assert 0.93 <= covered / 1000 <= 0.97  # a bootstrap of three covers 0.75


def test_sign_flip_is_the_share_of_all_signs():
    differences = [1.1, -0.3, 0.8, 2.0, 0.4]
    sums = [abs(sum(s * d for s, d in zip(signs, differences)))
            for signs in itertools.product((1, -1), repeat=5)]  # fmt: skip
    want = sum(total >= 4.0 - 1e-9 for total in sums) / 32
    assert statistics.sign_flip(differences) == want
    assert statistics.sign_flip([1, 1, 1, 1, 1, 1]) == 2 / 64  # only all plus and all minus
    assert statistics.sign_flip([0, 0]) == 1.0


def test_sign_flip_of_many_pairs_is_near_the_normal_p():
    differences = np.random.default_rng(3).normal(0.3, 1, 60)
    z = differences.sum() / np.sqrt((differences**2).sum())
    from math import erfc, sqrt

    assert statistics.sign_flip(differences) == pytest.approx(erfc(z / sqrt(2)), abs=0.01)


@pytest.mark.parametrize("freedom, t, p", [(1, 12.706, 0.05), (4, 2.776, 0.05), (9, 3.25, 0.01)])
def test_student_on_the_table_of_t(freedom, t, p):
    values = np.arange(freedom + 1) - freedom / 2
    values = values / values.std(ddof=1) * np.sqrt(freedom + 1) + t
    assert statistics.student(values) == pytest.approx(p, rel=0.002)
    assert statistics.paired(values) == statistics.student(values)


def test_holm_on_the_textbook_example():
    """Holm (1979) steps down: the smallest of four times 4, the next times 3, ..."""
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.6, 0.5]) == [1.0, 1.0]


def test_inflection_is_where_the_loss_stays_within_the_margin():
    accuracies = [[50, 79.5, 70, 79.6, 80], [51, 79.4, 71, 79.7, 80]]
    size, low, high = statistics.inflection([8, 10, 12, 14, 16], accuracies, 1.0)
    assert (size, low, high) == (14, 14, 14)  # 10 is good, but 12 is not
    noisy = [[79.5, 80]] * 10 + [[78.4, 80]] * 10
    size, low, high = statistics.inflection([8, 16], noisy, 1.0)
    assert (size, low, high) == (16, 8, 16)


def test_inflection_of_few_seeds_goes_by_each_size_s_interval():
    """Losses at 10 bits 1.5, 2.5, 2 (2 +- 1.24: surely above 1 - no, from 0.76), at 12 bits
    0.6, 0.8, 0.7 (0.7 +- 0.25: surely within 1), at 8 bits 9, 10, 11 (10 +- 2.5)."""
    accuracies = [[71, 78.5, 79.4, 80], [70, 77.5, 79.2, 80], [69, 78, 79.3, 80]]
    assert statistics.inflection([8, 10, 12, 16], accuracies, 1.0) == (12, 10, 12)
    # At 10 bits the loss is 1 above the margin and its deviation 0.5: (2.8 * 0.5)^2 = 1.96 seeds
    # tell the two apart with 80 % power; at 12 it is 0.3 below with 0.1: 0.87 seeds.
    expected = [statistics.expected_inflection([8, 10, 12, 16], accuracies, 1.0, n) for n in (1, 2)]
    assert expected == [(10, 12), (12, 12)]


def test_seeds_needed_is_the_formula_of_paired_means():
    differences = [1.0, 3.0, 2.0, 4.0]  # mean 2.5, deviation 1.29
    assert statistics.seeds_needed(differences) == max(2, np.ceil((2.8 * 1.2909944 / 2.5) ** 2))
    assert statistics.seeds_needed([5.0]) is None


def study(shift, seeds=6, thresholds=(0.5,), claim=()):
    """Truncation and stochastic rounding at three sizes; the second is `shift` points better."""
    runs, points = [], {}
    for bits, rounding, seed in itertools.product((8, 12, 16), ("toward-zero", "stochastic"),
                                                  range(seeds)):  # fmt: skip
        accuracy = {8: 0.4, 12: 0.695, 16: 0.7}[bits] + seed / 1000
        accuracy += shift / 100 * (1 + seed % 3) / 2 * (rounding == "stochastic")
        key = f"{bits}{rounding}{seed}"
        runs.append({"key": key, "test_accuracy": accuracy,
                     "settings": {"truncate-bits": bits, "rounding": rounding, "seed": seed}})  # fmt: skip
        first = 100 if rounding == "toward-zero" else 75
        points[key] = [{"step": first * k - 1, "epoch": 0, "test_accuracy": accuracy * k / 2}
                       for k in (1, 2)]  # fmt: skip
    document = {"measure": {"margin": 0.01, "thresholds": list(thresholds)}, "claims": list(claim)}
    return dataset.assemble("s", "full", ["truncate-bits", "rounding"], runs, points, document)


STOCHASTIC, TRUNCATION = {"rounding": "stochastic"}, {"rounding": "toward-zero"}
CLAIMS = [
    (2, {"kind": "better", "where": STOCHASTIC, "than": TRUNCATION}, "holds"),
    (-2, {"kind": "better", "where": STOCHASTIC, "than": TRUNCATION}, "does not hold"),
    (0, {"kind": "inflection", "where": TRUNCATION, "value": 12}, "holds"),
    (0, {"kind": "inflection", "where": TRUNCATION, "value": 8}, "does not hold"),
    (0, {"kind": "inflection", "where": {}, "value": 8}, "undecided"),
    # More by 0.5, 1, 1.5, 0.5, 1, 1.5 points, seed by seed: 1 +- 0.47.
    (1, {"kind": "better", "where": STOCHASTIC, "than": TRUNCATION, "value": 1}, "undecided"),
    (1, {"kind": "better", "where": STOCHASTIC, "than": TRUNCATION, "value": 1, "within": 0.5},
     "holds"),
    (1, {"kind": "better", "where": STOCHASTIC, "than": TRUNCATION, "value": 3, "within": 0.5},
     "does not hold"),
    (1, {"kind": "better", "where": TRUNCATION, "than": STOCHASTIC, "value": -2}, "holds"),
    (0, {"kind": "faster", "where": STOCHASTIC, "than": TRUNCATION}, "holds"),
    (0, {"kind": "faster", "where": STOCHASTIC, "than": TRUNCATION, "value": 25, "within": 5},
     "holds"),
    (0, {"kind": "faster", "where": STOCHASTIC, "than": TRUNCATION, "value": 35, "within": 5},
     "does not hold"),
    (0, {"kind": "faster", "where": TRUNCATION, "than": STOCHASTIC}, "does not hold"),
    (0, {"kind": "more-bits", "where": TRUNCATION, "than": STOCHASTIC}, "does not hold"),
    (0, {"kind": "does-not-learn", "where": {"truncate-bits": 8}, "value": 0.5}, "holds"),
    (0, {"kind": "does-not-learn", "where": {"truncate-bits": 16}, "value": 0.5}, "does not hold"),
]


@pytest.mark.parametrize("shift, claim, verdict", CLAIMS)
def test_claims(shift, claim, verdict):
    data = study(shift)
    found = claims.judge(data, {"says": "", **claim})
    assert found.verdict == verdict, found.measured
    if claim["kind"] == "faster" and claim["where"] == STOCHASTIC:
        assert found.measured.startswith("25.0 % fewer steps to 50 % accuracy at the 2 of 3")


def test_more_bits_holds_where_the_intervals_do_not_meet():
    """With truncation 12 bits lose 3 points, 14 none; with stochastic rounding 12 lose none."""
    runs = [{"key": f"{b}{r}{s}", "test_accuracy": 0.8 + s / 100 - 0.03 * (b == 12 and r == "toward-zero"),
             "settings": {"truncate-bits": b, "rounding": r, "seed": s}}
            for b in (12, 14, 16) for r in ("toward-zero", "stochastic") for s in range(3)]  # fmt: skip
    data = dataset.assemble("s", "full", ["truncate-bits", "rounding"], runs, {})
    claim = {"says": "", "kind": "more-bits", "where": TRUNCATION, "than": STOCHASTIC}
    found = claims.judge(data, claim)
    assert found == claims.Verdict("14 bits against 12, 3 seeds", "holds")
    other = {**claim, "where": STOCHASTIC, "than": TRUNCATION}
    assert claims.judge(data, other).verdict == "does not hold"
    assert claims.judge(data, {**claim, "where": {}}).measured == "2 curves, one is needed"


def test_seeds_for_an_inflection():
    """At 12 bits the loss is 0.6 points, deviation 0.4: within 1 with (2.8 * 0.4 / 0.4)^2 = 7.84
    seeds; with the three there are it is 0.6 +- 0.99."""
    runs = [{"key": f"{b}{s}", "test_accuracy": 0.8 - (0.006 + 0.004 * (s - 1)) * (b == 12)
             - 0.05 * (b == 10), "settings": {"truncate-bits": b, "seed": s}}
            for b in (10, 12, 16) for s in range(3)]  # fmt: skip
    data = dataset.assemble("s", "full", ["truncate-bits"], runs, {})
    found = claims.judge(data, {"says": "", "kind": "inflection", "value": 12})
    assert found == claims.Verdict("12 (12 to 16) bits, 3 seeds", "undecided", 8)
    found = claims.judge(data, {"says": "", "kind": "inflection", "value": 11, "within": 1})
    assert (found.verdict, found.seeds) == ("undecided", 8)
    assert claims.judge(data, {"says": "", "kind": "inflection", "value": 10}).verdict == "does not hold"


def test_a_seed_counts_once_however_many_settings_it_has():
    """At each of two sizes 1, 2, 3 points better: three seeds of 1, 2, 3, not six values."""
    runs = [{"key": f"{b}{r}{s}", "test_accuracy": b / 100 + (s + 1) / 100 * (r == "stochastic"),
             "settings": {"truncate-bits": b, "rounding": r, "seed": s}}
            for b in (10, 12) for r in ("toward-zero", "stochastic") for s in range(3)]  # fmt: skip
    data = dataset.assemble("s", "full", ["truncate-bits", "rounding"], runs, {})
    claim = {"says": "", "kind": "better", "where": STOCHASTIC, "than": TRUNCATION}
    found = claims.judge(data, claim)
    assert found.verdict == "undecided"  # 2 +- 2.48; six values would give 2 +- 0.94
    assert found.measured == "+2.00 points (-0.48 to +4.48), 3 seeds"


def test_what_is_undecided_says_how_many_runs_it_takes():
    runs = [{"key": f"{r}{s}", "test_accuracy": 0.5 + d * (r == "stochastic") / 100,
             "settings": {"rounding": r, "seed": s}}
            for r in ("toward-zero", "stochastic") for s, d in enumerate((1, -1, 2, -1.5))]  # fmt: skip
    data = dataset.assemble("s", "full", ["rounding"], runs, {})
    claim = {"says": "", "kind": "better", "where": STOCHASTIC, "than": TRUNCATION}
    found = claims.judge(data, claim)
    want = np.ceil((2.8 * np.std([1, -1, 2, -1.5], ddof=1) / np.mean([1, -1, 2, -1.5])) ** 2)
    assert (found.verdict, found.seeds) == ("undecided", want)
    data.claims = ({**claim, "says": "x"},)
    ((*_, takes),) = claims.table(data)[1]
    assert takes == f"about {want:.0f} seeds, {2 * want:,.0f} runs"


def test_summary_and_comparison():
    data = study(2)
    assert (data.x, data.series, data.values("series")) == (
        "truncate-bits", "rounding", ["truncation", "stochastic rounding"])  # fmt: skip
    _, columns, rows = tables.summary(data)
    first = dict(zip(columns, rows[0]))
    assert first["accuracy, %"] == pytest.approx(40.25) and first["seeds"] == 6
    assert first["steps to 50 %"] == "0 of 6 reach it"
    _, columns, rows = tables.comparisons(data)
    shifts = [2 * (1 + s % 3) / 2 for s in range(6)]
    for row in rows:
        cells = dict(zip(columns, row))
        assert cells["points above truncation"] == pytest.approx(np.mean(shifts))
        # Three equal comparisons of 1, 2, 3, 1, 2, 3: t = 2 / (0.8944 / sqrt 6) = 5.477.
        assert cells["p (Holm)"] == pytest.approx(3 * 0.00277, rel=0.02)


def test_every_chart_of_words_and_of_panels_can_be_drawn():
    """Axes without numbers, three at once: panels, error bars instead of bands."""
    from prec.report import charts

    runs = [{"key": f"{r}{g}{n}{s}", "test_accuracy": 0.5 + s / 100,
             "settings": {"format": n, "rounding": r, "granularity": g, "seed": s}}
            for n in ("bf16", "f16") for r in ("up", "down") for g in ("op", "layer")
            for s in range(3)]  # fmt: skip
    points = {r["key"]: [{"step": k, "epoch": 0, "test_accuracy": 0.5} for k in (1, 2)]
              for r in runs}  # fmt: skip
    data = dataset.assemble("s", "full", ["format", "rounding", "granularity"], runs, points)
    assert (data.x, data.series, len(data.values("panel"))) == ("format", "rounding", 2)
    shown = charts.all_of(data)
    assert len(shown) == 5
    for chart in [*shown.values(), charts.together(shown.values())]:
        assert drawing.picture(chart, "svg").startswith(b"<svg")


def of_losses(*claim):
    """Losses of 1, 1.005 and 1.05 at 16, 12 and 10 bits, at 8 one of three infinite; with
    stochastic rounding a tenth of the loss less."""
    runs = []
    for bits, rounding, seed in itertools.product((8, 10, 12, 16), ("toward-zero", "stochastic"), range(3)):
        loss = {8: 2.0, 10: 1.05, 12: 1.005, 16: 1.0}[bits] * (1 + seed / 100) * (0.9 if rounding == "stochastic" else 1)
        runs.append({"key": f"{bits}{rounding}{seed}", "test_loss": None if (bits, seed) == (8, 1) else loss, "status": "done",
                     "settings": {"truncate-bits": bits, "rounding": rounding, "seed": seed}})  # fmt: skip
    points = {run["key"]: [{"step": 9, "epoch": 0, "test_loss": 3.0}, {"step": 19, "epoch": 0, "test_loss": run["test_loss"]}]
              for run in runs}  # fmt: skip
    document = {"measure": {"margin": 0.01, "thresholds": [1.2]}, "claims": list(claim)}
    return dataset.assemble("s", "full", ["truncate-bits", "rounding"], runs, points, document)


LESS = {"kind": "better", "where": STOCHASTIC, "than": TRUNCATION}
LOSS_CLAIMS = [
    # 100 * (1 - 0.9) of each pair; the cell with the infinite losses is left out.
    ({**LESS, "value": 9}, "holds", "+10.00 % less loss at the 3 of 4 settings where no loss is infinite"),
    ({**LESS, "value": 11}, "does not hold", "+10.00 % less loss"),
    ({"kind": "inflection", "where": TRUNCATION, "value": 12}, "holds", "12 bits, 3 seeds"),
    ({"kind": "does-not-learn", "where": {"truncate-bits": 8}, "value": 1.5}, "holds", "inf, 6 runs, 2 of them infinite"),
    ({"kind": "does-not-learn", "where": {"truncate-bits": 12}, "value": 1.5}, "does not hold", "0.9643 ("),
    ({"kind": "does-not-learn", "where": {"truncate-bits": 12}}, "undecided", "what loss counts as not learnt is not said"),
    ({"kind": "faster", "where": STOCHASTIC, "than": TRUNCATION}, "does not hold", "0.0 % fewer steps to a loss of 1.2 at the 3"),
]  # fmt: skip


@pytest.mark.parametrize("claim, verdict, measured", LOSS_CLAIMS)
def test_claims_on_losses(claim, verdict, measured):
    found = claims.judge(of_losses(), {"says": "", **claim})
    assert found.verdict == verdict and found.measured.startswith(measured), found


def test_tables_and_charts_of_losses():
    from prec.report import charts

    data = of_losses()
    _, _, rows = tables.inflections(data)
    assert [row[:3] for row in rows] == [["truncation", 12, "12 to 12"], ["stochastic rounding", 12, "12 to 12"]]
    _, columns, rows = tables.summary(data)
    found = [dict(zip(columns, row)) for row in rows]
    assert found[0]["loss"] == float("inf") and found[0]["steps to a loss of 1.2"] == "0 of 3 reach it"
    assert (found[3]["loss"], found[3]["steps to a loss of 1.2"]) == (1.01, 20)
    _, columns, rows = tables.comparisons(data)
    assert "loss above truncation" in columns and {row[-2] for row in rows[1:]} == {"lower"}
    shown = charts.all_of(data)
    assert list(shown) == ["loss-by-bits", "loss-by-step", "loss-by-pass", "steps-to-loss-1.2", "spread", "heat-map"]
    for chart in shown.values():
        assert drawing.picture(chart, "svg").startswith(b"<svg") and "Infinity" not in chart.to_json()


def test_an_inflection_of_many_seeds_with_infinite_losses():
    """At 8 bits 3 of a dozen are infinite: 3.2 % of the resamplings (0.75^12) draw none of them, and
    the interval leaves 2.5 % below it."""
    grid = [[-float("inf") if seed % 4 == 0 else -1.0, -1.0, -1.0] for seed in range(12)]
    assert statistics.inflection([8, 12, 16], grid, 0.01)[:3] == (12, 8, 12)
    assert statistics.inflection([8, 16], [[-1.0, -float("inf")]] * 12, 0.01)[0] == 16


def searched(combine, settings):
    """A study whose points are these settings, each with two seeds, better from point to point."""
    runs = [{"key": f"{n}{s}", "test_accuracy": 0.5 + n / 10 + s / 100, "settings": {**point, "seed": s}}
            for n, point in enumerate(settings) for s in range(2)]  # fmt: skip
    points = {run["key"]: [{"step": 9, "epoch": 0, "test_accuracy": run["test_accuracy"]}] for run in runs}
    axes = list(dict.fromkeys(name for point in settings for name in point))
    return dataset.assemble("s", "full", axes, runs, points, {"combine": combine})


def test_a_random_study_is_shown_by_each_axis_and_its_best_points():
    from prec.report import charts

    data = searched({"random": 3}, [{"learning-rate": r, "model.units": u} for r, u in ((0.0123456, 9), (0.1, 5), (0.9, 7))])
    heading, columns, rows = tables.best(data)
    assert columns == ["learning-rate", "dense units", "accuracy, %", "95 % interval", "seeds"]
    assert [row[:3] for row in rows] == [[0.9, 7, 70.5], [0.1, 5, 60.5], [0.01235, 9, 50.5]]
    assert list(tables.all_of(data)) == ["best", "runs"]  # no curves, nothing to compare seed by seed
    shown = charts.all_of(data)
    assert list(shown) == ["accuracy-by-axes"] and drawing.picture(shown["accuracy-by-axes"], "svg").startswith(b"<svg")
    spec = shown["accuracy-by-axes"].to_dict()
    assert spec["data"]["values"][0] == {"learning-rate": 0.0123456, "model units": 9, "accuracy": 50.5, "seeds": 2}
    assert [part["encoding"]["x"]["scale"]["type"] for part in spec["concat"]] == ["log", "linear"]


def test_rounds_of_halving_are_not_mixed():
    data = searched({"halving": {}}, [{"learning-rate": r, "steps": s} for s, rates in ((10, (3, 1, 2)), (20, (1,))) for r in rates])
    assert (data.x, data.series) == ("learning-rate", "steps")
    assert [row[:3] for row in tables.best(data)[2]] == [[1, 20, 80.5], [2, 10, 70.5], [1, 10, 60.5], [3, 10, 50.5]]


def test_what_follows_from_x_is_no_series():
    """As in zip: the optimizer goes with the policy."""
    data = searched("zip", [{"policy": p, "optimizer": o} for p, o in (("a", "sgd"), ("b", "adam"), ("c", "sgd"))])
    assert (data.x, data.series, data.values("panel")) == ("policy", None, [""])
    data = searched("zip", [{"policy": p, "optimizer": o} for p, o in (("a", "sgd"), ("a", "adam"), ("c", "sgd"))])
    assert (data.x, data.series) == ("policy", "optimizer")
