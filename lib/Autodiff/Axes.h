// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the loops of an operation become the loops of a gradient.
#ifndef PREC_LIB_AUTODIFF_AXES_H
#define PREC_LIB_AUTODIFF_AXES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace mlir::prec {

/// The gradient of a tensor that an operation reads at M(loops) is a sum of
/// contributions at M(loops). Where M is not one loop for each dimension, the
/// loops are exchanged so that each element is computed at one place. For
/// dimension r of the tensor, of size P:
///
///   kind     M's result r     what happens
///   -------  ---------------  -------------------------------------------
///   Direct   d                loop d stays
///   Strided  s*d + c          loop d stays; results go to c, c+s, c+2s, ...
///   Tiled    K*o + k, k < K   loops o, k stay; the result is reshaped
///   Window   s*o + t*k + c    loop o becomes p = 0..P-1, k runs backward:
///                             o = (p - c - t*k) / s where it divides, so
///                             tensors indexed by o are dilated by s, padded
///                             by t*(K-1) and read at p + t*k', and tensors
///                             indexed by k are flipped (k = K-1-k')
///   Unit     0                a dimension of one element
///
/// A Window makes the gradient of a convolution's image a convolution again:
/// the one that forward kernels know. Where s is more than 1 it is computed
/// phase by phase (Phases.h), without the zeros of the dilation.
struct Axis {
  enum Kind { Direct, Strided, Tiled, Window, Unit } kind = Direct;
  unsigned outer = 0; ///< loop d or o
  unsigned inner = 0; ///< loop k
  int64_t stride = 1, dilation = 1, offset = 0;
  int64_t innerSize = 1;                 ///< K, or how many k are taken
  int64_t innerFirst = 0, innerStep = 1; ///< of them: the first, and the others
  int64_t low = 0; ///< elements of the dimension before p = 0
  int64_t size = ShapedType::kDynamic; ///< P
  AffineExpr expression;               ///< M's result

  /// k at iteration k' of the exchanged loop, which runs backward.
  AffineExpr innerAt(AffineExpr reversed) const {
    return (innerSize - 1 - reversed) * innerStep + innerFirst;
  }
};

/// The exchange for a tensor of the given shape, or why there is none.
/// `solvable` says which loops index the results' gradients by themselves: only
/// these can become the p of a Window.
std::optional<SmallVector<Axis>> findAxes(linalg::LinalgOp op, AffineMap map,
                                          ArrayRef<int64_t> shape,
                                          const llvm::SmallBitVector &solvable);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_AXES_H
