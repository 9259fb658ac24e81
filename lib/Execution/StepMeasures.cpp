// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of squares and counts to norms and shares.
#include "StepMeasures.h"
#include "prec/StepResults.h"

#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir::prec;

static bool isGradient(const ValueInfo &info) {
  return llvm::StringRef(info.name).starts_with(gradientSquares);
}

bool mlir::prec::isMeasure(const ValueInfo &result) {
  if (isGradient(result))
    return result.dtype == DType::F64 && result.shape.empty();
  return llvm::StringRef(result.name).starts_with(roundingCounts) &&
         result.dtype == DType::I64 && result.shape.size() == 1 &&
         (result.shape[0] == 3 || result.shape[0] == 4);
}

static RoundingShares sharesOf(llvm::ArrayRef<int64_t> counts) {
  auto share = [&](size_t i) {
    return counts[0] ? double(counts[i]) / double(counts[0]) : 0;
  };
  RoundingShares shares{share(1), share(2), std::nullopt};
  if (counts.size() > 3)
    shares.saturation = share(3);
  return shares;
}

void mlir::prec::readMeasures(llvm::ArrayRef<ValueInfo> infos,
                              llvm::ArrayRef<Tensor> results,
                              TrainingRecord &record) {
  for (auto [info, result] : llvm::zip_equal(infos, results)) {
    llvm::StringRef name = info.name;
    if (name.consume_front(gradientSquares))
      record.gradientNorms.emplace_back(name,
                                        std::sqrt(result.span<double>()[0]));
    else if (name.consume_front(roundingCounts))
      record.rounding.emplace_back(name, sharesOf(result.span<int64_t>()));
  }
}
