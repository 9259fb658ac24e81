# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What cmake --install leaves builds a user's program: with Numerics alone, and with MLIR."""
import subprocess

import pytest

PROGRAMS = {
    "PrecNumerics": """
#include "prec/Numerics/Round.h"
#include <cstdio>
using namespace mlir::prec;
int main() {
  // The 2017 study's example.
  float got = round(1.98749995f, *Format::parse("bits16"), RoundingMode::Kind::TowardZero);
  std::printf("%.9g", got);
}
""",
    "PrecIR": """
#include "prec/IR/PrecDialect.h"
#include "mlir/IR/MLIRContext.h"
#include <cstdio>
int main() {
  mlir::MLIRContext context;
  context.loadDialect<mlir::prec::PrecDialect>();
  std::printf("%zu", size_t(context.isOperationRegistered("prec.round")));
}
""",
}
WANTED = {"PrecNumerics": "1.984375", "PrecIR": "1"}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    from conftest import BUILD

    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True,
                   capture_output=True)  # fmt: skip
    return prefix


@pytest.mark.parametrize("library", PROGRAMS)
def test_a_users_program(prefix, tmp_path, library):
    (tmp_path / "user.cpp").write_text(PROGRAMS[library])
    (tmp_path / "CMakeLists.txt").write_text(f"""
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(Prec REQUIRED CONFIG)
add_executable(user user.cpp)
target_link_libraries(user PRIVATE prec::{library})
if({int(library != "PrecNumerics")})
  target_include_directories(user SYSTEM PRIVATE ${{MLIR_INCLUDE_DIRS}} ${{LLVM_INCLUDE_DIRS}})
endif()
""")
    for command in (
        ["cmake", "-B", "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
         "-DCMAKE_CXX_COMPILER=clang++-22", "-DCMAKE_C_COMPILER=clang-22",
         "-DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir",
         "-DLLVM_DIR=/usr/lib/llvm-22/lib/cmake/llvm"],
        ["cmake", "--build", "build"],
    ):  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([tmp_path / "build" / "user"], capture_output=True, text=True)
    assert done.stdout == WANTED[library]


def test_the_example_builds_and_runs(prefix, tmp_path, source):
    for command in (
        ["cmake", "-S", source / "examples/round-array", "-B", tmp_path, "-G", "Ninja",
         f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_CXX_COMPILER=clang++-22", "-DCMAKE_C_COMPILER=clang-22"],
        ["cmake", "--build", tmp_path],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    program = tmp_path / "round-array"
    done = subprocess.run([program, "mxfp4", "nearest-even", "100", "2.6", "-30"], capture_output=True, text=True)
    assert done.stdout.split() == ["96", "0", "-32"]
    done = subprocess.run([program, "fixed<0,0>", "up", "1"], capture_output=True, text=True)
    assert done.returncode == 1 and "expected 1..54" in done.stderr


def test_installed_tools_run(prefix):
    done = subprocess.run([prefix / "bin" / "prec-translate", "--import-json", "lenet5"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0 and "linalg.conv_2d_nchw_fchw" in done.stdout
