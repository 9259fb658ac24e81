// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a plan knows about the format that a value is in.
#ifndef PREC_TRANSFORMS_PLANSTATE_H
#define PREC_TRANSFORMS_PLANSTATE_H

#include "prec/Transforms/Plan.h"

namespace mlir::prec {

/// Is every element a number of the format, whatever its run-time widths are?
bool isRepresentable(Attribute constant, Format format);

/// `any`: of no format in particular, fits all. `constant`: that number, in
/// every format that has it. `action` null: not known.
struct Plan::State {
  const Action *action = nullptr;
  bool any = false;
  Attribute constant = {};

  static State unknown() { return {}; }
  bool isIn(const Action &other) const {
    if (constant && isRepresentable(constant, other.format))
      return true;
    // A scale differs from site to site.
    return any || (action && !action->scale && !other.scale &&
                   action->format == other.format &&
                   action->parameters == other.parameters);
  }
  State meet(State other) const {
    if (any)
      return other;
    if (other.any)
      return *this;
    // One of them may be a number that the other's format has.
    if (other.action && isIn(*other.action))
      return other;
    return action && other.isIn(*action) ? *this : unknown();
  }
};

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_PLANSTATE_H
