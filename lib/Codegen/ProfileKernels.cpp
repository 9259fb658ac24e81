// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Calls around each kernel that tell the engine its name, its floating-point
// operations and its bytes.
#include "ElementBytes.h"
#include "Places.h"
#include "Profile.h"
#include "Texts.h"
#include "prec/Analysis/Work.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_PROFILEKERNELS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

bool mlir::prec::isProfileCall(Operation *op) {
  auto call = dyn_cast<func::CallOp>(op);
  return call &&
         (call.getCallee() == kProfileBegin || call.getCallee() == kProfileEnd);
}

void mlir::prec::eraseProfiled(RewriterBase &rewriter, Operation *op) {
  auto erase = [&](Operation *other, StringRef name) {
    auto call = dyn_cast_or_null<func::CallOp>(other);
    if (call && call.getCallee() == name)
      rewriter.eraseOp(call);
  };
  erase(op->getPrevNode(), kProfileBegin);
  erase(op->getNextNode(), kProfileEnd);
  rewriter.eraseOp(op);
}

/// Those of one run of a linalg operation's body, roundings apart.
static int64_t flopsOfPoint(linalg::LinalgOp op) {
  int64_t flops = 0;
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!isRounding(&inner))
      flops += flopsOfScalar(&inner);
  return flops;
}

/// Those of a nest of plain loops; none where a trip count is not static.
static std::optional<int64_t> flopsOfNest(Operation *nest) {
  int64_t sum = 0;
  bool isKnown = true;
  nest->walk([&](Operation *inner) {
    if (isRounding(inner) || flopsOfScalar(inner) == 0)
      return;
    std::optional<int64_t> flops = countFlops(inner);
    isKnown &= flops.has_value();
    sum += flops.value_or(0);
  });
  return isKnown ? std::optional<int64_t>(sum) : std::nullopt;
}

/// What an operation does with the values that it moves, if it does nothing
/// else.
static StringRef wordOfMove(linalg::LinalgOp op) {
  if (isa<linalg::FillOp>(op))
    return "fill";
  if (isa<linalg::TransposeOp>(op))
    return "transpose";
  if (op.getNumReductionLoops() > 0 || op->getNumResults() > 1 ||
      op.getNumDpsInits() != 1)
    return "";
  Value yielded = op.getBlock()->getTerminator()->getOperand(0);
  if (yielded.getParentBlock() != op.getBlock())
    return "fill";
  if (!isa<BlockArgument>(yielded))
    return "";
  return op.getNumDpsInputs() == 1 &&
                 isa<MemRefType>(op->getOperand(0).getType())
             ? "copy"
             : "fill";
}

static std::string nameOf(linalg::LinalgOp op) {
  if (StringRef word = wordOfMove(op); !word.empty())
    return nameOfPlaces({op.getLoc()}, word);
  SmallVector<Location> locations;
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!inner.hasTrait<OpTrait::ConstantLike>())
      locations.push_back(inner.getLoc());
  if (locations.empty())
    locations.push_back(op.getLoc());
  if (op.getNumReductionLoops() > 0)
    return nameOfPlaces(locations);
  // The end of a contraction may be a part of it.
  auto has = [&](StringRef word) {
    return llvm::any_of(locations, [&](Location location) {
      std::optional<Place> place = placeOf(location);
      return place && place->word == word;
    });
  };
  bool isAllRounding = !has("elementwise") && has("rounding");
  return nameOfPlaces(locations, isAllRounding ? "rounding" : "elementwise");
}

namespace {
/// Multiplications at run time of what is not known before.
class Product {
public:
  Product(OpBuilder &b, Location loc) : b(b), loc(loc) {}
  void times(int64_t factor) { known *= factor; }
  void times(OpFoldResult factor) {
    if (std::optional<int64_t> constant = getConstantIntValue(factor))
      return times(*constant);
    Value value = cast<Value>(factor);
    unknown = unknown ? arith::MulIOp::create(b, loc, unknown, value) : value;
  }
  Value word() const {
    Value constant = arith::ConstantIntOp::create(b, loc, known, 64);
    if (!unknown)
      return constant;
    Value cast = arith::IndexCastOp::create(b, loc, b.getI64Type(), unknown);
    return arith::MulIOp::create(b, loc, cast, constant);
  }

private:
  OpBuilder &b;
  Location loc;
  int64_t known = 1;
  Value unknown;
};

class ProfileKernels : public prec::impl::ProfileKernelsBase<ProfileKernels> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Builder b(&getContext());
    Type word = b.getI64Type();
    Texts constants(module, "prec.kernel.");
    texts = &constants;
    auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
    begin = declareEngineFunction(
        module, kProfileBegin,
        {LLVM::LLVMPointerType::get(&getContext()), word, word, word});
    end = declareEngineFunction(module, kProfileEnd, {});
    for (func::FuncOp function : functions) {
      entry = function.getName();
      used.clear();
      visit(function.getBody());
    }
  }

private:
  void visit(Region &region) {
    for (Block &block : region)
      for (Operation &op : llvm::make_early_inc_range(block))
        visit(&op);
  }

  void visit(Operation *op) {
    if (auto structured = dyn_cast<linalg::LinalgOp>(op))
      return wrapStructured(structured);
    if (isa<memref::CopyOp>(op))
      return wrapAlone(op, nameOfPlaces({op->getLoc()}, "copy"), int64_t(0));
    if (auto call = dyn_cast<func::CallOp>(op)) {
      if (call.getCallee().starts_with("prec_round_array"))
        wrapAlone(op, nameOfPlaces({op->getLoc()}, "rounding of an array"),
                  int64_t(0));
      return;
    }
    bool isLoop = isa<LoopLikeOpInterface>(op);
    bool isChoice =
        isa<scf::IfOp, scf::ExecuteRegionOp, scf::IndexSwitchOp>(op);
    if (!isLoop && !isChoice)
      return;
    bool hasKernels = op->walk([&](linalg::LinalgOp) {
                          return WalkResult::interrupt();
                        }).wasInterrupted();
    // Threads of a parallel loop do not take their own times.
    if (isChoice || (hasKernels && !isa<scf::ParallelOp, scf::ForallOp>(op))) {
      for (Region &region : op->getRegions())
        visit(region);
      return;
    }
    std::optional<int64_t> flops = flopsOfNest(op);
    wrapAlone(op, nameOfPlaces({op->getLoc()}, "loop"), flops);
  }

  void wrapStructured(linalg::LinalgOp op) {
    OpBuilder b(op);
    Product flops(b, op.getLoc());
    int64_t each = flopsOfPoint(op);
    flops.times(each);
    if (each != 0)
      for (Range range : op.createLoopRanges(b, op.getLoc()))
        flops.times(range.size);
    wrap(op, nameOf(op), flops.word());
  }

  void wrapAlone(Operation *op, std::string name,
                 std::optional<int64_t> flops) {
    OpBuilder b(op);
    wrap(op, std::move(name),
         arith::ConstantIntOp::create(b, op->getLoc(), flops.value_or(-1), 64));
  }

  void wrap(Operation *op, std::string name, Value flops) {
    OpBuilder b(op);
    Location loc = op->getLoc();
    unsigned bits = 0;
    Value bytes = arith::ConstantIntOp::create(b, loc, 0, 64);
    for (OpOperand &operand : op->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      if (!type || !isTouched(operand))
        continue;
      Type element = type.getElementType();
      if (isa<FloatType>(element))
        bits = std::max(bits, element.getIntOrFloatBitWidth());
      Product size(b, loc);
      size.times(elementBytes(element));
      for (int64_t d = 0; d < type.getRank(); ++d)
        size.times(memref::getMixedSize(b, loc, operand.get(), d));
      bytes = arith::AddIOp::create(b, loc, bytes, size.word());
    }
    int &count = used[name];
    if (++count > 1)
      name += " #" + std::to_string(count);
    Value text = texts->address(b, loc, (entry + Twine('\0') + name).str());
    Value width = arith::ConstantIntOp::create(b, loc, bits, 64);
    func::CallOp::create(b, loc, begin, ValueRange{text, flops, bytes, width});
    b.setInsertionPointAfter(op);
    func::CallOp::create(b, loc, end, ValueRange());
    ++kernels;
  }

  /// Inputs that give a body its loops only are in no memory that is read.
  static bool isTouched(OpOperand &operand) {
    auto op = dyn_cast<linalg::LinalgOp>(operand.getOwner());
    return !op || op.isDpsInit(&operand) ||
           op.payloadUsesValueFromOperand(&operand);
  }

  Texts *texts = nullptr;
  func::FuncOp begin, end;
  StringRef entry;
  std::map<std::string, int> used;
};
} // namespace
