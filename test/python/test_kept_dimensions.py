# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dimensions of one element that importers keep in a reduction change no bit of it, nor of what reads it."""
import itertools

import numpy as np
import pytest

SHAPE = (6, 5, 37)
BODY = {"sum": ("arith.addf", "0.0"), "max": ("arith.maximumf", "0xFF800000"), "product": ("arith.mulf", "1.0")}


def model(reduced, operation, keeps):
    """x minus the reduction of x over the dimensions `reduced`, and that reduction."""
    op, start = BODY[operation]
    dims = "ijk"
    places = [("0" if d in reduced else dims[d]) for d in range(3) if keeps or d not in reduced]
    sizes = [(1 if d in reduced else SHAPE[d]) for d in range(3) if keeps or d not in reduced]
    small = "tensor<" + "".join(f"{n}x" for n in sizes) + "f32>"
    large = "tensor<" + "".join(f"{n}x" for n in SHAPE) + "f32>"
    kinds = ", ".join('"reduction"' if d in reduced else '"parallel"' for d in range(3))
    return f"""
#id = affine_map<(i, j, k) -> (i, j, k)>
#small = affine_map<(i, j, k) -> ({", ".join(places)})>
func.func @f(%x: {large}) -> ({small}, {large}) {{
  %s = arith.constant {start} : f32
  %e = tensor.empty() : {small}
  %f = linalg.fill ins(%s : f32) outs(%e : {small}) -> {small}
  %r = linalg.generic {{indexing_maps = [#id, #small], iterator_types = [{kinds}]}} ins(%x : {large}) outs(%f : {small}) {{
  ^bb0(%u: f32, %o: f32):
    %v = {op} %u, %o : f32
    linalg.yield %v : f32
  }} -> {small}
  %g = tensor.empty() : {large}
  %d = linalg.generic {{indexing_maps = [#id, #small, #id], iterator_types = ["parallel", "parallel", "parallel"]}} ins(%x, %r : {large}, {small}) outs(%g : {large}) {{
  ^bb0(%u: f32, %m: f32, %o: f32):
    %v = arith.subf %u, %m : f32
    linalg.yield %v : f32
  }} -> {large}
  return %r, %d : {small}, {large}
}}
"""


def partial_sums(x, reduced):
    """DESIGN: element k of the reduction to partial sum k mod 16, then 8, 4, 2, 1; ascending where the last dimension stays."""
    rows = np.moveaxis(x, reduced, range(-len(reduced), 0)).reshape(-1, int(np.prod([SHAPE[d] for d in reduced])))
    totals = []
    for row in rows:
        if 2 not in reduced:
            total = np.float32(0)
            for value in row:
                total += value
            totals.append(total)
            continue
        sums = [None] * 16
        for k, value in enumerate(row):
            sums[k % 16] = value if sums[k % 16] is None else sums[k % 16] + value
        for half in (8, 4, 2, 1):
            for i in range(half):
                if sums[i + half] is not None:
                    sums[i] = sums[i + half] if sums[i] is None else sums[i] + sums[i + half]
        totals.append(np.float32(0) + sums[0])
    return np.array(totals, np.float32)


REDUCED = [r for n in (1, 2, 3) for r in itertools.combinations(range(3), n)]


@pytest.mark.parametrize("flags", [[], ["--truncate-mantissa=9", "--rounding=nearest-even"], ["--truncate-mantissa=9", "--granularity=op"]],
                         ids=["f32", "elementary", "op"])  # fmt: skip
@pytest.mark.parametrize("operation", BODY)
@pytest.mark.parametrize("reduced", REDUCED, ids=str)
def test_they_change_no_bit(run, tmp_path, reduced, operation, flags):
    x = np.random.default_rng(len(reduced)).normal(1, 0.5, SHAPE).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    results = []
    for keeps in (True, False):
        source = tmp_path / f"{keeps}.mlir"
        source.write_text(model(reduced, operation, keeps))
        outputs = [tmp_path / f"{keeps}{i}.npy" for i in range(2)]
        run("prec-run", source, f"--input={tmp_path / 'x.npy'}", *(f"--output={o}" for o in outputs), *flags)
        results.append([np.load(o) for o in outputs])
    (kept, centred), (dropped, expected) = results
    np.testing.assert_array_equal(kept.reshape(dropped.shape), dropped)
    np.testing.assert_array_equal(centred, expected)
    if operation == "sum" and not flags:
        np.testing.assert_array_equal(dropped.ravel(), partial_sums(x, reduced))
