// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A long sum is cut into pieces of 256 points, in which both operands, whose rows lie far apart, are copied side by side: 6 rows
// and 16 columns at a time. Outputs wait in memory between the pieces, so they are filled before.
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=256 vector-registers=16}))' | FileCheck %s

// CHECK-LABEL: func.func @weight_gradient(
// CHECK: vector.store %{{.*}} : memref<16384xf32>, vector<8xf32>
// CHECK: scf.for %[[PIECE:.*]] = %{{.*}} to %c8192{{.*}} step %c256
// CHECK: %[[X:.*]] = memref.alloc() {{.*}} : memref<16896xf32>
// Eight rows for all panels, then the next ones.
// CHECK: scf.for %[[EIGHT:.*]] = %[[PIECE]] to %{{.*}} step %c8
// CHECK: %[[END:.*]] = arith.addi %[[EIGHT]], %c8
// CHECK: scf.for %{{.*}} to %c60{{.*}} step %c6
// CHECK: scf.for %{{.*}} = %[[EIGHT]] to %[[END]]
// CHECK: vector.store %{{.*}}, %[[X]][%{{.*}}] : memref<16896xf32>, vector<4xf32>
// CHECK: vector.store %{{.*}}, %[[X]][%{{.*}}] : memref<16896xf32>, vector<2xf32>
// CHECK: %[[Y:.*]] = memref.alloc() {{.*}} : memref<65536xf32>
// CHECK: vector.store %{{.*}}, %[[Y]][%{{.*}}] : memref<65536xf32>, vector<8xf32>
// CHECK: memref.load %[[X]][%{{.*}}] : memref<16896xf32>
// CHECK: vector.load %[[Y]][%{{.*}}] : memref<65536xf32>, vector<8xf32>
// CHECK: memref.dealloc %[[X]]
// CHECK: memref.dealloc %[[Y]]
func.func @weight_gradient(%x: memref<8192x64xf32>, %y: memref<8192x256xf32>) -> memref<64x256xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<64x256xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<64x256xf32>)
  linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (k, i)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : memref<8192x64xf32>, memref<8192x256xf32>) outs(%c : memref<64x256xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return %c : memref<64x256xf32>
}

// -----

// Rows of which 8192 do not stay in the cache are taken 96 at a time; the columns of one operand fit, so nothing is cut.
// CHECK-LABEL: func.func @dense(
// CHECK: memref.alloc() {{.*}} : memref<16384xf32>
// A copy that the near cache holds while it is written is made row by row.
// CHECK: scf.for %{{.*}} to %c256{{.*}} step %c1
// CHECK: scf.for %{{.*}} to %c64{{.*}} step %c16
// CHECK: scf.for %[[ROWS:.*]] = %{{.*}} to %c8190{{.*}} step %c252
// CHECK: scf.for %{{.*}} = %{{.*}} to %c64{{.*}} step %c16
// CHECK: scf.for %{{.*}} = %[[ROWS]] to %{{.*}} step %c6
// CHECK: scf.for %{{.*}} to %c256{{.*}} step %c1{{.*}} iter_args
func.func @dense(%x: memref<8192x256xf32>, %w: memref<256x64xf32>) -> memref<8192x64xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<8192x64xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<8192x64xf32>)
  linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8192x256xf32>, memref<256x64xf32>) outs(%c : memref<8192x64xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return %c : memref<8192x64xf32>
}

// -----

// The filter's gradient of a 1 x 1 convolution has no outer loop around its tiles: each image is read in pieces of 256 points by all.
// CHECK-LABEL: func.func @image_by_image(
// CHECK: scf.for %{{.*}} to %c8{{.*}} step %c1
// CHECK: scf.for %[[FROM:.*]] = %{{.*}} to %c12544{{.*}} step %c256
// CHECK: scf.for %{{.*}} to %c60{{.*}} step %c6
// CHECK: scf.for %{{.*}} = %[[FROM]] to %{{.*}} iter_args
func.func @image_by_image(%x: memref<8x12544x32xf32>, %y: memref<8x64x12544xf32>, %w: memref<64x32xf32>) {
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

// -----

// So it is if only rows make several tiles.
// CHECK-LABEL: func.func @one_vector_block(
// CHECK: scf.for %{{.*}} to %c8{{.*}} step %c1
// CHECK: scf.for %[[FROM:.*]] = %{{.*}} to %c12544{{.*}} step %c256
// CHECK: scf.for %{{.*}} to %c60{{.*}} step %c6
// CHECK: scf.for %{{.*}} = %[[FROM]] to %{{.*}} iter_args
func.func @one_vector_block(%x: memref<8x12544x16xf32>, %y: memref<8x64x12544xf32>, %w: memref<64x16xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(f, c, n, i) -> (n, i, c)>, affine_map<(f, c, n, i) -> (n, f, i)>, affine_map<(f, c, n, i) -> (f, c)>],
      iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %y : memref<8x12544x16xf32>, memref<8x64x12544xf32>) outs(%w : memref<64x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// A panel that one block of columns after the other uses is made for 128 of them at a time; the last 8 have one of their own.
// CHECK-LABEL: func.func @some_at_a_time(
// CHECK: scf.for %[[GROUP:.*]] = %{{.*}} to %c992{{.*}} step %c128
// CHECK: %[[END:.*]] = arith.minsi
// CHECK: %[[X:.*]] = memref.alloc() {{.*}} : memref<16384xf32>
// CHECK: scf.for %{{.*}} to %c128{{.*}} step %c1
// CHECK: scf.for %{{.*}} = %[[GROUP]] to %[[END]] step %c16
// CHECK: scf.for %{{.*}} = %[[GROUP]] to %[[END]] step %c16
// CHECK: vector.load %[[X]]
// CHECK: memref.dealloc %[[X]]
// CHECK: %[[LAST:.*]] = memref.alloc() {{.*}} : memref<2048xf32>
// CHECK: memref.dealloc %[[LAST]]
func.func @some_at_a_time(%x: memref<128x1000xf32>, %y: memref<128x50xf32>) -> memref<1000x50xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<1000x50xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<1000x50xf32>)
  linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (k, i)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : memref<128x1000xf32>, memref<128x50xf32>) outs(%c : memref<1000x50xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return %c : memref<1000x50xf32>
}
