// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Roundings of tensors to formats with a shared scale become calls of the
// engine.
#include "Texts.h"
#include "prec/Codegen/Passes.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_CALLROUNDARRAY
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
class CallRoundArray : public prec::impl::CallRoundArrayBase<CallRoundArray> {
public:
  void runOnOperation() override {
    SmallVector<RoundOp> rounds;
    getOperation()->walk([&](RoundOp round) {
      if (!round.getFormat().getValue().isElementwise())
        rounds.push_back(round);
    });
    texts.emplace(getOperation(), "prec.round_array.");
    for (RoundOp round : rounds)
      replaceByCall(round);
  }

private:
  /// The address of "format\0mode\0", one constant for each pair.
  Value textFor(OpBuilder &builder, RoundOp round) {
    return texts->address(builder, round.getLoc(),
                          round.getFormat().getValue().str() + '\0' +
                              round.getMode().getValue().str());
  }

  /// The engine's function for one carrier. Flat memrefs of a known rank travel
  /// in registers: a call in a loop takes no stack.
  func::FuncOp functionFor(Type element) {
    Builder b(&getContext());
    Type array = MemRefType::get({ShapedType::kDynamic}, element);
    Type word = b.getI64Type();
    return declareEngineFunction(getOperation(),
                                 element.isF32() ? "prec_round_array_f32"
                                                 : "prec_round_array_f64",
                                 {LLVM::LLVMPointerType::get(&getContext()),
                                  word, word, word, word, word, array, array});
  }

  /// Two of the run-time numbers, from the `first`th on, in a word.
  static Value numbersOf(OpBuilder &builder, RoundOp round, unsigned first) {
    Location loc = round.getLoc();
    Type word = builder.getI64Type();
    Value packed = arith::ConstantIntOp::create(builder, loc, 0, 64);
    ValueRange parameters = round.getParameters();
    for (unsigned i = first; i < parameters.size() && i < first + 2; ++i) {
      Value number = arith::ExtUIOp::create(builder, loc, word, parameters[i]);
      Value place =
          arith::ConstantIntOp::create(builder, loc, 32 * (i - first), 64);
      number = builder.createOrFold<arith::ShLIOp>(loc, number, place);
      packed = builder.createOrFold<arith::OrIOp>(loc, packed, number);
    }
    return packed;
  }

  void replaceByCall(RoundOp round) {
    OpBuilder builder(round);
    Location loc = round.getLoc();
    auto tensor = cast<RankedTensorType>(round.getType());
    auto plain = MemRefType::get(tensor.getShape(), tensor.getElementType());
    Value source = bufferization::ToBufferOp::create(
        builder, loc, plain, round.getOperand(), /*read_only=*/true);
    // Along the format's axis, else the last one, and of those behind it.
    const Format &format = round.getFormat().getValue();
    const int64_t axis =
        format.axis == Format::none ? tensor.getRank() - 1 : format.axis;
    SmallVector<Value> sizes;
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    Value count = one, last = one, inner = one;
    for (int64_t d = 0; d < tensor.getRank(); ++d) {
      Value size;
      if (tensor.isDynamicDim(d))
        sizes.push_back(
            size = tensor::DimOp::create(builder, loc, round.getOperand(), d));
      else
        size =
            arith::ConstantIndexOp::create(builder, loc, tensor.getDimSize(d));
      count = builder.createOrFold<arith::MulIOp>(loc, count, size);
      if (d == axis)
        last = size;
      if (d > axis)
        inner = builder.createOrFold<arith::MulIOp>(loc, inner, size);
    }
    Value result = memref::AllocOp::create(builder, loc, plain, sizes);
    Type word = builder.getI64Type();
    Value key = round.getRandom();
    if (!key)
      key = arith::ConstantIntOp::create(builder, loc, 0, 64);
    func::FuncOp function = functionFor(tensor.getElementType());
    auto flat = cast<MemRefType>(function.getFunctionType().getInputs().back());
    auto flatten = [&](Value buffer) -> Value {
      OpFoldResult zero = builder.getIndexAttr(0),
                   one = builder.getIndexAttr(1);
      return memref::ReinterpretCastOp::create(builder, loc, flat, buffer, zero,
                                               OpFoldResult(count), one);
    };
    Value text = textFor(builder, round);
    last = arith::IndexCastOp::create(builder, loc, word, last);
    inner = arith::IndexCastOp::create(builder, loc, word, inner);
    Value from = flatten(source), to = flatten(result);
    func::CallOp::create(builder, loc, function,
                         ValueRange{text, key, last, inner,
                                    numbersOf(builder, round, 0),
                                    numbersOf(builder, round, 2), from, to});
    Value rounded = bufferization::ToTensorOp::create(
        builder, loc, tensor, result, /*restrict=*/true, /*writable=*/true);
    round.replaceAllUsesWith(rounded);
    round.erase();
  }

  std::optional<Texts> texts;
};
} // namespace
