// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The check that no pass loses a rounding.
#include "prec/Analysis/Survival.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::prec;

llvm::SetVector<uint64_t> mlir::prec::liveSiteKeys(Operation *root) {
  llvm::SetVector<uint64_t> keys;
  root->walk([&](RoundOp round) {
    if (SiteAttr site = round.getSiteAttr())
      keys.insert(site.getKey());
  });
  return keys;
}

/// Passes that only fold and remove dead code, and those that turn
/// roundings into arithmetic or calls.
static bool mayRemove(Pass *pass) {
  StringRef name = pass->getArgument();
  // What runs nested pipelines has no argument; its passes are looked at.
  if (name.empty() && pass->getName().contains("OpToOpPassAdaptor"))
    return true;
  return name == "canonicalize" || name == "cse" || name == "symbol-dce" ||
         name == "remove-dead-values" || name == "sccp" ||
         name == "prec-lower-rounding" || name == "prec-call-round-array";
}

void SurvivalCheck::runBeforePass(Pass *pass, Operation *op) {
  if (mayRemove(pass))
    return;
  Snapshot snapshot;
  snapshot.keys = liveSiteKeys(op);
  if (snapshot.keys.empty())
    return;
  snapshot.before = op->clone();
  std::lock_guard lock(mutex);
  snapshots[{pass, op}] = std::move(snapshot);
}

SurvivalCheck::Snapshot SurvivalCheck::take(Pass *pass, Operation *op) {
  std::lock_guard lock(mutex);
  auto it = snapshots.find({pass, op});
  if (it == snapshots.end())
    return {};
  Snapshot snapshot = std::move(it->second);
  snapshots.erase(it);
  return snapshot;
}

void SurvivalCheck::runAfterPassFailed(Pass *pass, Operation *op) {
  take(pass, op);
}

/// Is every element one constant, so that a fused rounding of it folds? Looks
/// through what fills and copies.
static bool isConstantEverywhere(Value value) {
  if (matchPattern(value, m_Constant()))
    return true;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto parent =
        dyn_cast<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    return parent &&
           isConstantEverywhere(parent.getMatchingOpOperand(argument)->get());
  }
  auto structured = value.getDefiningOp<linalg::LinalgOp>();
  // Arithmetic on constants folds, too.
  if (Operation *op = value.getDefiningOp(); !structured && op &&
                                             op->getNumOperands() &&
                                             !op->getNumRegions() && isPure(op))
    return llvm::all_of(op->getOperands(), isConstantEverywhere);
  return structured && isConstantEverywhere(
                           structured.getBlock()->getTerminator()->getOperand(
                               cast<OpResult>(value).getResultNumber()));
}

/// Does the value come from a rounding to this format? Looks through what hands
/// elements on.
static bool isRoundedAlready(Value value, FormatAttr format) {
  if (auto round = value.getDefiningOp<RoundOp>())
    return round.getFormat() == format;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto parent =
        dyn_cast<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    OpOperand *operand =
        parent ? parent.getMatchingOpOperand(argument) : nullptr;
    return operand && parent.isDpsInput(operand) &&
           isRoundedAlready(operand->get(), format);
  }
  auto structured = value.getDefiningOp<linalg::LinalgOp>();
  return structured &&
         isRoundedAlready(structured.getBlock()->getTerminator()->getOperand(
                              cast<OpResult>(value).getResultNumber()),
                          format);
}

/// Puts a constant that all elements read into the body, as fusing does; then
/// arithmetic with it can fold: x * 1 is x.
static void readConstantsInBodies(Operation *root) {
  root->walk([](linalg::GenericOp op) {
    auto builder = OpBuilder::atBlockBegin(op.getBody());
    for (OpOperand *operand : op.getDpsInputOperands()) {
      DenseElementsAttr constant;
      BlockArgument argument = op.getMatchingBlockArgument(operand);
      if (argument.use_empty() ||
          !matchPattern(operand->get(), m_Constant(&constant)) ||
          !constant.isSplat())
        continue;
      argument.replaceAllUsesWith(arith::ConstantOp::create(
          builder, op.getLoc(), constant.getSplatValue<TypedAttr>()));
    }
  });
}

void SurvivalCheck::runAfterPass(Pass *pass, Operation *op) {
  Snapshot snapshot = take(pass, op);
  if (!snapshot.before)
    return;
  llvm::SetVector<uint64_t> after = liveSiteKeys(op);
  auto isLost = [&](uint64_t key) { return !after.contains(key); };
  if (llvm::none_of(snapshot.keys, isLost))
    return;
  // Which of them were dead or constant anyway?
  Operation *before = *snapshot.before;
  readConstantsInBodies(before);
  PassManager cleanup(op->getContext(), before->getName().getStringRef());
  cleanup.addPass(createCanonicalizerPass());
  cleanup.addPass(createCSEPass());
  if (isa<ModuleOp>(before))
    cleanup.addPass(createSymbolDCEPass());
  llvm::SetVector<uint64_t> live;
  if (succeeded(cleanup.run(before)))
    live = liveSiteKeys(before);
  before->walk([&](RoundOp round) {
    SiteAttr site = round.getSiteAttr();
    if (!site || !live.contains(site.getKey()) || !isLost(site.getKey()))
      return;
    if (!round.getMode().getValue().isStochastic() &&
        !round.getFormat().getValue().isRuntime() &&
        (isConstantEverywhere(round.getOperand()) ||
         (round.getFormat().getValue().isElementwise() &&
          isRoundedAlready(round.getOperand(), round.getFormatAttr()))))
      return;
    outcome->lostOne = true;
    round.emitError("pass '")
        << (pass->getArgument().empty() ? pass->getName() : pass->getArgument())
        << "' lost this rounding, site " << site.getNumber() << " ("
        << site.getOp() << ", role " << site.getRole() << ")";
  });
}

std::shared_ptr<SurvivalCheck::Outcome>
mlir::prec::addSurvivalCheck(PassManager &pm) {
  auto outcome = std::make_shared<SurvivalCheck::Outcome>();
  pm.addInstrumentation(std::make_unique<SurvivalCheck>(outcome));
  return outcome;
}
