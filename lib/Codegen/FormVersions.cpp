// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copies of a reduction whose roundings have certain forms, of which one runs.
#include "FormVersions.h"
#include "Forms.h"
#include "MaskedReduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

int mlir::prec::mostForTwoOps(RoundOp round) {
  return round.getType().isF64() ? mostWideFraction : mostFraction;
}

/// If it is another one than that of the product.
static StringRef formOfSum(linalg::GenericOp op, StringRef form) {
  if (form == scaledProductForm || form == twoOpsForm)
    return balancedTwoOpsForm;
  if (form == maskedProductForm || form == maskedLongProductForm)
    return maskedSumForm;
  if (form == gridForm || form == gridInRangeForm)
    return shifterSumForm;
  if (form != shifterForm && form != inRangeForm && form != productInRangeForm)
    return "";
  RoundOp sum = roundsOf(op).back();
  const RoundFacts facts = factsOf(sum);
  const bool isShort = facts.fractionBits <= mostForTwoOps(sum);
  if (form == inRangeForm)
    return isShort ? StringRef(twoOpsForm) : StringRef(sumInRangeForm);
  const bool saturates =
      facts.format.overflow == Format::Overflow::Saturate &&
      !facts.format.isGrid() &&
      (form == productInRangeForm || !facts.format.isRuntime());
  if (isShort && saturates)
    return saturatingTwoOpsForm;
  return form == productInRangeForm ? maskedSumForm : shifterSumForm;
}

void mlir::prec::markForm(linalg::GenericOp op, StringRef form) {
  for (RoundOp round : roundsOf(op)) {
    int fraction = round.getFormat().getValue().fractionBits;
    if (form == quietForm && isWideMaskForm(round))
      round.setFormatAttr(
          FormatAttr::get(op.getContext(), Format::mantissa(fraction)));
    round->setAttr(formAttrName, StringAttr::get(op.getContext(), form));
  }
  if (StringRef ofSum = formOfSum(op, form); !ofSum.empty())
    roundsOf(op).back()->setAttr(formAttrName,
                                 StringAttr::get(op.getContext(), ofSum));
}

Value mlir::prec::canonicalNaN(OpBuilder &b, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  auto element = cast<FloatType>(type.getElementType());
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, tensor.getLoc(), type, ValueRange{}, tensor, map, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               Value isNaN = arith::CmpFOp::create(
                   builder, loc, arith::CmpFPredicate::UNO, args[0], args[0]);
               Value nan = arith::ConstantOp::create(
                   builder, loc,
                   FloatAttr::get(
                       element, APFloat::getQNaN(element.getFloatSemantics())));
               Value value =
                   arith::SelectOp::create(builder, loc, isNaN, nan, args[0]);
               linalg::YieldOp::create(builder, loc, value);
             })
      .getResult(0);
}

static bool isMasked(StringRef form) {
  return form == maskedProductForm || form == maskedLongProductForm ||
         form == productInRangeForm;
}

SmallVector<Value> mlir::prec::inForm(OpBuilder &b, linalg::GenericOp copy,
                                      StringRef form) {
  if (!form.empty())
    markForm(copy, form);
  if (isMasked(form))
    return {scaleBody(b, copy)};
  SmallVector<Value> results(copy.getResults());
  if (form == quietForm || form == shifterForm)
    for (Value &result : results)
      result = canonicalNaN(b, result);
  return results;
}

/// A copy of `op` that fills a buffer of its own, if it begins with a constant.
static linalg::GenericOp copyOf(OpBuilder &b, Location loc,
                                linalg::GenericOp op) {
  IRMapping mapping;
  if (TypedAttr value = fillOf(op)) {
    Value init = op.getDpsInits()[0];
    Value empty =
        tensor::EmptyOp::create(b, loc, tensor::getMixedSizes(b, loc, init),
                                getElementTypeOrSelf(init.getType()));
    Value scalar = arith::ConstantOp::create(b, loc, value);
    mapping.map(init,
                linalg::FillOp::create(b, loc, scalar, empty).getResult(0));
  }
  return cast<linalg::GenericOp>(b.clone(*op, mapping));
}

std::pair<linalg::GenericOp, linalg::GenericOp>
mlir::prec::makeVersions(RewriterBase &rewriter, linalg::GenericOp op,
                         Value condition, Version fast, Version exact) {
  Location loc = op.getLoc();
  auto branch = [&](linalg::GenericOp &copy, Version version) {
    return [&, version](OpBuilder &builder, Location) {
      copy = copyOf(builder, loc, op);
      scf::YieldOp::create(builder, loc, version(builder, copy));
    };
  };
  std::pair<linalg::GenericOp, linalg::GenericOp> copies;
  auto choice =
      scf::IfOp::create(rewriter, loc, condition, branch(copies.first, fast),
                        branch(copies.second, exact));
  rewriter.replaceOp(op, choice.getResults());
  return copies;
}
