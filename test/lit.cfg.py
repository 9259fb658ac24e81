# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# How lit finds and runs the tests: .mlir and .test files by their RUN lines.
import os
import shutil

import lit.formats

config.name = "prec"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "python"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.prec_build, "test")

tools = [os.path.join(config.prec_build, "bin"), config.llvm_bin, "/usr/bin", "/bin"]
config.environment["PATH"] = os.pathsep.join(tools)
config.environment["FILECHECK_OPTS"] = "--enable-var-scope"
if os.environ.get("PREC_EXHAUSTIVE") == "1":
    config.available_features.add("exhaustive")

if shutil.which("dot", path=config.environment["PATH"]):
    config.available_features.add("graphviz")

# A program without the sanitizers' runtime cannot load a library that needs it.
if config.prec_sanitize == "ON":
    config.available_features.add("sanitize")

config.substitutions += [
    ("%models", os.path.join(config.prec_source, "models")),
    ("%python", os.path.join(config.prec_source, ".venv", "bin", "python")),
    ("%build", config.prec_build),
    ("%llvm", config.llvm_bin),
]
