// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words by which a description says how parameters begin.
#ifndef PREC_LIB_IMPORT_INITWORDS_H
#define PREC_LIB_IMPORT_INITWORDS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace mlir::prec {

/// Turns a description's word into one of `prec.init`: `zeros`, `constant:C`,
/// `normal:STD`, `uniform:BOUND`, `orthogonal:GAIN`, the latter three perhaps
/// with
/// `:positive=SHARE`. Those named after people (`he-normal`, ...) become
/// numbers by the layer's fans, which are 0 where it has none. `pytorch` is
/// `standard`. The error says what is legal.
llvm::Expected<std::string> resolveInit(llvm::StringRef word,
                                        llvm::StringRef standard, int64_t fanIn,
                                        int64_t fanOut);

} // namespace mlir::prec

#endif // PREC_LIB_IMPORT_INITWORDS_H
