// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pass that loses a rounding is caught; folding and dead code are not.
#include "prec/Analysis/Survival.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
/// Replaces the roundings that `selects` picks by their operands.
struct DropRounding
    : public PassWrapper<DropRounding, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DropRounding)
  explicit DropRounding(std::function<bool(RoundOp)> selects)
      : selects(std::move(selects)) {}
  StringRef getArgument() const override { return "test-drop-rounding"; }
  void runOnOperation() final {
    SmallVector<RoundOp> rounds;
    getOperation().walk([&](RoundOp op) {
      if (selects(op))
        rounds.push_back(op);
    });
    for (RoundOp op : rounds) {
      op.replaceAllUsesWith(op.getOperand());
      op.erase();
    }
  }
  std::function<bool(RoundOp)> selects;
};

std::string site(int number) {
  return " at <" + std::to_string(number) +
         ", key = " + std::to_string(100 + number) +
         ", entry = \"f\", phase = \"forward\", scope = \"\", op = "
         "\"arith.addf\","
         " role = \"activation\", granularity = \"op\"> : f32\n";
}

/// Site 0 is live, 1 folds (it rounds 0's result again), 2 is dead.
std::string program() {
  return "func.func @f(%a: f32) -> f32 {\n"
         "  %0 = prec.round %a to \"m7\" \"toward-zero\"" +
         site(0) + "  %1 = prec.round %0 to \"m7\" \"toward-zero\"" + site(1) +
         "  %2 = prec.round %a to \"m5\" \"toward-zero\"" + site(2) +
         "  return %1 : f32\n}\n";
}

struct Result {
  bool lostOne;
  std::string messages;
};

Result runPass(std::unique_ptr<Pass> pass) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<PrecDialect, func::FuncDialect>();
  Result result;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    result.messages += diagnostic.str() + "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(program(), &context);
  EXPECT_TRUE(module) << result.messages;
  PassManager pm(&context);
  auto outcome = addSurvivalCheck(pm);
  pm.addPass(std::move(pass));
  EXPECT_TRUE(succeeded(pm.run(*module)));
  result.lostOne = outcome->lostOne;
  return result;
}

std::unique_ptr<Pass> drop(int64_t number) {
  return std::make_unique<DropRounding>(
      [number](RoundOp op) { return op.getSiteAttr().getNumber() == number; });
}

TEST(Survival, CatchesALostRounding) {
  Result result = runPass(drop(0));
  // Without site 0, site 1 is what rounds; 0's key is gone.
  EXPECT_TRUE(result.lostOne);
  EXPECT_EQ(result.messages, "pass 'test-drop-rounding' lost this rounding, "
                             "site 0 (arith.addf, role activation)\n");
}

/// A pass that has no name on a command line.
struct Nameless : public DropRounding {
  using DropRounding::DropRounding;
  StringRef getArgument() const final { return ""; }
};

TEST(Survival, CatchesANamelessPass) {
  auto pass = std::make_unique<Nameless>(
      [](RoundOp op) { return op.getSiteAttr().getNumber() == 0; });
  EXPECT_TRUE(runPass(std::move(pass)).lostOne);
}

TEST(Survival, AllowsFolding) {
  Result result = runPass(drop(1));
  EXPECT_FALSE(result.lostOne);
  EXPECT_EQ(result.messages, "");
}

TEST(Survival, AllowsDeadCode) {
  Result result = runPass(drop(2));
  EXPECT_FALSE(result.lostOne);
  EXPECT_EQ(result.messages, "");
}

TEST(Survival, AllowsCleanUp) {
  Result result = runPass(createCanonicalizerPass());
  EXPECT_FALSE(result.lostOne);
  EXPECT_EQ(result.messages, "");
}

TEST(Survival, CountsKeysNotOperations) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<PrecDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(program(), &context);
  (*module->getOps<func::FuncOp>().begin()).walk([](RoundOp op) {
    OpBuilder(op).clone(*op);
  });
  EXPECT_EQ(liveSiteKeys(*module).size(), 3u);
}
} // namespace
