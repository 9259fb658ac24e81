// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounds an array from a file: what prec-run --round-array does.
#ifndef PREC_DRIVER_ROUNDARRAYFILE_H
#define PREC_DRIVER_ROUNDARRAYFILE_H

#include "prec/Policy/Policy.h"
#include "llvm/Support/Error.h"

namespace mlir::prec {

struct RoundArrayOptions {
  std::string input, output;
  /// Where the scales go when codes are written; empty: nowhere.
  std::string scales;
  /// Codes, one for each element in the smallest unsigned integer that holds
  /// it, instead of numbers.
  bool encode = false;
  uint32_t step = 0;
  Policy policy;
};

/// Rounds an array of f32 or f64 as the only argument of a function @round is
/// rounded that returns it; dtype and shape are kept. A scalar is an array of
/// one element, an empty array stays empty. Errors: another dtype, a format
/// that does not fit, files.
llvm::Error roundArrayFile(const RoundArrayOptions &options);

} // namespace mlir::prec

#endif // PREC_DRIVER_ROUNDARRAYFILE_H
