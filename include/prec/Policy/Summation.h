// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// In which order an operation takes a sum.
#ifndef PREC_POLICY_SUMMATION_H
#define PREC_POLICY_SUMMATION_H

#include "prec/Numerics/Format.h"
#include "prec/Numerics/RoundingMode.h"

namespace mlir::prec {

/// The order of a sum over reduction dimensions (docs/numerics.md, O-*), as a
/// value. Spelled
///
///   sequential            one accumulator, elements ascending
///   pairwise              a balanced tree of neighbours
///   kahan                 sequential, with the error of each sum carried on
///   blocked<N>            sequential sums of N elements, added up
///   blocked<N,F>          these sums' total in format F, to nearest-even
///   blocked<N,F:M>        ... in mode M
///
/// N and the numbers of F may be `?`, known at run time.
struct Summation {
  enum class Order : uint8_t { Sequential, Pairwise, Kahan, Blocked };
  static constexpr int64_t maxBlock = int64_t(1) << 31;
  /// As N: known at run time.
  static constexpr int64_t runtime = -1;

  Order order = Order::Sequential;
  int64_t block = 0; ///< N, >= 1, or `runtime`; 0 in other orders
  /// Of the total of blocks; none: as the accumulator is rounded.
  std::optional<Format> between;
  RoundingMode betweenMode;

  /// Is a fused multiply-add possible?
  bool canFuse() const {
    return order == Order::Sequential || order == Order::Blocked;
  }

  /// Reads the spelling; on failure `error` says what was found and what is
  /// legal.
  static std::optional<Summation> parse(std::string_view text,
                                        std::string *error);
  /// Text that parses back to the same order.
  std::string str() const;

  bool operator==(const Summation &) const = default;
};

} // namespace mlir::prec

#endif // PREC_POLICY_SUMMATION_H
