// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What no cache holds and is read once, along its rows, is read in long runs: the processor foresees the lines of a run, not the next
// row's. Rows on more pages than addresses are known of are taken 256 at a time, but not by threads, which would meet after each piece.
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=512 vector-registers=32}))' | FileCheck %s
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=256 vector-registers=16}))' | FileCheck %s --check-prefix=FEW
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=512 vector-registers=32 threads=8}))' | FileCheck %s --check-prefix=THREADS

// CHECK-LABEL: func.func @of_megabytes(
// CHECK: scf.for {{.*}} to %c1024{{.*}} step %c256
// CHECK: scf.for {{.*}} to %c1024{{.*}} iter_args
// CHECK-COUNT-16: math.fma
// CHECK-NOT: math.fma
// FEW-LABEL: func.func @of_megabytes(
// FEW: scf.for {{.*}} to %c1024{{.*}} step %c64
// FEW-COUNT-8: math.fma
// FEW-NOT: math.fma
// FEW: return
// A block for each thread.
// THREADS-LABEL: func.func @of_megabytes(
// THREADS: scf.parallel {{.*}} step (%c128)
// THREADS-COUNT-8: math.fma
// THREADS-NOT: math.fma
func.func @of_megabytes(%x: memref<1024x1024xf32>, %v: memref<1024xf32>, %y: memref<1024xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(j, k) -> (k, j)>, affine_map<(j, k) -> (k)>, affine_map<(j, k) -> (j)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x, %v : memref<1024x1024xf32>, memref<1024xf32>) outs(%y : memref<1024xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// CHECK-LABEL: func.func @of_many_pages(
// CHECK: scf.for %[[FROM:.*]] = {{.*}} to %c4096{{.*}} step %c256
// CHECK: scf.for {{.*}} to %c1024{{.*}} step %c256
// CHECK: scf.for {{.*}} = %[[FROM]] to {{.*}} iter_args
// CHECK-COUNT-16: math.fma
// THREADS-LABEL: func.func @of_many_pages(
// THREADS-NOT: to %c4096
// THREADS: scf.parallel
func.func @of_many_pages(%x: memref<4096x1024xf32>, %v: memref<4096xf32>, %y: memref<1024xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(j, k) -> (k, j)>, affine_map<(j, k) -> (k)>, affine_map<(j, k) -> (j)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x, %v : memref<4096x1024xf32>, memref<4096xf32>) outs(%y : memref<1024xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// CHECK-LABEL: func.func @in_a_cache(
// CHECK: scf.for {{.*}} to %c256{{.*}} step %c64
// CHECK-COUNT-4: math.fma
// CHECK-NOT: math.fma
func.func @in_a_cache(%x: memref<200x256xf32>, %v: memref<200xf32>, %y: memref<256xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(j, k) -> (k, j)>, affine_map<(j, k) -> (k)>, affine_map<(j, k) -> (j)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x, %v : memref<200x256xf32>, memref<200xf32>) outs(%y : memref<256xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}
