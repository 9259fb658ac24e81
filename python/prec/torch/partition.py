# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is forward and what backward of a joint graph: PyTorch's own partition, but for random numbers."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TYPE_CHECKING

from prec.frontend import require

from .draws import is_random

if TYPE_CHECKING:
    from torch.fx import GraphModule


def partition(joint: GraphModule, inputs: Sequence[Any], **keywords: Any) -> tuple[GraphModule, GraphModule]:
    """Checkpointed layers are computed again in the backward graph, with the numbers that the forward graph drew."""
    torch = require("torch")
    from torch._functorch.partitioners import default_partition

    for node in joint.graph.nodes:
        if is_random(torch, node):
            node.meta["recompute"] = torch.utils.checkpoint.CheckpointPolicy.MUST_SAVE
    return default_partition(joint, inputs, **keywords)
