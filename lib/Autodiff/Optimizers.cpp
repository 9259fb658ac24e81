// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of optimisers, with PyTorch's formulas.
#include "Optimizers.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::prec;
using E = Expression;
using T = UpdateTerms;

static E squareRoot(E a) { return a.make<math::SqrtOp>(); }

/// The gradient of the loss with its penalty weightDecay/2 |w|^2.
static E decayed(const T &t) {
  if (t.options.weightDecay == 0)
    return t.gradient;
  return t.gradient + t.weight * t.options.weightDecay;
}
static E descend(const T &t, E direction) {
  return t.weight - t.rate * direction;
}
/// rate * a average + (1 - a) new, as a * average + (1 - a) * new.
static E average(double keep, E old, E fresh) {
  return old * keep + fresh * (1.0 - keep);
}

static E sgd(const T &t) { return descend(t, decayed(t)); }
static E velocity(const T &t) {
  return t.states[0] * t.options.momentum + decayed(t);
}
static E momentum(const T &t) { return descend(t, t.states[0]); }
static E nesterov(const T &t) {
  return descend(t, decayed(t) + t.states[0] * t.options.momentum);
}

/// torch.lerp: m + (g - m) (1 - beta1).
static E firstMoment(const T &t, E g) {
  return t.states[0] + (g - t.states[0]) * (1.0 - t.options.beta1);
}
static E adamFirst(const T &t) { return firstMoment(t, decayed(t)); }
static E adamSecond(const T &t) {
  E g = decayed(t);
  return average(t.options.beta2, t.states[1], g * g);
}
static E adamwFirst(const T &t) { return firstMoment(t, t.gradient); }
static E adamwSecond(const T &t) {
  return average(t.options.beta2, t.states[1], t.gradient * t.gradient);
}
static E adamStep(const T &t, E weight) {
  E size = t.rate / t.corrections[0];
  E root = squareRoot(t.states[1]) / squareRoot(t.corrections[1]);
  return weight - size * (t.states[0] / (root + t.options.epsilon));
}
static E adam(const T &t) { return adamStep(t, t.weight); }
static E adamw(const T &t) {
  if (t.options.weightDecay == 0)
    return adamStep(t, t.weight);
  return adamStep(t, t.weight * (1.0 - t.rate * t.options.weightDecay));
}

static E meanSquare(const T &t) {
  E g = decayed(t);
  return average(t.options.alpha, t.states[0], g * g);
}
static E sumOfSquares(const T &t) {
  E g = decayed(t);
  return t.states[0] + g * g;
}
static E byRoot(const T &t) {
  E root = squareRoot(t.states[0]) + t.options.epsilon;
  return descend(t, decayed(t) / root);
}

static ArrayRef<Optimizer> table() {
  static const Optimizer rows[] = {
      {"sgd", {}, sgd},
      {"momentum", {{"momentum_buffer", velocity}}, momentum},
      {"nesterov", {{"momentum_buffer", velocity}}, nesterov},
      {"adam",
       {{"exp_avg", adamFirst}, {"exp_avg_sq", adamSecond}},
       adam,
       1e-8,
       0,
       true},
      {"adamw",
       {{"exp_avg", adamwFirst}, {"exp_avg_sq", adamwSecond}},
       adamw,
       1e-8,
       0.01,
       true},
      {"rmsprop", {{"square_avg", meanSquare}}, byRoot, 1e-8},
      {"adagrad", {{"sum", sumOfSquares}}, byRoot, 1e-10},
  };
  return rows;
}

const Optimizer *mlir::prec::findOptimizer(StringRef name) {
  for (const Optimizer &row : table())
    if (row.name == name)
      return &row;
  return nullptr;
}

std::string mlir::prec::listOptimizers() {
  return llvm::join(
      llvm::map_range(table(), [](const Optimizer &o) { return o.name; }),
      ", ");
}
