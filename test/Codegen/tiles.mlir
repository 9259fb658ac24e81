// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Three rows would wait for their sums' latency: a tile has all 27 points of channels and window, each an accumulator of 16 filters.
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=512 vector-registers=32}))' | FileCheck %s

// CHECK-LABEL: func.func @stem(
// CHECK: scf.for {{.*}} to %c2{{.*}} iter_args
// CHECK: scf.for {{.*}} to %c32{{.*}} iter_args
// CHECK: scf.for {{.*}} to %c32{{.*}} iter_args
// CHECK-COUNT-27: math.fma
// CHECK-NOT: math.fma
// CHECK: return
func.func @stem(%x: memref<2x3x34x34xf32>, %y: memref<2x32x32x16xf32>, %w: memref<3x3x3x16xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(c, h, w, f, n, i, j) -> (n, c, i + h, j + w)>, affine_map<(c, h, w, f, n, i, j) -> (n, i, j, f)>,
                       affine_map<(c, h, w, f, n, i, j) -> (c, h, w, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %y : memref<2x3x34x34xf32>, memref<2x32x32x16xf32>) outs(%w : memref<3x3x3x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// Images share no vectors: they are not read side by side.
// CHECK-LABEL: func.func @images(
// CHECK: scf.for {{.*}} to %c8{{.*}} step %c1
// CHECK: scf.for {{.*}} to %c112{{.*}} step
func.func @images(%x: memref<8x64x114x114xf32>, %w: memref<64x3x3x3xf32>, %y: memref<8x3x112x112xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(n, c, i, j, f, h, w) -> (n, f, i + h, j + w)>, affine_map<(n, c, i, j, f, h, w) -> (f, c, h, w)>,
                       affine_map<(n, c, i, j, f, h, w) -> (n, c, i, j)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<8x64x114x114xf32>, memref<64x3x3x3xf32>) outs(%y : memref<8x3x112x112xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// Four filters fill a quarter of a vector: loads would take longer than what they are for.
// CHECK-LABEL: func.func @few(
// CHECK-NOT: iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
// CHECK: return
func.func @few(%x: memref<2x3x34x34xf32>, %y: memref<2x32x32x4xf32>, %w: memref<3x3x3x4xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(c, h, w, f, n, i, j) -> (n, c, i + h, j + w)>, affine_map<(c, h, w, f, n, i, j) -> (n, i, j, f)>,
                       affine_map<(c, h, w, f, n, i, j) -> (c, h, w, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %y : memref<2x3x34x34xf32>, memref<2x32x32x4xf32>) outs(%w : memref<3x3x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}
