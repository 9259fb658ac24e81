// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations on a batch share a loop over its blocks; a buffer between them has the size of a block.
// RUN: prec-opt %s --split-input-file --prec-block-batch | FileCheck %s
// RUN: prec-opt %s --split-input-file --prec-block-batch=threads=true | FileCheck %s --check-prefix=THREADS

#id = affine_map<(n, r, c) -> (n, r, c)>
#column = affine_map<(n, r, c) -> (c)>

// Two examples of 16384 numbers are a block. The sum over the batch is in the loop, and in its order; on several threads it is not.
// CHECK-LABEL: func.func @chain(
// CHECK: %[[SUM:.*]] = memref.alloc() : memref<4096xf32>
// CHECK: linalg.fill {{.*}} outs(%[[SUM]]
// CHECK: scf.for %[[I:.*]] = %c0{{.*}} to %c64{{.*}} step %c2
// CHECK:   %[[H:.*]] = memref.alloc() : memref<2x4x4096xf32>
// CHECK:   %[[X:.*]] = memref.subview %arg0[%[[I]], 0, 0] [2, 4, 4096] [1, 1, 1]
// CHECK:   linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[H]] :
// CHECK:   linalg.generic {{.*}} ins(%[[H]] : {{.*}}) outs(%[[SUM]] :
// CHECK:   memref.dealloc %[[H]]
// CHECK: } {block_loop}
// CHECK-NOT: linalg.generic
// CHECK: return %[[SUM]]
// THREADS-LABEL: func.func @chain(
// THREADS-NOT: scf.
func.func @chain(%x: memref<64x4x4096xf32>) -> memref<4096xf32> {
  %zero = arith.constant 0.0 : f32
  %h = memref.alloc() : memref<64x4x4096xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<64x4x4096xf32>) outs(%h : memref<64x4x4096xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  }
  %sum = memref.alloc() : memref<4096xf32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<4096xf32>)
  linalg.generic {indexing_maps = [#id, #column], iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%h : memref<64x4x4096xf32>) outs(%sum : memref<4096xf32>) {
  ^bb0(%u: f32, %acc: f32):
    %v = arith.addf %acc, %u : f32
    linalg.yield %v : f32
  }
  memref.dealloc %h : memref<64x4x4096xf32>
  return %sum : memref<4096xf32>
}

// -----

#id = affine_map<(n, c) -> (n, c)>
#first = affine_map<(n, c) -> (0, c)>

// Every example reads the first one's result, which is another block's: nothing may be moved.
// CHECK-LABEL: func.func @reads_another_block(
// CHECK-NOT: scf.for
// THREADS-LABEL: func.func @reads_another_block(
// THREADS-NOT: scf.
func.func @reads_another_block(%x: memref<64x16384xf32>, %y: memref<64x16384xf32>) {
  %h = memref.alloc() : memref<64x16384xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<64x16384xf32>) outs(%h : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    linalg.yield %u : f32
  }
  linalg.generic {indexing_maps = [#id, #first, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h, %h : memref<64x16384xf32>, memref<64x16384xf32>) outs(%y : memref<64x16384xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %w = arith.addf %u, %v : f32
    linalg.yield %w : f32
  }
  memref.dealloc %h : memref<64x16384xf32>
  return
}

// -----

#id = affine_map<(n, c) -> (n, c)>

// A call may read anything: operations are not moved past it. Blocks without sums run on several threads.
// CHECK-LABEL: func.func @call_between(
// CHECK-NOT: scf.for
// CHECK: call @unknown
// CHECK: scf.for
// THREADS-LABEL: func.func @call_between(
// THREADS-NOT: scf.
// THREADS: call @unknown
// THREADS: scf.parallel
func.func private @unknown()
func.func @call_between(%x: memref<64x16384xf32>) -> memref<64x16384xf32> {
  %y = memref.alloc() : memref<64x16384xf32>
  %h = memref.alloc() : memref<64x16384xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<64x16384xf32>) outs(%h : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    linalg.yield %u : f32
  }
  call @unknown() : () -> ()
  %k = memref.alloc() : memref<64x16384xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h : memref<64x16384xf32>) outs(%k : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%k : memref<64x16384xf32>) outs(%y : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  }
  memref.dealloc %h : memref<64x16384xf32>
  memref.dealloc %k : memref<64x16384xf32>
  return %y : memref<64x16384xf32>
}

// -----

#id = affine_map<(n, c) -> (n, c)>

// Two arguments may be one buffer, and what a branch gives may be any: such operations stay where they are.
// CHECK-LABEL: func.func @may_be_the_same(
// CHECK-NOT: scf.for
// THREADS-LABEL: func.func @may_be_the_same(
// THREADS-NOT: scf.parallel
func.func @may_be_the_same(%x: memref<64x16384xf32>, %y: memref<64x16384xf32>, %which: i1) {
  %h = memref.alloc() : memref<64x16384xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<64x16384xf32>) outs(%h : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    linalg.yield %u : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h : memref<64x16384xf32>) outs(%y : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  }
  %k = arith.select %which, %h, %x : memref<64x16384xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%k : memref<64x16384xf32>) outs(%h : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h : memref<64x16384xf32>) outs(%y : memref<64x16384xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  }
  memref.dealloc %h : memref<64x16384xf32>
  return
}

// -----

#id = affine_map<(n, r, c) -> (n, r, c)>
#column = affine_map<(n, r, c) -> (c)>

// Each example writes all of the result and the last one counts, which several threads would not know.
// CHECK-LABEL: func.func @last_one_wins(
// CHECK-NOT: scf.for
// THREADS-LABEL: func.func @last_one_wins(
// THREADS-NOT: scf.parallel
func.func @last_one_wins(%x: memref<64x4x4096xf32>) -> memref<4096xf32> {
  %h = memref.alloc() : memref<64x4x4096xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<64x4x4096xf32>) outs(%h : memref<64x4x4096xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  }
  %last = memref.alloc() : memref<4096xf32>
  linalg.generic {indexing_maps = [#id, #column], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%h : memref<64x4x4096xf32>) outs(%last : memref<4096xf32>) {
  ^bb0(%u: f32, %o: f32):
    linalg.yield %u : f32
  }
  memref.dealloc %h : memref<64x4x4096xf32>
  return %last : memref<4096xf32>
}

// -----

#id = affine_map<(n, r, c) -> (n, r, c)>
#column = affine_map<(n, r, c) -> (c)>

// The number of an example is the block's first one and its place in the block, by an addition, which kernels do in vectors.
// CHECK-LABEL: func.func @numbers(
// CHECK: scf.for %[[I:.*]] = %c0{{.*}} to
// CHECK: %[[N:.*]] = linalg.index 0 : index
// CHECK-NEXT: %[[AT:.*]] = arith.addi %[[N]], %[[I]] : index
// CHECK-NEXT: %[[C:.*]] = linalg.index 2 : index
// CHECK-NEXT: arith.addi %[[AT]], %[[C]] : index
func.func @numbers(%x: memref<64x4x4096xf32>) -> memref<4096xf32> {
  %zero = arith.constant 0.0 : f32
  %h = memref.alloc() : memref<64x4x4096xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<64x4x4096xf32>) outs(%h : memref<64x4x4096xf32>) {
  ^bb0(%u: f32, %o: f32):
    %n = linalg.index 0 : index
    %c = linalg.index 2 : index
    %s = arith.addi %n, %c : index
    %t = arith.index_cast %s : index to i32
    %f = arith.sitofp %t : i32 to f32
    %v = arith.mulf %u, %f : f32
    linalg.yield %v : f32
  }
  %sum = memref.alloc() : memref<4096xf32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<4096xf32>)
  linalg.generic {indexing_maps = [#id, #column], iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%h : memref<64x4x4096xf32>) outs(%sum : memref<4096xf32>) {
  ^bb0(%u: f32, %acc: f32):
    %v = arith.addf %acc, %u : f32
    linalg.yield %v : f32
  }
  memref.dealloc %h : memref<64x4x4096xf32>
  return %sum : memref<4096xf32>
}
