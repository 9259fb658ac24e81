// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The filter's gradient of a depthwise convolution has only channels for vectors: both operands get them last, also the image, which is
// read in windows.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-pack-operands{vector-bits=512 vector-registers=32}))' | FileCheck %s

// CHECK-DAG: #[[$IMAGE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d1 + d4, d2 + d5, d0)>
// CHECK-DAG: #[[$GRADIENT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d4, d5, d0)>
// CHECK-DAG: #[[$FILTER:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d2, d0)>
// CHECK-LABEL: func.func @depthwise_filter(
// CHECK-SAME: %[[X:.*]]: tensor<8x32x58x58xf32>, %[[Y:.*]]: tensor<8x32x56x56xf32>
// CHECK: %[[XT:.*]] = linalg.transpose ins(%[[X]] : {{.*}}) outs({{.*}} : tensor<8x58x58x32xf32>) permutation = [0, 2, 3, 1]
// CHECK: %[[YT:.*]] = linalg.transpose ins(%[[Y]] : {{.*}}) outs({{.*}} : tensor<8x56x56x32xf32>) permutation = [0, 2, 3, 1]
// CHECK: linalg.generic {indexing_maps = [#[[$IMAGE]], #[[$GRADIENT]], #[[$FILTER]]]
// CHECK-SAME: ins(%[[XT]], %[[YT]]
// CHECK: linalg.transpose {{.*}} outs({{.*}} : tensor<32x3x3xf32>) permutation = [2, 0, 1]
func.func @depthwise_filter(%x: tensor<8x32x58x58xf32>, %y: tensor<8x32x56x56xf32>) -> tensor<32x3x3xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x3x3xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<32x3x3xf32>) -> tensor<32x3x3xf32>
  %r = linalg.generic {
      indexing_maps = [affine_map<(c, h, w, n, i, j) -> (n, c, i + h, j + w)>, affine_map<(c, h, w, n, i, j) -> (n, c, i, j)>,
                       affine_map<(c, h, w, n, i, j) -> (c, h, w)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %y : tensor<8x32x58x58xf32>, tensor<8x32x56x56xf32>) outs(%i : tensor<32x3x3xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x3x3xf32>
  return %r : tensor<32x3x3xf32>
}


// Each product and sum takes several operations: turning the few rows of the left operand would make lines 4 KB apart, which push
// each other out of the cache, of the right one's elements.
// CHECK-LABEL: func.func @rounded(
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @rounded(%x: tensor<64x1024xf32>, %y: tensor<1024x1024xf32>) -> tensor<64x1024xf32> {
  %zero = arith.constant 0.0 : f32
  %mask = arith.constant 0xFFFF0000 : i32
  %e = tensor.empty() : tensor<64x1024xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<64x1024xf32>) -> tensor<64x1024xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : tensor<64x1024xf32>, tensor<1024x1024xf32>) outs(%f : tensor<64x1024xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %mi = arith.bitcast %m : f32 to i32
    %mk = arith.andi %mi, %mask : i32
    %mf = arith.bitcast %mk : i32 to f32
    %s = arith.addf %acc, %mf : f32
    %si = arith.bitcast %s : f32 to i32
    %sk = arith.andi %si, %mask : i32
    %sf = arith.bitcast %sk : i32 to f32
    linalg.yield %sf : f32
  } -> tensor<64x1024xf32>
  return %r : tensor<64x1024xf32>
}

// What is computed from one factor alone is done once for all rows of a tile where its columns are vectors, but goes to all lanes for
// each of them where the rows are.
// CHECK-LABEL: func.func @scaled(
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @scaled(%x: tensor<256x1024xf32>, %y: tensor<1024x1024xf32>) -> tensor<256x1024xf32> {
  %zero = arith.constant 0.0 : f32
  %far = arith.constant 65536.0 : f32
  %farther = arith.constant 65537.0 : f32
  %e = tensor.empty() : tensor<256x1024xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<256x1024xf32>) -> tensor<256x1024xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : tensor<256x1024xf32>, tensor<1024x1024xf32>) outs(%f : tensor<256x1024xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %q1 = arith.mulf %q, %far : f32
    %q2 = arith.mulf %q, %farther : f32
    %m = arith.mulf %p, %q1 : f32
    %mn = arith.negf %m : f32
    %mr = math.fma %p, %q2, %mn : f32
    %s = arith.addf %acc, %mr : f32
    %t = arith.mulf %s, %far : f32
    %tn = arith.negf %t : f32
    %sr = math.fma %s, %farther, %tn : f32
    linalg.yield %sr : f32
  } -> tensor<256x1024xf32>
  return %r : tensor<256x1024xf32>
}
