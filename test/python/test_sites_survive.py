# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""After each pass of the whole pipeline every rounding still names the site that insertion gave it.

Some go when filled tensors are fused: the survival check has tests of its own.
"""
import re

import mlp_model
import pytest

SITE = re.compile(r'prec\.round .*? at (<\d+, key = (\d+), entry = "[^"]*", phase = "[^"]*", scope = "[^"]*", op = "[^"]*", role = "[^"]*", granularity = "[^"]*">)')


def sites(text):
    """The sites' texts by key."""
    found = {}
    for site, key in SITE.findall(text):
        found.setdefault(key, set()).add(site)
    return found


@pytest.mark.parametrize("flags", [["--truncate-mantissa=7"], ["--truncate-mantissa=7", "--granularity=elementary"],
                                   ["--format=bf16", "--rounding=stochastic", "--granularity=elementary"],
                                   ["--policy=preset:fp8", "--sum=@contraction=blocked<16,bf16>"]], ids=str)  # fmt: skip
def test_sites_say_the_same_after_each_pass(run, tmp_path, flags):
    (tmp_path / "model.mlir").write_text(mlp_model.step_text((12, 5, 3), 4))
    rounded = run("prec-opt", tmp_path / "model.mlir", *flags).stdout
    (tmp_path / "rounded.mlir").write_text(rounded)
    first = sites(rounded)
    assert len(first) > 20 and all(len(texts) == 1 for texts in first.values())
    done = run("prec-opt", tmp_path / "rounded.mlir", "--prec-lower", "--mlir-print-ir-after-all", "-o", "/dev/null")
    dumps = re.split(r"^// -----// IR Dump After (.*?) .*$", done.stderr, flags=re.MULTILINE)
    passes = list(zip(dumps[1::2], dumps[2::2]))
    assert len(passes) > 20
    lowered = False
    for name, dump in passes:
        lowered |= name == "LowerRounding"
        now = sites(dump)
        for key, texts in now.items():
            assert texts == first[key], name
        assert lowered or now.keys() <= first.keys() and len(now) > 0.75 * len(first), name
    assert lowered
