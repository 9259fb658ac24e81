// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where whole operands exclude the fast form, tiles of a large product choose
// for themselves. What belongs to columns alone is measured outside of the loop
// over rows.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-choose-forms{form-tile=16384},canonicalize,cse))' | FileCheck %s
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-choose-forms{form-tile=65536},canonicalize,cse))' | FileCheck %s --check-prefix=WHOLE

// CHECK-LABEL: @product
// CHECK: scf.if
// CHECK: } else {
// CHECK: scf.for %[[COLUMN:.*]] = %{{.*}} to %{{.*}} step %{{.*}}
// CHECK: %[[B:.*]] = tensor.extract_slice %arg1[0, %[[COLUMN]]] [32, 32]
// CHECK: linalg.generic {{.*}} ins(%[[B]] : tensor<32x32xf32>)
// CHECK: arith.maxui
// CHECK: scf.for %[[ROW:.*]] = %{{.*}} to %{{.*}} step %{{.*}}
// CHECK: %[[A:.*]] = tensor.extract_slice %arg0[%[[ROW]], 0] [16, 32]
// CHECK: linalg.generic {{.*}} ins(%[[A]] : tensor<16x32xf32>)
// CHECK: arith.maxui
// CHECK: scf.if
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[B]] :
// CHECK: form = "shifter-in-range"
// CHECK: } else {
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[B]] :
// CHECK: form = "shifter"
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[%[[ROW]], %[[COLUMN]]] [16, 32]
// WHOLE-LABEL: @product
// WHOLE-NOT: scf.for
func.func @product(%a: tensor<32x32xf32>, %b: tensor<32x128xf32>) -> tensor<32x128xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x128xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<32x128xf32>) -> tensor<32x128xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<32x32xf32>, tensor<32x128xf32>) outs(%f : tensor<32x128xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %q = prec.round %p to "e4m3" "nearest-even" : f32
    %s = arith.addf %acc, %q : f32
    %t = prec.round %s to "e4m3" "nearest-even" : f32
    linalg.yield %t : f32
  } -> tensor<32x128xf32>
  return %r : tensor<32x128xf32>
}
