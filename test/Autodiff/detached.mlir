// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// No gradient flows through what is detached; the maximum of a softmax is.
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-differentiate{function=square},prec-differentiate{function=softmax wrt=0},prec-differentiate{function=nothing})' | FileCheck %s

// x * detach(x * x): the gradient is the detached value, not 3 x^2.
// CHECK-LABEL: func.func @square_grad(
// CHECK-SAME: %[[X:.*]]: f64
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[X]], %[[X]] {prec.detached
// CHECK: %[[VALUE:.*]] = arith.mulf %[[X]], %[[SQUARE]]
// CHECK: %[[ONE:.*]] = arith.constant {{.*}} 1.0
// CHECK: %[[GRADIENT:.*]] = arith.mulf %[[ONE]], %[[SQUARE]]
// CHECK-NEXT: return %[[VALUE]], %[[GRADIENT]]
func.func @square(%x: f64) -> f64 {
  %a = arith.mulf %x, %x {prec.detached} : f64
  %y = arith.mulf %x, %a : f64
  return %y : f64
}

// The gradient compares nothing with the maximum.
// CHECK-LABEL: func.func @softmax_grad(
// CHECK: arith.maxnumf
// CHECK: prec.detached
// CHECK-NOT: arith.cmp
// CHECK: return
func.func @softmax(%x: tensor<5xf64>, %t: tensor<5xf64>) -> f64 {
  %e = tensor.empty() : tensor<5xf64>
  %s = linalg.softmax dimension(0) ins(%x : tensor<5xf64>) outs(%e : tensor<5xf64>) -> tensor<5xf64>
  %zero = arith.constant 0.0 : f64
  %i = tensor.empty() : tensor<f64>
  %c = linalg.fill ins(%zero : f64) outs(%i : tensor<f64>) -> tensor<f64>
  %r = linalg.dot ins(%s, %t : tensor<5xf64>, tensor<5xf64>) outs(%c : tensor<f64>) -> tensor<f64>
  %v = tensor.extract %r[] : tensor<f64>
  return %v : f64
}

// CHECK-LABEL: func.func @nothing_grad(
// CHECK: %[[ZERO:.*]] = arith.constant {{.*}} 0.0
// CHECK: return %{{.*}}, %[[ZERO]]
func.func @nothing(%x: f64) -> f64 {
  %y = arith.mulf %x, %x {prec.detached} : f64
  return %y : f64
}
