// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What @step says about its gradients: those that the update reads, by the update's scope.
// RUN: prec-opt %s --truncate-mantissa=7 --prec-measure-step=gradients=true | FileCheck %s --check-prefix=ROUNDED
// RUN: prec-opt %s --prec-measure-step=gradients=true | FileCheck %s
// RUN: prec-opt %s --prec-measure-step | FileCheck %s --check-prefix=NOTHING

// NOTHING-NOT: gradient_squares
// CHECK: func.func @step
// CHECK-SAME: -> (tensor<4xf32> {prec.name = "w"}, f32 {prec.name = "b"}, tensor<4xf32> {prec.name = "frozen"}, f32 {prec.name = "loss"}, f64 {prec.name = "gradient_squares/fc"}, f64 {prec.name = "gradient_squares/(none)"})
// The gradient that was clipped, not the one before.
// CHECK: %[[SCALED:.*]] = arith.mulf {{.*}}prec.role = "weight-gradient", prec.scope = "clip"
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction"]} ins(%[[SCALED]] : tensor<4xf32>) outs(%{{.*}} : tensor<f64>)
// CHECK: arith.extf
// The scalar weight's.
// CHECK: %[[DB:.*]] = arith.mulf {{.*}}prec.role = "weight-gradient"} : f32
// CHECK: arith.extf %[[DB]] : f32 to f64
// ROUNDED: %[[RAW:.*]] = arith.mulf {{.*}}prec.role = "weight-gradient", prec.scope = "clip"
// ROUNDED: %[[GIVEN:.*]] = prec.round %[[RAW]]
// ROUNDED: linalg.generic {{.*}}ins(%[[GIVEN]] : tensor<4xf32>) outs(%{{.*}} : tensor<f64>)
// ROUNDED: return {{.*}} : tensor<4xf32>, f32, tensor<4xf32>, f32, f64, f64
func.func @step(%w: tensor<4xf32> {prec.name = "w", prec.role = "weight"}, %b: f32 {prec.name = "b", prec.role = "weight"},
    %frozen: tensor<4xf32> {prec.name = "frozen", prec.role = "weight"}, %x: tensor<4xf32> {prec.name = "x"},
    %labels: tensor<4xi32> {prec.name = "labels"}, %lr: f32 {prec.name = "lr"})
    -> (tensor<4xf32> {prec.name = "w"}, f32 {prec.name = "b"}, tensor<4xf32> {prec.name = "frozen"}, f32 {prec.name = "loss"}) {
  %y = arith.mulf %w, %x {prec.scope = "fc", prec.phase = "forward"} : tensor<4xf32>
  %g = arith.mulf %y, %x {prec.scope = "fc", prec.phase = "backward", prec.role = "weight-gradient"} : tensor<4xf32>
  %clipped = arith.mulf %g, %g {prec.scope = "clip", prec.phase = "backward", prec.role = "weight-gradient"} : tensor<4xf32>
  %rate = tensor.splat %lr {prec.scope = "fc", prec.phase = "update"} : tensor<4xf32>
  %move = arith.mulf %clipped, %rate {prec.scope = "fc", prec.phase = "update"} : tensor<4xf32>
  %w1 = arith.subf %w, %move {prec.scope = "fc", prec.phase = "update"} : tensor<4xf32>
  %db = arith.mulf %b, %b {prec.role = "weight-gradient"} : f32
  %b1 = arith.subf %b, %db : f32
  return %w1, %b1, %frozen, %lr : tensor<4xf32>, f32, tensor<4xf32>, f32
}
