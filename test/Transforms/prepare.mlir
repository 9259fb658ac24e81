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

// CHECK-LABEL: func @softmax
// CHECK-NOT: linalg.softmax
// CHECK-COUNT-4: linalg.generic {{.*}}prec.scope = "sm"
func.func @softmax(%x: tensor<2x16xf32>) -> tensor<2x16xf32> {
  %e = tensor.empty() : tensor<2x16xf32>
  %0 = linalg.softmax {prec.scope = "sm"} dimension(1) ins(%x : tensor<2x16xf32>) outs(%e : tensor<2x16xf32>) -> tensor<2x16xf32>
  return %0 : tensor<2x16xf32>
}
