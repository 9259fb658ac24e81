// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 14 rows that lie 8 KiB apart have all their lines in one set of the near cache, which holds 8: they are copied side by side, 14 at
// a time, the last 8 with zeros beside them. Rows of 2000 elements stay where they are.
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=512 vector-registers=32}))' | FileCheck %s

// CHECK-LABEL: func.func @pages(
// CHECK: %[[X:.*]] = memref.alloc() {{.*}} : memref<17920xf32>
// CHECK: scf.for %[[BLOCK:.*]] = %{{.*}} to %c56{{.*}} step %c14
// CHECK: scf.for %[[K:.*]] = %
// CHECK: %[[VALUE:.*]] = memref.load %arg0[%[[BLOCK]], %[[K]]]
// CHECK: memref.store %[[VALUE]], %[[X]]
// CHECK-COUNT-13: memref.load %arg0
// CHECK-COUNT-8: memref.load %arg0
// CHECK-COUNT-6: memref.store %cst{{.*}}, %[[X]]
// CHECK: iter_args
// CHECK-NOT: memref.load %arg0
// CHECK: memref.dealloc %[[X]]
func.func @pages(%x: memref<64x2048xf32>, %y: memref<2048x512xf32>) -> memref<64x512xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<64x512xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<64x512xf32>)
  linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : memref<64x2048xf32>, memref<2048x512xf32>) outs(%c : memref<64x512xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return %c : memref<64x512xf32>
}

// -----

// CHECK-LABEL: func.func @others(
// CHECK-NOT: memref.store
// CHECK: memref.load %arg0[
func.func @others(%x: memref<64x2000xf32>, %y: memref<2000x512xf32>) -> memref<64x512xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<64x512xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<64x512xf32>)
  linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : memref<64x2000xf32>, memref<2000x512xf32>) outs(%c : memref<64x512xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return %c : memref<64x512xf32>
}
