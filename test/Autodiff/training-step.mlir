// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The signatures of a training module, and where its operations belong.
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-make-training-step{optimizer=adam})' | FileCheck %s

// CHECK: func @step(
// CHECK-SAME: %[[W:[^:]*]]: tensor<3x2xf32> {prec.init = "normal:0.1", prec.name = "w", prec.role = "weight"}
// CHECK-SAME: tensor<2xf32> {prec.init = "zeros", prec.name = "mean", prec.role = "state"}
// CHECK-SAME: tensor<3x2xf32> {prec.init = "zeros", prec.name = "w.exp_avg", prec.role = "state"}
// CHECK-SAME: tensor<3x2xf32> {prec.init = "zeros", prec.name = "w.exp_avg_sq", prec.role = "state"}
// CHECK-SAME: f32 {prec.init = "zeros", prec.name = "adam.correction1", prec.role = "state"}
// CHECK-SAME: f32 {prec.init = "zeros", prec.name = "adam.correction2", prec.role = "state"}
// CHECK-SAME: tensor<?x3xf32> {prec.name = "x", prec.role = "input"}
// CHECK-SAME: tensor<?xi32> {prec.name = "labels", prec.role = "label"}
// CHECK-SAME: f32 {prec.name = "learning_rate", prec.role = "input"}
// CHECK-SAME: -> (tensor<3x2xf32> {prec.name = "w"}, tensor<2xf32> {prec.name = "mean"}
// CHECK-SAME: f32 {prec.name = "loss", prec.role = "loss"})
// CHECK: linalg.matmul {prec.phase = "forward", prec.scope = "fc"}
// CHECK: prec.phase = "forward", prec.role = "loss", prec.scope = "loss"
// CHECK: prec.phase = "backward", prec.role = "weight-gradient", prec.scope = "fc"
// CHECK: linalg.generic {{.*}}prec.phase = "update", prec.role = "state", prec.scope = "fc"

// CHECK: func @predict(
// CHECK-SAME: tensor<3x2xf32> {prec.name = "w", prec.role = "weight"}
// CHECK-SAME: tensor<2xf32> {prec.name = "mean", prec.role = "state"}
// CHECK-SAME: tensor<?x3xf32>
// CHECK-SAME: -> (tensor<?x2xf32> {prec.name = "logits"}) attributes {prec.phase = "eval"}
// CHECK-NOT: math.sin
// CHECK-NOT: func @forward
func.func @forward(%x: tensor<?x3xf32> {prec.name = "x", prec.role = "input"},
                   %w: tensor<3x2xf32> {prec.name = "w", prec.role = "weight", prec.init = "normal:0.1"},
                   %m: tensor<2xf32> {prec.name = "mean", prec.role = "state", prec.init = "zeros"})
    -> (tensor<?x2xf32>, tensor<2xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x3xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = linalg.matmul {prec.scope = "fc"} ins(%x, %w : tensor<?x3xf32>, tensor<3x2xf32>)
      outs(%z : tensor<?x2xf32>) -> tensor<?x2xf32>
  %next = math.sin %m : tensor<2xf32>
  return %y, %next : tensor<?x2xf32>, tensor<2xf32>
}
