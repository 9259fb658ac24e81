// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The layers of a model as a table.
#ifndef PREC_ANALYSIS_LAYERTABLE_H
#define PREC_ANALYSIS_LAYERTABLE_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// A table for each phase of each function that has a body, with the columns
/// of LayerGraph::Node and a line of totals; at most 80 columns wide where
/// numbers and shapes allow it.
void printLayerTables(ModuleOp module, llvm::raw_ostream &os);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_LAYERTABLE_H
