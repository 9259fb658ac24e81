// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One linalg.generic for a sum, with the loops exchanged as its target needs.
#include "Emit.h"
#include "Emission.h"
#include "Phases.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace mlir::prec;

/// Loops that index every used gradient of a result by themselves.
static llvm::SmallBitVector solvableLoops(ElementProgram &program,
                                          const ElementProgram::Slice &slice) {
  unsigned n = program.op.getNumLoops();
  llvm::SmallBitVector result(n, false);
  bool any = false;
  for (unsigned i : slice.inputs) {
    const ElementProgram::Input &input = program.inputs[i];
    if (!input.isGradient)
      continue;
    llvm::SmallBitVector own(n, false);
    for (AffineExpr e : input.map.getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(e))
        own.set(dim.getPosition());
    result = any ? (result &= own) : own;
    any = true;
  }
  return result;
}

/// Padding a result's gradient with zeros makes its contribution zero; another
/// tensor's padding must not turn that into a NaN.
static bool mayPad(const ElementProgram &program,
                   const ElementProgram::Slice &slice, unsigned input) {
  const ElementProgram::Input &in = program.inputs[input];
  return in.isGradient || !isa<FloatType>(in.element.getType()) ||
         (slice.operations.size() == 1 &&
          isa<arith::MulFOp>(slice.operations.front()));
}

static bool readsSolved(const Emission &emission,
                        const ElementProgram::Input &input) {
  return llvm::any_of(input.map.getResults(), [&](AffineExpr e) {
    auto dim = dyn_cast<AffineDimExpr>(e);
    return dim && emission.solves[dim.getPosition()] >= 0;
  });
}

/// The generic; null if some input cannot follow the loops.
static Value emitGeneric(Emission &emission, const ElementProgram::Slice &slice,
                         Value value, Type elementType, Combiner combiner) {
  ElementProgram &program = emission.program;
  OpBuilder &b = emission.b;
  Location loc = emission.loc;
  unsigned numLoops = emission.sizes.size();
  SmallVector<Value> sources;
  SmallVector<AffineMap> maps;
  for (unsigned i : slice.inputs) {
    if (readsSolved(emission, program.inputs[i]) && !mayPad(program, slice, i))
      return {};
    auto adapted = emission.adapt(program.inputs[i]);
    if (!adapted)
      return {};
    sources.push_back(adapted->first);
    maps.push_back(adapted->second);
  }
  // A loop that no operand shows by itself gets its bounds from an empty one.
  SmallVector<OpFoldResult> hidden;
  SmallVector<AffineExpr> hiddenLoops;
  for (unsigned d = emission.numOutput; d < numLoops; ++d) {
    AffineExpr dim = b.getAffineDimExpr(d);
    if (llvm::none_of(maps, [&](AffineMap map) {
          return llvm::is_contained(map.getResults(), dim);
        })) {
      hidden.push_back(emission.sizes[d]);
      hiddenLoops.push_back(dim);
    }
  }
  if (!hidden.empty()) {
    sources.push_back(tensor::EmptyOp::create(b, loc, hidden, elementType));
    maps.push_back(AffineMap::get(numLoops, 0, hiddenLoops, b.getContext()));
  }
  auto outSizes = ArrayRef(emission.sizes).take_front(emission.numOutput);
  Value init = tensor::EmptyOp::create(b, loc, outSizes, elementType);
  bool reduces = numLoops > emission.numOutput;
  if (reduces) {
    Value initial = arith::ConstantOp::create(b, loc, combiner.initial);
    init = linalg::FillOp::create(b, loc, initial, init).getResult(0);
  }
  AffineMap loops = b.getMultiDimIdentityMap(numLoops);
  maps.push_back(AffineMap::get(
      numLoops, 0, loops.getResults().take_front(emission.numOutput),
      b.getContext()));
  SmallVector<utils::IteratorType> iterators(numLoops,
                                             utils::IteratorType::reduction);
  std::fill_n(iterators.begin(), emission.numOutput,
              utils::IteratorType::parallel);
  auto body = [&](OpBuilder &inner, Location, ValueRange args) {
    IRMapping map;
    for (auto [i, input] : llvm::enumerate(slice.inputs))
      map.map(program.inputs[input].element, args[i]);
    Value v = program.copy(inner, slice, value, map, [&](unsigned d) {
      return emission.indexOf(inner, d);
    });
    if (reduces)
      v = combiner.combine(inner, loc, args.back(), v);
    linalg::YieldOp::create(inner, loc, v);
  };
  return linalg::GenericOp::create(b, loc, init.getType(), sources, init, maps,
                                   iterators, body)
      .getResult(0);
}

/// The tensor that already is the result, if there is one.
static Value findIdentity(const Emission &emission, Value value, Value target) {
  if (emission.sizes.size() != emission.numOutput ||
      llvm::any_of(emission.axes,
                   [](const Axis &axis) { return axis.kind != Axis::Direct; }))
    return {};
  for (const ElementProgram::Input &input : emission.program.inputs) {
    if (input.element != value || input.source.getType() != target.getType())
      continue;
    SmallVector<AffineExpr> loops;
    for (const Axis &axis : emission.axes)
      loops.push_back(emission.b.getAffineDimExpr(axis.outer));
    if (input.map.getResults() == ArrayRef(loops))
      return input.source;
  }
  return {};
}

Value mlir::prec::emitSum(ElementProgram &program, OpBuilder &b, Value value,
                          Value target, AffineMap map) {
  ElementProgram::Slice slice = program.slice(value);
  ArrayRef<int64_t> shape;
  if (auto type = dyn_cast<RankedTensorType>(target.getType()))
    shape = type.getShape();
  auto axes = findAxes(program.op, map, shape, solvableLoops(program, slice));
  if (axes) {
    leavePadding(*axes, target);
    Emission emission(program, b, std::move(*axes));
    if (Value same = findIdentity(emission, value, target))
      return same;
    Type element = getElementTypeOrSelf(target.getType());
    Combiner sum{
        b.getZeroAttr(element),
        [](OpBuilder &inner, Location loc, Value acc, Value v) -> Value {
          return arith::AddFOp::create(inner, loc, acc, v);
        }};
    auto emit = [&](Emission &part) {
      return emitGeneric(part, slice, value, element, sum);
    };
    Value result = hasPhases(emission, slice)
                       ? emitPhases(emission, element,
                                    [&](SmallVector<Axis> phase) {
                                      Emission part(program, b, phase);
                                      return emit(part);
                                    })
                       : emit(emission);
    if (result)
      return emission.finish(result, target);
  }
  return emitScatter(program, b, value, target, map);
}

Value mlir::prec::emitReduction(ElementProgram &program, OpBuilder &b,
                                Value value, unsigned output,
                                Combiner combiner) {
  Value like = program.op->getResult(output);
  AffineMap map = program.op.getIndexingMapMatchingResult(cast<OpResult>(like));
  ElementProgram::Slice slice = program.slice(value);
  auto axes = findAxes(program.op, map,
                       cast<RankedTensorType>(like.getType()).getShape(),
                       llvm::SmallBitVector(program.op.getNumLoops()));
  Emission emission(program, b, std::move(*axes));
  return emitGeneric(emission, slice, value, combiner.initial.getType(),
                     combiner);
}
