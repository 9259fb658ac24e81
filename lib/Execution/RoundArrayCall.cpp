// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compiled code calls to round an array whose elements share a scale.
#include "prec/Execution/RoundArrayCall.h"
#include "prec/Numerics/RoundArray.h"

#include "llvm/Support/ErrorHandling.h"
#include <string_view>

using namespace mlir::prec;

/// A contiguous memref behind MLIR's descriptor: {block, data, offset, sizes,
/// strides}.
template <class T> static std::span<T> elementsOf(const ArrayOfCall &array) {
  size_t count = 1;
  for (int64_t d = 0; d < array.rank; ++d)
    count *= size_t(array.words[3 + d]);
  // A descriptor holds pointers as integers.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return {reinterpret_cast<T *>(array.words[1]) + array.words[2], count};
}

template <class T>
void mlir::prec::roundArrayOfCall(const char *text, uint64_t key,
                                  const ArrayOfCall *in,
                                  const ArrayOfCall *out) {
  std::string_view format(text);
  std::string_view mode(text + format.size() + 1);
  std::optional<Format> parsedFormat = Format::parse(format);
  std::optional<RoundingMode> parsedMode = RoundingMode::parse(mode);
  if (!parsedFormat || !parsedMode)
    llvm::report_fatal_error("compiled code names an unknown format or mode");
  size_t lastAxis = in->rank ? size_t(in->words[2 + in->rank]) : 1;
  RoundArray round(*parsedFormat, *parsedMode, RoundArray::Key{key});
  round(std::span<const T>(elementsOf<T>(*in)), elementsOf<T>(*out), lastAxis);
}

template void mlir::prec::roundArrayOfCall<float>(const char *, uint64_t,
                                                  const ArrayOfCall *,
                                                  const ArrayOfCall *);
template void mlir::prec::roundArrayOfCall<double>(const char *, uint64_t,
                                                   const ArrayOfCall *,
                                                   const ArrayOfCall *);
