# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo's table, pictures and page, from a stand-in for prec-train.

The stand-in writes records whose means and spreads NumPy knows; what the tools
themselves compute is tested elsewhere.
"""
import json
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import SOURCE

sys.path.insert(0, str(SOURCE / "python"))
from prec import demo  # noqa: E402

TOOL = """#!{python}
import json, sys
flags = dict(word[2:].split("=", 1) for word in sys.argv[2:] if "=" in word)
if flags["seed"] == "{failing}":
    print("no such data set", file=sys.stderr)
    sys.exit(1)
for m in map(int, flags["truncate-mantissa"].split(",")):
    for step in range(int(flags["steps"])):
        record = dict(step=step, epoch=0, truncate_mantissa=m, rounding=flags["rounding"],
                      seed=int(flags["seed"]), granularity=flags["granularity"], loss=1.0)
        if (step + 1) % int(flags["eval-every"]) == 0:
            record["test_accuracy"] = (m + int(flags["seed"]) + step) / 100
        print(json.dumps(record))
"""


@pytest.fixture
def run_demo(tmp_path):
    def call(*arguments, failing=""):
        tool = tmp_path / "bin" / "prec-train"
        tool.parent.mkdir()
        tool.write_text(TOOL.format(python=sys.executable, failing=failing))
        tool.chmod(0o755)
        return demo.main([f"--build={tmp_path}", f"--output={tmp_path / 'out'}", *arguments])

    return call


def test_table_is_the_mean_and_spread_of_the_last_step(run_demo, capsys):
    assert run_demo("--trials=4", "--steps=4", "--eval-every=2") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [int(row[0]) for row in rows] == [10, 11, 12, 13, 14, 15, 16, 18, 20, 24, 32]
    for bits, fraction, *cells in rows:
        assert int(bits) == int(fraction) + 9
        accuracy = int(fraction) + np.arange(4) + 3
        want = [f"{accuracy.mean():.2f}", "±", f"{accuracy.std(ddof=1):.2f}"]
        assert cells == want + want


def test_every_raw_line_is_kept(run_demo, tmp_path):
    run_demo("--trials=2", "--steps=3", "--eval-every=3")
    files = sorted((tmp_path / "out" / "runs").iterdir())
    assert len(files) == 4
    for file in files:
        records = [json.loads(line) for line in file.read_text().splitlines()]
        assert len(records) == 11 * 3
        assert {r["granularity"] for r in records} == {"elementary"}


def test_page_needs_no_network(run_demo, tmp_path):
    run_demo("--trials=1", "--steps=2", "--eval-every=1")
    page = (tmp_path / "out" / "report.html").read_text()
    loaded = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: loaded.extend(
        value for name, value in attributes if name in ("src", "href")
    )
    parser.feed(page)
    # What starts with # is a place in the page itself.
    assert [value for value in loaded if not value.startswith("#")] == [] and "@import" not in page
    assert "2 mini-batches of 128" in page
    for name in ("accuracy-by-bits", "accuracy-by-step"):
        picture = (tmp_path / "out" / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) > 10000


def test_a_failing_tool_is_reported(run_demo, capsys):
    assert run_demo("--trials=3", "--steps=2", "--eval-every=1", failing="1") == 1
    assert "no such data set" in capsys.readouterr().err
