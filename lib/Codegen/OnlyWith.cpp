// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes of upstream's that run only where there is something for them.
#include "OnlyWith.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SubsetOpInterface.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using mlir::prec::Predicate;

namespace {
class OnlyWith : public PassWrapper<OnlyWith, OperationPass<>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OnlyWith)
  OnlyWith(Predicate isWanted, std::unique_ptr<Pass> pass)
      : isWanted(isWanted) {
    pipeline.addPass(std::move(pass));
  }
  OnlyWith(const OnlyWith &other) = default;

  StringRef getName() const override { return "OnlyWith"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    pipeline.getDependentDialects(registry);
  }
  void runOnOperation() override {
    WalkResult found = getOperation()->walk([&](Operation *op) {
      return isWanted(op) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (!found.wasInterrupted())
      return markAllAnalysesPreserved();
    if (failed(runPipeline(pipeline, getOperation())))
      signalPassFailure();
  }

private:
  Predicate isWanted;
  OpPassManager pipeline{OpPassManager::Nesting::Implicit};
};
} // namespace

std::unique_ptr<Pass> mlir::prec::onlyWith(Predicate isWanted,
                                           std::unique_ptr<Pass> pass) {
  return std::make_unique<OnlyWith>(isWanted, std::move(pass));
}

bool mlir::prec::needsVectorSteps(Operation *op) {
  if (!isa_and_nonnull<vector::VectorDialect>(op->getDialect()))
    return false;
  auto isWide = [](Type type) {
    auto vector = dyn_cast<VectorType>(type);
    return vector && (vector.getRank() != 1 || vector.isScalable());
  };
  return llvm::any_of(op->getOperandTypes(), isWide) ||
         llvm::any_of(op->getResultTypes(), isWide) ||
         !isa<vector::LoadOp, vector::StoreOp, vector::MaskedLoadOp,
              vector::MaskedStoreOp, vector::ShuffleOp, vector::BroadcastOp,
              vector::ExtractOp, vector::InsertOp, vector::FromElementsOp,
              vector::CreateMaskOp, vector::ConstantMaskOp, vector::StepOp>(op);
}

bool mlir::prec::needsArithSteps(Operation *op) {
  if (!isa_and_nonnull<arith::ArithDialect>(op->getDialect()))
    return false;
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    auto isUsual = [](Type type) {
      type = getElementTypeOrSelf(type);
      return type.isF32() || type.isF64();
    };
    return !llvm::all_of(op->getOperandTypes(), isUsual) ||
           !llvm::all_of(op->getResultTypes(), isUsual);
  }
  return !isa<arith::ConstantOp, arith::AddIOp, arith::SubIOp, arith::MulIOp,
              arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::ShLIOp,
              arith::ShRSIOp, arith::ShRUIOp, arith::DivSIOp, arith::RemSIOp,
              arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
              arith::NegFOp, arith::CmpIOp, arith::CmpFOp, arith::SelectOp,
              arith::IndexCastOp, arith::ExtSIOp, arith::ExtUIOp,
              arith::TruncIOp, arith::SIToFPOp, arith::BitcastOp>(op);
}

/// The way from `value` back to where it began.
static bool mayBeginEmpty(Value value) {
  while (auto result = dyn_cast<OpResult>(value)) {
    auto op = dyn_cast<DestinationStyleOpInterface>(result.getOwner());
    if (!op)
      return !isa<tensor::ExtractSliceOp>(result.getOwner());
    value = op.getTiedOpOperand(result)->get();
  }
  return !isa<FunctionOpInterface>(
      cast<BlockArgument>(value).getOwner()->getParentOp());
}

bool mlir::prec::insertsWhatBeganEmpty(Operation *op) {
  auto insertion = dyn_cast<SubsetInsertionOpInterface>(op);
  return insertion && mayBeginEmpty(insertion.getSourceOperand().get());
}
