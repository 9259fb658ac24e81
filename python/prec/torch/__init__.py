# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch: `export` to a file, and the backend "prec" of `torch.compile`.

    import prec.torch
    model = torch.compile(model, backend="prec", options={"truncate_mantissa": 7})

Options are the precision flags with underscores (a list is a flag given several times),
`threads`, `strict`: what is not supported is an error in place of a warning and eager
execution, and `check`: whether the first call is compared with eager, as it is by default.
"""
from .backend import backend, set_step
from .exporting import export

__all__ = ["backend", "export", "set_step"]
