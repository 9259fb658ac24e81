// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Text as samples: some bytes, and the byte that follows them.
#include "DataSetFiles.h"
#include "prec/Execution/Files.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// The samples that begin at `first` and before `end`.
static Samples samplesOf(llvm::ArrayRef<uint8_t> bytes, int64_t first,
                         int64_t end, int64_t length) {
  Samples samples;
  samples.x = Tensor(DType::U8, {end - first, length});
  samples.y = Tensor(DType::I32, {end - first});
  for (int64_t i = first; i < end; ++i) {
    std::memcpy(samples.x.bytes().data() + (i - first) * length,
                bytes.data() + i, size_t(length));
    samples.y.span<int32_t>()[i - first] = bytes[size_t(i + length)];
  }
  return samples;
}

Expected<DataSet> mlir::prec::loadText(StringRef path, int64_t length) {
  Expected<std::vector<uint8_t>> bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  if (length < 1)
    return createStringError(
        "'" + path + "': a text needs a model whose x is tokens of i32");
  // So that both sets have a sample, and their bytes do not overlap.
  auto size = int64_t(bytes->size());
  int64_t split = size - size / 10;
  if (size / 10 <= length)
    return createStringError("'" + path + "': found " + Twine(size) +
                             " bytes, expected more than " +
                             Twine(10 * length + 10) + " for samples of " +
                             Twine(length) + " bytes");
  constexpr int64_t limit = int64_t(1) << 31;
  if (size > limit / length)
    return createStringError(
        "'" + path + "': found " + Twine(size) + " bytes, expected at most " +
        Twine(limit / length) + " for samples of " + Twine(length) + " bytes");
  DataSet set;
  set.name = llvm::sys::path::stem(path).str();
  set.classes = 256;
  set.training = samplesOf(*bytes, 0, split - length, length);
  set.test = samplesOf(*bytes, split, size - length, length);
  return set;
}
