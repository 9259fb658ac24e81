// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vector units that kernels are tested for; LLVM makes any of them run on
// the machine that there is.
#ifndef PREC_TEST_CODEGEN_VECTORUNITS_H
#define PREC_TEST_CODEGEN_VECTORUNITS_H

#include "Jit.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

namespace mlir::prec::test {

/// Zeros: the host's.
struct VectorUnit {
  unsigned bits, registers;

  CodegenOptions options() const {
    CodegenOptions options = hostOptions();
    if (bits) {
      options.vectorBits = bits;
      options.vectorRegisters = registers;
    }
    return options;
  }
};

inline auto vectorUnits() {
  return testing::Values(VectorUnit{0, 0}, VectorUnit{128, 16},
                         VectorUnit{128, 32}, VectorUnit{256, 16},
                         VectorUnit{512, 32});
}

inline std::string nameOf(const testing::TestParamInfo<VectorUnit> &info) {
  const VectorUnit &unit = info.param;
  return unit.bits
             ? llvm::formatv("Vector{0}x{1}", unit.bits, unit.registers).str()
             : std::string("Host");
}

} // namespace mlir::prec::test

#endif // PREC_TEST_CODEGEN_VECTORUNITS_H
