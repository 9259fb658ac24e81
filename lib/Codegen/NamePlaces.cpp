// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Phase, scope, role and kind of each operation go into its location.
#include "Places.h"
#include "prec/Analysis/Sites.h"
#include "prec/Codegen/Passes.h"
#include "prec/IR/Location.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_NAMEPLACES
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

static constexpr StringLiteral tag = "prec.place", roundingWord = "rounding";

Location mlir::prec::withPlace(Location location, const Place &place) {
  MLIRContext *context = location.getContext();
  SmallVector<Attribute> texts;
  for (StringRef text :
       {StringRef(tag), place.phase, place.scope, place.role, place.word})
    texts.push_back(StringAttr::get(context, text));
  return FusedLoc::get(context, {location}, ArrayAttr::get(context, texts));
}

std::optional<Place> mlir::prec::placeOf(Location location) {
  if (auto named = dyn_cast<NameLoc>(location))
    return placeOf(named.getChildLoc());
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return placeOf(call.getCallee());
  auto fused = dyn_cast<FusedLoc>(location);
  if (!fused)
    return std::nullopt;
  if (auto texts = dyn_cast_or_null<ArrayAttr>(fused.getMetadata());
      texts && texts.size() == 5 &&
      texts[0] == StringAttr::get(location.getContext(), tag)) {
    auto text = [&](unsigned i) { return cast<StringAttr>(texts[i]).strref(); };
    return Place{text(1), text(2), text(3), text(4)};
  }
  for (Location part : fused.getLocations())
    if (std::optional<Place> place = placeOf(part))
      return place;
  return std::nullopt;
}

bool mlir::prec::isRounding(Operation *op) {
  std::optional<Place> place = placeOf(op->getLoc());
  return place && place->word == roundingWord;
}

std::string mlir::prec::nameOfPlaces(ArrayRef<Location> locations,
                                     StringRef word) {
  llvm::SmallSetVector<StringRef, 4> phases, scopes, words;
  for (Location location : locations) {
    std::optional<Place> place = placeOf(location);
    if (!place)
      continue;
    if (!place->scope.empty()) {
      bool isOfWeights = place->role == "weight-gradient";
      phases.insert(isOfWeights ? place->role : place->phase);
      scopes.insert(place->scope);
    }
    words.insert(place->word);
  }
  // What is done to each element says less than the others.
  for (StringRef weak : {StringRef(roundingWord), StringRef("elementwise")})
    if (words.size() > 1)
      words.remove(weak);
  std::string name = llvm::join(phases, "+");
  if (!scopes.empty())
    name += " " + llvm::join(scopes, "+");
  else if (!locations.empty())
    name = describe(locations[0]);
  if (word.empty() && words.size() == 1)
    word = words.front();
  if (!word.empty())
    name += (name.empty() ? "" : ": ") + word.str();
  return name;
}

std::string mlir::prec::nameOfOwner(Location location) {
  std::optional<Place> place = placeOf(location);
  if (!place || place->scope.empty())
    return describe(location);
  return (place->phase + " " + place->scope).str();
}

/// "matmul" for linalg.matmul; for a generic operation and what is in one its
/// class.
static StringRef wordOf(Operation *op) {
  if (isa<RoundOp, RandomOp, KeyOp, JoinOp>(op))
    return roundingWord;
  Operation *owner = op;
  if (auto structured = dyn_cast_or_null<linalg::LinalgOp>(op->getParentOp()))
    owner = structured;
  if (isa<linalg::LinalgOp>(owner) && !isa<linalg::GenericOp>(owner))
    return owner->getName().stripDialect();
  StringRef word = classOf(owner);
  // Its parts are rounded one by one: a product's rounding knows what it is.
  auto isProduct = [](RoundOp round) {
    return round.getSite() && round.getSite()->getRole() == "product";
  };
  if (word == "reduction" && owner->getNumRegions() &&
      llvm::any_of(owner->getRegion(0).getOps<RoundOp>(), isProduct))
    return "contraction";
  return word;
}

/// Given, or that of the linalg operation around it.
static StringRef givenRole(Operation *op) {
  for (; op && !isa<FunctionOpInterface>(op); op = op->getParentOp())
    if (auto role = op->getAttrOfType<StringAttr>(roleAttrName))
      return role.getValue();
  return "";
}

namespace {
struct NamePlaces : public prec::impl::NamePlacesBase<NamePlaces> {
  void runOnOperation() override {
    SmallVector<std::pair<Operation *, Location>> named;
    getOperation()->walk([&](Operation *op) {
      if (isa<ModuleOp, FunctionOpInterface>(op))
        return;
      Place place{phaseOf(op), scopeOf(op), givenRole(op), wordOf(op)};
      if (auto round = dyn_cast<RoundOp>(op);
          round && place.scope.empty() && round.getSite()) {
        place.phase = round.getSite()->getPhase();
        place.scope = round.getSite()->getScope();
        // An argument is rounded outside of all layers, but has a name.
        if (place.scope.empty() && isa<BlockArgument>(round.getOperand()))
          place.scope = round.getSite()->getOp();
      }
      named.emplace_back(op, withPlace(op->getLoc(), place));
    });
    for (auto [op, location] : named)
      op->setLoc(location);
    places += named.size();
  }
};
} // namespace
