// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The engine is told of each buffer that begins or ends to live: its layer, its type, the
// sizes that are not known before.
// RUN: prec-opt %s --prec-name-places --prec-track-buffers | FileCheck %s

// CHECK: llvm.mlir.global internal constant @[[$TEXT:.*]]("f\00backward conv1\0032x?xf64\00")
// CHECK-LABEL: func.func @f(
// CHECK-SAME: %[[N:.*]]: index
// CHECK: %[[BUFFER:.*]] = memref.alloc(%[[N]])
// CHECK: %[[SIZE:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK: call @prec_buffer_size(%[[SIZE]])
// CHECK: %[[WIDTH:.*]] = arith.constant 8 : i64
// CHECK: %[[NAME:.*]] = llvm.mlir.addressof @[[$TEXT]]
// CHECK: %[[POINTER:.*]] = memref.extract_aligned_pointer_as_index %[[BUFFER]]
// CHECK: %[[ADDRESS:.*]] = arith.index_cast %[[POINTER]] : index to i64
// CHECK: call @prec_buffer_live(%[[NAME]], %[[ADDRESS]], %[[WIDTH]])
// CHECK: %[[AGAIN:.*]] = memref.extract_aligned_pointer_as_index %[[BUFFER]]
// CHECK: %[[SAME:.*]] = arith.index_cast %[[AGAIN]] : index to i64
// CHECK: call @prec_buffer_dead(%[[SAME]])
// CHECK-NEXT: memref.dealloc %[[BUFFER]]
func.func @f(%n: index) {
  %buffer = memref.alloc(%n) {prec.phase = "backward", prec.scope = "conv1"} : memref<32x?xf64>
  memref.dealloc %buffer : memref<32x?xf64>
  return
}
