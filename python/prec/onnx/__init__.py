# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX models to MLIR: `import_model`."""
from .convert import Imported, import_model

__all__ = ["Imported", "import_model"]
