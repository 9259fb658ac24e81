// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rows of the table of sites, and what becomes of one of them.
#include "prec/Transforms/SiteReport.h"
#include "prec/Analysis/Work.h"
#include "prec/IR/Location.h"
#include "prec/Transforms/Plan.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::prec;

/// Bits of a value: of its format's codes (of an element's, where a scale is
/// shared), or of the carrier. What is known at run time only counts with its
/// first value, within the legal range (R-RUNTIME).
static int bitsOf(Type type, const Action *action, const Policy &policy) {
  Carrier carrier = *carrierOf(type);
  if (!action)
    return int(layoutOf(carrier).width);
  // Where the point stands changes no width.
  if (!action->format.isMoved())
    if (std::optional<Format> written = policy.formatAt(*action, carrier))
      return written->width(carrier);
  return action->format.width(carrier);
}

/// The first carrier type of an operation's results or outputs.
static Type carrierTypeOf(Operation *op) {
  for (Type type : op->getResultTypes())
    if (carrierOf(type))
      return type;
  for (Value operand : op->getOperands())
    if (carrierOf(operand.getType()))
      return operand.getType();
  return Float32Type::get(op->getContext());
}

void SiteReport::add(const Plan &plan, const SiteTable &sites, RuleBook &book) {
  const Policy &policy = book.policy();
  auto addRow = [&](const Candidate &c, const SiteView &view, Type type,
                    std::optional<size_t> rule, StringRef status,
                    Location location) -> Row & {
    Row row;
    row.number = c.number;
    row.entry = view.function.str();
    row.phase = view.phase.str();
    row.scope = view.scope.str();
    row.op = c.op.str();
    if (c.isArgument && row.op.empty())
      row.op = "argument " + std::to_string(c.ordinal);
    row.role = view.role.str();
    row.status = status.str();
    row.location = describe(location);
    const Action *action = nullptr;
    if (rule) {
      action = &policy.rules[*rule].action;
      row.granularity = str(action->granularity);
      row.format = action->format.str();
      row.mode = action->mode.str();
      row.extra = action->addition();
      row.origin = policy.rules[*rule].origin;
    }
    bool isRounded = status == "rounded" || status == "exempt";
    row.bits = bitsOf(type, isRounded ? action : nullptr, policy);
    std::vector<size_t> matches = book.matches(view);
    if (!rule) // a rule that keeps, perhaps
      rule = decidesRounding(policy.rules, matches);
    if (rule)
      row.origin = policy.rules[*rule].origin;
    for (size_t match : matches)
      if (match != rule)
        row.otherMatches.push_back(policy.rules[match].origin);
    rows.push_back(std::move(row));
    return rows.back();
  };
  for (const Plan::Entry &e : plan.entries()) {
    Row &row = addRow(*e.candidate, e.view, e.value.getType(), e.rule,
                      e.isExempt ? "exempt" : "rounded", e.value.getLoc());
    row.elements = countElements(e.value.getType());
    row.flops = 0;
  }
  for (const Plan::KeptEntry &e : plan.keptEntries()) {
    Row &row = addRow(*e.candidate, e.view, e.value.getType(), std::nullopt,
                      "kept", e.value.getLoc());
    row.elements = countElements(e.value.getType());
    row.flops = 0;
  }
  auto addOperation = [&](Operation *op, std::optional<size_t> rule,
                          StringRef status) {
    const Candidate &c = *sites.lookup(op);
    Row &row =
        addRow(c, viewOf(c), carrierTypeOf(op), rule, status, op->getLoc());
    row.elements = countValues(op);
    row.flops = countFlops(op);
    row.isInside = bool(op->getParentOfType<linalg::LinalgOp>());
  };
  for (const Plan::Definition &d : plan.definitions())
    addOperation(d.op, d.rule, d.isExempt ? "exempt" : "rounded");
  for (Operation *op : plan.kept())
    addOperation(op, std::nullopt, "kept");
  for (Operation *op : plan.uncovered())
    addOperation(op, plan.ruleFor(op), "uncovered");
  llvm::sort(rows, [](const Row &a, const Row &b) {
    return std::tie(a.number, a.origin, a.status, a.format) <
           std::tie(b.number, b.origin, b.status, b.format);
  });
  std::optional<int64_t> &total =
      totalFlops.try_emplace(plan.function().getName(), 0).first->second;
  for (const Row &row : rows)
    if (row.entry == plan.function().getName() && !row.isInside && total)
      total = row.flops ? std::optional(*total + *row.flops) : std::nullopt;
}

std::optional<double> SiteReport::flopsShare(const Row &row) const {
  std::optional<int64_t> total = totalFlops.lookup(row.entry);
  if (!total || !row.flops)
    return std::nullopt;
  return *total ? double(*row.flops) / double(*total) : 0;
}

/// As --round spells it.
static std::string rounding(const SiteReport::Row &row) {
  return row.format + ":" + row.mode + "@" + row.granularity +
         (row.extra.empty() ? "" : "+" + row.extra);
}

LogicalResult SiteReport::explain(StringRef which, raw_ostream &os) const {
  int64_t number = -1;
  bool isNumber = !which.getAsInteger(10, number);
  llvm::Expected<Glob> scope = Glob::parse(which);
  if (!scope) {
    llvm::consumeError(scope.takeError());
    return failure();
  }
  bool found = false;
  for (const Row &row : rows) {
    if (isNumber ? row.number != number : !scope->matches(row.scope))
      continue;
    found = true;
    os << "site " << row.number << ": " << row.op << ", role " << row.role
       << ", phase " << row.phase << ", scope \"" << row.scope << "\", "
       << row.status;
    if (!row.format.empty())
      os << ", " << rounding(row);
    os << '\n';
    os << "  decided by: " << (row.origin.empty() ? "no rule" : row.origin)
       << '\n';
    for (const std::string &other : llvm::reverse(row.otherMatches))
      os << "  also matches: " << other << '\n';
  }
  return success(found);
}

/// What a policy does at a site, in a line.
static std::string treatment(const SiteReport::Row &row) {
  if (row.status != "rounded" && row.status != "exempt")
    return row.status;
  return rounding(row);
}

void mlir::prec::printDifference(const SiteReport &a, const SiteReport &b,
                                 raw_ostream &os) {
  // An argument under several rules has several rows: compare them as sets.
  using Rows = llvm::SmallVector<const SiteReport::Row *, 2>;
  std::map<int64_t, std::pair<Rows, Rows>> sites;
  for (const SiteReport::Row &row : a.rows)
    sites[row.number].first.push_back(&row);
  for (const SiteReport::Row &row : b.rows)
    sites[row.number].second.push_back(&row);
  auto textOf = [](const Rows &rows, bool withOrigin) {
    std::set<std::string> texts;
    for (const SiteReport::Row *row : rows)
      texts.insert(treatment(*row) + (withOrigin && !row->origin.empty()
                                          ? " (" + row->origin + ")"
                                          : ""));
    return texts.empty() ? "no site" : llvm::join(texts, ", ");
  };
  int64_t count = 0;
  for (auto &[number, both] : sites) {
    auto &[first, second] = both;
    if (textOf(first, false) == textOf(second, false))
      continue;
    const SiteReport::Row &row = first.empty() ? *second[0] : *first[0];
    os << "site " << number << ": @" << row.entry << " " << row.op << ", role "
       << row.role << ", phase " << row.phase << ", scope \"" << row.scope
       << "\"\n  - " << textOf(first, true) << "\n  + " << textOf(second, true)
       << '\n';
    ++count;
  }
  os << count << " of " << sites.size() << " sites differ\n";
}
