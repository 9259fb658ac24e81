// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The groups of rules that registration puts together.
#ifndef PREC_LIB_AUTODIFF_RULES_H
#define PREC_LIB_AUTODIFF_RULES_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::prec {
void registerScalarRules(DialectRegistry &registry);
void registerLinalgRules(DialectRegistry &registry);
void registerTensorRules(DialectRegistry &registry);
void registerControlRules(DialectRegistry &registry);
} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_RULES_H
