// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an operation has to offer so that gradients can flow through it.
#ifndef PREC_AUTODIFF_DIFFERENTIABLEOPINTERFACE
#define PREC_AUTODIFF_DIFFERENTIABLEOPINTERFACE

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::mlir::prec";
  let description = [{
    Reverse mode: from the gradients of an operation's results to those of its
    operands. Upstream operations get the interface by external models; an
    operation without it stops differentiation with an error that names it and
    the path from the result to it.

    A model builds the gradients of the operands that `gradients.wants`, with
    `gradients.builder`, and hands each over by `gradients.add`. It reads the
    results' gradients by `gradients.lookup`; a null one is zero. It may use
    every operand and result of the operation, for those are still there. It
    sets no attributes: the engine stamps scope, phase and role on all that was
    built before each `add`.

    Conventions (PyTorch's): the derivative of |x| at 0 is 0; a maximum or
    minimum of two variables that tie gives each half; one of a variable and a
    constant that tie gives the variable nothing, so a ReLU has derivative 0 at
    0; `maxnumf` and `minnumf` of two variables give a tie to the first; a
    reduction by maximum or minimum gives all to the first element in
    row-major order that attains it; floor, ceil, round, trunc have derivative
    0; integers carry no gradient; `prec.round` passes the gradient straight
    through.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the gradients of the operands. On failure an error was emitted
      (by `gradients.error`).
    }], "::mlir::LogicalResult", "buildGradient",
    (ins "::mlir::prec::Gradients &":$gradients)>
  ];
}

#endif // PREC_AUTODIFF_DIFFERENTIABLEOPINTERFACE
