// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signatures of functions in MLIR's text.
#include "prec/Execution/SignatureReader.h"
#include "Expect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::HasSubstr;

namespace {
/// The signature of the first function, or the error's text as its name.
Signature read(llvm::StringRef text) {
  DialectRegistry registry;
  registry.insert<func::FuncDialect, arith::ArithDialect, linalg::LinalgDialect,
                  memref::MemRefDialect, tensor::TensorDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.allowUnregisteredDialects();
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message += diagnostic.str();
    return success();
  });
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  EXPECT_TRUE(module) << message;
  if (!module)
    return {};
  auto signature = readSignature(*module->getOps<func::FuncOp>().begin());
  if (succeeded(signature))
    return *signature;
  Signature failed;
  failed.name = message;
  return failed;
}
} // namespace

TEST(SignatureReader, KindsNamesAndDTypes) {
  Signature s = read(R"(
    func.func @f(%a: tensor<2x3xbf16> {prec.name = "w", prec.init = "zeros"},
                 %b: f64, %c: memref<4xi1>, %d: index, %e: tensor<ui16>)
        -> (tensor<2xi8> {prec.name = "y"}, i64) {
      %0 = "some.op"() : () -> tensor<2xi8>
      %1 = "some.op"() : () -> i64
      return %0, %1 : tensor<2xi8>, i64
    })");
  EXPECT_EQ(s.name, "f");
  ASSERT_EQ(s.arguments.size(), 5u);
  EXPECT_EQ(s.arguments[0].name, "w");
  EXPECT_EQ(s.arguments[0].init, "zeros");
  EXPECT_EQ(describe(s.arguments[0]), "tensor<2x3xbf16>");
  EXPECT_EQ(s.arguments[0].kind, ValueKind::Tensor);
  EXPECT_EQ(s.arguments[1].kind, ValueKind::Scalar);
  EXPECT_EQ(s.arguments[1].dtype, DType::F64);
  EXPECT_EQ(s.arguments[2].kind, ValueKind::Memref);
  EXPECT_EQ(s.arguments[2].dtype, DType::I1);
  EXPECT_EQ(s.arguments[3].dtype, DType::I64);
  EXPECT_EQ(s.arguments[4].kind, ValueKind::Tensor);
  EXPECT_EQ(s.arguments[4].dtype, DType::U16);
  ASSERT_EQ(s.results.size(), 2u);
  EXPECT_EQ(s.results[0].name, "y");
  EXPECT_EQ(s.results[1].kind, ValueKind::Scalar);
}

TEST(SignatureReader, OperationsTieSizes) {
  Signature s = read(R"(
    func.func @f(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>,
                 %free: tensor<?xf32>) -> tensor<?x?xf32> {
      %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>)
          outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
      return %0 : tensor<?x?xf32>
    })");
  ASSERT_EQ(s.arguments.size(), 4u);
  auto a = s.arguments[0].shape, b = s.arguments[1].shape,
       c = s.arguments[2].shape;
  EXPECT_EQ(a[1], b[0]);
  EXPECT_EQ(a[0], c[0]);
  EXPECT_EQ(b[1], c[1]);
  EXPECT_NE(a[0], a[1]);
  EXPECT_NE(a[0], b[1]);
  EXPECT_LT(a[0], kAnySize);
  EXPECT_NE(s.arguments[3].shape[0], a[0]);
}

TEST(SignatureReader, SizesFlowThroughEmptyCastAndElementwise) {
  Signature s = read(R"(
    func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>, %z: tensor<?x4xf32>,
                 %w: tensor<?x?xf32>) -> tensor<?x4xf32> {
      %c0 = arith.constant 0 : index
      %d = tensor.dim %x, %c0 : tensor<?x4xf32>
      %e = tensor.empty(%d) : tensor<?x4xf32>
      %s = linalg.add ins(%y, %y : tensor<?x4xf32>, tensor<?x4xf32>)
          outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
      %t = arith.addf %s, %z : tensor<?x4xf32>
      %u = tensor.cast %w : tensor<?x?xf32> to tensor<8x?xf32>
      %v = tensor.cast %t : tensor<?x4xf32> to tensor<8x4xf32>
      return %t : tensor<?x4xf32>
    })");
  ASSERT_EQ(s.arguments.size(), 4u);
  // The cast to a static size makes the whole class known.
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(s.arguments[i].shape[0], 8) << i;
  EXPECT_EQ(s.arguments[0].shape[1], 4);
  EXPECT_LT(s.arguments[3].shape[1], kAnySize);
}

TEST(SignatureReader, OtherTypesAreErrors) {
  EXPECT_THAT(read("func.func private @f(%a: tensor<2xcomplex<f32>>)").name,
              HasSubstr("argument 0 of @f has type 'tensor<2xcomplex<f32>>', "
                        "expected a scalar"));
  EXPECT_THAT(read("func.func private @f(tensor<*xf32>)").name,
              HasSubstr("argument 0 of @f"));
  EXPECT_THAT(read("func.func private @f() -> i7").name,
              HasSubstr("result 0 of @f has type 'i7'"));
}
