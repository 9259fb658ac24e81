// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Text as samples: some bytes, and the byte that follows them, or each of them.
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

/// Rows of `width` bytes that begin at `first` and each byte up to `end`.
static Tensor rowsOf(llvm::ArrayRef<uint8_t> bytes, int64_t first, int64_t end,
                     int64_t width) {
  Tensor rows(DType::U8, {end - first, width});
  for (int64_t i = first; i < end; ++i)
    std::memcpy(rows.bytes().data() + (i - first) * width, bytes.data() + i,
                size_t(width));
  return rows;
}

/// The samples that begin at `first` and before `end`, with the last `labels`
/// of the bytes that follow theirs.
static Samples samplesOf(llvm::ArrayRef<uint8_t> bytes, int64_t first,
                         int64_t end, int64_t length, int64_t labels) {
  int64_t ahead = length + 1 - labels;
  return {rowsOf(bytes, first, end, length),
          {},
          rowsOf(bytes, first + ahead, end + ahead, labels)};
}

Expected<DataSet> mlir::prec::loadText(StringRef path, int64_t length,
                                       int64_t labels) {
  Expected<std::vector<uint8_t>> bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  if (length < 1)
    return createStringError(
        "'" + path + "': a text needs a model whose x is tokens of i32");
  if (labels != 1 && labels != length)
    return createStringError("'" + path + "': found a model with " +
                             Twine(labels) +
                             " rows of logits a sample, expected 1, or one "
                             "for each of " +
                             Twine(length) + " tokens");
  // So that both sets have a sample, and their bytes do not overlap.
  auto size = int64_t(bytes->size());
  int64_t split = size - size / 10;
  if (size / 10 <= length)
    return createStringError("'" + path + "': found " + Twine(size) +
                             " bytes, expected more than " +
                             Twine(10 * length + 10) + " for samples of " +
                             Twine(length) + " bytes");
  constexpr int64_t limit = int64_t(1) << 31;
  if (size > limit / (length + labels))
    return createStringError("'" + path + "': found " + Twine(size) +
                             " bytes, expected at most " +
                             Twine(limit / (length + labels)) +
                             " for samples of " + Twine(length) + " bytes");
  DataSet set;
  set.name = llvm::sys::path::stem(path).str();
  set.classes = 256;
  set.training = samplesOf(*bytes, 0, split - length, length, labels);
  set.test = samplesOf(*bytes, split, size - length, length, labels);
  return set;
}
