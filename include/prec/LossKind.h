// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The losses by name: what descriptions, the maker of training steps and the
// evaluation share.
#ifndef PREC_LOSSKIND_H
#define PREC_LOSSKIND_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace mlir::prec {

/// Of outputs o against labels, means over them:
///   softmax-cross-entropy  -log softmax(o)[label], the maximum subtracted
///   first squared-error          the mean over classes of (o - one-hot
///   label)^2
/// Of outputs o against as many values v, means over them:
///   softmax-cross-entropy  -sum v log softmax(o) over the classes, the last
///                          dimension; a mean over the others
///   squared-error          (o - v)^2
///   absolute-error         |o - v|
///   huber                  (o - v)^2 / 2 up to a distance of 1, then
///                          |o - v| - 1/2 (Huber 1964)
///   binary-cross-entropy   -v log s - (1 - v) log(1 - s) with s the logistic
///                          function of o
/// As PyTorch's CrossEntropyLoss, MSELoss, L1Loss, HuberLoss and
/// BCEWithLogitsLoss.
enum class LossKind : uint8_t {
  SoftmaxCrossEntropy,
  SquaredError,
  AbsoluteError,
  Huber,
  BinaryCrossEntropy
};

/// In the order of the kinds.
inline constexpr llvm::StringLiteral lossNames[] = {
    "softmax-cross-entropy", "squared-error", "absolute-error", "huber",
    "binary-cross-entropy"};

inline std::optional<LossKind> parseLoss(llvm::StringRef word) {
  const auto *found = llvm::find(lossNames, word);
  if (found == std::end(lossNames))
    return std::nullopt;
  return LossKind(found - std::begin(lossNames));
}

inline std::string listLosses() {
  return llvm::join(llvm::ArrayRef(lossNames), ", ");
}

/// Whether a loss is also defined for labels.
inline bool takesLabels(LossKind kind) {
  return kind == LossKind::SoftmaxCrossEntropy ||
         kind == LossKind::SquaredError;
}

/// What is meant where nobody says.
inline LossKind usualLoss(bool hasValues) {
  return hasValues ? LossKind::SquaredError : LossKind::SoftmaxCrossEntropy;
}

} // namespace mlir::prec

#endif // PREC_LOSSKIND_H
