// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of squares to norms.
#include "StepMeasures.h"
#include "prec/StepResults.h"

#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir::prec;

bool mlir::prec::isMeasure(const ValueInfo &result) {
  return llvm::StringRef(result.name).starts_with(gradientSquares) &&
         result.dtype == DType::F64 && result.shape.empty();
}

void mlir::prec::readMeasures(llvm::ArrayRef<ValueInfo> infos,
                              llvm::ArrayRef<Tensor> results,
                              TrainingRecord &record) {
  for (auto [info, result] : llvm::zip_equal(infos, results)) {
    llvm::StringRef name = info.name;
    if (name.consume_front(gradientSquares))
      record.gradientNorms.emplace_back(name,
                                        std::sqrt(result.span<double>()[0]));
  }
}
