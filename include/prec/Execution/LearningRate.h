// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The learning rate as a function of the step.
//
// With base b, w steps of warm-up and n steps in all, step t (from 0) has
//
//   t < w           b (t + 1) / w
//   constant        b
//   step:N[:F]      b F^floor((t - w) / N)                  F: 0.1
//   cosine[:M]      M + (b - M) (1 + cos(pi (t - w) / (n - w))) / 2     M: 0
//
// in f64, rounded to f32; the cosine is that of Numerics, so that the bits do
// not depend on the machine. (Loshchilov and Hutter, SGDR, 2017, without
// restarts; Goyal et al., 2017, for the warm-up.)
#ifndef PREC_EXECUTION_LEARNINGRATE_H
#define PREC_EXECUTION_LEARNINGRATE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace mlir::prec {

struct LearningRate {
  enum class Kind : uint8_t { Constant, Step, Cosine };

  float base = 0.1f;
  Kind kind = Kind::Constant;
  uint64_t warmUp = 0;
  uint64_t every = 1;  ///< Step
  double factor = 0.1; ///< Step
  double minimum = 0;  ///< Cosine

  float at(uint64_t step, uint64_t total) const;
  bool isConstant() const { return kind == Kind::Constant && warmUp == 0; }

  /// Everything that decides about the rate, as text: "0.1", "0.1 cosine:0 of
  /// 500 steps".
  std::string str(uint64_t total) const;

  /// Reads `constant`, `step:N[:F]`, `cosine[:M]`. Errors: another word, a
  /// number that is missing or out of range (N at least 1, F and M from 0).
  llvm::Error setSchedule(llvm::StringRef text);
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_LEARNINGRATE_H
