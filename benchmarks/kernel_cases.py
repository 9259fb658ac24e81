# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kernels that are compared: for each a model of ours, the peers' calls, its work and the tolerance.

Products are contractions on tensors, the other kernels what `prec-translate` makes of a layer, gradients what
`prec-differentiate` makes of it: what a training step consists of.

Inputs are integers from -8 to 8. Partial sums of up to 2^18 products of two are then integers below 2^24, which f32 holds: every
order of summation, fused or not, gives the same numbers, so that ours must equal the peer's exactly. Softmax and layer norm
round; u = 2^-24 is the rounding of one operation, n the length of a row:
- softmax: x - max is exact, exp within 2 ulp (4 u), a sum of n positive numbers within n u in any order beside what its terms
  bring, the quotient within u: relatively within (n + 10) u of the truth, twice that of each other.
- layer norm: the sum of n integers is exact, the mean within u; squares and their sum bring (n + 4) u to the variance, half of that
  to its root, and six operations u each: within (n / 2 + 10) u times the largest |weight z| + |bias| of the truth.
"""
import json
import re
import subprocess

import numpy as np
import torch
from peer import BIN
from torch.nn import functional as F

U = 2.0**-24
RANDOM = np.random.default_rng(0)
LAYERS = {
    "LeNet conv1": (128, 1, 28, 32, 5, 1, 2, 1), "LeNet conv2": (128, 32, 14, 64, 5, 1, 2, 1),
    "ResNet-20 stem": (128, 3, 32, 16, 3, 1, 1, 1), "ResNet-20 stage 1": (128, 16, 32, 16, 3, 1, 1, 1),
    "ResNet-20 down 2": (128, 16, 32, 32, 3, 2, 1, 1), "ResNet-20 shortcut": (128, 16, 32, 32, 1, 2, 0, 1),
    "ResNet-20 stage 2": (128, 32, 16, 32, 3, 1, 1, 1), "ResNet-20 stage 3": (128, 64, 8, 64, 3, 1, 1, 1),
    "ResNet-50 stem": (8, 3, 224, 64, 7, 2, 3, 1), "ResNet-50 2 3x3": (8, 64, 56, 64, 3, 1, 1, 1),
    "ResNet-50 2 1x1": (8, 64, 56, 256, 1, 1, 0, 1), "ResNet-50 3 3x3/2": (8, 128, 56, 128, 3, 2, 1, 1),
    "ResNet-50 3 1x1/2": (8, 256, 56, 512, 1, 2, 0, 1), "ResNet-50 4 1x1": (16, 1024, 14, 256, 1, 1, 0, 1),
    "ResNet-50 5 3x3": (32, 512, 7, 512, 3, 1, 1, 1), "VGG conv3_1": (8, 128, 56, 256, 3, 1, 1, 1),
    "ResNeXt-50 32 groups": (8, 128, 56, 128, 3, 1, 1, 32), "MobileNet depthwise": (8, 32, 112, 32, 3, 1, 1, 32),
    "MobileNet depthwise/2": (8, 64, 112, 64, 3, 2, 1, 64), "MobileNet 1x1": (8, 32, 112, 64, 1, 1, 0, 1),
}  # fmt: skip
"""Convolutions: batch, channels, height and width, channels of the result, window, stride, padding, groups."""
DENSE = [(128, 784, 10), (128, 784, 100), (128, 100, 100), (128, 3136, 128), (8192, 64, 256), (8192, 256, 64)]
CONTRACTION = """#a = affine_map<({loops}) -> ({a})>
#b = affine_map<({loops}) -> ({b})>
#c = affine_map<({loops}) -> ({c})>
func.func @f(%a: {ta}, %b: {tb}) -> {tc} {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {tc}
  %z = linalg.fill ins(%zero : f32) outs(%e : {tc}) -> {tc}
  %r = linalg.generic {{indexing_maps = [#a, #b, #c], iterator_types = [{kinds}]}}
      ins(%a, %b : {ta}, {tb}) outs(%z : {tc}) {{
  ^body(%l: f32, %m: f32, %s: f32):
    %p = arith.mulf %l, %m : f32
    %t = arith.addf %s, %p : f32
    linalg.yield %t : f32
  }} -> {tc}
  {end}
}}
"""


def integers(*sizes):
    return RANDOM.integers(-8, 9, sizes).astype("f4")


def tensor(sizes):
    return f"tensor<{''.join(f'{n}x' for n in sizes)}f32>"


def contraction(a, b, c, sizes, end="return %r : {tc}"):
    types = {f"t{n}": tensor([sizes[i] for i in axes]) for n, axes in zip("abc", (a, b, c))}
    kinds = ", ".join('"parallel"' if i in c else '"reduction"' for i in sizes)
    return CONTRACTION.format(
        loops=", ".join(sizes), a=", ".join(a), b=", ".join(b), c=", ".join(c), kinds=kinds, end=end.format(**types), **types
    )


class Case:
    """`inputs` in the order of the model's arguments; `peers` are calls; `work` in operations or bytes."""

    def __init__(self, group, name, model, inputs, peers, work, relative=0, absolute=0):
        self.group, self.name, self.model, self.inputs = group, name, model, inputs
        self.peers, self.work, self.relative, self.absolute = peers, work, relative, absolute


def product(group, name, spec, sizes):
    """`spec` such as mk,kn->mn, axes as they lie in memory."""
    a, b, c = re.split(",|->", spec)
    x, y = (integers(*(sizes[i] for i in axes)) for axes in (a, b))
    left = x if a.endswith("mk") else x.swapaxes(-1, -2)
    right = y.swapaxes(-1, -2) if b.endswith("nk") else y
    return Case(group, name, lambda: contraction(a, b, c, sizes), [x, y], {"OpenBLAS": lambda: left @ right},
                2 * int(np.prod(list(sizes.values()))))  # fmt: skip


def products():
    for m, k, n in DENSE:
        name = f"{m}x{k}x{n}"
        yield product("products of networks", f"{name} forward", "mk,kn->mn", {"m": m, "n": n, "k": k})
        yield product("products of networks", f"{name} backward", "mk,nk->mn", {"m": m, "n": k, "k": n})
        yield product("products of networks", f"{name} weight gradient", "km,kn->mn", {"m": k, "n": n, "k": m})
    batched = {"b": 512, "m": 64, "n": 64, "k": 16}
    yield product("products of networks", "512 of 64x16x64, scores", "bmk,bnk->bmn", batched)
    yield product("products of networks", "512 of 64x64x16, values", "bmk,bkn->bmn", dict(batched, n=16, k=64))
    for n in (64, 100, 128, 256, 500, 512, 1000, 1024, 2000, 2048):
        yield product("square products", f"{n}", "mk,kn->mn", dict.fromkeys("mnk", n))
    for name, spec in (("transposed left", "km,kn->mn"), ("transposed right", "mk,nk->mn")):
        for n in (1000, 1024):
            yield product("square products", f"{n}, {name}", spec, dict.fromkeys("mnk", n))
    for m, k in ((100, 784), (1000, 1000), (1024, 1024), (4096, 1024)):
        yield product("matrix-vector", f"{m}x{k}", "mk,k->m", {"m": m, "k": k})
        yield product("matrix-vector", f"{k}x{m}, transposed", "km,k->m", {"m": m, "k": k})


def translate(inputs, layer, batch):
    given = {name: {"sizes": list(sizes)} for name, sizes in inputs.items()}
    text = json.dumps({"version": 1, "name": "kernel", "inputs": given, "layers": [dict(layer, name="layer")]})
    command = [BIN / "prec-translate", "--import-json", f"--batch={batch}", "-"]
    return subprocess.run(command, input=text, text=True, check=True, capture_output=True).stdout


def gradient(forward, arguments, result, wanted):
    """The gradient of sum(forward(arguments) * g) for one argument. Of the function that prec-differentiate makes the sum is
    dropped, and the multiplication of g by the sum's own gradient, 1; what is not needed any more the compiler removes."""
    types = [tensor(sizes) for sizes in (*arguments, result)]
    call = f"%y = func.call @forward(%w, %x) : ({types[0]}, {types[1]}) -> {types[2]}"
    sizes = dict(zip(("i", "j", "k", "l"), result))
    maps, loss = contraction("ijkl", "ijkl", "", sizes, "%v = tensor.extract %r[] : {tc}\n  return %v : f32").split("func.func", 1)
    loss = loss.replace(f"%a: {types[2]}, %b", f"%w: {types[0]}, %x: {types[1]}, %b").replace("-> tensor<f32> {", f"-> f32 {{\n {call}", 1)
    module = maps + forward.rstrip()[:-1] + "func.func" + loss.replace("ins(%a", "ins(%y") + "}"
    made = subprocess.run(
        [BIN / "prec-opt", "-", f"--pass-pipeline=builtin.module(prec-differentiate{{function=f wrt={wanted}}})"],
        input=module, text=True, check=True, capture_output=True,
    ).stdout  # fmt: skip
    names = "".join(line + "\n" for line in made.splitlines() if line.startswith("#"))
    text = made[made.index("  func.func @f_grad") : made.rstrip().rindex("}")]
    scaled = re.search(r"(%\d+) = linalg\.generic .*ins\(%arg2, %from_elements", text)[1]
    text = re.sub(rf"{scaled}\b(?! =)", "%arg2", text).replace("-> (f32, ", "-> (")
    return names + re.sub(r"return %\w+, (%\w+) : f32, ", r"return \1 : ", text)


def convolution(name, way):
    batch, channels, size, filters, window, stride, padding, groups = LAYERS[name]
    after = (size + 2 * padding - window) // stride + 1
    x, w = integers(batch, channels, size, size), integers(filters, channels // groups, window, window)
    g = integers(batch, filters, after, after)
    rest = ([stride] * 2, [padding] * 2, [1, 1])
    peers = {}
    for kind, order in (("NCHW", torch.contiguous_format), ("channels_last", torch.channels_last)):
        tx, tw, tg = (torch.from_numpy(v).contiguous(memory_format=order) for v in (x, w, g))
        back = lambda *mask, t=(tg, tx, tw): torch.ops.aten.convolution_backward(*t, None, *rest, False, [0, 0], groups, [*mask, False])
        peers[f"oneDNN {kind}"] = {
            "forward": lambda x=tx, w=tw: F.conv2d(x, w, None, *rest, groups),
            "backward data": lambda b=back: b(True, False)[0],
            "backward filter": lambda b=back: b(False, True)[1],
        }[way]  # fmt: skip
    layer = {"type": "conv", "channels": filters, "kernel": window, "stride": stride, "padding": padding, "groups": groups, "bias": False}
    forward = lambda: translate({"x": x.shape[1:]}, layer, batch)
    wanted = ("backward filter", "backward data").index(way) if way != "forward" else None
    model = forward if way == "forward" else lambda: gradient(forward(), (w.shape, x.shape), g.shape, wanted)
    inputs = [w, x] if way == "forward" else [w, x, g]
    return Case(f"convolutions {way}", name, model, inputs, peers, 2 * g.size * w[0].size)


def memory():
    def layer(name, layer, inputs, call, parameters=(), **tolerance):
        arrays = [*parameters, *inputs]
        sizes = {f"x{i}": x.shape[1:] for i, x in enumerate(inputs)}
        tensors = [torch.from_numpy(a) for a in arrays]
        work = sum(a.nbytes for a in arrays) + 4 * call(*tensors).numel()
        if len(inputs) > 1:
            layer["inputs"] = list(sizes)
        model = lambda: translate(sizes, layer, inputs[0].shape[0])
        return Case("memory", name, model, arrays, {"torch": lambda: call(*tensors)}, work, **tolerance)

    image = integers(128, 32, 28, 28)
    yield layer("relu 128x32x28x28", {"type": "relu"}, [image], torch.relu)
    yield layer("relu 8192x256", {"type": "relu"}, [integers(8192, 256)], torch.relu)
    yield layer("add 128x32x28x28", {"type": "add"}, [image, integers(*image.shape)], torch.add)
    yield layer("add 128x16x32x32", {"type": "add"}, [integers(128, 16, 32, 32), integers(128, 16, 32, 32)], torch.add)
    for rows, n in ((32768, 64), (4096, 1000)):
        yield layer(f"softmax {rows}x{n}", {"type": "softmax"}, [integers(rows, n)], lambda x: F.softmax(x, -1), relative=2 * (n + 10) * U)
    for rows, n in ((8192, 64), (4096, 1024)):
        x, affine = integers(rows, n), [integers(n), integers(n)]
        most = 8 * F.layer_norm(torch.from_numpy(x), (n,)).abs().max().item() + 8
        yield layer(f"layer norm {rows}x{n}", {"type": "layer-norm"}, [x], lambda w, b, x, n=n: F.layer_norm(x, (n,), w, b),
                    affine, absolute=2 * (n / 2 + 10) * U * most)  # fmt: skip
    for batch, m, n in ((1, 1000, 1000), (1, 2048, 2048), (128, 64, 256)):
        yield layer(f"transpose {batch}x{m}x{n}", {"type": "transpose", "order": [1, 0]}, [integers(batch, m, n)],
                    lambda x: x.transpose(1, 2).contiguous())  # fmt: skip
    yield layer("max-pool 2x2 128x32x28x28", {"type": "max-pool", "kernel": 2}, [image], lambda x: F.max_pool2d(x, 2))
    yield layer("max-pool 3x3/2 8x64x112x112", {"type": "max-pool", "kernel": 3, "stride": 2, "padding": 1}, [integers(8, 64, 112, 112)],
                lambda x: F.max_pool2d(x, 3, 2, 1))  # fmt: skip


def cases():
    yield from products()
    for way in ("forward", "backward data", "backward filter"):
        yield from (convolution(name, way) for name in LAYERS)
    yield from memory()
