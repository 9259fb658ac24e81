// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rules choose by class, name and role; a kept initial value does not make the result of
// a rounded accumulation unrounded.
// RUN: prec-opt %s --truncate-mantissa=7 --round='@contraction.product=e5m2' --round='name:c=keep' --granularity=elementary | FileCheck %s

// CHECK-LABEL: func @f
// CHECK: prec.round %arg0 to "m7"
// CHECK: prec.round %arg1 to "m7"
// CHECK-NOT: prec.round %arg2
func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>,
             %c: tensor<2x4xf32> {prec.name = "c"}) -> tensor<2x4xf32> {
  // CHECK: linalg.generic {{.*}}outs(%arg2 :
  // CHECK: arith.mulf
  // CHECK-NEXT: prec.round {{.*}} "e5m2" "nearest-even" {{.*}}role = "product"
  // CHECK: arith.addf
  // CHECK-NEXT: prec.round {{.*}} "m7" "toward-zero" {{.*}}role = "accumulator"
  // CHECK-NEXT: linalg.yield
  // CHECK-NEXT: }
  // CHECK-NEXT: return
  %r = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}
