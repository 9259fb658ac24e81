# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peer: f32 training steps of shipped networks in PyTorch. Usage: steps_torch.py MODEL STEPS THREADS [channels_last|compile]"""
import sys

import torch
from peer import answer
from torch import nn
from torch.nn import functional as F

name, count, threads, *mode = sys.argv[1:]
torch.set_num_threads(int(threads))
BATCH = 128


class Block(nn.Module):
    """Of ResNet: two convolutions beside a shortcut, with a projection where the size changes."""

    def __init__(self, before, after, stride):
        super().__init__()
        conv = lambda n, size, stride: nn.Conv2d(n, after, size, stride, size // 2, bias=False)
        self.main = nn.Sequential(
            conv(before, 3, stride), nn.BatchNorm2d(after), nn.ReLU(), conv(after, 3, 1), nn.BatchNorm2d(after)
        )
        self.short = nn.Sequential(conv(before, 1, stride), nn.BatchNorm2d(after)) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.main(x) + self.short(x))


def resnet20():
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    blocks = [Block(a, b, 1 + (a != b)) for a, b in zip(widths, widths[1:])]
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Attention(nn.Module):
    def __init__(self, units, heads):
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(units, 3 * units)
        self.output = nn.Linear(units, units)

    def forward(self, x):
        batch, rows, units = x.shape
        parts = self.project(x).view(batch, rows, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(*parts, is_causal=True)
        return self.output(y.transpose(1, 2).reshape(batch, rows, units))


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


class Position(nn.Module):
    def __init__(self, rows, units):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, units) * 0.02)

    def forward(self, x):
        return x + self.weight


class Last(nn.Module):
    def forward(self, x):
        return x[:, -1]


def char_gpt():
    block = lambda: (
        Residual(nn.LayerNorm(64), Attention(64, 4)),
        Residual(nn.LayerNorm(64), nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64)),
    )
    return nn.Sequential(
        nn.Embedding(256, 64), Position(64, 64), *block(), *block(), nn.LayerNorm(64), Last(), nn.Linear(64, 256)
    )


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def dense(*sizes):
    layers = [layer for n, m in zip(sizes, sizes[1:]) for layer in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers[:-1])


MODELS = {
    "softmax-regression": (lambda: dense(784, 10), (1, 28, 28)),
    "mlp-100x2": (lambda: dense(784, 100, 100, 10), (1, 28, 28)),
    "lenet5": (lenet5, (1, 28, 28)),
    "resnet20": (resnet20, (3, 32, 32)),
    "char-gpt": (char_gpt, None),
}
torch.manual_seed(0)
make, shape = MODELS[name]
net = make()
x = torch.rand(BATCH, *shape) if shape else torch.randint(256, (BATCH, 64))
y = torch.randint(10, (BATCH,))
if mode == ["channels_last"]:
    net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
optimiser = torch.optim.SGD(net.parameters(), lr=0.01)
lossOf = lambda: F.cross_entropy(net(x), y)
if mode == ["compile"]:
    lossOf = torch.compile(lossOf)


def step():
    optimiser.zero_grad()
    lossOf().backward()
    optimiser.step()


def peak_bytes():
    """The most that PyTorch's allocator holds during a step, above what it holds before."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step()
    held = most = 0
    for event in record.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


step()
memory = None if mode else peak_bytes()
answer(lambda: [step() for _ in range(int(count))], int(count), peak_bytes=memory)
