# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Complex numbers are pairs of real ones: rotations of positions and Fourier transforms, in torch.compile and in files, are those of eager.

A transform here is at most two stages of products of 64 terms and a factor between them. Each sum of n products is off by at most
n u = 64 * 2^-24 in the 2-norm of what it is made of, and stages keep that norm but for their factor (Higham 2002, 24.1): 130 u = 8e-6
of the result's norm, in eager no more. Back again, and in gradients, it is twice that; what is no transform has fewer operations: BOUND."""
import os
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import prec.torch  # noqa: E402

fft = torch.fft
BOUND = 2e-5
WINDOW = torch.hann_window(16)


def random(*shape):
    return torch.randn(shape)


def pairs(*shape):
    return torch.complex(random(*shape), random(*shape))


def real(x):
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x


def rotated(x, angles):
    """Positions as LLaMA has them."""
    turned = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(torch.ones_like(angles), angles)[None, :, None]
    return torch.view_as_real(turned).flatten(3)


def spectrum(x):
    return torch.stft(x, 16, 4, window=WINDOW, return_complex=True)


CASES = {
    "rotated positions": lambda: (rotated, random(2, 5, 3, 8), random(5, 4)),
    "transforms": lambda: (
        lambda x: (fft.fft(x), fft.rfft(x, norm="ortho"), fft.ifft(x, norm="forward"), fft.fft2(x).real, fft.ihfft(x), fft.hfft(x)),
        random(3, 12)),
    "back": lambda: (lambda x: (fft.irfft(fft.rfft(x) * 2j), fft.irfft(fft.rfft(x), 11), fft.irfft2(fft.rfft2(x))), random(4, 12)),
    "a long transform": lambda: (lambda x: (fft.rfft(x).abs(), fft.ifft(fft.fft(x) * x)), random(2, 520)),
    "prime lengths": lambda: (lambda x: (fft.rfft(x), fft.irfft(fft.rfft(x), 67), fft.ifft(fft.fft(x) * x)), random(2, 134)),
    "a convolution": lambda: (lambda x, y: fft.irfft(fft.rfft(x, 32) * fft.rfft(y, 32), 32)[..., :16], random(2, 3, 16), random(3, 16)),
    "a spectrogram and back": lambda: (
        lambda x: (spectrum(x).abs().square(), torch.istft(spectrum(x), 16, 4, window=WINDOW)), random(2, 64)),
    "functions": lambda: (
        lambda z: (z.abs(), z.angle(), z / (z + 2), (1 - z) / 3j, z.conj() * 1j, torch.exp(z / 8), z**2, torch.linalg.norm(z)), pairs(3, 4)),
    "products": lambda: (lambda z, w: (z @ w, z.mT.conj() @ z, w @ torch.ones(2, 2, dtype=z.dtype)), pairs(3, 4), pairs(4, 2).mul(1 + 0.5j)),
    "views and sums": lambda: (
        lambda z: (z.t(), z.sum(), z.mean(0), torch.cat([z, z[:1]]), z[:, [2, 0]], z.reshape(2, 6), z.masked_fill(z.real > 0, 0), z.clone()[1:]),
        pairs(3, 4)),
    "among other numbers": lambda: (
        lambda z: (torch.cat([z, torch.arange(4)[None]]), torch.stack([z[0], torch.arange(4), torch.ones(4, dtype=torch.bool)]),
                   torch.where(z.real > 0, z, torch.arange(4)), z.clone().copy_(torch.arange(4)), z + torch.arange(4), torch.arange(4) * z,
                   torch.nn.functional.pad(z, (1, 2), value=2.0), z.scatter(1, torch.tensor([[1], [0], [3]]), 2.0), torch.where(z.real > 0, z, 2.0)),
        pairs(3, 4)),
    "parts that lie in another order": lambda: (
        lambda x: fft.irfft(fft.rfft(x.transpose(1, 2), dim=-1).conj() * 2, 8, dim=-1).transpose(1, 2).reshape(2, 8, 6), random(2, 8, 6)),
    "real ones of complex ones": lambda: (
        lambda z: (z.to(torch.bool).float(), torch.zeros_like(z, dtype=torch.float32), torch.full_like(z, 3, dtype=torch.float64), z.mH.imag + z.conj().T.imag),
        pairs(3, 4).mul(torch.tensor([0, 1, 1j, 1]))),
    "made of numbers": lambda: (
        lambda x: (torch.complex(x, x[0]), torch.full_like(x, 2 + 1j, dtype=torch.complex64) * x, torch.eye(3, 4) + x * 1j,
                   torch.tensor([1j, 2, 3, 4]) * x), random(3, 4)),
}  # fmt: skip


@in_process
@pytest.mark.parametrize("name", CASES)
def test_results_and_gradients_are_those_of_eager(name):
    torch._dynamo.reset()
    torch.manual_seed(0)
    function, *inputs = CASES[name]()
    made = []
    for call in (function, torch.compile(function, backend="prec", fullgraph=True, options={"strict": True})):
        given = [x.clone().requires_grad_() for x in inputs]
        results = torch.utils._pytree.tree_leaves(call(*given))
        loss = sum((real(r) * torch.linspace(0.5, 1.5, real(r).numel()).reshape(real(r).shape)).sum() for r in results if r.requires_grad)
        made.append((results, torch.autograd.grad(loss, given)))
    (want, want_grads), (ours, our_grads) = made
    for found, expected in zip([*ours, *our_grads], [*want, *want_grads], strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=BOUND * max(1, real(expected).abs().max().item()))
    assert [r.stride() for r in ours] == [r.stride() for r in want]


@in_process
def test_each_of_a_pair_is_rounded():
    torch._dynamo.reset()
    x, angles = random(2, 5, 3, 8), random(5, 4)
    made = torch.compile(rotated, backend="prec", options={"truncate_mantissa": 7})(x, angles)
    assert ((made.view(torch.int32) & 0xFFFF) == 0).all()
    # A product and a sum of two terms of at most 4, each of their numbers rounded to 7 bits: five roundings of 2^-7 of 8.
    torch.testing.assert_close(made, rotated(x, angles), rtol=0, atol=5 * 2.0**-7 * 8)


class Of(torch.nn.Module):
    def __init__(self, function, **buffers):
        super().__init__()
        self.function = function
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, *arguments):
        return self.function(*arguments, *self.buffers())


def test_files_have_the_pair_as_the_last_axis(tmp_path):
    """The export compares."""
    torch.manual_seed(0)
    prec.torch.export(Of(lambda z, turns: (z * turns, z.abs()), turns=pairs(4)), (pairs(3, 4),), tmp_path / "m.mlir")
    assert "tensor<3x4x2xf32>" in (tmp_path / "m.mlir").read_text()
    with np.load(tmp_path / "m.npz") as archive:
        assert archive["turns"].shape == (4, 2)
    batch = torch.export.Dim("batch", min=2, max=64)
    prec.torch.export(Of(lambda x: spectrum(x).abs()), (random(2, 64),), tmp_path / "s.mlir", dynamic_shapes=(({0: batch},),))


@in_process
@pytest.mark.parametrize("function, told", [
    (lambda z: z.sin(), r"'sin' \('sin'\) of complex numbers is not lowered"),
    (lambda z: z.scatter(0, torch.tensor([1]), z[:1], reduce="multiply"), "of complex numbers is not lowered"),
])  # fmt: skip
def test_what_is_not_lowered_is_named(function, told):
    torch._dynamo.reset()
    with pytest.raises(Exception, match=told):
        torch.compile(function, backend="prec", options={"strict": True})(pairs(3))
