# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounding of arrays (prec.round), and studies of rounded training that run the compiled tools."""
import os as _os
from pathlib import Path as _Path
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from prec.arrays import describe_format, encode, list_formats, round

# In the source tree the compiled extension lies in the build tree.
_build = _Path(_os.environ.get("PREC_BUILD_DIR", _Path(__file__).resolve().parents[2] / "build"))
__path__.append(str(_build / "python" / "prec"))

_ARRAYS = ("describe_format", "encode", "list_formats", "round")
__all__ = [*_ARRAYS]


def __getattr__(name: str) -> object:
    """Loads the extension when it is first asked for: the tools' front ends do not need it."""
    if name in _ARRAYS:
        from prec import arrays

        return getattr(arrays, name)
    raise AttributeError(f"module 'prec' has no attribute '{name}'")
