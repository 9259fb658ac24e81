// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pass that cleans what foreign importers leave.
#ifndef PREC_IMPORT_PASSES
#define PREC_IMPORT_PASSES

include "mlir/Pass/PassBase.td"

def AdoptModel : Pass<"prec-adopt-model", "::mlir::ModuleOp"> {
  let summary = "make a foreign importer's module one of ours";
  let description = [{
    1. An operation without `prec.scope` gets the layer path that its location
       names: what precedes `|` in `"layer1.conv|convolution_5"`; the path of
       `"jit(f)/block/fc1/dot_general"` without what JAX adds, where
       `transpose(...)` also says phase `backward`; any other name with a slash
       as it is.
    2. Calls are inlined; the call's scope precedes.
    3. `tensor.concat` becomes slices, `math.fpowi` by a constant products,
       `scatter`, `sort` and `scan` of `tm_tensor` and `iree_linalg_ext` (in
       generic form) loops that go through the elements in order.
    4. In a module whose functions take and give floats of f32 only, an
       operation in f64 is an artefact of the importer: it is reported and
       becomes f32, unless `keep-f64`. Narrower floats inside are reported.
    5. An argument with `prec.random` is no longer one: its uses read the words
       of `prec.random` at their positions, with a key of the attribute's text
       and of two numbers that the caller gives as a last argument, named
       `random` (a seed and a count of calls, or any two numbers).
    6. What is left of foreign dialects is an error that names the operation.
  }];
  let options = [
    Option<"keepF64", "keep-f64", "bool", "false",
           "f64 inside a model of f32 is what the author wrote">,
  ];
  let statistics = [
    Statistic<"scoped", "scoped", "Operations that got a scope">,
    Statistic<"demoted", "demoted", "Operations changed from f64 to f32">,
    Statistic<"rewritten", "rewritten", "Foreign operations rewritten">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::prec::PrecDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
  ];
}

#endif // PREC_IMPORT_PASSES
