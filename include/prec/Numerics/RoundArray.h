// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding of whole arrays, with formats that share a scale too. Needs nothing
// but the C++ library: this is the header for programs without MLIR.
//
//     using namespace mlir::prec;
//     std::vector<float> x = ..., y(x.size());
//     RoundArray round(*Format::parse("mxfp4"), RoundingMode());
//     round(std::span<const float>(x), std::span<float>(y), lastAxis);
//
// The bits are those of compiled code and of `prec-run --round-array`.
#ifndef PREC_NUMERICS_ROUNDARRAY_H
#define PREC_NUMERICS_ROUNDARRAY_H

#include "prec/Numerics/Codes.h"
#include "prec/Numerics/Random.h"
#include "prec/Numerics/Round.h"

#include <memory>

namespace mlir::prec {

/// The site of an array that is rounded by itself: that of the argument of a
/// function @round.
inline uint64_t arraySiteKey() {
  return hash64(std::string_view("round"), std::string_view("forward"),
                std::string_view(""), uint64_t(0),
                std::string_view("argument:input"));
}

/// A format and a mode, prepared for arrays. Thread-safe.
class RoundArray {
public:
  /// Precondition: format.whyNotIn(carrier) is empty for the carriers that are
  /// used. `runtime` has the words of each `?` of the format
  /// (Format::runtimeNumbers) and of the mode.
  /// Random words are h32(mix64(seed, siteKey, step), row-major position).
  RoundArray(const Format &format, RoundingMode mode, uint32_t seed = 0,
             uint32_t step = 0, std::span<const uint32_t> runtime = {},
             uint64_t siteKey = arraySiteKey());

  /// The key of one call, where it is known already (compiled code).
  struct Key {
    uint64_t value;
  };
  RoundArray(const Format &format, RoundingMode mode, Key key,
             std::span<const uint32_t> runtime = {});

  /// Rounds `in`, an array in row-major order whose last dimension is
  /// `lastAxis` (1 for a scalar), to `out` of the same size, which may be the
  /// same memory. Of a format with an axis `lastAxis` is the size of that, and
  /// `inner` the product of those after it.
  void operator()(std::span<const float> in, std::span<float> out,
                  size_t lastAxis, size_t inner = 1) const;
  void operator()(std::span<const double> in, std::span<double> out,
                  size_t lastAxis, size_t inner = 1) const;

  /// These two numbers for an array of this shape; none if it lacks the axis.
  struct Extents {
    size_t axis, inner;
  };
  static std::optional<Extents> extentsOf(const Format &format,
                                          std::span<const int64_t> shape);

  /// The codes of the elements after rounding, of formats without an axis, and
  /// with a shared scale the scales as well, in the order of the blocks.
  struct Encoded {
    std::vector<uint64_t> codes;
    /// Codes of f8e8m0fnu (MX) or f8e4m3fn (NVFP4); numbers of the carrier in
    /// formats with one scale for the array.
    std::vector<double> scales;
  };
  Encoded encoded(std::span<const float> in, size_t lastAxis) const;
  Encoded encoded(std::span<const double> in, size_t lastAxis) const;

private:
  template <class T>
  void roundAlong(const Format &written, std::span<const T> in,
                  std::span<T> out, Extents extents) const;
  template <class T>
  void roundAll(std::span<const T> in, std::span<T> out, Extents extents,
                Encoded *codes) const;

  Format format;
  RoundingMode mode;
  uint64_t key;
  std::vector<uint32_t> runtime;
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDARRAY_H
