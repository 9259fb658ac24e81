// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The last reduction dimensions become one, k, and the inputs are read by it.
#include "PartialResultsBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::prec;

void PartialResults::normalise() {
  length = sizes[reduced.back()];
  if (isDirect())
    return takeInputs();
  if (reduced.size() > 1)
    length = product();
  if (dot) { // the operands, each in the order of the loops
    for (unsigned input : readInputs())
      addFlat(
          inOrder(op.getDpsInputs()[input], op.getIndexingMapsArray()[input]));
    return;
  }
  addFlat(termsInOrder());
}

OpFoldResult PartialResults::product() {
  AffineExpr size = b.getAffineConstantExpr(1);
  SmallVector<OpFoldResult> operands;
  for (unsigned d : reduced) {
    size = size * b.getAffineSymbolExpr(operands.size());
    operands.push_back(sizes[d]);
  }
  return affine::makeComposedFoldedAffineApply(b, loc, size, operands);
}

SmallVector<unsigned> PartialResults::readInputs() {
  if (dot)
    return {dot->a, dot->b};
  return llvm::to_vector(llvm::seq<unsigned>(op.getNumDpsInputs()));
}

/// Several dimensions count as one, k, without being one if the lanes begin
/// anew with each point of the others.
bool PartialResults::isDirect() {
  std::optional<int64_t> last = getConstantIntValue(length);
  if (reduced.size() > 1 && (!last || *last % numPartials != 0))
    return false;
  llvm::SmallBitVector isRead(op.getNumLoops());
  for (unsigned input : readInputs()) {
    AffineMap map = op.getIndexingMapsArray()[input];
    if (!map.isProjectedPermutation())
      return false;
    for (AffineExpr expr : map.getResults())
      isRead.set(cast<AffineDimExpr>(expr).getPosition());
  }
  return llvm::all_of(reduced, [&](unsigned d) { return isRead[d]; }) &&
         op.getBody()->getOps<linalg::IndexOp>().empty();
}

void PartialResults::takeInputs() {
  // op's loops -> (parallel..., outer..., k)
  numOuter = reduced.size() - 1;
  SmallVector<AffineExpr> renamed(op.getNumLoops());
  for (auto [position, d] : llvm::enumerate(parallel))
    renamed[d] = dim(position);
  for (auto [position, d] : llvm::enumerate(reduced))
    renamed[d] = dim(rank() + position);
  for (unsigned input : readInputs()) {
    inputs.push_back(op.getDpsInputs()[input]);
    maps.push_back(op.getIndexingMapsArray()[input].replaceDimsAndSymbols(
        renamed, {}, kDim() + 1, 0));
  }
  isTerm = false;
}

AffineMap PartialResults::loopOrder() {
  SmallVector<unsigned> order(parallel);
  llvm::append_range(order, reduced);
  return AffineMap::getMultiDimMapWithTargets(op.getNumLoops(), order,
                                              b.getContext());
}

SmallVector<OpFoldResult> PartialResults::sizesInOrder() {
  SmallVector<OpFoldResult> ordered;
  for (unsigned d : parallel)
    ordered.push_back(sizes[d]);
  for (unsigned d : reduced)
    ordered.push_back(sizes[d]);
  return ordered;
}

Value PartialResults::empty(ArrayRef<OpFoldResult> shape) {
  return tensor::EmptyOp::create(b, loc, shape,
                                 getElementTypeOrSelf(init.getType()));
}

Value PartialResults::inOrder(Value input, AffineMap map) {
  if (map == loopOrder())
    return input;
  return generic(
      {input}, {map}, empty(sizesInOrder()), loopOrder(),
      SmallVector<Iterator>(op.getNumLoops(), Iterator::parallel),
      [](OpBuilder &, Location, ValueRange args) { return args.front(); });
}

Value PartialResults::termsInOrder() {
  auto argument = dyn_cast<BlockArgument>(term());
  if (argument && argument.getOwner() == op.getBody())
    return inOrder(op.getDpsInputs()[argument.getArgNumber()],
                   op.getIndexingMapsArray()[argument.getArgNumber()]);
  SmallVector<AffineMap> inputMaps = op.getIndexingMapsArray();
  inputMaps.pop_back();
  return generic(op.getDpsInputs(), inputMaps, empty(sizesInOrder()),
                 loopOrder(),
                 SmallVector<Iterator>(op.getNumLoops(), Iterator::parallel),
                 [&](OpBuilder &builder, Location, ValueRange args) {
                   return cloneTerm(builder, args);
                 });
}

void PartialResults::addFlat(Value tensor) {
  SmallVector<ReassociationIndices> groups;
  for (unsigned position = 0; position < rank(); ++position)
    groups.push_back({position});
  if (reduced.size() > 1) {
    groups.emplace_back();
    for (unsigned d = 0; d < reduced.size(); ++d)
      groups.back().push_back(rank() + d);
    tensor = tensor::CollapseShapeOp::create(b, loc, tensor, groups);
  }
  inputs.push_back(tensor);
  maps.push_back(b.getMultiDimIdentityMap(rank() + 1));
}
