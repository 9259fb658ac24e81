// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pass that cleans what foreign importers leave.
#include "prec/IR/PrecDialect.h"
#include "prec/IR/Prepare.h"
#include "prec/Import/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_ADOPTMODEL
#include "prec/Import/Passes.h.inc"
} // namespace mlir::prec

/// The names of attributes that an operation's replacement takes over.
static constexpr StringLiteral kept[] = {scopeAttrName, phaseAttrName,
                                         roleAttrName};

/// x^n as products, by squaring; a reciprocal for a negative n.
static Value powerByProducts(OpBuilder &builder, Location loc, Value x,
                             int64_t n) {
  auto one = [&] {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getFloatAttr(x.getType(), 1.0));
  };
  if (n == 0)
    return one();
  Value result, square = x;
  for (uint64_t rest = n < 0 ? -n : n;;) {
    if (rest & 1)
      result =
          result ? arith::MulFOp::create(builder, loc, result, square) : square;
    rest >>= 1;
    if (!rest)
      break;
    square = arith::MulFOp::create(builder, loc, square, square);
  }
  return n < 0 ? arith::DivFOp::create(builder, loc, one(), result) : result;
}

/// math.fpowi of a scalar by a small constant becomes products, another one
/// math.powf.
static void expandPower(math::FPowIOp op) {
  constexpr int64_t kMostProducts = 64;
  OpBuilder builder(op);
  Value x = op.getLhs();
  if (!isa<FloatType>(x.getType()))
    return;
  APInt exponent;
  Value result;
  if (matchPattern(op.getRhs(), m_ConstantInt(&exponent)) &&
      exponent.abs().ule(kMostProducts)) {
    result = powerByProducts(builder, op.getLoc(), x, exponent.getSExtValue());
  } else {
    Value wide =
        arith::SIToFPOp::create(builder, op.getLoc(), x.getType(), op.getRhs());
    result = math::PowFOp::create(builder, op.getLoc(), x, wide);
  }
  for (Operation *made = result.getDefiningOp();
       made && made->getBlock() == op->getBlock() &&
       made != x.getDefiningOp() && !made->hasAttr(scopeAttrName);
       made = made->getPrevNode())
    for (StringRef name : kept)
      if (Attribute value = op->getAttr(name))
        made->setAttr(name, value);
  op.replaceAllUsesWith(result);
  op.erase();
}

/// tensor.concat as slices that are written into the result.
static LogicalResult decomposeConcats(ModuleOp module) {
  SmallVector<tensor::ConcatOp> concats;
  module.walk([&](tensor::ConcatOp op) { concats.push_back(op); });
  IRRewriter rewriter(module.getContext());
  for (tensor::ConcatOp op : concats) {
    rewriter.setInsertionPoint(op);
    Operation *before = op->getPrevNode();
    FailureOr<SmallVector<Value>> parts = op.decomposeOperation(rewriter);
    if (failed(parts))
      return op.emitError("cannot be decomposed into slices");
    Operation *made = before ? before->getNextNode() : &op->getBlock()->front();
    for (; made && made != op.getOperation(); made = made->getNextNode())
      for (StringRef name : kept)
        if (Attribute value = op->getAttr(name))
          made->setAttr(name, value);
    rewriter.replaceOp(op, *parts);
  }
  return success();
}

/// Importers make the place of a maximum beside it, whether it is read or not;
/// a reduction of two results takes its elements one after the other.
static void dropUnreadResults(ModuleOp module) {
  SmallVector<Operation *> ops;
  module.walk([&](linalg::GenericOp op) {
    if (op->getNumResults() > 1 &&
        llvm::any_of(op->getResults(),
                     [](Value result) { return result.use_empty(); }))
      ops.push_back(op);
  });
  RewritePatternSet patterns(module.getContext());
  linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  (void)applyOpPatternsGreedily(ops, std::move(patterns), config);
}

/// The scope that holds for an operation, for messages.
static std::string describeScope(Operation *op) {
  for (Operation *at = op; at; at = at->getParentOp())
    if (auto scope = at->getAttrOfType<StringAttr>(scopeAttrName))
      return " of layer '" + scope.str() + "'";
  return "";
}

namespace {
struct AdoptModel : public prec::impl::AdoptModelBase<AdoptModel> {
  using AdoptModelBase::AdoptModelBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    scoped += scopesFromLocations(module);
    if (failed(inlineCalls(module)) || failed(decomposeConcats(module)))
      return signalPassFailure();
    stripFastMath(module);
    module.walk(expandPower);
    rewritten += lowerForeignOperations(module);
    if (failed(drawRandomArguments(module)))
      return signalPassFailure();
    // Importers leave globals that nothing reads.
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (op.getName().getStringRef() == "ml_program.global")
        op.erase();
    IRRewriter rewriter(module.getContext());
    (void)runRegionDCE(rewriter, module->getRegions());
    dropUnreadResults(module);
    FailureOr<int64_t> changed = mendIslands(module, keepF64);
    if (failed(changed))
      return signalPassFailure();
    demoted += *changed;
    if (refuseLeftovers(module))
      signalPassFailure();
  }

  /// Errors for operations that nothing here knows; true if there are any.
  static bool refuseLeftovers(ModuleOp module) {
    bool found = false;
    module.walk([&](Operation *op) {
      if (op->getName().isRegistered())
        return WalkResult::advance();
      op->emitError() << "'" << op->getName().getStringRef() << "'"
                      << describeScope(op)
                      << " is left by the importer and not supported";
      found = true;
      return WalkResult::skip();
    });
    return found;
  }
};
} // namespace
