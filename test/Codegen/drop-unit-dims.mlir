// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dimensions of one element that a sum keeps, and that its readers take as 0, go; loops and other dimensions stay.
// RUN: prec-opt %s --prec-drop-unit-dims | FileCheck %s

#id = affine_map<(n, c, h) -> (n, c, h)>
#kept = affine_map<(n, c, h) -> (0, c, 0)>

// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: func.func @centred(
// CHECK: %[[SUM:.*]] = linalg.generic {indexing_maps = [#[[$ID]], #[[$C]]], iterator_types = ["reduction", "parallel", "reduction"]} ins(%{{.*}} : tensor<1x4x5xf32>) outs(%{{.*}} : tensor<4xf32>) attrs =  {prec.scope = "norm"}
// CHECK: tensor.expand_shape %[[SUM]] {{.*}} : tensor<4xf32> into tensor<1x4x1xf32>
// CHECK: linalg.generic {indexing_maps = [#[[$ID]], #[[$C]], #[[$ID]]], iterator_types = ["parallel", "parallel", "parallel"]} ins(%{{.*}}, %{{.*}} : tensor<1x4x5xf32>, tensor<4xf32>) outs(%{{.*}} : tensor<1x4x5xf32>)
func.func @centred(%x: tensor<1x4x5xf32>, %start: tensor<1x4x1xf32>) -> tensor<1x4x5xf32> {
  %sum = linalg.generic {indexing_maps = [#id, #kept], iterator_types = ["reduction", "parallel", "reduction"]} ins(%x : tensor<1x4x5xf32>) outs(%start : tensor<1x4x1xf32>) attrs =  {prec.scope = "norm"} {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %o, %u : f32
    linalg.yield %v : f32
  } -> tensor<1x4x1xf32>
  %e = tensor.empty() : tensor<1x4x5xf32>
  %d = linalg.generic {indexing_maps = [#id, #kept, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %sum : tensor<1x4x5xf32>, tensor<1x4x1xf32>) outs(%e : tensor<1x4x5xf32>) {
  ^bb0(%u: f32, %m: f32, %o: f32):
    %v = arith.subf %u, %m : f32
    linalg.yield %v : f32
  } -> tensor<1x4x5xf32>
  return %d : tensor<1x4x5xf32>
}
