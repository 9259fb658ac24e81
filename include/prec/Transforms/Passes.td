// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes that change IR at one level.
#ifndef PREC_TRANSFORMS_PASSES
#define PREC_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def InsertRounding : Pass<"prec-insert-rounding", "::mlir::ModuleOp"> {
  let summary = "insert the roundings that a policy asks for";
  let description = [{
    Reads scope, phase and role of every operation, asks the policy about each
    site and inserts `prec.round` where a rule covers it. Calls are inlined,
    composite operations decomposed and fast-math flags removed first; named
    linalg operations become generic where the inside of their body is rounded.

    The options are the precision flags of the tools without the dashes. They
    are applied in this order, whatever the order of the text: `policy`,
    `format`, `truncate-bits`, `truncate-mantissa`, `rounding`, `granularity`,
    `round`, `sum`, `seed`, `random`, `carrier`.

    An operation that makes floats and cannot be rounded is an error.

    ```mlir
    // prec-opt --prec-insert-rounding="truncate-mantissa=7"
    func.func @f(%a: f32) -> f32 {
      %0 = arith.addf %a, %a : f32
      return %0 : f32
    }
    // becomes
    func.func @f(%a: f32) -> f32 {
      %0 = prec.round %a to "m7" "toward-zero" at <0, ...> : f32
      %1 = arith.addf %0, %0 : f32
      %2 = prec.round %1 to "m7" "toward-zero" at <1, ...> : f32
      return %2 : f32
    }
    ```
  }];
  let options = [
    Option<"policyFile", "policy", "std::string", "\"\"", "rules as JSON">,
    Option<"format", "format", "std::string", "\"\"", "format of every site">,
    Option<"truncateBits", "truncate-bits", "std::string", "\"\"",
           "total bits of the word: sign, 8 exponent bits, the rest fraction">,
    Option<"truncateMantissa", "truncate-mantissa", "std::string", "\"\"",
           "explicit fraction bits to keep">,
    Option<"rounding", "rounding", "std::string", "\"\"", "rounding mode">,
    Option<"granularity", "granularity", "std::string", "\"\"",
           "elementary, op, layer or batch">,
    ListOption<"round", "round", "std::string",
               "rules, SELECTOR=FORMAT[:MODE][@GRANULARITY][+ADDITION]">,
    ListOption<"sum", "sum", "std::string",
               "orders of sums, [SELECTOR=]ORDER[:fused|:separate]">,
    Option<"seed", "seed", "std::string", "\"\"", "seed of all random bits">,
    Option<"random", "random", "std::string", "\"\"",
           "how random words are made: operands, counter or values">,
    Option<"carrier", "carrier", "std::string", "\"\"",
           "where + - * / sqrt fma whose results are rounded are computed: f32 or f64">,
    Option<"widenNarrow", "widen-narrow", "bool", "false",
           "compute operations on f16, bf16, f8 in f32 and round">,
    Option<"strict", "strict-policy", "bool", "false",
           "a rule that matches nothing is an error">,
  ];
  let statistics = [
    Statistic<"rounded", "rounded", "sites that got a rounding">,
    Statistic<"exempt", "exempt", "sites whose values are in the format already">,
    Statistic<"kept", "kept", "sites that no rule rounds">,
    Statistic<"narrow", "kept-narrow", "results narrower than f32, left as they are">,
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
    "::mlir::prec::PrecDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"];
}

def SpecializeBatch : Pass<"prec-specialize-batch", "::mlir::ModuleOp"> {
  let summary = "give @step the batch's size as a constant";
  let description = [{
    The samples and labels of `@step(parameters..., state..., x, labels, rate)`
    get `size` as their first extent where that is `?`, and what is computed
    from them the extents that follow. Loops then have constant bounds, which is
    what kernels are planned by. `@predict` keeps its `?`: an evaluation ends
    with a batch that is not full.

    Runs after insertion: no site, key or random word depends on whether an
    extent is known. An operation that it does not know gets tensors of their
    old types by `tensor.cast`.
  }];
  let options = [Option<"size", "size", "int64_t", "0", "samples of a batch">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def MeasureStep : Pass<"prec-measure-step", "::mlir::ModuleOp"> {
  let summary = "let @step say what it does to gradients and roundings";
  let description = [{
    Runs after insertion, so that nothing it adds is a site, and adds results to
    `@step` behind the loss; nothing else changes, and no bit of the others.

    `gradients`: for each scope an `f64` named `gradient_squares/SCOPE`, the sum
    of the squares of its weights' gradients as the update gets them: rounded,
    without the loss's scale, clipped. They are the values of role
    `weight-gradient` (or phase `backward`) that the new value of an argument of
    role `weight` is made of; the scope is that of the update.

    `rounding`: for each scope a `tensor<4xi64>` named `rounding/SCOPE`: how
    many elements its roundings took, of them finite ones that became infinite
    or NaN, numbers other than zero that became zero, and finite ones that
    became the format's largest number and smaller. Roundings of tensors and
    scalars count, also those in loops; how many stand inside of other operations
    is a warning. Where a format shares scales, a largest number is not known
    and the tensor has three elements. That there are none to count is an error,
    with `if-any` a warning.

    A scope without a name is `(none)`.
  }];
  let options = [
    Option<"gradients", "gradients", "bool", "false",
           "sums of squares of weight gradients">,
    Option<"rounding", "rounding", "bool", "false",
           "counts of overflows, underflows and saturations">,
    Option<"ifAny", "if-any", "bool", "false",
           "no roundings to count are a warning">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::prec::PrecDialect", "::mlir::tensor::TensorDialect"];
}

#endif // PREC_TRANSFORMS_PASSES
