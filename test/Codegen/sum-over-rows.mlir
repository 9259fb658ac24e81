// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A sum over batch, lines and columns reads whole rows where they lie: views and two operations, no copy in another order.
// RUN: prec-opt %s --prec-fix-order | FileCheck %s

// CHECK-DAG: #[[$READ:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d0, d2, d3)>
// CHECK-LABEL: func.func @rows(
// CHECK: tensor.collapse_shape %{{.*}} {{\[}}[0], [1], [2, 3]]
// CHECK: linalg.fill
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} {{\[}}[0], [1], [2, 3]] output_shape [4, 3, 10, 16]
// CHECK: linalg.generic {indexing_maps = [#[[$READ]], #{{.*}}], iterator_types = ["parallel", "reduction", "reduction", "parallel"]}
// CHECK-SAME: ins(%[[X]] : tensor<4x3x10x16xf32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel"]
// CHECK-NOT: linalg.generic
func.func @rows(%x: tensor<4x3x5x32xf32>, %init: tensor<3xf32>) -> tensor<3xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>],
      iterator_types = ["reduction", "parallel", "reduction", "reduction"]} ins(%x : tensor<4x3x5x32xf32>) outs(%init : tensor<3xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %q = arith.mulf %a, %a : f32
    %s = arith.addf %acc, %q : f32
    linalg.yield %s : f32
  } -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
