// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Before sites are counted: calls inlined with scopes, softmax decomposed, fast-math off.
// RUN: prec-opt %s --truncate-mantissa=7 | FileCheck %s

// CHECK-NOT: @scale(
func.func private @scale(%a: f32) -> f32 {
  %0 = arith.mulf %a, %a fastmath<fast> {prec.scope = "inner"} : f32
  // No scope of its own: it gets the call's.
  %1 = math.exp %0 : f32
  return %1 : f32
}

// CHECK-LABEL: func @calls
func.func @calls(%a: f32) -> f32 {
  // CHECK: arith.mulf {{.*}} {prec.phase = "backward", prec.scope = "outer/inner"} : f32
  // CHECK-NEXT: prec.round {{.*}}phase = "backward", scope = "outer/inner", op = "arith.mulf", role = "gradient"
  // CHECK-NEXT: math.exp {{.*}} {prec.phase = "backward", prec.scope = "outer"} : f32
  // CHECK-NOT: fastmath
  %0 = call @scale(%a) {prec.scope = "outer", prec.phase = "backward"} : (f32) -> f32
  // CHECK: arith.mulf {{.*}} {prec.scope = "inner"} : f32
  %1 = call @scale(%0) : (f32) -> f32
  return %1 : f32
}

// What is computed in a loop is no operand of affine.apply, so that it is written out there.
// CHECK-NOT: @twice(
func.func private @twice(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %half = affine.apply affine_map<()[s0] -> (s0 floordiv 2)>()[%n]
  %0 = tensor.extract_slice %x[%half] [%half] [1] : tensor<?xf32> to tensor<?xf32>
  %1 = tensor.insert_slice %0 into %x[0] [%half] [1] : tensor<?xf32> into tensor<?xf32>
  return %1 : tensor<?xf32>
}

// CHECK-LABEL: func @calls_in_a_loop
func.func @calls_in_a_loop(%x: tensor<?xf32>, %count: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for
  // CHECK: %[[N:.*]] = tensor.dim
  // CHECK-NOT: affine.apply
  // CHECK: tensor.extract_slice
  // CHECK: return
  %0 = scf.for %i = %c0 to %count step %c1 iter_args(%t = %x) -> tensor<?xf32> {
    %1 = func.call @twice(%t) : (tensor<?xf32>) -> tensor<?xf32>
    scf.yield %1 : tensor<?xf32>
  }
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func @softmax
// CHECK-NOT: linalg.softmax
// CHECK-COUNT-4: linalg.generic {{.*}}prec.scope = "sm"
func.func @softmax(%x: tensor<2x16xf32>) -> tensor<2x16xf32> {
  %e = tensor.empty() : tensor<2x16xf32>
  %0 = linalg.softmax {prec.scope = "sm"} dimension(1) ins(%x : tensor<2x16xf32>) outs(%e : tensor<2x16xf32>) -> tensor<2x16xf32>
  return %0 : tensor<2x16xf32>
}
