// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A large contraction as loops over tiles of its result.
#include "SplitTiles.h"
#include "RoundedReduction.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
/// The parallel loops of one input alone: its lines. One of them is cut.
struct Lines {
  unsigned loop;
  int64_t extent; ///< of a tile
  int64_t others; ///< lines for each step of the loop
  int64_t count() const { return extent * others; }
};
} // namespace

/// A tile has so many lines of the second input for each of the first, which
/// kernels keep in registers.
static constexpr int64_t columnsPerRow = 4;

/// With fewer, reading an operand to measure it is too large a part.
static constexpr int64_t fewestLines = 16;

/// With fewer, one that takes the general form is most of the work.
static constexpr int64_t fewestTiles = 8;

static int64_t smallestFactor(int64_t value) {
  for (int64_t factor = 2; factor * factor <= value; ++factor)
    if (value % factor == 0)
      return factor;
  return value;
}

static std::optional<Lines> linesOf(linalg::GenericOp op, unsigned input) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  std::optional<Lines> lines;
  for (unsigned dim : parallel) {
    const int64_t extent = op.getStaticLoopRanges()[dim];
    if (!maps[input].isFunctionOfDim(dim) ||
        maps[1 - input].isFunctionOfDim(dim) || extent == 1)
      continue;
    if (lines)
      lines->others *= extent;
    else
      lines = Lines{dim, extent, 1};
  }
  return lines;
}

/// By loop, 0 for those that stay whole; none at all if nothing can be cut.
static SmallVector<int64_t> tileSizes(linalg::GenericOp op, int64_t allowed) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  int64_t points = 1;
  for (int64_t extent : extents) {
    if (ShapedType::isDynamic(extent))
      return {};
    points = llvm::SaturatingMultiply(uint64_t(points), uint64_t(extent));
  }
  if (points / fewestTiles < allowed)
    return {};
  SmallVector<int64_t> sizes(extents.size(), 0);
  std::optional<Lines> sides[] = {linesOf(op, 0), linesOf(op, 1)};
  bool isCut = false;
  while (points > allowed) {
    Lines *widest = nullptr;
    int64_t most = 0;
    for (auto [side, weight] : {std::pair(0, columnsPerRow), {1, 1}}) {
      std::optional<Lines> &lines = sides[side];
      if (lines &&
          lines->count() / smallestFactor(lines->extent) >= fewestLines &&
          lines->extent > 1 && lines->count() * weight > most)
        widest = &*lines, most = lines->count() * weight;
    }
    if (!widest)
      break;
    const int64_t factor = smallestFactor(widest->extent);
    widest->extent /= factor;
    points /= factor;
    sizes[widest->loop] = widest->extent;
    isCut = true;
  }
  return isCut ? sizes : SmallVector<int64_t>();
}

/// Each tile starts from a constant of its own.
static void refill(RewriterBase &b, linalg::GenericOp tile, TypedAttr start) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(tile);
  Location loc = tile.getLoc();
  OpOperand *init = tile.getDpsInitOperand(0);
  auto type = cast<RankedTensorType>(init->get().getType());
  Value empty =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  Value scalar = arith::ConstantOp::create(b, loc, start);
  init->set(linalg::FillOp::create(b, loc, scalar, empty).getResult(0));
}

/// Offsets of indices as additions, which kernels know.
static void expandIndices(RewriterBase &b, linalg::GenericOp tile) {
  for (auto apply : llvm::make_early_inc_range(
           tile.getBody()->getOps<affine::AffineApplyOp>())) {
    b.setInsertionPoint(apply);
    auto expanded = affine::expandAffineMap(
        b, apply.getLoc(), apply.getAffineMap(), apply.getOperands());
    b.replaceOp(apply, *expanded);
  }
}

std::optional<Tile> mlir::prec::splitIntoTiles(RewriterBase &b,
                                               linalg::GenericOp op,
                                               int64_t points) {
  TypedAttr start = fillOf(op);
  if (!start || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1)
    return std::nullopt;
  SmallVector<int64_t> sizes = tileSizes(op, points);
  if (sizes.empty())
    return std::nullopt;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  auto type = cast<RankedTensorType>(op.getResult(0).getType());
  op.getDpsInitOperand(0)->set(tensor::EmptyOp::create(
      b, op.getLoc(), type.getShape(), type.getElementType()));
  scf::SCFTilingOptions options;
  options.setTileSizes(getAsIndexOpFoldResult(b.getContext(), sizes));
  // Columns outside: what belongs to them is the larger part.
  SmallVector<int64_t> order;
  for (unsigned input : {1, 0})
    if (auto lines = linesOf(op, input); lines && sizes[lines->loop])
      order.push_back(lines->loop);
  for (unsigned loop = 0; loop < sizes.size(); ++loop)
    if (!llvm::is_contained(order, loop))
      order.push_back(loop);
  options.setInterchange(order);
  auto tiled =
      scf::tileUsingSCF(b, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return std::nullopt;
  Tile tile{cast<linalg::GenericOp>(tiled->tiledOps.front()), tiled->loops};
  refill(b, tile.op, start);
  expandIndices(b, tile.op);
  b.replaceOp(op, tiled->replacements);
  return tile;
}
