// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Orders of summation as accumulators of a linalg.generic.
#include "SumRewrite.h"

using namespace mlir;
using namespace mlir::prec;

Operation *mlir::prec::matchSum(linalg::LinalgOp op) {
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0)
    return nullptr;
  return dyn_cast_or_null<arith::AddFOp>(
      matchCombiner(op, 0, /*throughRounds=*/true));
}

LogicalResult SumRewrite::run() {
  if (failed(decideFusing()))
    return failure();
  Summation sum = spec.sum.value_or(Summation());
  if (sum.order == Summation::Order::Sequential)
    return sequential();
  if (!op.hasPureTensorSemantics())
    return op.emitError("the order of summation ")
           << sum.str() << " needs tensors, found buffers";
  bool isStochastic = rounding && rounding.getMode().getValue().isStochastic();
  if (isStochastic && (sum.order != Summation::Order::Blocked || !sum.between))
    return op.emitError("stochastic rounding of sums has a random word for "
                        "each element; an order of ")
           << sum.str()
           << " rounds more sums than that; expected sequential or "
              "blocked<N,FORMAT>";
  switch (sum.order) {
  case Summation::Order::Pairwise:
    return pairwise();
  case Summation::Order::Kahan:
    return kahan();
  default:
    return blocked(sum);
  }
}

LogicalResult SumRewrite::decideFusing() {
  bool canFuse =
      contraction && !productIsRounded && (!spec.sum || spec.sum->canFuse());
  fused = spec.fused.value_or(!rounding) && canFuse;
  if (spec.fused.value_or(false) && contraction && productIsRounded)
    return op.emitError("a rule rounds the products of a fused multiply-add; "
                        "expected products that are kept, or \"fused\": "
                        "false");
  return success();
}

Value SumRewrite::asItIs(OpBuilder &builder, Value value, Operation *of) {
  CarrierLayout carrier = layoutOf(*carrierOf(element));
  Format format =
      Format::ieee(int(carrier.exponentBits), int(carrier.fractionBits));
  SiteAttr site;
  if (const Candidate *candidate = sites.lookup(of))
    site = SiteTable::makeSite(b.getContext(), *candidate,
                               Granularity::Elementary);
  return RoundOp::create(builder, loc, element, value, ValueRange(), Value(),
                         FormatAttr::get(b.getContext(), format),
                         ModeAttr::get(b.getContext(), RoundingMode()), site);
}

LogicalResult SumRewrite::sequential() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(add);
  if (fused) {
    Operation *multiply = contraction->multiply;
    bool isDefault = !spec.sum && !rounding;
    if (isDefault)
      return success();
    b.replaceOpWithNewOp<math::FmaOp>(add, multiply->getOperand(0),
                                      multiply->getOperand(1),
                                      op.getRegionOutputArgs()[0]);
    b.eraseOp(multiply);
    return success();
  }
  if (contraction && !productIsRounded && !rounding) {
    // The rounding keeps the two apart, and elements ascending.
    Value kept = asItIs(b, term, contraction->multiply);
    b.modifyOpInPlace(add, [&] { add->replaceUsesOfWith(term, kept); });
    return success();
  }
  if (!contraction && !rounding && spec.sum) {
    b.setInsertionPointAfter(add);
    Value kept = asItIs(b, add->getResult(0), add);
    b.replaceAllUsesExcept(add->getResult(0), kept, kept.getDefiningOp());
  }
  return success();
}

linalg::GenericOp SumRewrite::withAccumulators(
    ArrayRef<Value> outputs,
    function_ref<SumRewrite::Values(OpBuilder &, ValueRange, Value)> next) {
  Values sizes;
  for (OpFoldResult size : reductionSizes())
    sizes.push_back(getValueOrCreateConstantIndexOp(b, loc, size));
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  AffineMap outputMap = maps.back();
  maps.resize(maps.size() - 1 + outputs.size(), outputMap);
  auto made = linalg::GenericOp::create(
      b, loc, TypeRange(ValueRange(outputs)), op.getDpsInputs(), outputs, maps,
      op.getIteratorTypesArray(),
      [&](OpBuilder &builder, Location, ValueRange arguments) {
        unsigned inputs = op.getNumDpsInputs();
        terms.clear();
        terms.map(ValueRange(op.getRegionInputArgs()),
                  arguments.take_front(inputs));
        for (Operation &inner : op.getBody()->without_terminator()) {
          bool isReplaced = &inner == add || (rounding && &inner == rounding) ||
                            (fused && &inner == contraction->multiply);
          if (!isReplaced)
            builder.clone(inner, terms);
        }
        Value number = elementNumber(builder, sizes);
        linalg::YieldOp::create(
            builder, loc, next(builder, arguments.drop_front(inputs), number));
      });
  copyAttributes(made);
  return made;
}

Value SumRewrite::join(ArrayRef<Value> parts,
                       function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto type = cast<RankedTensorType>(parts[0].getType());
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, parts[0]), element);
  SmallVector<AffineMap> maps(parts.size() + 1,
                              b.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> loops(type.getRank(),
                                         utils::IteratorType::parallel);
  // The roundings' operands stand before the operation or are constants.
  terms.clear();
  auto made = linalg::GenericOp::create(
      b, loc, type, ValueRange(parts), empty, maps, loops,
      [&](OpBuilder &builder, Location, ValueRange arguments) {
        linalg::YieldOp::create(builder, loc,
                                body(builder, arguments.drop_back()));
      });
  copyAttributes(made);
  return made.getResult(0);
}

Value SumRewrite::elementNumber(OpBuilder &builder, ArrayRef<Value> sizes) {
  SmallVector<unsigned> dims;
  op.getReductionDims(dims);
  Value number;
  for (auto [dim, size] : llvm::zip_equal(dims, sizes)) {
    Value index = linalg::IndexOp::create(builder, loc, dim);
    if (number)
      index = arith::AddIOp::create(
          builder, loc, arith::MulIOp::create(builder, loc, number, size),
          index);
    number = index;
  }
  return number;
}

Value SumRewrite::accumulate(OpBuilder &builder, Value acc) {
  if (fused) {
    Operation *multiply = contraction->multiply;
    Value sum = math::FmaOp::create(
        builder, loc, terms.lookupOrDefault(multiply->getOperand(0)),
        terms.lookupOrDefault(multiply->getOperand(1)), acc);
    return rounded(builder, sum);
  }
  return sumOf(builder, acc, terms.lookupOrDefault(term));
}

Value SumRewrite::zeros() {
  Value output = op.getDpsInits()[0];
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, output), element);
  return linalg::FillOp::create(b, loc, zero(b), empty).getResult(0);
}

Value SumRewrite::productOf(ArrayRef<OpFoldResult> sizes) {
  AffineExpr product = b.getAffineConstantExpr(1);
  for (unsigned i = 0; i < sizes.size(); ++i)
    product = product * b.getAffineSymbolExpr(i);
  return getValueOrCreateConstantIndexOp(
      b, loc,
      affine::makeComposedFoldedAffineApply(b, loc, product,
                                            SmallVector<OpFoldResult>(sizes)));
}

SmallVector<OpFoldResult> SumRewrite::reductionSizes() {
  SmallVector<OpFoldResult> sizes;
  SmallVector<unsigned> dims;
  op.getReductionDims(dims);
  auto ranges =
      cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, loc);
  for (unsigned dim : dims)
    sizes.push_back(ranges[dim].size);
  return sizes;
}

LogicalResult mlir::prec::applySummation(RewriterBase &rewriter,
                                         linalg::GenericOp op,
                                         const SumSpec &spec,
                                         const SiteTable &sites) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  return SumRewrite(rewriter, op, spec, sites).run();
}
