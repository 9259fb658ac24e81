// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compiled code says about an index that is outside of its tensor.
#include "prec/Execution/IndexReport.h"

#include "llvm/ADT/Twine.h"
#include <string>

using namespace mlir::prec;

/// The first report of a call; empty: none. Reports come from the thread that
/// calls: they stand outside of parallel loops.
static thread_local std::string reported;

void mlir::prec::reportIndex(const char *place, int64_t index, int64_t size) {
  if (!reported.empty())
    return;
  reported = ("found the index " + llvm::Twine(index) +
              ", expected one of a dimension of size " + llvm::Twine(size))
                 .str();
  if (*place)
    reported = std::string(place) + ": " + reported;
}

llvm::Error mlir::prec::takeReportedIndex() {
  if (reported.empty())
    return llvm::Error::success();
  std::string text;
  std::swap(text, reported);
  return llvm::createStringError(text);
}
