// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compiled code calls to round an array whose elements share a scale.
#include "prec/Execution/RoundArrayCall.h"
#include "prec/Numerics/RoundArray.h"

#include "llvm/Support/ErrorHandling.h"
#include <string_view>

using namespace mlir::prec;

template <class T>
void mlir::prec::roundArrayOfCall(const char *text, uint64_t key,
                                  int64_t lastAxis, int64_t inner,
                                  uint64_t numbers, uint64_t moreNumbers,
                                  const T *, const T *in, int64_t, int64_t size,
                                  int64_t, T *, T *out, int64_t, int64_t,
                                  int64_t) {
  std::string_view format(text);
  std::string_view mode(text + format.size() + 1);
  std::optional<Format> parsedFormat = Format::parse(format);
  std::optional<RoundingMode> parsedMode = RoundingMode::parse(mode);
  if (!parsedFormat || !parsedMode)
    llvm::report_fatal_error("compiled code names an unknown format or mode");
  const uint32_t all[] = {uint32_t(numbers), uint32_t(numbers >> 32),
                          uint32_t(moreNumbers), uint32_t(moreNumbers >> 32)};
  size_t count =
      parsedFormat->numRuntimeWords() + parsedMode->numRuntimeParameters();
  if (count > std::size(all))
    llvm::report_fatal_error("compiled code names a format of many numbers");
  RoundArray round(*parsedFormat, *parsedMode, RoundArray::Key{key},
                   std::span(all, count));
  round(std::span<const T>(in, size_t(size)), std::span<T>(out, size_t(size)),
        size_t(lastAxis), size_t(inner));
}

template void mlir::prec::roundArrayOfCall<float>(
    const char *, uint64_t, int64_t, int64_t, uint64_t, uint64_t, const float *,
    const float *, int64_t, int64_t, int64_t, float *, float *, int64_t,
    int64_t, int64_t);
template void mlir::prec::roundArrayOfCall<double>(
    const char *, uint64_t, int64_t, int64_t, uint64_t, uint64_t,
    const double *, const double *, int64_t, int64_t, int64_t, double *,
    double *, int64_t, int64_t, int64_t);
