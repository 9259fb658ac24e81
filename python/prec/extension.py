# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is said where a compiled module of the package is not there."""
from __future__ import annotations


def missing(module: str, error: ImportError) -> ImportError:
    return ImportError(
        f"this needs the compiled module {module}, which is not built for this Python: {error}; build the project by"
        " scripts/setup.sh and set PREC_BUILD_DIR to its folder build"
    )
