# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every derivative rule against central differences in f64.

The function itself is lowered by stock LLVM. For a step h,
D(h) = (f(x+h) - f(x-h)) / 2h has truncation error c h^2 + O(h^4), so
|D(2h) - D(h)| is three times that of D(h); each f has a rounding error of at most
a few hundred units in the last place of its terms.
"""
import autodiff_cases_linalg  # noqa: F401
import autodiff_cases_scalar  # noqa: F401
import autodiff_cases_tensor  # noqa: F401
import numpy as np
import pytest
from autodiff_cases import CASES
from mlir_call import Module, prec_opt

H = 2.0**-12
ROUNDING = 256 * 2.0**-53 * 8 / H


def options(wrt):
    return f" wrt={','.join(map(str, wrt))}" if wrt else ""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    text = "".join(function.text() for function, _, _ in CASES.values())
    passes = [
        f"prec-differentiate{{function={name}{options(wrt)}}}" for name, (_, _, wrt) in CASES.items()
    ]
    return Module(prec_opt(text, *passes), tmp_path_factory.mktemp("autodiff"))


def differences(f, arrays, which, step):
    """The gradient with respect to one argument by central differences."""
    x = np.asarray(arrays[which])
    result = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            values.append(f(*arrays[:which], moved, *arrays[which + 1 :])[0])
        result[place] = (values[0] - values[1]) / (2 * step)
    return result


@pytest.mark.parametrize("name", CASES)
def test_against_central_differences(compiled, name):
    _, arrays, wrt = CASES[name]
    f, gradient = getattr(compiled, name), getattr(compiled, f"{name}_grad")
    value, *found = gradient(*arrays)
    assert value == f(*arrays)[0]
    wrt = range(len(arrays)) if wrt is None else wrt
    assert len(found) == len(wrt)
    # Truncation to f32 and back makes steps that are no derivative's business.
    step = 0.25 if name == "arith_casts" else H
    for which, got in zip(wrt, found):
        near = differences(f, arrays, which, step)
        far = differences(f, arrays, which, 2 * step)
        bound = np.abs(far - near) + ROUNDING * max(1, np.abs(near).max())
        if name == "arith_casts":
            bound += 2.0**-22
        assert (np.abs(got - near) <= bound).all(), (which, got, near, bound)
