// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loop nests become functions, equal ones the same function.
#include "BlockLoop.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_OUTLINELOOPS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// By which upstream's conversion of functions passes memrefs as pointers.
static constexpr StringRef kBarePointers = "llvm.bareptr";

/// The values that a nest uses from outside. Constants among them are left out:
/// they go into the function, where they fold.
static SmallVector<Value> takeCaptures(Operation *loop,
                                       SmallVector<Operation *> &constants) {
  llvm::SetVector<Value> above;
  getUsedValuesDefinedAbove(loop->getRegions(), above);
  above.insert(loop->operand_begin(), loop->operand_end());
  SmallVector<Value> captures;
  for (Value value : above)
    if (Operation *def = value.getDefiningOp();
        def && matchPattern(def, m_Constant()))
      constants.push_back(def);
    else
      captures.push_back(value);
  return captures;
}

/// Has the memref an offset and strides, each known or a number at run time?
static bool isStrided(Value value) {
  auto type = dyn_cast<MemRefType>(value.getType());
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  return type && succeeded(type.getStridesAndOffset(strides, offset));
}

/// The pointer of a strided memref and those of its numbers that its type does
/// not have.
static SmallVector<Value> unpack(OpBuilder &builder, Location loc,
                                 Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  auto whole = memref::ExtractStridedMetadataOp::create(builder, loc, memref);
  SmallVector<Value> parts = {whole.getBaseBuffer()};
  if (ShapedType::isDynamic(offset))
    parts.push_back(whole.getOffset());
  auto take = [&](ArrayRef<int64_t> known, ValueRange numbers) {
    for (auto [size, number] : llvm::zip_equal(known, numbers))
      if (ShapedType::isDynamic(size))
        parts.push_back(number);
  };
  take(type.getShape(), whole.getSizes());
  take(strides, whole.getStrides());
  return parts;
}

/// The memref of a type from what `unpack` makes of one, in that order.
static Value repack(OpBuilder &builder, Location loc, MemRefType type,
                    ValueRange parts) {
  auto [strides, offset] = type.getStridesAndOffset();
  ValueRange numbers = parts.drop_front();
  auto take = [&](int64_t known) -> OpFoldResult {
    if (!ShapedType::isDynamic(known))
      return builder.getIndexAttr(known);
    Value number = numbers.front();
    numbers = numbers.drop_front();
    return number;
  };
  OpFoldResult first = take(offset);
  SmallVector<OpFoldResult> sizes = llvm::map_to_vector(type.getShape(), take);
  return memref::ReinterpretCastOp::create(builder, loc, type, parts.front(),
                                           first, sizes,
                                           llvm::map_to_vector(strides, take));
}

namespace {
/// What a call passes: a strided memref in parts, so that its type's numbers
/// are constants of the function and no arguments, most of which would go
/// through the stack.
struct Passed {
  SmallVector<Value> values;
  /// How many of them each capture is.
  SmallVector<size_t> counts;
};
} // namespace

static Passed pass(OpBuilder &builder, Location loc, ArrayRef<Value> captures) {
  Passed passed;
  for (Value value : captures) {
    SmallVector<Value> parts = {value};
    if (isStrided(value))
      parts = unpack(builder, loc, value);
    passed.counts.push_back(parts.size());
    llvm::append_range(passed.values, parts);
  }
  return passed;
}

/// A function of what is passed that the nest moves to.
static func::FuncOp makeFunction(Operation *loop, ArrayRef<Value> captures,
                                 const Passed &passed,
                                 ArrayRef<Operation *> constants) {
  OpBuilder builder(loop->getContext());
  Location loc = loop->getLoc();
  auto function = func::FuncOp::create(
      builder, loc, "loops",
      builder.getFunctionType(ValueRange(passed.values).getTypes(), {}));
  function.setPrivate();
  // Pointers without sizes are all that memrefs are there.
  if (llvm::all_of(captures, [](Value value) {
        return isStrided(value) || !isa<BaseMemRefType>(value.getType());
      }))
    function->setAttr(kBarePointers, builder.getUnitAttr());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping map;
  ValueRange arguments = entry->getArguments();
  for (auto [value, count] : llvm::zip_equal(captures, passed.counts)) {
    ValueRange parts = arguments.take_front(count);
    arguments = arguments.drop_front(count);
    map.map(value,
            isStrided(value)
                ? repack(builder, loc, cast<MemRefType>(value.getType()), parts)
                : parts.front());
  }
  for (Operation *constant : constants)
    builder.clone(*constant, map);
  Operation *last = func::ReturnOp::create(builder, loc);
  loop->moveBefore(last);
  function.getBody().walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (Value inside = map.lookupOrNull(operand.get()))
        operand.set(inside);
    // Scopes and roles have done their work, and would tell equal code apart.
    for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs()))
      if (attribute.getName().strref().starts_with("prec."))
        op->removeDiscardableAttr(attribute.getName());
  });
  return function;
}

/// Equal for equal bodies; values and places do not count.
static llvm::hash_code hashOf(func::FuncOp function) {
  llvm::hash_code hash = hash_value(function.getFunctionType());
  function.getBody().walk([&](Operation *op) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(
                  op, OperationEquivalence::ignoreHashValue,
                  OperationEquivalence::ignoreHashValue,
                  OperationEquivalence::Flags::IgnoreLocations));
  });
  return hash;
}

static bool areEqual(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(),
             OperationEquivalence::Flags::IgnoreLocations);
}

/// A loop over a whole program, as over the parts of a batch: as one function
/// its nests would be inner loops, for which LLVM's passes take quadratic time.
static bool isSequence(Operation &op) {
  constexpr ptrdiff_t kManyNests = 16;
  auto loop = dyn_cast<scf::ForOp>(op);
  return loop && llvm::count_if(*loop.getBody(), [](Operation &inner) {
                   return isa<scf::ForOp, scf::ParallelOp>(inner);
                 }) >= kManyNests;
}

namespace {
class OutlineLoops : public prec::impl::OutlineLoopsBase<OutlineLoops> {
public:
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    Known known;
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      outlineIn(function.getBody(), symbols, known);
  }

private:
  /// Functions by their hash.
  using Known = llvm::DenseMap<size_t, SmallVector<func::FuncOp, 1>>;

  void outlineIn(Region &region, SymbolTable &symbols, Known &known) {
    for (Block &block : region)
      for (Operation &op : llvm::make_early_inc_range(block))
        if (op.hasAttr(kBlockLoop) || isSequence(op))
          outlineIn(op.getRegion(0), symbols, known);
        else if (isa<scf::ForOp, scf::ParallelOp>(op) &&
                 op.getNumResults() == 0)
          outline(&op, symbols, known);
        else if (auto choice = dyn_cast<scf::IfOp>(op))
          for (Region &branch : choice->getRegions())
            outlineIn(branch, symbols, known);
  }

  void outline(Operation *loop, SymbolTable &symbols, Known &known) {
    SmallVector<Operation *> constants;
    SmallVector<Value> captures = takeCaptures(loop, constants);
    OpBuilder builder(loop);
    Passed passed = pass(builder, loop->getLoc(), captures);
    auto call = func::CallOp::create(builder, loop->getLoc(), "loops",
                                     TypeRange(), passed.values);
    func::FuncOp made = makeFunction(loop, captures, passed, constants);
    SmallVector<func::FuncOp, 1> &alike = known[hashOf(made)];
    auto equal = llvm::find_if(
        alike, [&](func::FuncOp other) { return areEqual(made, other); });
    if (equal != alike.end()) {
      made.erase();
      made = *equal;
    } else {
      symbols.insert(made);
      alike.push_back(made);
      ++functions;
    }
    call.setCallee(made.getName());
    ++nests;
  }
};
} // namespace
