// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What follows a sum element by element is done on its accumulators, if nothing in between touches the same memory.
// RUN: prec-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(prec-emit-kernels{vector-bits=512 vector-registers=32}))' | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#turned = affine_map<(n, m) -> (m, n)>
#column = affine_map<(n, m) -> (n)>

// The sums never are in memory; the other buffer is there before the kernel.
// CHECK-LABEL: func.func @dense(
// CHECK: %[[OUT:.*]] = memref.alloc() : memref<64x48xf32>
// CHECK-NOT: memref.alloc
// CHECK: math.fma
// CHECK: scf.yield
// CHECK: vector.load %{{.*}} : memref<48xf32>
// CHECK: arith.addf
// CHECK: arith.maximumf
// CHECK: vector.store %{{.*}}, %[[OUT]]
// CHECK-NOT: scf.for
// CHECK: return %[[OUT]]
func.func @dense(%x: memref<64x32xf32>, %w: memref<32x48xf32>, %bias: memref<48xf32>) -> memref<64x48xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x48xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x48xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x48xf32>) outs(%sums : memref<64x48xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  %out = memref.alloc() : memref<64x48xf32>
  linalg.generic {indexing_maps = [#turned, #column, #turned], iterator_types = ["parallel", "parallel"]}
      ins(%sums, %bias : memref<64x48xf32>, memref<48xf32>) outs(%out : memref<64x48xf32>) {
  ^bb0(%sum: f32, %b: f32, %o: f32):
    %moved = arith.addf %sum, %b : f32
    %positive = arith.maximumf %moved, %zero : f32
    linalg.yield %positive : f32
  }
  memref.dealloc %sums : memref<64x48xf32>
  return %out : memref<64x48xf32>
}

// It writes over the sums, in another function.
// CHECK-LABEL: func.func @in_place(
// CHECK: math.fma
// CHECK: arith.negf
// CHECK: vector.store
// CHECK-NOT: arith.negf
// CHECK-NOT: vector.load
// CHECK: return
func.func @in_place(%x: memref<64x32xf32>, %w: memref<32x64xf32>) -> memref<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<64x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%sum: f32, %o: f32):
    %negative = arith.negf %sum : f32
    linalg.yield %negative : f32
  }
  return %sums : memref<64x64xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// The sums are a result, too.
// CHECK-LABEL: func.func @both(
// CHECK-SAME: -> (memref<64x64xf32>, memref<64x64xf32>)
// CHECK: %[[SUMS:.*]] = memref.alloc
// CHECK: %[[OUT:.*]] = memref.alloc
// CHECK: math.fma
// CHECK-DAG: vector.store %{{.*}}, %[[SUMS]]
// CHECK-DAG: arith.negf
// CHECK-DAG: vector.store %{{.*}}, %[[OUT]]
// CHECK-NOT: vector.load
// CHECK: return %[[SUMS]], %[[OUT]]
func.func @both(%x: memref<64x32xf32>, %w: memref<32x64xf32>) -> (memref<64x64xf32>, memref<64x64xf32>) {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  %out = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<64x64xf32>) outs(%out : memref<64x64xf32>) {
  ^bb0(%sum: f32, %o: f32):
    %negative = arith.negf %sum : f32
    linalg.yield %negative : f32
  }
  return %sums, %out : memref<64x64xf32>, memref<64x64xf32>
}

// Its buffer would be there beside all that the kernel reads: two kernels.
// CHECK-LABEL: func.func @both_later(
// CHECK: math.fma
// CHECK: vector.store
// CHECK: memref.alloc
// CHECK: vector.load
// CHECK: arith.negf
func.func @both_later(%x: memref<64x32xf32>, %w: memref<32x64xf32>) -> (memref<64x64xf32>, memref<64x64xf32>) {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  %out = memref.alloc() : memref<64x64xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<64x64xf32>) outs(%out : memref<64x64xf32>) {
  ^bb0(%sum: f32, %o: f32):
    %negative = arith.negf %sum : f32
    linalg.yield %negative : f32
  }
  return %sums, %out : memref<64x64xf32>, memref<64x64xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// What it adds is written in between: two kernels, in this order.
// CHECK-LABEL: func.func @written_between(
// CHECK: math.fma
// CHECK: memref.copy
// CHECK: arith.addf
// CHECK: return
func.func @written_between(%x: memref<64x32xf32>, %w: memref<32x64xf32>, %z: memref<64x64xf32>) -> memref<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  %more = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  memref.copy %z, %more : memref<64x64xf32> to memref<64x64xf32>
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums, %more : memref<64x64xf32>, memref<64x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%sum: f32, %m: f32, %o: f32):
    %all = arith.addf %sum, %m : f32
    linalg.yield %all : f32
  }
  memref.dealloc %more : memref<64x64xf32>
  return %sums : memref<64x64xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// The kernel reads what the epilogue would write: two kernels.
// CHECK-LABEL: func.func @over_an_operand(
// CHECK: math.fma
// CHECK: vector.store
// CHECK: vector.load
// CHECK: arith.negf
// CHECK: return
func.func @over_an_operand(%x: memref<64x64xf32>, %w: memref<64x64xf32>) -> memref<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  %copy = memref.alloc() : memref<64x64xf32>
  memref.copy %x, %copy : memref<64x64xf32> to memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%copy, %w : memref<64x64xf32>, memref<64x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<64x64xf32>) outs(%copy : memref<64x64xf32>) {
  ^bb0(%sum: f32, %o: f32):
    %negative = arith.negf %sum : f32
    linalg.yield %negative : f32
  }
  memref.dealloc %sums : memref<64x64xf32>
  return %copy : memref<64x64xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// In a loop, the sums of the trip before are read before they are made anew: they have to be stored.
// CHECK-LABEL: func.func @next_trip(
// CHECK: %[[SUMS:.*]] = memref.alloc() : memref<64x64xf32>
// CHECK: scf.for
// CHECK: math.fma
// CHECK-DAG: arith.negf
// CHECK-DAG: vector.store %{{.*}}, %[[SUMS]]
// CHECK: return
func.func @next_trip(%x: memref<64x64xf32>) -> memref<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %sums = memref.alloc() : memref<64x64xf32>
  %out = memref.alloc() : memref<64x64xf32>
  %before = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  scf.for %i = %c0 to %c4 step %c1 {
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%sums : memref<64x64xf32>) outs(%before : memref<64x64xf32>) {
    ^bb0(%sum: f32, %o: f32):
      %more = arith.addf %sum, %sum : f32
      linalg.yield %more : f32
    }
    linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
    linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%x, %before : memref<64x64xf32>, memref<64x64xf32>) outs(%sums : memref<64x64xf32>) {
    ^bb0(%l: f32, %r: f32, %sum: f32):
      %next = math.fma %l, %r, %sum : f32
      linalg.yield %next : f32
    }
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%sums : memref<64x64xf32>) outs(%out : memref<64x64xf32>) {
    ^bb0(%sum: f32, %o: f32):
      %negative = arith.negf %sum : f32
      linalg.yield %negative : f32
    }
  }
  memref.dealloc %sums : memref<64x64xf32>
  memref.dealloc %before : memref<64x64xf32>
  return %out : memref<64x64xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#turned = affine_map<(m, n) -> (n, m)>

// It reads another tile's sums, too: two kernels.
// CHECK-LABEL: func.func @with_itself_turned(
// CHECK: %[[SUMS:.*]] = memref.alloc
// CHECK: math.fma
// CHECK: vector.store %{{.*}}, %[[SUMS]]
// CHECK: arith.addf
// CHECK: return
func.func @with_itself_turned(%x: memref<64x32xf32>, %w: memref<32x64xf32>) -> memref<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x64xf32>) outs(%sums : memref<64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  %out = memref.alloc() : memref<64x64xf32>
  linalg.generic {indexing_maps = [#id, #turned, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums, %sums : memref<64x64xf32>, memref<64x64xf32>) outs(%out : memref<64x64xf32>) {
  ^bb0(%sum: f32, %other: f32, %o: f32):
    %all = arith.addf %sum, %other : f32
    linalg.yield %all : f32
  }
  memref.dealloc %sums : memref<64x64xf32>
  return %out : memref<64x64xf32>
}

// A kernel without vectors ends as others do.
// CHECK-LABEL: func.func @scalar(
// CHECK: memref.alloc
// CHECK-NOT: memref.alloc
// CHECK: math.fma
// CHECK: arith.negf
// CHECK: memref.store
// CHECK-NOT: memref.load
// CHECK: return
func.func @scalar(%x: memref<1x32xf32>, %w: memref<32x1xf32>) -> memref<1x1xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<1x1xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<1x1xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<1x32xf32>, memref<32x1xf32>) outs(%sums : memref<1x1xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  %out = memref.alloc() : memref<1x1xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<1x1xf32>) outs(%out : memref<1x1xf32>) {
  ^bb0(%sum: f32, %o: f32):
    %negative = arith.negf %sum : f32
    linalg.yield %negative : f32
  }
  memref.dealloc %sums : memref<1x1xf32>
  return %out : memref<1x1xf32>
}

// -----

#a = affine_map<(b, m, n, k) -> (b, m, k)>
#b = affine_map<(b, m, n, k) -> (k, n)>
#c = affine_map<(b, m, n, k) -> (b, m, n)>
#id = affine_map<(b, m, n) -> (b, m, n)>

// The loops over b and m become one, at the end as before.
// CHECK-LABEL: func.func @one_loop_of_two(
// CHECK: memref.alloc() : memref<8x8x64xf32>
// CHECK-NOT: memref.alloc
// CHECK: memref.collapse_shape %{{.*}} {{.*}}0, 1], [2]] : memref<8x8x64xf32>
// CHECK: math.fma
// CHECK: arith.negf
// CHECK: vector.store %{{.*}} : memref<64x64xf32>
// CHECK-NOT: vector.load
// CHECK: return
func.func @one_loop_of_two(%x: memref<8x8x32xf32>, %w: memref<32x64xf32>) -> memref<8x8x64xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<8x8x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<8x8x64xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x8x32xf32>, memref<32x64xf32>) outs(%sums : memref<8x8x64xf32>) {
  ^bb0(%l: f32, %r: f32, %sum: f32):
    %next = math.fma %l, %r, %sum : f32
    linalg.yield %next : f32
  }
  %out = memref.alloc() : memref<8x8x64xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sums : memref<8x8x64xf32>) outs(%out : memref<8x8x64xf32>) {
  ^bb0(%sum: f32, %o: f32):
    %negative = arith.negf %sum : f32
    linalg.yield %negative : f32
  }
  memref.dealloc %sums : memref<8x8x64xf32>
  return %out : memref<8x8x64xf32>
}
