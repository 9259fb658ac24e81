// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// By what values are multiplied before they are rounded.
#ifndef PREC_POLICY_AMAXSCALE_H
#define PREC_POLICY_AMAXSCALE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlir::prec {

/// A power of two that takes the largest magnitude (amax) of a tensor or scalar
/// as high into the format's range as it goes: values are multiplied by it,
/// rounded, and divided by it. Spelled
///
///   amax       amax is that of the value itself ("current scaling")
///   amax<N>    in training steps the largest of the last N steps, not counting
///              this one ("delayed scaling"); elsewhere as amax
///   amax<?>    N is known at run time, 1..4096
struct AmaxScale {
  static constexpr unsigned maxSteps = 4096;
  /// As N: known at run time.
  static constexpr unsigned runtime = ~0u;

  unsigned steps = 0; ///< N; 0: the value's own

  /// Reads the spelling; on failure `error` says what was found and what is
  /// legal.
  static std::optional<AmaxScale> parse(std::string_view text,
                                        std::string *error);
  /// Text that parses back to the same scale.
  std::string str() const;

  bool operator==(const AmaxScale &) const = default;
};

} // namespace mlir::prec

#endif // PREC_POLICY_AMAXSCALE_H
