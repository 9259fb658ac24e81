// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel's tile costs.
#include "KernelCost.h"
#include "ElementBytes.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <cmath>

using namespace mlir;
using namespace mlir::prec;

static constexpr int64_t assumedExtent = 64;
/// Latency of a floating-point addition, multiplication or fma; other
/// operations take one cycle.
static constexpr double floatLatency = 4;
/// Vector operations for an element that moves alone between a register and
/// memory, and for one row of a transposed square.
static constexpr double aloneCost = 1.5, transposeCost = 5;
/// Instructions of an access with its address, and of a loop; by how much LLVM
/// widens a loop over single elements.
static constexpr double accessCode = 5, loopCode = 6, widening = 8;

static bool isFree(Operation &inner) {
  return isa<arith::ConstantOp, linalg::IndexOp, arith::BitcastOp>(inner);
}

/// An instruction takes some 0.1 million cycles to compile. A kernel runs ten
/// thousand times, in an evaluation of a training some hundred times.
static double codeCostOf(linalg::GenericOp op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  auto phase = function ? function->getAttrOfType<StringAttr>(phaseAttrName)
                        : StringAttr();
  return phase && phase.getValue() == "eval" ? 160 : 8;
}

KernelCost::KernelCost(linalg::GenericOp op)
    : op(op), instructionCost(codeCostOf(op)),
      extents(op.getStaticLoopRanges()), firstOutput(op.getNumDpsInputs()),
      numReductions(op.getNumReductionLoops()) {
  readBody();
  measureSteps();
}

/// Instructions of a square of rows and lanes that is read or written across.
double KernelCost::squareCode(const Tile &tile) {
  double lanes = double(tile.lanes);
  return (accessCode + std::log2(lanes)) * lanes;
}

void KernelCost::readBody() {
  llvm::SmallDenseMap<Value, uint64_t> dimsOf;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (BlockArgument argument : op.getBody()->getArguments()) {
    uint64_t dims = 0;
    AffineMap map = maps[argument.getArgNumber()];
    for (unsigned dim = 0; dim < extents.size(); ++dim)
      if (map.isFunctionOfDim(dim))
        dims |= uint64_t(1) << dim;
    operandDims.push_back(dims);
    isSimple.push_back(map.isProjectedPermutation());
    isRead.push_back(!argument.use_empty());
    if (unsigned number = argument.getArgNumber();
        isRead.back() && number < firstOutput &&
        isa<ShapedType>(op->getOperand(number).getType()))
      inputs.push_back(number);
    dimsOf[argument] = dims;
  }
  llvm::SmallDenseSet<Value> onChain;
  for (BlockArgument argument : op.getRegionOutputArgs())
    onChain.insert(argument);
  llvm::SmallDenseMap<Value, unsigned> places;
  for (Operation &inner : op.getBody()->without_terminator()) {
    uint64_t dims = 0;
    bool isOnChain = false;
    for (Value operand : inner.getOperands()) {
      dims |= dimsOf.lookup(operand);
      isOnChain |= onChain.contains(operand);
    }
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      dims = uint64_t(1) << index.getDim();
    for (Value operand : inner.getOperands())
      if (auto at = places.find(operand); at != places.end())
        body[at->second].userDims |= dims;
    bool isCheap = isFree(inner);
    if (inner.getNumResults() == 1) {
      dimsOf[inner.getResult(0)] = dims;
      if (isOnChain)
        onChain.insert(inner.getResult(0));
      places[inner.getResult(0)] = unsigned(body.size());
    }
    body.push_back({dims, isCheap});
    if (isCheap)
      continue;
    ++numOps;
    if (isOnChain)
      chain += isa<FloatType>(inner.getResult(0).getType()) &&
                       !isa<arith::SelectOp>(inner)
                   ? floatLatency
                   : 1;
  }
}

bool KernelCost::sharesReads(unsigned vectorDim, int rowDim) const {
  return llvm::any_of(inputs, [&](unsigned number) {
    return !dependsOn(number, int(vectorDim)) ||
           (rowDim >= 0 && !dependsOn(number, rowDim));
  });
}

int64_t KernelCost::extent(unsigned dim) const {
  return ShapedType::isDynamic(extents[dim]) ? assumedExtent : extents[dim];
}

double KernelCost::points(ArrayRef<unsigned> dims) const {
  double count = 1;
  for (unsigned dim : dims)
    count *= double(extent(dim));
  return count;
}

/// As KernelBlock does it: a tile of another shape than a square's is taken an
/// element at a time.
Access KernelCost::accessIn(const KernelPlan &plan, const Tile &tile,
                            unsigned number) {
  Access access = plan.accesses[number];
  bool isSquare = tile.rows == tile.lanes ||
                  (plan.canMask && tile.rows > 1 && tile.rows < tile.lanes);
  return access == Access::Transposed && !isSquare ? Access::Strided : access;
}

/// Rows of a tile meet in most of what they read of a window along them: this
/// part of it is different elements. 1 if there is no such window.
double KernelCost::windowShare(unsigned number, const KernelPlan &plan,
                               int64_t rows) const {
  auto byRow = plan.rowDim < 0 ? std::nullopt : step(number, plan.rowDim);
  if (byRow && *byRow != 0)
    for (unsigned dim : plan.reductions)
      if (auto by = step(number, dim); by && *by != 0 && *byRow % *by == 0) {
        double size = double(extent(dim));
        int64_t lines = std::abs(*byRow / *by);
        double stride = std::min(double(lines), size);
        return (double(rows - 1) * stride + size) / (double(rows) * size);
      }
  return 1;
}

double KernelCost::windowValues(const KernelPlan &plan) const {
  auto sum = double(plan.rows * plan.vectors);
  bool isShared = false;
  for (unsigned number : inputs) {
    double share = windowShare(number, plan, plan.rows);
    isShared |= share < 1;
    sum += share * points(plan.reductions) *
           copies(operandDims[number], plan,
                  {plan.rows, plan.vectors, plan.lanes});
  }
  return isShared ? sum : 0;
}

/// One point of the reduction dimensions (or of none) for a tile.
KernelCost::Effort KernelCost::stepEffort(const KernelPlan &plan,
                                          const Tile &tile) const {
  Effort effort;
  double vectorOps = 0, loads = 0, scalarOps = 1, lanes = double(tile.lanes);
  double distant = 0;
  for (const BodyOp &inner : body) {
    double count = copies(inner.dims, plan, tile);
    effort.instructions += count;
    if (inner.isFree)
      continue;
    if (has(inner.dims, plan.vectorDim) || plan.isScalar()) {
      vectorOps += count;
      continue;
    }
    scalarOps += count;
    if (has(inner.userDims, plan.vectorDim)) // goes to all lanes
      vectorOps += count;
  }
  for (unsigned number : inputs) {
    double count = copies(operandDims[number], plan, tile);
    if (has(operandDims[number], plan.rowDim))
      loads += count * missedLines(number, plan);
    if (double far = distantLoads(number, plan, tile)) {
      loads += far;
      distant += plan.isPanel(number) ? 0 : far;
    }
    switch (accessIn(plan, tile, number)) {
    case Access::Uniform:
      loads += count;
      effort.instructions += accessCode * count;
      break;
    case Access::Contiguous: { // a load across cache lines counts twice
      bool isAligned = true;
      if (plan.isPanel(number)) {
        loads += count;
        effort.instructions += accessCode * count;
        break;
      }
      for (unsigned dim = 0; dim < extents.size(); ++dim)
        if (auto by = step(number, dim); !by || *by % tile.lanes != 0)
          isAligned &= int(dim) == plan.vectorDim;
      loads += count * (isAligned ? 1 : 1.6) *
               (plan.unroll ? windowShare(number, plan, tile.rows) : 1);
      effort.instructions += accessCode * count;
      break;
    }
    case Access::Interleaved:
      loads += 2 * count;
      vectorOps += count;
      effort.instructions += 2 * accessCode * count;
      break;
    case Access::Transposed:
      loads += count;
      vectorOps += transposeCost * count;
      effort.instructions += squareCode(tile) * double(tile.vectors);
      break;
    case Access::Ahead: { // a square for as many points as it has lanes
      double size = double(extent(plan.reductions.back()));
      double alone = std::fmod(size, lanes) / size;
      double small = std::min(lanes, 16 / double(elementSizes[number]));
      double parts = lanes / small; // 128 bits each, put together by loads
      loads += count * (parts * (1 - alone) + lanes * alone +
                        aheadLoads(number, plan) + (plan.storesAhead ? 2 : 0));
      vectorOps += count * ((parts + 2 * std::log2(small)) * (1 - alone) +
                            aloneCost * lanes * alone);
      effort.instructions +=
          squareCode(tile) / pointsInCode(plan, tile) * count;
      break;
    }
    case Access::Strided:
      loads += count * lanes * (1 + pageLoads(number, plan));
      vectorOps += aloneCost * lanes * count;
      effort.instructions += accessCode * lanes * count;
      break;
    }
  }
  // What comes from far is waited for if the processor does not see the next
  // step before it has come, as it does where steps are short.
  constexpr double shortStep = 48, seenAhead = 128, waiting = 2;
  double operations = vectorOps + loads - distant;
  double exposed =
      std::clamp((operations - shortStep) / (seenAhead - shortStep), 0.0, 1.0);
  double throughput = std::max({vectorOps / 2, loads / 2, scalarOps / 4}) +
                      0.02 * loads + 0.5 + waiting * exposed * distant;
  effort.cycles = numReductions ? std::max(throughput, chain) : throughput;
  return effort;
}

/// Reading and writing a tile's outputs once.
KernelCost::Effort KernelCost::outputEffort(const KernelPlan &plan,
                                            const Tile &tile) const {
  Effort effort;
  for (unsigned number = firstOutput; number < isRead.size(); ++number) {
    double count = double(tile.rows * tile.vectors) * points(plan.inTile);
    double lanes = double(tile.lanes);
    double each = 1, code = accessCode * count;
    Access access = accessIn(plan, tile, number);
    if (access == Access::Strided) {
      each = (aloneCost + pageLoads(number, plan)) * lanes;
      code *= lanes;
    } else if (access == Access::Transposed) {
      each = transposeCost;
      code = squareCode(tile) * double(tile.vectors);
    }
    bool isReadToo = isRead[number] && numReductions;
    effort.cycles += each * count * (isReadToo ? 1.5 : 1);
    effort.instructions += code * (isReadToo ? 2 : 1);
  }
  return effort;
}

/// For how many points of the reduction a tile has code.
double KernelCost::pointsInCode(const KernelPlan &plan,
                                const Tile &tile) const {
  if (plan.unroll)
    return points(plan.reductions);
  return plan.looksAhead() && !plan.storesAhead ? double(tile.lanes) : 1;
}

KernelCost::Effort KernelCost::tileEffort(const KernelPlan &plan,
                                          const Tile &tile) const {
  Effort step = stepEffort(plan, tile), output = outputEffort(plan, tile);
  double count = points(plan.reductions), times = pieces(plan);
  return {count * step.cycles + output.cycles + 2 +
              (times - 1) * (revisitCost() * output.cycles + 2),
          pointsInCode(plan, tile) * step.instructions + output.instructions +
              loopCode * double(1 + plan.reductions.size())};
}

double KernelCost::total(const KernelPlan &plan) const {
  double outside = points(plan.outer) * points(plan.hoisted);
  Effort sum;
  auto add = [&](double times, const Tile &tile) {
    if (times == 0)
      return;
    Effort each = tileEffort(plan, tile);
    sum.cycles += times * each.cycles;
    sum.instructions += each.instructions;
  };
  for (unsigned number : inputs)
    if (plan.isPanel(number))
      sum.cycles += panelCost(number, plan) / outside;
  auto all = [&] {
    return outside * sum.cycles + codeCost() * sum.instructions;
  };
  if (plan.isScalar()) {
    add(1, {1, 1, 1});
    sum.instructions *= widening;
    return all();
  }
  int64_t size = extent(plan.vectorDim);
  int64_t whole = size / (plan.lanes * plan.vectors);
  int64_t left = size - whole * plan.lanes * plan.vectors;
  int64_t rowSize = plan.rowDim < 0 ? 1 : extent(plan.rowDim);
  auto rowBlocks = [&](int64_t times, int64_t vectors) {
    int64_t wholeRows = times * (rowSize / plan.rows);
    add(double(wholeRows), {plan.rows, vectors, plan.lanes});
    if (int64_t rest = rowSize % plan.rows)
      add(double(times), {rest, vectors, plan.lanes});
  };
  rowBlocks(whole, plan.vectors);
  if (left > 0 && (plan.canMask || left % plan.lanes == 0)) {
    rowBlocks(1, llvm::divideCeil(left, plan.lanes));
  } else if (left > 0) { // whole vectors, then an element at a time
    int64_t vectors = left / plan.lanes, alone = left % plan.lanes;
    if (vectors)
      rowBlocks(1, vectors);
    rowBlocks(alone, 1);
  }
  return all();
}
