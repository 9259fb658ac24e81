// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes on tensors that decide by whom and when a value is made, and how
// much of it.
#ifndef PREC_CODEGEN_FUSIONPASSES
#define PREC_CODEGEN_FUSIONPASSES

include "mlir/Pass/PassBase.td"

def FuseElementwise : Pass<"prec-fuse-elementwise"> {
  let summary = "fuse elementwise producers into their only consumers";
  let description = [{
    Each scalar operation is still computed once an element: a producer is fused
    only if its result has one use and that use reads each element once. The
    order of reductions is untouched, roundings move with the values.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "tensor::TensorDialect"];
}

def RepeatElementwise : Pass<"prec-repeat-elementwise"> {
  let summary = "make cheap elementwise results again in each of their readers";
  let description = [{
    What only elementwise operations and sums read, and what costs few
    operations an element, is computed by each of them instead of being written
    once and read by all: the difference to a mean, which the variance and the
    quotient need. A division weighs ten additions; what rounds or evaluates a
    function is not repeated. Readers may stand behind a reshape: partial
    results of sums. The same operations give the same bits.
  }];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect",
                           "linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"repeated", "repeated", "Readers that compute an operand">
  ];
}

def SeparateFills : Pass<"prec-separate-fills"> {
  let summary = "give each operation that writes over a fill one of its own";
  let description = [{
    Sums of equal shapes begin with equal fills, which common subexpression
    elimination makes one: all but the last of its writers would be given a
    copy. A fill of its own costs nothing: accumulators begin with its value.
    What writes over a `tensor.empty` in a branch gets one there, else the
    branch would give a copy of it.
  }];
  let dependentDialects = ["linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"made", "made", "Fills for one operation">
  ];
}

def ReuseActivations : Pass<"prec-reuse-activations"> {
  let summary = "ask an activation's result for its sign instead of the operand";
  let description = [{
    The gradient of `y = max(x, 0)` asks whether `x > 0`, which is whether
    `y > 0`, for a NaN too. So it reads `y`: `x` is not kept for it, and `max`
    fuses with what makes `x`.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect"];
  let statistics = [
    Statistic<"reused", "reused", "Uses of an operand that became the result's">
  ];
}

def NarrowProducers : Pass<"prec-narrow-producers"> {
  let summary = "compute only the part of a reduction's result that is used";
  let description = [{
    A reduction whose only use is a slice of its result is computed for that
    slice: the gradient of a padded input, of which the padding is cut off. So
    is one whose result is changed element by element before, by its rounding;
    an element keeps its position, and so its random word. What a narrowed
    reduction reads of a padded tensor is padded no further than that.
  }];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect",
                           "linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"narrowed", "narrowed", "Reductions that compute less">
  ];
}

def RecomputeTensors : Pass<"prec-recompute", "func::FuncOp"> {
  let summary = "make values again before a late use, to lower the peak of memory";
  let description = [{
    A training step keeps what its forward part computes until the backward part
    reads it. This pass looks for the place of a function where most bytes are
    in use, and for the value there that is read only later and whose
    repetition just before that use lowers the peak most; then again, until
    none is left. What a repetition reads is kept until then. `kind=cheap`
    repeats operations without a reduction whose body is small (elementwise
    ones, padding, transposition), so that it costs no more than keeping the
    value in memory; `kind=all` any on tensors.

    No bit changes: this comes after rounding was lowered, so a copy rounds as
    its original does, with the same random words, and it is no site of its
    own. It comes after the last CSE on tensors, which would undo it.
  }];
  let options = [
    Option<"kind", "kind", "::mlir::prec::Recompute",
           /*default=*/"::mlir::prec::Recompute::Cheap", "what is made again",
           "::mlir::prec::recomputeValues()">,
  ];
  let dependentDialects = ["linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"repeated", "repeated", "operations made again">,
  ];
}

#endif // PREC_CODEGEN_FUSIONPASSES
