# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The comparison with PyTorch's database of operators finds what is wrong, and says what is compiled."""
import importlib.util
import os
import sys
import types

import pytest
from conftest import BUILD, SOURCE, in_process

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))


def load(name):
    spec = importlib.util.spec_from_file_location(name, SOURCE / f"scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def suite():
    threads = torch.get_num_threads()
    module = load("torch_suite")
    yield module
    module.BACKEND.Compiled.__init__ = module.INIT
    torch.set_num_threads(threads)


def operator(function, *inputs):
    def samples(device, dtype, requires_grad):
        x, *rest = (torch.tensor(i, dtype=dtype, requires_grad=requires_grad) for i in inputs)
        yield types.SimpleNamespace(input=x, args=tuple(rest), kwargs={})

    return types.SimpleNamespace(
        name="f", full_name="f", dtypes={torch.float32, torch.bfloat16, torch.uint8}, supports_autograd=True, sample_inputs=samples,
        get_op=lambda: function, inplace_variant=function,
    )  # fmt: skip


@in_process
@pytest.mark.parametrize("function, phases, wrong", [
    (torch.tanh, {"forward": "compiled", "backward": "compiled"}, []),
    (lambda x: torch.lgamma(x), {"forward": "'torch.aten.lgamma' is not lowered", "backward": "'torch.aten.digamma' is not lowered"}, []),
    (lambda x: x * (2.0 if torch.compiler.is_compiling() else 1.0), {"forward": "compiled", "backward": "compiled"},
     ["result 0 differs by 3 of 3", "gradient 0 differs by 0.75 of 0.75"]),
    (lambda x: (x > (1.0 if torch.compiler.is_compiling() else 0.0), x.detach()), {"forward": "compiled"}, ["result 0 2 of 3 differ"]),
    (lambda x: x.reshape(3, 1), {"forward": "compiled"}, []),
    (torch.bernoulli, {"forward": "compiled", "backward": "compiled"}, []),
])  # fmt: skip
def test_what_became_of_an_operator(suite, function, phases, wrong):
    inputs = [0.5, 0.25, 0.75] if function is torch.bernoulli else [0.5, 1.0, 3.0]
    assert suite.try_operator(operator(function, inputs), 1) == (phases, wrong)


@pytest.mark.parametrize("ours, eager, exact, found", [
    ([1.0, 2.0], [1.0, 2.0000002], [1.0, 2.0000001], None),
    ([1.0, 2.1], [1.0, 2.0], [1.0, 2.0], "differs by 0.1 of 2"),
    ([float("nan")], [1.0], [1.0], "other values that are not finite"),
    ([float("inf")], [-float("inf")], [-float("inf")], "other values that are not finite"),
    ([float("nan"), 1], [float("nan"), 1], [float("nan"), 1], None),
])  # fmt: skip
def test_a_difference_that_rounding_does_not_explain_is_found(suite, ours, eager, exact, found):
    assert suite.differs(torch.tensor(ours), torch.tensor(eager), torch.tensor(exact, dtype=torch.float64)) == found
    assert suite.differs(torch.tensor([1]), torch.tensor([1.0]), None) == "torch.int64 [1] in place of torch.float32 [1]"


@pytest.mark.parametrize("ours, wrong", [(1.0078125, False), (1.015625, True), (float("inf"), True)])
def test_a_narrow_number_may_be_one_step_off(suite, ours, wrong):
    eager, exact = torch.ones(1, dtype=torch.bfloat16), torch.ones(1, dtype=torch.float64)
    assert bool(suite.differs(torch.tensor([ours], dtype=torch.bfloat16), eager, exact)) == wrong


@in_process
@pytest.mark.parametrize("function, dtype, variant, wrong", [
    (lambda x: x.add_(7), torch.uint8, "in-place", []),
    (lambda x: x.add_(7 if torch.compiler.is_compiling() else 8), torch.uint8, "in-place", ["result 0 2 of 2 differ", "argument 0 2 of 2 differ"]),
    (lambda x: x.exp(), torch.bfloat16, "transposed", []),
    (lambda x: x.t().contiguous().t() * 2 if torch.compiler.is_compiling() else x.contiguous() * 2, torch.bfloat16, None,
     ["result 0 strides [1, 2] in place of [2, 1]"]),
])  # fmt: skip
def test_other_types_layouts_and_operators_in_place(suite, function, dtype, variant, wrong):
    inputs = [250, 3] if variant == "in-place" else [[0.5, 1.0], [3.0, 2.0]]
    assert suite.try_operator(operator(function, inputs), 1, (dtype,), variant)[1] == wrong


MLIR_TESTS = """
import torch
from torch_mlir_e2e_test.annotations import annotate_args, export
from torch_mlir_e2e_test.framework import TestUtils
from torch_mlir_e2e_test.registry import register_test_case


class Of(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.factor = function, torch.nn.Parameter(torch.tensor(3.0))

    @export
    @annotate_args([None, ([-1], torch.float32, True)])
    def forward(self, *arguments):
        return self.function(self.factor, *arguments)


@register_test_case(module_factory=lambda: Of(lambda factor, x, n: (factor * x).tanh().sum() + n))
def Right_basic(module, tu: TestUtils):
    module.forward(tu.rand(2, 3), 2)


@register_test_case(module_factory=lambda: Of(lambda factor, x: factor * x.lgamma()))
def Refused_basic(module, tu: TestUtils):
    module.forward(tu.rand(2))


@register_test_case(module_factory=lambda: Of(lambda factor, x: factor.detach() * x * (1 + torch.compiler.is_compiling())))
def Wrong_basic(module, tu: TestUtils):
    module.forward(tu.randint(2, low=1))


@register_test_case(module_factory=lambda: Of(lambda factor, x: x @ x))
def Broken_basic(module, tu: TestUtils):
    module.forward(tu.nans(2, 3))
"""


@in_process
def test_torch_mlirs_tests_are_run(suite, monkeypatch, tmp_path):
    folder = tmp_path / "projects/pt1/python/torch_mlir_e2e_test/test_suite"
    folder.mkdir(parents=True)
    (folder / "sample.py").write_text(MLIR_TESTS)
    monkeypatch.setitem(sys.modules, "torch_suite", suite)
    mlir = load("torch_mlir_suite")
    for name in mlir.stubs(tmp_path):
        monkeypatch.setitem(sys.modules, name, None)
    mlir.load(tmp_path)
    made = {name: mlir.attempt(name, exports=True) for name in mlir.CASES}
    assert [row[:2] for row in made["Right_basic"]] == [("training", "right"), ("file", "right")]
    assert made["Refused_basic"] == [
        ("training", "refused", "the foreign importer: 'torch.aten.lgamma' is not lowered"),
        ("inference", "refused", "the foreign importer: 'torch.aten.lgamma' is not lowered"),
        ("file", "refused", "the foreign importer: 'torch.aten.lgamma' is not lowered"),
    ]
    assert ("inference", "wrong", made["Wrong_basic"][0][2]) in made["Wrong_basic"]
    assert [row[:2] for row in made["Broken_basic"]] == [("inference", "broken")]
