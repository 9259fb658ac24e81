# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a derivative is a convention: the values of DifferentiableOpInterface's text, by hand."""
import networks
import numpy as np
import pytest
from mlir_call import Module, prec_opt
from mlir_text import Function

NAN = float("nan")
ZERO = "%z = arith.constant 0.0 : $T\n"
# name -> body, x, y, gradients of x and y (None: y is not used)
RULES = {
    "relu": (ZERO + "%r = arith.maximumf %a, %z : $T", [-1, 0, -0.0, 2, NAN], None, [0, 0, 0, 1, 1], None),
    "relu_swapped": (ZERO + "%r = arith.maximumf %z, %a : $T", [-1, 0, 2], None, [0, 0, 1], None),
    "relu_by_select": (ZERO + "%c = arith.cmpf ugt, %a, %z : $T\n%r = arith.select %c, %a, %z : $T",
                       [-1, 0, 2], None, [0, 0, 1], None),
    "abs": ("%r = math.absf %a : $T", [-2, 0, -0.0, 3], None, [-1, 0, 0, 1], None),
    "maximum": ("%r = arith.maximumf %a, %b : $T", [1, 2, 3], [1, 3, 2], [0.5, 0, 1], [0.5, 1, 0]),
    "minimum": ("%r = arith.minimumf %a, %b : $T", [1, 2, 3], [1, 3, 2], [0.5, 1, 0], [0.5, 0, 1]),
    "maxnum": ("%r = arith.maxnumf %a, %b : $T", [1, 2, NAN, 3], [1, 3, 2, NAN], [1, 0, 0, 1], [0, 1, 1, 0]),
    "power": ("%r = math.powf %a, %b : $T", [0, 2, 0], [2, 0, 0], [0, 0, 0], [0, np.log(2), 0]),
    "floor": ("%r = math.floor %a : $T", [0.5, 1, -2.5], None, [0, 0, 0], None),
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    text = ""
    for name, (body, x, y, _, _) in RULES.items():
        f = Function(f"rule_{name}", x=(len(x),))
        inputs = [f.x] if y is None else [f.x, f.argument("y", (len(x),))]
        text += f.returns(f.weighted_sum(f.elementwise(body, *inputs))).text()
    passes = [f"prec-differentiate{{function=rule_{name}}}" for name in RULES]
    return Module(prec_opt(text, *passes), tmp_path_factory.mktemp("conventions"))


@pytest.mark.parametrize("name", RULES)
def test_convention(compiled, name):
    _, x, y, dx, dy = RULES[name]
    inputs = [np.array(v, "f8") for v in (x, y) if v is not None]
    _, *found = getattr(compiled, f"rule_{name}_grad")(*inputs, np.ones(len(x)))
    for got, want in zip(found, (dx, dy)):
        if want is not None:
            np.testing.assert_allclose(got, want, rtol=2.0**-50, atol=0)


def test_max_pool_gives_ties_to_the_first(tmp_path):
    f = Function("pool", x=(1, 1, 4, 4))
    f.returns(f.weighted_sum(networks.pool(f, f.x, "pool")))
    module = Module(prec_opt(f.text(), "prec-differentiate{function=pool wrt=0}"), tmp_path)
    x = np.array([[0, 3, 2, 2], [3, 3, 2, 2], [1, 0, 0, 4], [1, 0, 0, 4]], "f8")
    _, got = module.pool_grad(x.reshape(1, 1, 4, 4), np.array([5.0, 7, 9, 11]).reshape(1, 1, 2, 2))
    want = [[0, 5, 7, 0], [0, 0, 0, 0], [9, 0, 0, 11], [0, 0, 0, 0]]
    np.testing.assert_array_equal(got.reshape(4, 4), want)


def test_product_with_zeros(tmp_path):
    f = Function("product", x=(3, 3))
    f.returns(f.weighted_sum(f.reduce("arith.mulf", f.x, "i,j -> i", 1.0)))
    module = Module(prec_opt(f.text(), "prec-differentiate{function=product wrt=0}"), tmp_path)
    _, got = module.product_grad(np.array([[2.0, 3, 5], [2, 0, 5], [0, 0, 5]]), np.ones(3))
    np.testing.assert_array_equal(got, [[15, 10, 6], [0, 10, 0], [0, 0, 0]])


def test_contributions_add_from_the_last_use_to_the_first(tmp_path):
    """The bits tell the order; every part is correctly rounded here and in NumPy."""
    f = Function("sum_of_uses", x=(64,))
    square = f.elementwise("%r = arith.mulf %a, %a : $T", f.x)
    parts = [square, f.unary("math.absf", f.x), f.unary("math.sqrt", f.x)]
    total = f.binary("arith.addf", f.binary("arith.addf", parts[0], parts[1]), parts[2])
    f.returns(f.weighted_sum(total))
    module = Module(prec_opt(f.text(), "prec-differentiate{function=sum_of_uses wrt=0}"), tmp_path)
    x = np.random.default_rng(0).uniform(0.1, 1, 64)
    _, got = module.sum_of_uses_grad(x, np.ones(64))
    last = 1 / (2 * np.sqrt(x))
    np.testing.assert_array_equal(got, (last + 1) + 2 * x)
    assert ((last + (1 + 2 * x)) != got).any()
