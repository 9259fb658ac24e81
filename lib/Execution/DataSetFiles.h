// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the readers of data sets share.
#ifndef PREC_LIB_EXECUTION_DATASETFILES_H
#define PREC_LIB_EXECUTION_DATASETFILES_H

#include "prec/Execution/DataSet.h"

namespace mlir::prec {

/// The path of a file of a folder, with .gz if only that exists.
std::string fileIn(llvm::StringRef folder, llvm::StringRef name);

/// Checks x and y of one kind against each other and converts the labels.
/// `classes` 0: any label is allowed, and it grows to what is found.
llvm::Error setSamples(Samples &samples, Tensor x, Tensor y, int64_t &classes,
                       llvm::StringRef xName, llvm::StringRef yName,
                       std::optional<int64_t> ignored = std::nullopt);

/// Labels that are `ignored` stand for none.
llvm::Expected<DataSet> loadNpz(llvm::StringRef path,
                                std::optional<int64_t> ignored);

/// CIFAR-10 (100 false) or CIFAR-100 with its fine labels, in the binary
/// version: records of the labels and 3 x 32 x 32 bytes.
llvm::Expected<DataSet> loadCifar(llvm::StringRef folder, bool isHundred);

/// Samples of `length` bytes; their labels are the byte that follows, or with
/// `labels` = `length` the bytes that follow each of theirs. Those of the last
/// tenth of the text are for testing.
llvm::Expected<DataSet> loadText(llvm::StringRef path, int64_t length,
                                 int64_t labels);

} // namespace mlir::prec

#endif // PREC_LIB_EXECUTION_DATASETFILES_H
