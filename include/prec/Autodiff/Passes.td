// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes that make gradients and training steps.
#ifndef PREC_AUTODIFF_PASSES
#define PREC_AUTODIFF_PASSES

include "mlir/Pass/PassBase.td"

def DifferentiateFunction : Pass<"prec-differentiate", "::mlir::ModuleOp"> {
  let summary = "make a function's value-and-gradient function";
  let description = [{
    From `@F(arguments) -> results`, whose first result is a float or a tensor
    of one, makes `@F_grad(arguments) -> (results, one gradient for each wrt
    argument)`: the derivatives of the first result. Calls are inlined.
    Forward operations keep their attributes and get phase `forward` where
    they have none; the others get the scope of the operation they belong to,
    phase `backward` and role `gradient` or `weight-gradient`.

    ```mlir
    // prec-opt --pass-pipeline='builtin.module(prec-differentiate{function=f wrt=0})'
    func.func @f(%x: f64) -> f64 {
      %0 = math.sin %x : f64
      return %0 : f64
    }
    // makes
    func.func @f_grad(%x: f64) -> (f64, f64 {prec.role = "gradient"}) {
      %0 = math.sin %x {prec.phase = "forward"} : f64
      %1 = arith.constant {prec.phase = "backward"} 1.000000e+00 : f64
      %2 = math.cos %x {prec.phase = "backward", prec.role = "gradient"} : f64
      %3 = arith.mulf %1, %2 {prec.phase = "backward", prec.role = "gradient"} : f64
      return %0, %3 : f64, f64
    }
    ```
  }];
  let options = [
    Option<"function", "function", "std::string", /*default=*/"",
           "the function to differentiate; default: the only one">,
    ListOption<"wrt", "wrt", "int64_t",
               "numbers of the arguments; default: all of floats">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def MakeTrainingStep : Pass<"prec-make-training-step", "::mlir::ModuleOp"> {
  let summary = "make @step and @predict from @forward";
  let description = [{
    From `@forward(arguments) -> (logits, next states)` makes the two entries
    of a training module:

    - `@step(weights, states, optimiser states, inputs, labels, learning rate)
      -> (weights, states, optimiser states, loss)`: forward, loss, gradients of
      all weights, update;
    - `@predict(weights, states, inputs) -> logits` in phase `eval`, unless the
      module has one.

    Arguments are weights, states and inputs by `prec.role`; one without a role
    is an input; there is at least one, and the batch is the first dimension of
    each. `@forward` returns the next value of each state after the logits, in
    the arguments' order; without any, states stay as they are. Attributes of
    arguments stay, and of several inputs each gets its role; optimiser states
    get `prec.init = "zeros"`. `@forward` is removed.

    Logits are [batch, classes], or [batch, ..., classes] with a label for each
    place: labels are i32 of the logits' sizes without the classes.
    `class-axis=1` says that the classes are that dimension of @forward's
    result, as PyTorch has them in [batch, classes, height, width]; they are
    made the last one, of @predict's result too.

    With `targets=values` the argument is `values` in place of labels: floats
    of the outputs' type and shape.

    Losses, means over all labels:
    - `softmax-cross-entropy`: `-log softmax(logits)[label]`, the maximum
      subtracted first; no gradient is taken of the maximum, since the loss
      does not depend on it. Values are probabilities of the classes, and the
      loss is `-sum value log softmax(logits)`;
    - `squared-error`: the mean over labels and outputs of the squared
      difference from the one-hot label, or from the values.
    Means over all values, for `targets=values` only:
    - `absolute-error`, `|output - value|`;
    - `huber`, the square's half up to a distance of 1 and `distance - 1/2`
      beyond (PyTorch's HuberLoss and SmoothL1Loss);
    - `binary-cross-entropy` of outputs before the logistic function (PyTorch's
      BCEWithLogitsLoss): `max(o, 0) + log1p(exp(-|o|)) - o value`.

    A label equal to `ignore-label` (PyTorch's ignore_index) adds nothing to
    the loss nor to the number of labels that it is divided by.

    Optimisers follow PyTorch's formulas and defaults (docs of torch.optim);
    `weight-decay` is added to the gradient, for adamw it shrinks the weight.
    Before that gradients are clipped as torch.nn.utils does: each element to
    `clip-value`, then all by one factor `clip-norm / (norm + 1e-6)`, if that is
    below 1, where `norm` is the root of the sum of their squares.

    With `accumulate=K` the step takes K times the samples of @forward's batch
    and goes through them in a loop, one batch of @forward after the other:
    states go from one to the next, the loss and the gradients are sums from
    zero in that order, divided by K. Memory is that of one part. Of an unknown
    batch each part is the K-th part, and samples that are left over are not
    used. The random words of dropout go on from part to part, so that each
    sample loses the elements that it loses without parts.

    With a loss scale gradients are taken of the loss times a power of two, and
    divided by it in the update. `2^NAME` is one whose exponent, clamped to
    0..24, is the `prec.declare @prec.NAME` of the module. A dynamic one is a
    state, `loss_scale`, with the number of good steps in `loss_scale.steps`: a
    step with a gradient that is not finite changes nothing but halves it.
  }];
  let options = [
    Option<"loss", "loss", "std::string", /*default=*/"\"softmax-cross-entropy\"",
           "softmax-cross-entropy or squared-error; of values also "
           "absolute-error, huber or binary-cross-entropy">,
    Option<"targets", "targets", "std::string", /*default=*/"\"labels\"",
           "what outputs are compared with: labels or values">,
    Option<"optimizer", "optimizer", "std::string", /*default=*/"\"sgd\"",
           "sgd, momentum, nesterov, adam, adamw, rmsprop or adagrad">,
    Option<"momentum", "momentum", "double", /*default=*/"0.9",
           "of momentum and nesterov">,
    Option<"beta1", "beta1", "double", /*default=*/"0.9", "of adam and adamw">,
    Option<"beta2", "beta2", "double", /*default=*/"0.999", "of adam and adamw">,
    Option<"alpha", "alpha", "double", /*default=*/"0.99", "of rmsprop">,
    Option<"epsilon", "epsilon", "double", /*default=*/"-1.0",
           "default: 1e-8; adagrad: 1e-10">,
    Option<"weightDecay", "weight-decay", "double", /*default=*/"-1.0",
           "default: 0; adamw: 0.01">,
    Option<"labelSmoothing", "label-smoothing", "double", /*default=*/"0.0",
           "share of the one-hot target that is spread over all classes">,
    Option<"classAxis", "class-axis", "int64_t", /*default=*/"-1",
           "dimension of the logits that the classes are; -1: the last">,
    Option<"ignoreLabel", "ignore-label", "int64_t",
           /*default=*/"std::numeric_limits<int64_t>::min()",
           "a label that counts for nothing">,
    Option<"clipNorm", "clip-norm", "double", /*default=*/"0.0",
           "largest norm of all weight gradients together; 0: any">,
    Option<"clipValue", "clip-value", "double", /*default=*/"0.0",
           "largest magnitude of a weight gradient's element; 0: any">,
    Option<"accumulate", "accumulate", "int64_t", /*default=*/"1",
           "parts of a batch whose gradients are summed before the update">,
    Option<"onlyPredict", "only-predict", "bool", /*default=*/"false",
           "make @predict alone and differentiate nothing">,
    Option<"lossScale", "loss-scale", "std::string", /*default=*/"\"1\"",
           "a power of two, 2^NAME, dynamic or dynamic<START,STEPS>">,
  ];
  let dependentDialects = DifferentiateFunction.dependentDialects;
}

#endif // PREC_AUTODIFF_PASSES
