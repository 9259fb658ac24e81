// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes of this room and their registration.
#ifndef PREC_TRANSFORMS_PASSES_H
#define PREC_TRANSFORMS_PASSES_H

#include "prec/Policy/Policy.h"
#include "prec/Transforms/SiteReport.h"

#include "mlir/Pass/Pass.h"

namespace mlir::prec {

#define GEN_PASS_DECL
#include "prec/Transforms/Passes.h.inc"

/// Inserts the roundings of a policy that was built before. Rows for a report
/// are appended to `report` if there is one.
std::unique_ptr<Pass> createInsertRounding(Policy policy,
                                           SiteReport *report = nullptr);

#define GEN_PASS_REGISTRATION
#include "prec/Transforms/Passes.h.inc"

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_PASSES_H
