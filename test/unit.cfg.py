# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# How lit finds and runs the GoogleTest programs of the build tree.
import os

import lit.formats

config.name = "prec-unit"
config.test_format = lit.formats.GoogleTest(".", "Tests")
config.test_source_root = config.test_exec_root = os.path.join(config.prec_build, "test", "unit")
if os.environ.get("PREC_EXHAUSTIVE") == "1":
    config.environment["PREC_EXHAUSTIVE"] = "1"
