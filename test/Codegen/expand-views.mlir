// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The numbers of views are computed; other operations are not touched.
// RUN: prec-opt %s --prec-expand-views | FileCheck %s

// CHECK-LABEL: func @part
// CHECK-SAME: (%[[M:.*]]: memref<8x16xf32>, %[[I:.*]]: index, %[[X:.*]]: f32)
// CHECK: %[[UNUSED:.*]] = arith.addf %[[X]], %[[X]]
// CHECK: %[[OFFSET:.*]] = affine.apply #{{.*}}()[%[[I]]]
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [%[[OFFSET]]], sizes: [2, 4], strides: [16, 1]
// CHECK-NOT: subview
func.func @part(%m: memref<8x16xf32>, %i: index, %x: f32) {
  %unused = arith.addf %x, %x : f32
  %c0 = arith.constant 0 : index
  %v = memref.subview %m[%i, 3] [2, 4] [1, 1]
      : memref<8x16xf32> to memref<2x4xf32, strided<[16, 1], offset: ?>>
  memref.store %x, %v[%c0, %c0] : memref<2x4xf32, strided<[16, 1], offset: ?>>
  return
}

// CHECK-LABEL: func @flat
// CHECK-NOT: collapse_shape
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [128], strides: [1]
func.func @flat(%m: memref<8x16xf32>, %x: f32) {
  %c0 = arith.constant 0 : index
  %v = memref.collapse_shape %m [[0, 1]] : memref<8x16xf32> into memref<128xf32>
  memref.store %x, %v[%c0] : memref<128xf32>
  return
}
