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
