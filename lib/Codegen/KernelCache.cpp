// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel's tile costs: operands that come from far.
//
// The caches that this counts with are those that machines of this decade have
// at least: 32 KB of 8 ways near the core and 512 KB of 8 ways behind, in lines
// of 64 bytes. What fits into the near one is free.
#include "KernelCost.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mlir::prec;

/// What is left of either for one operand.
static constexpr double nearBytes = 24 << 10, farBytes = 256 << 10;
/// Pages, and how many the processor knows the addresses of.
static constexpr double pageBytes = 4096, nearPages = 48, farPages = 1024;
static constexpr int64_t lineBytes = 64, ways = 8, nearSets = 64,
                         farSets = 1024;

/// Cache lines that a row's load fetches anew, in loads: rows that lie apart
/// share no line, and only neighbouring steps of the reduction do. Until a tile
/// reads a row again, the tiles of all other rows have read theirs.
double KernelCost::missedLines(unsigned number, const KernelPlan &plan) const {
  constexpr double line = 16, ofStream = 4, ofJump = 10, ofFarJump = 40,
                   ofCollision = 1.5;
  auto across = step(number, plan.rowDim);
  if (plan.reductions.empty() || plan.isPanel(number) ||
      (across && std::abs(*across) < int64_t(line)))
    return 0;
  if (rowsCollide(number, plan))
    return ofCollision;
  unsigned innermost = plan.reductions.back();
  double run = step(number, innermost) == 1 ? double(extent(innermost)) : 1;
  double linesOfRun = 1 + (run - 1) / line;
  int64_t block = rowBlock(plan);
  double rows = double(block ? block : extent(plan.rowDim));
  double bytes =
      rows * depth(number, plan) / run * linesOfRun * double(lineBytes);
  if (bytes <= nearBytes)
    return 0;
  double each = run >= line ? ofStream : bytes <= farBytes ? ofJump : ofFarJump;
  return each * linesOfRun / run;
}

/// What an element alone costs more, in loads, where the lanes of a vector lie
/// in pages of their own and the next vector comes back to these much later.
double KernelCost::pageLoads(unsigned number, const KernelPlan &plan) const {
  constexpr double ofPage = 10;
  auto by = step(number, plan.vectorDim);
  if (numReductions > 0 || !by)
    return 0;
  return double(std::abs(*by) * elementSizes[number]) >= pageBytes ? ofPage : 0;
}

/// Lines of a cache that reads at a distance of `stride` bytes can live in,
/// each of which takes `lines` lines.
static double linesWithin(int64_t sets, int64_t stride, int64_t lines) {
  int64_t by = stride % lineBytes ? 1 : stride / lineBytes;
  int64_t shared = std::gcd(sets, by);
  int64_t setsHit = sets / shared;
  return double(setsHit * ways * std::min(lines, shared));
}

double KernelCost::pieces(const KernelPlan &plan) const {
  if (!plan.piece)
    return 1;
  return std::ceil(double(extent(plan.reductions.front())) /
                   double(plan.piece));
}

/// By how much it costs more to read and write an output that has been away.
double KernelCost::revisitCost() const {
  constexpr double ofMemory = 12;
  double elements = 1;
  for (unsigned dim = 0; dim < extents.size(); ++dim)
    if (dependsOn(firstOutput, int(dim)))
      elements *= double(extent(dim));
  return elements * double(elementSizes[firstOutput]) > farBytes ? ofMemory : 1;
}

/// Points of the reduction that read another element of the operand, inside of
/// the parallel loops.
double KernelCost::depth(unsigned number, const KernelPlan &plan) const {
  double points = 1;
  for (unsigned dim : plan.reductions)
    if (dependsOn(number, int(dim)))
      points *= double(plan.pointsInside(dim, extent(dim)));
  return points;
}

bool KernelCost::hasNeighbours(unsigned number, const KernelPlan &plan) const {
  bool isVector = dependsOn(number, plan.vectorDim),
       isRow = dependsOn(number, plan.rowDim);
  if (isVector == isRow || !isSimple[number] ||
      !llvm::is_contained(inputs, number) || !hasVectors[number])
    return false;
  unsigned along = isVector ? plan.vectorDim : plan.rowDim;
  return step(number, along) == 1 && !ShapedType::isDynamic(extents[along]) &&
         llvm::all_of(plan.reductions, [&](unsigned dim) {
           return !dependsOn(number, int(dim)) ||
                  !ShapedType::isDynamic(extents[dim]);
         });
}

bool KernelCost::rowsCollide(unsigned number, const KernelPlan &plan) const {
  auto across = plan.rowDim < 0 ? std::nullopt : step(number, plan.rowDim);
  if (!across || plan.reductions.empty() ||
      step(number, plan.reductions.back()) != 1)
    return false;
  int64_t stride = std::abs(*across) * elementSizes[number];
  return stride >= lineBytes &&
         double(plan.rows) > 0.75 * linesWithin(nearSets, stride, 1);
}

bool KernelCost::canTurn(unsigned number, const KernelPlan &plan) const {
  return rowsCollide(number, plan) && isSimple[number] &&
         !dependsOn(number, plan.vectorDim) &&
         llvm::is_contained(inputs, number) && hasVectors[number] &&
         !ShapedType::isDynamic(extents[plan.rowDim]) &&
         llvm::none_of(plan.reductions, [&](unsigned dim) {
           return dependsOn(number, int(dim)) &&
                  ShapedType::isDynamic(extents[dim]);
         });
}

/// How often a call reads what it reads of the operand.
double KernelCost::uses(unsigned number, const KernelPlan &plan) const {
  bool isVector = dependsOn(number, plan.vectorDim);
  double count = 1;
  if (int other = isVector ? plan.rowDim : plan.vectorDim; other >= 0)
    count *= double(extent(other)) / double(plan.widthAlong(other));
  for (unsigned dim : plan.outer)
    if (!dependsOn(number, int(dim)))
      count *= double(extent(dim));
  return count;
}

bool KernelCost::canBePanel(unsigned number, const KernelPlan &plan) const {
  return (hasNeighbours(number, plan) || canTurn(number, plan)) &&
         uses(number, plan) >= 2;
}

int64_t KernelCost::rowBlock(const KernelPlan &plan) const {
  constexpr double most = 320 << 10, wanted = 256 << 10;
  if (plan.rowDim < 0 || plan.reductions.empty() ||
      extent(plan.vectorDim) <= plan.lanes * plan.vectors)
    return 0;
  // Images are read along their lines, which the processor foresees.
  for (unsigned number : inputs)
    if (auto line = step(number, plan.rowDim);
        line && plan.accesses[number] == Access::Contiguous &&
        double(*line * extent(plan.rowDim) * elementSizes[number]) > nearBytes)
      return plan.rows;
  double bytes = 0;
  for (unsigned number : inputs)
    if (dependsOn(number, plan.rowDim) && !dependsOn(number, plan.vectorDim))
      bytes += depth(number, plan) * double(elementSizes[number]);
  if (bytes * double(extent(plan.rowDim)) <= most)
    return 0;
  auto blocks = int64_t(wanted / bytes / double(plan.rows));
  return std::max<int64_t>(blocks, 1) * plan.rows;
}

/// A panel that each block of the vector dimension uses once, for all rows,
/// need not be there for all blocks at once: it would take as much memory as
/// the operand, and more than the cache.
int64_t KernelCost::vectorGroup(const KernelPlan &plan) const {
  constexpr double most = 128 << 10, wanted = 64 << 10;
  if (plan.rowBlock || plan.revisitsOutputs() || plan.isScalar() ||
      ShapedType::isDynamic(extents[plan.vectorDim]))
    return 0;
  int64_t width = plan.lanes * plan.vectors;
  double bytes = 0;
  for (unsigned number : inputs)
    if (plan.isPanel(number) && dependsOn(number, plan.vectorDim)) {
      if (!plan.outer.empty() && !dependsOn(number, int(plan.outer.back())))
        return 0; // made before the last of the outer loops
      bytes += depth(number, plan) * double(elementSizes[number] * width);
    }
  auto blocks = extents[plan.vectorDim] / width;
  if (bytes * double(blocks) <= most)
    return 0;
  return std::max<int64_t>(int64_t(wanted / bytes), 1) * width;
}

/// What `width` neighbours cost at each point of the reduction, in loads from
/// the near cache, where the tiles before have left them elsewhere.
double KernelCost::loadsOfStep(unsigned number, const KernelPlan &plan,
                               double width) const {
  constexpr double nearby = 20, distant = 80;
  int64_t stride = 0, bytes = elementSizes[number];
  for (unsigned dim : plan.reductions)
    if (auto by = step(number, dim); dependsOn(number, int(dim)))
      stride = std::abs(by.value_or(0)) * bytes;
  int64_t lines = llvm::divideCeil(int64_t(width) * bytes, lineBytes);
  if (stride <= int64_t(width) * bytes || stride < lineBytes)
    return 0;
  double all = depth(number, plan) * double(lines);
  double pages =
      depth(number, plan) * std::min(double(stride) / pageBytes, 1.0);
  if (all <= 0.75 * linesWithin(nearSets, stride, lines) && pages <= nearPages)
    return 0;
  bool isFar =
      all > 0.5 * linesWithin(farSets, stride, lines) || pages > farPages;
  return double(lines) * (isFar ? distant : nearby);
}

/// A run of neighbours in each row of what is read once: the processor foresees
/// the lines of a run, not the next row's.
double KernelCost::loadsOfRun(unsigned number, const KernelPlan &plan) const {
  constexpr double ofRun = 16, ofFarRun = 26;
  if (plan.reductions.empty() || !dependsOn(number, plan.vectorDim) ||
      !hasNeighbours(number, plan) || uses(number, plan) >= 2)
    return 0;
  double points = depth(number, plan) * pieces(plan);
  auto bytes = double(elementSizes[number]);
  double row = double(extent(unsigned(plan.vectorDim))) * bytes;
  if (points * row <= farBytes)
    return 0;
  double pages = depth(number, plan) * std::min(row / pageBytes, 1.0);
  return pages > farPages ? ofFarRun : ofRun;
}

/// In loads from the near cache, a line of what takes so many bytes in all.
static double loadsOfLine(double bytes, double ofNextLine = 5) {
  constexpr double ofFarLine = 16;
  return bytes <= nearBytes ? 0 : bytes <= farBytes ? ofNextLine : ofFarLine;
}

/// Each lane's line serves as many points as there are lanes.
double KernelCost::aheadLoads(unsigned number, const KernelPlan &plan) const {
  return loadsOfLine(depth(number, plan) * double(plan.lanes) *
                     double(elementSizes[number]));
}

/// Of an operand that differs in each row and lane: the loops around that do
/// not change it read it again, when all that is inside of them was read.
double KernelCost::repeatedLoads(unsigned number, const KernelPlan &plan,
                                 const Tile &tile) const {
  double bytes = double(elementSizes[number]) * depth(number, plan) *
                 double(extent(plan.vectorDim)) * double(extent(plan.rowDim));
  for (unsigned dim : llvm::reverse(plan.outer)) {
    if (dependsOn(number, int(dim))) {
      bytes *= double(extent(dim));
      continue;
    }
    if (extent(dim) > 1)
      return loadsOfLine(bytes) *
             double(tile.rows * tile.vectors * tile.lanes) *
             double(elementSizes[number]) / double(lineBytes);
  }
  return 0;
}

double KernelCost::distantLoads(unsigned number, const KernelPlan &plan,
                                const Tile &tile) const {
  bool isVector = dependsOn(number, plan.vectorDim);
  if (isVector && dependsOn(number, plan.rowDim) && !plan.reductions.empty())
    return repeatedLoads(number, plan, tile);
  // One element for all of a tile, each time in another line.
  if (!isVector && !dependsOn(number, plan.rowDim))
    return plan.reductions.empty() ? 0 : loadsOfStep(number, plan, 1);
  // Rows share lines of the cache with the next ones.
  if (!plan.isPanel(number) && !hasNeighbours(number, plan))
    return 0;
  // What is read as vectors once comes from memory however it is read.
  if (!plan.isPanel(number) && isVector && uses(number, plan) < 2)
    return loadsOfRun(number, plan);
  double width = double(isVector ? tile.lanes * tile.vectors : tile.rows);
  if (double loads =
          plan.isPanel(number) ? 0 : loadsOfStep(number, plan, width))
    return loads;
  // One line after the other, in a panel or as it is: then the processor sees
  // the next one coming.
  constexpr double foreseen = 2;
  double bytes = double(elementSizes[number]) *
                 (plan.isPanel(number)
                      ? double(isVector ? plan.lanes * plan.vectors : plan.rows)
                      : width);
  double all = depth(number, plan) * bytes, lines = bytes / double(lineBytes);
  return lines *
         (plan.isPanel(number) ? loadsOfLine(all) : loadsOfLine(all, foreseen));
}

/// Cycles to make all panels of an operand in a call.
double KernelCost::panelCost(unsigned number, const KernelPlan &plan) const {
  constexpr double instructions = 60;
  bool isVector = dependsOn(number, plan.vectorDim);
  unsigned along = isVector ? plan.vectorDim : plan.rowDim;
  double width = double(plan.widthAlong(along));
  double blocks = std::ceil(double(extent(along)) / width);
  double moves = isVector                      ? double(plan.vectors)
                 : hasNeighbours(number, plan) ? std::ceil(width / 4)
                                               : width;
  double cycles = 1.5 * moves + loadsOfStep(number, plan, width) / 2 + 1;
  double times = points(plan.hoisted) * pieces(plan), outer = 1;
  for (unsigned dim : plan.outer) {
    outer *= double(extent(dim));
    if (dependsOn(number, int(dim)))
      times *= outer, outer = 1;
  }
  return times * blocks * depth(number, plan) * cycles +
         codeCost() * instructions;
}
