# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peer: the same 1,000 steps in PyTorch, f32, eager, one thread."""
import sys

import torch
from contestant import batches, fashion_mnist, initial, serve

torch.set_num_threads(1)
steps = int(sys.argv[1])
images, labels, *test = fashion_mnist()
x, y, rows = torch.tensor(images), torch.tensor(labels).long(), torch.tensor(batches(steps)).long()


def train():
    w, b = (torch.tensor(v, requires_grad=True) for v in initial())
    optimiser = torch.optim.SGD([w, b], lr=0.1)
    for row in rows:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(torch.addmm(b, x[row], w), y[row]).backward()
        optimiser.step()
    return w.detach().numpy(), b.detach().numpy()


serve(train, *test)
