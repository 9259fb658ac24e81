// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lanes of which each has a row of its own read 8 columns of their rows at a time, turned in registers. A short body is written out
// for each of the 8; a long one takes them from memory in a loop.
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=256 vector-registers=16}))' | FileCheck %s

// CHECK-LABEL: func.func @short(
// CHECK-NOT: memref.alloc()
// CHECK: scf.for %{{.*}} to %c512{{.*}} step %c8{{.*}} iter_args
// CHECK-COUNT-16: math.fma
// CHECK-NOT: math.fma
// CHECK: return
func.func @short(%w: memref<496x512xf32>, %x: memref<512xf32>, %y: memref<496xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (k)>, affine_map<(i, k) -> (i)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%w, %x : memref<496x512xf32>, memref<512xf32>) outs(%y : memref<496xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// CHECK-LABEL: func.func @long(
// CHECK: %[[SQUARE:.*]] = memref.alloc() {alignment = 64 : i64} : memref<128xf32>
// CHECK: scf.for %[[FIRST:.*]] = %{{.*}} to %c512{{.*}} step %c8{{.*}} iter_args
// CHECK-COUNT-16: vector.store %{{.*}}, %[[SQUARE]]
// CHECK: scf.for %[[NEXT:.*]] = %{{.*}} to %c8{{.*}} step %c1{{.*}} iter_args
// CHECK: arith.addi %[[FIRST]], %[[NEXT]]
// CHECK: %[[PLACE:.*]] = affine.apply #{{.*}}()[%[[NEXT]]]
// CHECK: vector.load %[[SQUARE]][%[[PLACE]]]
// CHECK-COUNT-2: arith.mulf
// CHECK-NOT: arith.mulf
// CHECK: memref.dealloc %[[SQUARE]]
// CHECK: return
func.func @long(%w: memref<496x512xf32>, %x: memref<512xf32>, %y: memref<496xf32>) {
  %large = arith.constant 1.0e+5 : f32
  linalg.generic {
      indexing_maps = [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (k)>, affine_map<(i, k) -> (i)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%w, %x : memref<496x512xf32>, memref<512xf32>) outs(%y : memref<496xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %q = arith.minimumf %p, %large : f32
    %next = arith.addf %sum, %q : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// Where a result's rows lie across the vectors, the squares of a tile of 16 rows and 5 columns wait in memory and are turned in a loop.
// A short reduction has its squares turned where they are.
// CHECK-LABEL: func.func @across(
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %c160{{.*}} step %c16
// CHECK: %[[TILE:.*]] = memref.alloc() {alignment = 64 : i64} : memref<80xf32>
// CHECK-COUNT-10: vector.store %{{.*}}, %[[TILE]]
// CHECK: scf.for %[[SQUARE:.*]] = %{{.*}} to %c2{{.*}} step %c1
// CHECK: %[[LANES:.*]] = arith.muli %[[SQUARE]], %c8
// CHECK: arith.addi %[[I]], %[[LANES]]
// CHECK-COUNT-5: vector.load %[[TILE]]
// CHECK-COUNT-8: vector.maskedstore
// CHECK-NOT: vector.maskedstore
// CHECK: memref.dealloc %[[TILE]]
// CHECK: return
func.func @across(%x: memref<200x160xf32>, %y: memref<200x5xf32>) -> memref<160x5xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<160x5xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<160x5xf32>)
  linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (k, i)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : memref<200x160xf32>, memref<200x5xf32>) outs(%c : memref<160x5xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return %c : memref<160x5xf32>
}
