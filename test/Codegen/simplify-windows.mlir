// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A 1 x 1 convolution is a product; with a stride, of the elements that it reads. Other windows stay.
// RUN: prec-opt %s --prec-simplify-windows | FileCheck %s

// CHECK-DAG: #[[$X:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d2, d3)>
// CHECK-DAG: #[[$W:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d4)>
// CHECK-DAG: #[[$EVERY2:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 * 2, d3 * 2)>
// CHECK-DAG: #[[$WINDOW:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 + d5, d3 + d6)>

// CHECK-LABEL: func.func @pointwise(
// CHECK: linalg.generic {indexing_maps = [#[[$X]], #[[$W]], #{{.*}}]
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<2x3x4x5xf32>, tensor<6x3xf32>)
#x1 = affine_map<(n, f, h, w, c, r, s) -> (n, c, h + r, w + s)>
#w = affine_map<(n, f, h, w, c, r, s) -> (f, c, r, s)>
#y = affine_map<(n, f, h, w, c, r, s) -> (n, f, h, w)>
func.func @pointwise(%x: tensor<2x3x4x5xf32>, %w: tensor<6x3x1x1xf32>, %i: tensor<2x6x4x5xf32>) -> tensor<2x6x4x5xf32> {
  %y = linalg.generic {indexing_maps = [#x1, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<2x3x4x5xf32>, tensor<6x3x1x1xf32>) outs(%i : tensor<2x6x4x5xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %s = math.fma %a, %b, %acc : f32
    linalg.yield %s : f32
  } -> tensor<2x6x4x5xf32>
  return %y : tensor<2x6x4x5xf32>
}

// CHECK-LABEL: func.func @strided(
// CHECK: %[[PART:.*]] = linalg.generic {indexing_maps = [#[[$EVERY2]], #{{.*}}]
// CHECK-SAME: outs(%{{.*}} : tensor<2x3x2x3xf32>)
// CHECK: linalg.generic {indexing_maps = [#[[$X]], #[[$W]], #{{.*}}]
// CHECK-SAME: ins(%[[PART]], %{{.*}} : tensor<2x3x2x3xf32>, tensor<6x3xf32>)
#x2 = affine_map<(n, f, h, w, c, r, s) -> (n, c, 2 * h + r, 2 * w + s)>
func.func @strided(%x: tensor<2x3x4x5xf32>, %w: tensor<6x3x1x1xf32>, %i: tensor<2x6x2x3xf32>) -> tensor<2x6x2x3xf32> {
  %y = linalg.generic {indexing_maps = [#x2, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<2x3x4x5xf32>, tensor<6x3x1x1xf32>) outs(%i : tensor<2x6x2x3xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %s = math.fma %a, %b, %acc : f32
    linalg.yield %s : f32
  } -> tensor<2x6x2x3xf32>
  return %y : tensor<2x6x2x3xf32>
}

// CHECK-LABEL: func.func @window(
// CHECK: linalg.generic {indexing_maps = [#[[$WINDOW]],
func.func @window(%x: tensor<2x3x4x5xf32>, %w: tensor<6x3x2x2xf32>, %i: tensor<2x6x3x4xf32>) -> tensor<2x6x3x4xf32> {
  %y = linalg.generic {indexing_maps = [#x1, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<2x3x4x5xf32>, tensor<6x3x2x2xf32>) outs(%i : tensor<2x6x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %s = math.fma %a, %b, %acc : f32
    linalg.yield %s : f32
  } -> tensor<2x6x3x4xf32>
  return %y : tensor<2x6x3x4xf32>
}
