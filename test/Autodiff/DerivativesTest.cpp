// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// No float operation of arith, math or linalg is without a derivative unless
// listed here.
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSet.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace {
/// Float operations that make no gradient, and why.
const llvm::StringSet<> exceptions = {
    // Constants, comparisons, conversions to integers, classes of floats.
    "arith.constant", "arith.cmpf", "arith.fptosi", "arith.fptoui",
    "math.isfinite", "math.isinf", "math.isnan", "math.isnormal",
    // A pattern of bits has no derivative; scaled conversions are no carrier's.
    "arith.bitcast", "arith.scaling_extf", "arith.scaling_truncf",
    // Parts of other operations.
    "linalg.index", "linalg.yield",
    // To be decomposed, by their own patterns, into what is differentiable.
    "linalg.softmax", "linalg.winograd_filter_transform",
    "linalg.winograd_input_transform", "linalg.winograd_output_transform",
    "linalg.pack", "linalg.unpack"};

bool isIntegerOp(StringRef name) {
  static const llvm::StringSet<> integer = {
      "math.absi", "math.ctlz", "math.cttz", "math.ctpop", "math.ipowi"};
  if (integer.contains(name))
    return true;
  return name.starts_with("arith.") && !name.ends_with("f") &&
         !name.ends_with("fp") && name != "arith.select";
}
} // namespace

TEST(Derivatives, EveryFloatOperationHasOne) {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, math::MathDialect, linalg::LinalgDialect,
                  tensor::TensorDialect, scf::SCFDialect, prec::PrecDialect>();
  prec::registerDifferentiableModels(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  unsigned withModel = 0;
  std::string missing, listed;
  for (RegisteredOperationName op : context.getRegisteredOperations()) {
    StringRef name = op.getStringRef(), dialect = op.getDialectNamespace();
    if (dialect != "arith" && dialect != "math" && dialect != "linalg")
      continue;
    bool has = op.hasInterface<prec::DifferentiableOpInterface>();
    withModel += has;
    if (has && exceptions.contains(name))
      listed += (name + " ").str();
    if (!has && !exceptions.contains(name) && !isIntegerOp(name))
      missing += (name + " ").str();
  }
  EXPECT_EQ(missing, "");
  EXPECT_EQ(listed, "");
  EXPECT_GT(withModel, 100u);
}
