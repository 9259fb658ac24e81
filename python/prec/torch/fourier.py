# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Discrete Fourier transforms of pairs of real tensors, as products with matrices of cosines and sines."""
import math

from prec.frontend import FrontendError

DIRECT = 256  # a longer transform is one of its factors' lengths
PRIME = 4096  # whose matrix is large


def _table(torch, function, rows, columns, n, dtype):
    """function(2 pi j k / n), from the n numbers that it has."""
    with torch.utils._python_dispatch._disable_current_modes():
        quarter = [function(2 * math.pi * k / n) if 4 * k % n else round(function(2 * math.pi * k / n)) for k in range(n)]
        made = torch.tensor(quarter, dtype=dtype)
    table = torch.ops.aten.lift_fresh_copy.default(made)
    return table[torch.arange(rows).unsqueeze(1) * torch.arange(columns) % n]


def _direct(torch, re, im, sign, count):
    """The first `count` numbers of the transform of the last axis; `im` may be None."""
    n = re.shape[-1]
    if n > PRIME:
        raise FrontendError(f"a Fourier transform whose length has the prime factor {n} is not lowered")
    cosine = _table(torch, math.cos, n, count, n, re.dtype)
    sine = _table(torch, math.sin, n, count, n, re.dtype) * sign
    if im is None:
        return re @ cosine, re @ sine
    return re @ cosine - im @ sine, re @ sine + im @ cosine


def _last(torch, re, im, sign, count):
    n = re.shape[-1]
    small = max(k for k in range(1, math.isqrt(n) + 1) if n % k == 0)
    if n <= DIRECT or small == 1:
        return _direct(torch, re, im, sign, count)
    im = torch.zeros_like(re) if im is None else im
    large = n // small
    # n = large * a + b, k = small * d + c
    re, im = (x.reshape(*x.shape[:-1], small, large).transpose(-1, -2) for x in (re, im))
    re, im = (x.transpose(-1, -2) for x in _direct(torch, re, im, sign, small))
    cosine = _table(torch, math.cos, small, large, n, re.dtype)
    sine = _table(torch, math.sin, small, large, n, re.dtype) * sign
    re, im = re * cosine - im * sine, re * sine + im * cosine
    made = _last(torch, re, im, sign, large)
    return tuple(x.transpose(-1, -2).flatten(-2)[..., :count] for x in made)


def transform(torch, re, im, axes, sign, is_half=False):
    """Of `axes`, the last of them first; `is_half`: only the first half of the last one, which a real tensor's says all of."""
    for k, axis in enumerate(reversed(axes)):
        n = re.shape[axis]
        re, im = (x if x is None else x.movedim(axis, -1) for x in (re, im))
        re, im = _last(torch, re, im, sign, n // 2 + 1 if is_half and k == 0 else n)
        re, im = re.movedim(-1, axis), im.movedim(-1, axis)
    return re, im


def real_of_half(torch, re, im, axis, n):
    """The real tensor of n numbers whose transform begins so: back, without a factor."""
    re, im = re.movedim(axis, -1), im.movedim(axis, -1)
    half = n // 2 + 1
    cosine = _table(torch, math.cos, half, n, n, re.dtype)
    sine = _table(torch, math.sin, half, n, n, re.dtype)
    twice = torch.where((torch.arange(half) * 2) % n == 0, 1.0, 2.0).to(re.dtype)
    return ((re * twice) @ cosine - (im * twice) @ sine).movedim(-1, axis)


def factor(normalization, count):
    """Of `_fft_r2c`'s argument: none, by the root, by the number."""
    return (1.0, count**-0.5, 1.0 / count)[normalization]
