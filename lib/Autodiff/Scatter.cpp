// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The nest of loops for gradients that no linalg.generic can express.
#include "Emit.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

static SmallVector<Value> applyMap(OpBuilder &b, Location loc, AffineMap map,
                                   ValueRange loops) {
  SmallVector<Value> indices;
  for (unsigned i = 0; i < map.getNumResults(); ++i)
    indices.push_back(
        affine::expandAffineExpr(b, loc, map.getResult(i), loops, {}));
  return indices;
}

/// `wanted` are the values to compute at each point; `add` uses them.
static Value
buildNest(ElementProgram &program, OpBuilder &b, ArrayRef<Value> wanted,
          Value target,
          function_ref<SmallVector<Value>(OpBuilder &, ValueRange loops,
                                          ArrayRef<Value>)>
              indexOf) {
  Location loc = program.op.getLoc();
  // A scalar target is accumulated in a tensor of one element.
  bool isScalar = !isa<RankedTensorType>(target.getType());
  Value zeros =
      isScalar ? makeZeros(b, loc, RankedTensorType::get({}, target.getType()))
               : makeZero(b, loc, target);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  SmallVector<Value> bounds, loops;
  for (unsigned d = 0; d < program.op.getNumLoops(); ++d)
    bounds.push_back(
        getValueOrCreateConstantIndexOp(b, loc, loopSize(b, program.op, d)));
  OpBuilder::InsertionGuard guard(b);
  Value acc = zeros, outermost;
  for (Value bound : bounds) {
    auto loop = scf::ForOp::create(b, loc, zero, bound, one, acc);
    if (!outermost)
      outermost = loop.getResult(0);
    else
      scf::YieldOp::create(b, loc, loop.getResult(0));
    acc = loop.getRegionIterArg(0);
    loops.push_back(loop.getInductionVar());
    b.setInsertionPointToStart(loop.getBody());
  }
  IRMapping map;
  SmallVector<Value> computed;
  DenseSet<Operation *> done;
  for (Value value : wanted) {
    ElementProgram::Slice slice = program.slice(value);
    llvm::erase_if(slice.operations,
                   [&](Operation *op) { return !done.insert(op).second; });
    for (unsigned i : slice.inputs) {
      const ElementProgram::Input &input = program.inputs[i];
      if (map.contains(input.element))
        continue;
      Value element = input.source;
      if (isa<RankedTensorType>(element.getType()))
        element = tensor::ExtractOp::create(b, loc, element,
                                            applyMap(b, loc, input.map, loops));
      map.map(input.element, element);
    }
    computed.push_back(program.copy(b, slice, value, map,
                                    [&](unsigned d) { return loops[d]; }));
  }
  SmallVector<Value> indices = indexOf(b, loops, computed);
  Value old = tensor::ExtractOp::create(b, loc, acc, indices);
  Value sum = arith::AddFOp::create(b, loc, old, computed[0]);
  Value next = tensor::InsertOp::create(b, loc, sum, acc, indices);
  if (!outermost)
    outermost = next;
  else
    scf::YieldOp::create(b, loc, next);
  if (!isScalar)
    return outermost;
  b.setInsertionPointAfter(outermost.getDefiningOp());
  return tensor::ExtractOp::create(b, loc, outermost, ValueRange{});
}

Value mlir::prec::emitScatter(ElementProgram &program, OpBuilder &b,
                              Value value, Value target, AffineMap map) {
  return buildNest(program, b, value, target,
                   [&](OpBuilder &inner, ValueRange loops, ArrayRef<Value>) {
                     return applyMap(inner, program.op.getLoc(), map, loops);
                   });
}

Value mlir::prec::emitScatter(ElementProgram &program, OpBuilder &b,
                              Value value, Value target,
                              ArrayRef<Value> indices) {
  SmallVector<Value> wanted = {value};
  wanted.append(indices.begin(), indices.end());
  return buildNest(program, b, wanted, target,
                   [&](OpBuilder &, ValueRange, ArrayRef<Value> computed) {
                     return SmallVector<Value>(computed.drop_front());
                   });
}
