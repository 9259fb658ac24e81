// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A linalg.generic under construction, whose loops are those of an operation
// after the exchanges of its axes.
#ifndef PREC_LIB_AUTODIFF_EMISSION_H
#define PREC_LIB_AUTODIFF_EMISSION_H

#include "Axes.h"
#include "ElementProgram.h"

namespace mlir::prec {

/// The generic under construction.
struct Emission {
  ElementProgram &program;
  OpBuilder &b;
  Location loc;
  SmallVector<Axis> axes;

  /// The new loops: the output's dimensions, then the reductions.
  SmallVector<OpFoldResult> sizes;
  unsigned numOutput = 0;
  /// The new loop of an old one: its own, p of a window, or k'.
  SmallVector<int> place;
  /// The axis whose Window solves or flips an old loop.
  SmallVector<int> solves, flips;

  Emission(ElementProgram &program, OpBuilder &b, SmallVector<Axis> axes);

  void addLoop(unsigned old, OpFoldResult size) {
    place[old] = sizes.size();
    sizes.push_back(size);
  }
  AffineExpr loop(unsigned old) const { return b.getAffineDimExpr(place[old]); }

  /// An input at the new loops: perhaps another tensor, and its map.
  std::optional<std::pair<Value, AffineMap>>
  adapt(const ElementProgram::Input &);
  Value dilate(Value source, ArrayRef<const Axis *> windows);
  Value flip(Value source, ArrayRef<const Axis *> windows);
  Value indexOf(OpBuilder &body, unsigned old) const;
  Value finish(Value result, Value target);
};

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_EMISSION_H
