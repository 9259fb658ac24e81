// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is padded is computed inside of its padding.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_PADINPLACE
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
/// A box of a tensor, with unit strides.
struct Box {
  SmallVector<OpFoldResult> offsets, sizes, strides;

  Box(OpBuilder &b, ArrayRef<int64_t> shape)
      : offsets(shape.size(), b.getIndexAttr(0)),
        strides(shape.size(), b.getIndexAttr(1)) {
    for (int64_t size : shape)
      sizes.push_back(b.getIndexAttr(size));
  }
  void limit(OpBuilder &b, unsigned dim, int64_t offset, int64_t size) {
    offsets[dim] = b.getIndexAttr(offset);
    sizes[dim] = b.getIndexAttr(size);
  }
  Value read(OpBuilder &b, Location loc, Value tensor) const {
    return tensor::ExtractSliceOp::create(b, loc, tensor, offsets, sizes,
                                          strides);
  }
  Value write(OpBuilder &b, Location loc, Value part, Value tensor) const {
    return tensor::InsertSliceOp::create(b, loc, part, tensor, offsets, sizes,
                                         strides);
  }
};

struct PadInPlace : public prec::impl::PadInPlaceBase<PadInPlace> {
  void runOnOperation() override {
    SmallVector<tensor::PadOp> pads;
    getOperation()->walk([&](tensor::PadOp pad) { pads.push_back(pad); });
    IRRewriter rewriter(&getContext());
    for (tensor::PadOp pad : pads)
      if (isSupported(pad))
        rewrite(rewriter, pad);
  }

private:
  static bool isSupported(tensor::PadOp pad) {
    auto isKnown = [](ArrayRef<int64_t> amounts) {
      return llvm::all_of(amounts, [](int64_t n) { return n >= 0; });
    };
    return pad.getConstantPaddingValue() &&
           pad.getSourceType().hasStaticShape() &&
           pad.getResultType().hasStaticShape() &&
           pad.getSourceType().getNumElements() > 0 &&
           isKnown(pad.getStaticLow()) && isKnown(pad.getStaticHigh());
  }

  static bool standsBefore(Value value, Operation *op) {
    Operation *def = value.getDefiningOp();
    return !def || def->hasTrait<OpTrait::ConstantLike>() ||
           def->getBlock() != op->getBlock() || def->isBeforeInBlock(op);
  }

  /// Where the padded value begins: the empty output of its producer, or of
  /// what fills that one for the producer alone.
  static OpOperand *findOutput(tensor::PadOp pad) {
    Value value = pad.getSource();
    Operation *producer = value.getDefiningOp();
    if (!producer || !standsBefore(pad.getConstantPaddingValue(), producer))
      return nullptr;
    while (auto op = value.getDefiningOp<linalg::LinalgOp>()) {
      OpOperand *output = op.getTiedOpOperand(cast<OpResult>(value));
      if (op->getBlock() != pad->getBlock() ||
          (value != pad.getSource() && !value.hasOneUse()))
        return nullptr;
      if (output->get().getDefiningOp<tensor::EmptyOp>())
        return op.payloadUsesValueFromOperand(output) ? nullptr : output;
      value = output->get();
    }
    return nullptr;
  }

  /// The border comes last: by then its lines of the cache are near.
  void rewrite(IRRewriter &b, tensor::PadOp pad) {
    Location loc = pad.getLoc();
    Value source = pad.getSource();
    OpOperand *output = findOutput(pad);
    RankedTensorType type = pad.getResultType();
    b.setInsertionPoint(output ? output->getOwner() : pad);
    Value padded =
        tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
    Box inside(b, pad.getSourceType().getShape());
    inside.offsets = pad.getMixedLowPad();
    if (output) {
      output->set(inside.read(b, loc, padded));
      b.setInsertionPointAfter(source.getDefiningOp());
    }
    Value written = inside.write(b, loc, source, padded);
    // The constant may stand after the producer.
    Value value = pad.getConstantPaddingValue();
    if (Operation *def = value.getDefiningOp();
        def && def->hasTrait<OpTrait::ConstantLike>())
      value = b.clone(*def)->getResult(0);
    padded = fillBorder(b, pad, value, written);
    ++(output ? inPlace : borders);
    if (output) { // other readers read what stands inside of the padding
      Value part = inside.read(b, loc, padded);
      b.replaceUsesWithIf(source, part, [&](OpOperand &use) {
        return use.getOwner() != written.getDefiningOp();
      });
      if (part.use_empty())
        b.eraseOp(part.getDefiningOp());
    }
    b.replaceOp(pad, padded);
  }

  /// The padding's values around what is inside of `result`; slabs of the first
  /// dimensions take the corners.
  static Value fillBorder(OpBuilder &b, tensor::PadOp pad, Value value,
                          Value result) {
    Location loc = pad.getLoc();
    RankedTensorType type = pad.getResultType();
    Box rest(b, type.getShape());
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      int64_t size = type.getDimSize(dim), low = pad.getStaticLow()[dim],
              high = pad.getStaticHigh()[dim];
      for (auto [offset, count] :
           {std::pair(int64_t(0), low), std::pair(size - high, high)}) {
        if (count == 0)
          continue;
        Box slab = rest;
        slab.limit(b, unsigned(dim), offset, count);
        Value filled =
            linalg::FillOp::create(b, loc, value, slab.read(b, loc, result))
                .getResult(0);
        result = slab.write(b, loc, filled, result);
      }
      rest.limit(b, unsigned(dim), low, size - low - high);
    }
    return result;
  }
};
} // namespace
