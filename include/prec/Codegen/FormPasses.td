// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes that give rounded reductions cheaper forms of the same bits; Passes.td includes them.
#ifndef PREC_CODEGEN_FORMPASSES
#define PREC_CODEGEN_FORMPASSES

include "mlir/Pass/PassBase.td"

def ChooseForms : Pass<"prec-choose-forms"> {
  let summary = "choose cheaper forms of the roundings inside reductions";
  let description = [{
    Where they give the same bits (docs/pipeline.md has the proofs):

    - *quiet*: inside the reduction a NaN need not be made canonical, only its
      result; the roundings must not be able to lose a NaN.
    - *two-ops*: nearest-even to at most 10 bits by two floating-point
      operations, when the operands' exponents, measured before the reduction,
      exclude subnormal numbers and overflow. Otherwise the general form runs:
      the reduction is there twice, in the branches of an `scf.if`.
      Where the operands have so few bits that products are exact, one of them
      is multiplied instead of the product.
    - *shifter*: nearest-even to a float with a largest number, fixed point or
      integers by adding and subtracting a power of two.
    - *native half*: nearest-even to `e5m10` by the target's half arithmetic, if
      it has any; products are computed in f32 unless both operands were rounded
      to `e5m10` themselves.
    - *masked*: to such floats in any mode by an addition and a mask, when the
      operands are finite and no product overflows; sums are scaled so that the
      carrier overflows where the format does.
    - *sum*: other modes to such formats look for nothing below the quantum in
      the sum of two numbers, which is a multiple of it.

    A run-time number of bits is a condition of the `scf.if`.

    Where measured operands exclude the fast forms of a large product, its tiles
    measure and choose each for itself.
  }];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect",
                           "linalg::LinalgDialect",
                           "scf::SCFDialect", "tensor::TensorDialect"];
  let options = [
    Option<"nativeHalf", "native-half", "bool", /*default=*/"false",
           "The target has f16 arithmetic">,
    Option<"formTile", "form-tile", "int64_t", /*default=*/"1 << 22",
           "Multiplications of a tile">
  ];
  let statistics = [
    Statistic<"quiet", "quiet", "Reductions with quiet roundings">,
    Statistic<"twoOps", "two-ops", "Reductions with a two-operation version">,
    Statistic<"halves", "halves", "Reductions in half arithmetic">,
    Statistic<"shifted", "shifted", "Reductions whose roundings are additions">,
    Statistic<"masked", "masked", "Reductions with additions and masks">,
    Statistic<"sums", "sums", "Reductions whose sums are multiples of a quantum">,
    Statistic<"split", "split", "Reductions whose tiles choose for themselves">
  ];
}

def SplitBlocks : Pass<"prec-split-blocks"> {
  let summary = "run sums in blocks as loops over blocks";
  let description = [{
    The sums that prec-insert-rounding writes for `blocked<N>` have two
    accumulators, of which each element may end one block and begin another. Where
    N is known, at least 8, and there is one reduction dimension, the
    block's sum becomes an operation of its own in a loop over blocks, which takes
    the forms and kernels of other sums; additions and their order are the same.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "scf::SCFDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"split", "split", "Sums that run block by block">
  ];
}

def GroupPairs : Pass<"prec-group-pairs"> {
  let summary = "run pairwise sums eight elements at a time";
  let description = [{
    Each element goes through an accumulator for each level. Where their number
    is known and there is one reduction dimension, eight elements are added as a
    tree and go through the levels above once; additions and their order are the
    same. Levels that are empty in the end, and unread, are left as they were.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "tensor::TensorDialect"];
  let statistics = [Statistic<"grouped", "grouped", "Pairwise sums grouped">];
}

#endif // PREC_CODEGEN_FORMPASSES
