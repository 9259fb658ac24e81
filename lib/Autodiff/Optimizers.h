// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Optimisers: how a weight and its states follow from the gradient.
#ifndef PREC_LIB_AUTODIFF_OPTIMIZERS_H
#define PREC_LIB_AUTODIFF_OPTIMIZERS_H

#include "prec/Autodiff/Expression.h"

#include <functional>
#include <string>

namespace mlir::prec {

/// Numbers of all optimisers; each uses some.
struct OptimizerOptions {
  double momentum, beta1, beta2, alpha;
  double epsilon;     ///< negative: the optimiser's default
  double weightDecay; ///< negative: the optimiser's default
};

/// What a formula may use: weight, its gradient, learning rate, its states (the
/// new ones as far as they are computed), and the corrections.
struct UpdateTerms {
  Expression weight, gradient, rate;
  llvm::ArrayRef<Expression> states, corrections;
  const OptimizerOptions &options;
};
using UpdateFormula = Expression (*)(const UpdateTerms &);

/// A row of the table. States start as zeros and are updated before the
/// weight, each by its formula; the first is states[0].
struct Optimizer {
  llvm::StringRef name;
  struct State {
    llvm::StringRef name;
    UpdateFormula next;
  };
  llvm::SmallVector<State, 2> states;
  UpdateFormula weight;
  double epsilon = 0, weightDecay = 0; ///< defaults
  /// Adam's: two scalars 1 - beta^t, which start at 0 and are shared by all
  /// weights: c' = beta c + (1 - beta).
  bool isCorrected = false;
};

/// The row of that name, or null; `listOptimizers` names them all.
const Optimizer *findOptimizer(llvm::StringRef name);
std::string listOptimizers();

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_OPTIMIZERS_H
