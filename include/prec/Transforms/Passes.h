// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes of this room and their registration.
#ifndef PREC_TRANSFORMS_PASSES_H
#define PREC_TRANSFORMS_PASSES_H

#include "prec/Policy/Policy.h"
#include "prec/Transforms/SiteReport.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::prec {

#define GEN_PASS_DECL
#include "prec/Transforms/Passes.h.inc"

/// Declares the run-time numbers of a policy that the module lacks.
void declareParameters(ModuleOp module, const Policy &policy);

/// Inserts the roundings of the policy's rules with a gradient, and no others,
/// into a function that is about to be differentiated: whose operations are
/// those of phase forward, and whose results are the ones it will have.
/// InsertRounding inserts the others afterwards.
LogicalResult insertBeforeDifferentiation(func::FuncOp function,
                                          const Policy &policy);

/// Inserts the roundings of a policy that was built before. Rows for a report
/// are appended to `report` if there is one.
std::unique_ptr<Pass> createInsertRounding(Policy policy,
                                           SiteReport *report = nullptr);

#define GEN_PASS_REGISTRATION
#include "prec/Transforms/Passes.h.inc"

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_PASSES_H
