# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Studies: a file of axes becomes runs, runs become rows of a store."""
