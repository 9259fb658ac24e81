// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The check that no pass loses a rounding.
#ifndef PREC_ANALYSIS_SURVIVAL_H
#define PREC_ANALYSIS_SURVIVAL_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/SetVector.h"

#include <atomic>
#include <memory>
#include <mutex>

namespace mlir::prec {

/// The keys of the sites that have a live prec.round at or below `root`.
llvm::SetVector<uint64_t> liveSiteKeys(Operation *root);

/// Compares the site keys before and after each pass.
///
/// Passes unroll, peel, tile and duplicate, so keys are counted, not
/// operations. A key may go for two reasons only: its rounding is dead code, or
/// the folder took it. Both are what canonicalisation, CSE and dead symbol
/// elimination of the module as it was before the pass do too, or what fusion
/// does to a deterministic rounding of a tensor filled with a constant; a key
/// that survives those and not the pass is an error at the rounding's location
/// that names pass and site.
class SurvivalCheck : public PassInstrumentation {
public:
  /// Where the outcome is kept: the pass manager owns the instrumentation.
  struct Outcome {
    std::atomic<bool> lostOne = false;
  };
  explicit SurvivalCheck(std::shared_ptr<Outcome> outcome)
      : outcome(std::move(outcome)) {}

  void runBeforePass(Pass *pass, Operation *op) override;
  void runAfterPass(Pass *pass, Operation *op) override;
  void runAfterPassFailed(Pass *pass, Operation *op) override;

private:
  struct Snapshot {
    llvm::SetVector<uint64_t> keys;
    OwningOpRef<Operation *> before;
  };
  Snapshot take(Pass *pass, Operation *op);

  std::shared_ptr<Outcome> outcome;
  /// Passes on several functions may run at once.
  std::mutex mutex;
  llvm::DenseMap<std::pair<Pass *, Operation *>, Snapshot> snapshots;
};

/// Adds the check to a pass manager. Ask `lostOne` after the run.
std::shared_ptr<SurvivalCheck::Outcome> addSurvivalCheck(PassManager &pm);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_SURVIVAL_H
