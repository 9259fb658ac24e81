// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kernel that goes over its results again for each image is cut around all of that: two threads take five and four of the nine
// places of the window, and meet once instead of once for an image.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=512 vector-registers=32 threads=2}))' | FileCheck %s
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=512 vector-registers=32 threads=1}))' | FileCheck %s --check-prefix=ONE

#dy = affine_map<(co, ci, kh, kw, n, h, w) -> (n, co, h, w)>
#x = affine_map<(co, ci, kh, kw, n, h, w) -> (n, ci, h + kh, w + kw)>
#dw = affine_map<(co, ci, kh, kw, n, h, w) -> (co, ci, kh, kw)>

// CHECK-LABEL: func.func @filter(
// CHECK: scf.parallel (%[[START:.*]]) = (%{{.*}}) to (%{{.*}}) step (%{{.*}}) {
// CHECK: %[[END:.*]] = arith.addi %[[START]]
// CHECK: %[[LAST:.*]] = arith.minsi %[[END]]
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step
// CHECK: scf.for %[[PLACE:.*]] = %[[START]] to %[[LAST]]
// CHECK: arith.remui %[[PLACE]]
// CHECK-NOT: scf.parallel
// ONE-LABEL: func.func @filter(
// ONE-NOT: scf.parallel
func.func @filter(%dy: memref<32x16x32x32xf32>, %x: memref<32x16x34x34xf32>, %dw: memref<16x16x3x3xf32>) {
  linalg.generic {indexing_maps = [#dy, #x, #dw], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%dy, %x : memref<32x16x32x32xf32>, memref<32x16x34x34xf32>) outs(%dw : memref<16x16x3x3xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %v = math.fma %a, %b, %o : f32
    linalg.yield %v : f32
  }
  return
}

// The gradient of a depthwise filter: three rows of the window for the threads, not one loop around each line of each image.
// CHECK-LABEL: func.func @depthwise(
// CHECK-NOT: scf.for
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK-NOT: scf.parallel
// ONE-LABEL: func.func @depthwise(
// ONE-COUNT-9: math.fma
// ONE: return
func.func @depthwise(%x: memref<8x114x114x32xf32>, %y: memref<8x112x112x32xf32>, %w: memref<3x3x32xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(h, w, f, n, i, j) -> (n, i + h, j + w, f)>, affine_map<(h, w, f, n, i, j) -> (n, i, j, f)>,
                       affine_map<(h, w, f, n, i, j) -> (h, w, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %y : memref<8x114x114x32xf32>, memref<8x112x112x32xf32>) outs(%w : memref<3x3x32xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// The gradient of a 1 x 1 convolution's filter: tiles for the threads, not one loop around each piece of each image.
// CHECK-LABEL: func.func @pointwise(
// CHECK-NOT: scf.for {{.*}} to %c8{{.*}} step
// CHECK: scf.parallel
// ONE-LABEL: func.func @pointwise(
// ONE: scf.for {{.*}} to %c8{{.*}} step
// ONE: scf.for {{.*}} to %c12544{{.*}} step %c256
func.func @pointwise(%x: memref<8x12544x32xf32>, %y: memref<8x64x12544xf32>, %w: memref<64x32xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(f, c, n, i) -> (n, i, c)>, affine_map<(f, c, n, i) -> (n, f, i)>, affine_map<(f, c, n, i) -> (f, c)>],
      iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %y : memref<8x12544x32xf32>, memref<8x64x12544xf32>) outs(%w : memref<64x32xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}
