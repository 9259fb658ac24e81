# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peer: steps of lenet5 in PyTorch, f32, eager, one thread.

Usage: lenet_torch.py STEPS [channels_last]
"""
import sys

import torch
from peer import answer
from torch import nn

torch.set_num_threads(1)
net = nn.Sequential(
    nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
)  # fmt: skip
optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.rand(128, 1, 28, 28), torch.randint(10, (128,))
if "channels_last" in sys.argv:
    net = net.to(memory_format=torch.channels_last)
    x = x.to(memory_format=torch.channels_last)


def steps():
    for _ in range(int(sys.argv[1])):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()


answer(steps)
