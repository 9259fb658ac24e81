# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Studies of rounded training: runs the compiled tools and shows what came out."""

__version__ = "0.1.0"
