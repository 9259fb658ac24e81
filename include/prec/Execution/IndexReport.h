// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compiled code says about an index that is outside of its tensor.
#ifndef PREC_EXECUTION_INDEXREPORT_H
#define PREC_EXECUTION_INDEXREPORT_H

#include "llvm/Support/Error.h"
#include <cstdint>

namespace mlir::prec {

/// The symbol prec_report_index (prec-check-indices makes the calls): `index`
/// was used along a dimension of `size` elements at `place`, a text with a zero
/// at its end, perhaps empty. The code goes on with an index that is inside.
void reportIndex(const char *place, int64_t index, int64_t size);

/// What this thread's calls reported since the last time, as one error.
llvm::Error takeReportedIndex();

} // namespace mlir::prec

#endif // PREC_EXECUTION_INDEXREPORT_H
