// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Buffers: a read-only argument is rounded into a copy, a written one in place; loads
// of the copy are in the format, loads of other memory are not known to be.
// RUN: prec-opt %s --truncate-mantissa=7 | FileCheck %s --check-prefixes=CHECK,OP
// RUN: prec-opt %s --truncate-mantissa=7 --granularity=batch | FileCheck %s --check-prefixes=CHECK,BATCH

// CHECK-LABEL: func @sum
// CHECK: %[[COPY:.*]] = memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK: linalg.generic {{.*}}ins(%arg0 : memref<?xf32>) outs(%[[COPY]] : memref<?xf32>)
// CHECK: prec.round
// CHECK: linalg.generic {{.*}}ins(%arg1 : memref<1xf32>) outs(%arg1 : memref<1xf32>)
// CHECK: prec.round
// CHECK: scf.for
// CHECK: memref.load %[[COPY]]
// OP-NEXT: memref.load %arg1
// OP-NEXT: prec.round
// OP-NEXT: arith.addf
// OP-NEXT: prec.round
// OP-NEXT: memref.store
// OP-NOT: prec.round
// BATCH-NEXT: memref.load %arg1
// BATCH-NEXT: arith.addf
// BATCH-NEXT: memref.store
// BATCH: }
// BATCH: linalg.generic {{.*}}ins(%arg1 : memref<1xf32>) outs(%arg1 : memref<1xf32>)
// BATCH: prec.round
// CHECK: return
func.func @sum(%x: memref<?xf32>, %out: memref<1xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.for %i = %c0 to %n step %c1 {
    %v = memref.load %x[%i] : memref<?xf32>
    %s = memref.load %out[%c0] : memref<1xf32>
    %t = arith.addf %s, %v : f32
    memref.store %t, %out[%c0] : memref<1xf32>
  }
  return
}

// A copy reads its source and writes its target.
// CHECK-LABEL: func @copy
// CHECK: %[[COPY:.*]] = memref.alloc() : memref<4xf32>
// CHECK: linalg.generic {{.*}}ins(%arg0 : memref<4xf32>) outs(%[[COPY]] :
// CHECK: linalg.generic {{.*}}ins(%arg1 : memref<4xf32>) outs(%arg1 :
// CHECK: memref.copy %[[COPY]], %arg1
func.func @copy(%from: memref<4xf32>, %to: memref<4xf32>) {
  memref.copy %from, %to : memref<4xf32> to memref<4xf32>
  return
}

// What is done to a view is done to the buffer.
// CHECK-LABEL: func @views
// CHECK: %[[COPY:.*]] = memref.alloc() : memref<4xf32>
// CHECK: linalg.generic {{.*}}ins(%arg0 : memref<4xf32>) outs(%[[COPY]] :
// CHECK: linalg.generic {{.*}}ins(%arg1 : memref<4xf32>) outs(%arg1 :
// CHECK: memref.subview %[[COPY]][
// CHECK: memref.subview %arg1[
func.func @views(%read: memref<4xf32>, %written: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %r = memref.subview %read[1] [2] [1] : memref<4xf32> to memref<2xf32, strided<[1], offset: 1>>
  %w = memref.subview %written[1] [2] [1] : memref<4xf32> to memref<2xf32, strided<[1], offset: 1>>
  %v = memref.load %r[%c0] : memref<2xf32, strided<[1], offset: 1>>
  memref.store %v, %w[%c0] : memref<2xf32, strided<[1], offset: 1>>
  return
}

// The result of an operation on buffers lies in its output: rounded there.
// CHECK-LABEL: func @matmul
// OP: linalg.matmul
// OP-NEXT: linalg.generic {{.*}}ins(%arg2 : memref<4x4xf32>) outs(%arg2 : memref<4x4xf32>)
// OP: prec.round {{.*}}op = "linalg.matmul"
func.func @matmul(%a: memref<4x4xf32>, %b: memref<4x4xf32>, %c: memref<4x4xf32>) {
  linalg.matmul ins(%a, %b : memref<4x4xf32>, memref<4x4xf32>) outs(%c : memref<4x4xf32>)
  return
}

// A maximum in memory is an element of it or the operand, but of memory nothing is known.
// CHECK-LABEL: func @atomic
// OP: memref.atomic_rmw maximumf
// OP-NEXT: prec.round {{.*}}op = "memref.atomic_rmw"
func.func @atomic(%x: memref<4xf32>, %v: f32, %i: index) -> f32 {
  %0 = memref.atomic_rmw maximumf %v, %x[%i] : (f32, memref<4xf32>) -> f32
  return %0 : f32
}

// A tensor over a buffer that nobody may write is a reader; one that may be written in
// place makes the buffer a written one.
// CHECK-LABEL: func @read
// CHECK: %[[COPY:.*]] = memref.alloc() : memref<4xf32>
// CHECK: linalg.generic {{.*}} ins(%arg0 : memref<4xf32>) outs(%[[COPY]] : memref<4xf32>)
// CHECK: bufferization.to_tensor %[[COPY]]
func.func @read(%x: memref<4xf32>) -> tensor<4xf32> {
  %t = bufferization.to_tensor %x restrict : memref<4xf32> to tensor<4xf32>
  %0 = arith.mulf %t, %t : tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK-LABEL: func @write
// CHECK-NOT: memref.alloc
// CHECK: linalg.generic {{.*}} ins(%arg0 : memref<4xf32>) outs(%arg0 : memref<4xf32>)
// CHECK: bufferization.to_tensor %arg0
func.func @write(%x: memref<4xf32>) -> tensor<4xf32> {
  %t = bufferization.to_tensor %x restrict writable : memref<4xf32> to tensor<4xf32>
  %0 = arith.mulf %t, %t : tensor<4xf32>
  return %0 : tensor<4xf32>
}
