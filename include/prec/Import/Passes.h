// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pass of this room, its parts, and its registration.
#ifndef PREC_IMPORT_PASSES_H
#define PREC_IMPORT_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::prec {

#define GEN_PASS_DECL
#include "prec/Import/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "prec/Import/Passes.h.inc"

/// The layer path that a location's name stands for.
struct ScopeName {
  std::string scope;
  bool isBackward = false;
};
ScopeName scopeOfName(llvm::StringRef name);

/// Gives operations without a scope the one of their location. Returns how
/// many got one.
int64_t scopesFromLocations(ModuleOp module);

/// Rewrites tm_tensor and iree_linalg_ext operations as loops. Returns how
/// many; those of a form that is not known stay.
int64_t lowerForeignOperations(ModuleOp module);

/// Makes words of the arguments that stand for random ones, and appends the
/// argument that their keys come from to functions that had any.
LogicalResult drawRandomArguments(ModuleOp module);

/// Declares the run's seed and step, from which a training step's random words
/// follow, unless that is done.
void declareRunNumbers(ModuleOp module);

/// Reports floats inside a model of f32 that are not f32, and makes f64 ones
/// f32 unless `keep`. Returns how many operations changed.
FailureOr<int64_t> mendIslands(ModuleOp module, bool keep);

} // namespace mlir::prec

#endif // PREC_IMPORT_PASSES_H
