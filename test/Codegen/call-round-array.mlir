// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formats with a shared scale: one call a tensor, one text a format and mode.
// RUN: prec-opt %s --prec-call-round-array | FileCheck %s
// RUN: not prec-opt %s --one-shot-bufferize 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: not prec-opt %s --pass-pipeline='builtin.module(func.func(prec-expand-rounding))' 2>&1 | FileCheck %s --check-prefix=ALONE

// CHECK-DAG: llvm.mlir.global internal constant @[[$MX:.*]]("mxfp4\00nearest-even\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[$NV:.*]]("nvfp4\00stochastic\00")
// CHECK-DAG: func.func private @prec_round_array_f32(!llvm.ptr, i64, i64, i64, i64, i64, memref<?xf32>, memref<?xf32>)
// CHECK-DAG: func.func private @prec_round_array_f64(!llvm.ptr, i64, i64, i64, i64, i64, memref<?xf64>, memref<?xf64>)

// CHECK-LABEL: func.func @f(
// CHECK-SAME: %[[X:.*]]: tensor<4x?xf32>, %[[Y:.*]]: tensor<8xf64>, %[[KEY:.*]]: i64
// CHECK: %[[IN:.*]] = bufferization.to_buffer %[[X]] read_only
// CHECK: %[[OUT:.*]] = memref.alloc(%{{.*}}) : memref<4x?xf32>
// CHECK: %[[TEXT:.*]] = llvm.mlir.addressof @[[$MX]]
// CHECK: %[[LAST:.*]] = arith.index_cast
// CHECK-DAG: %[[FROM:.*]] = memref.reinterpret_cast %[[IN]] to offset: [0], sizes: [%[[COUNT:.*]]], strides: [1]
// CHECK-DAG: %[[TO:.*]] = memref.reinterpret_cast %[[OUT]] to offset: [0], sizes: [%[[COUNT]]], strides: [1]
// CHECK: call @prec_round_array_f32(%[[TEXT]], %{{.*}}, %[[LAST]], %{{.*}}, %{{.*}}, %{{.*}}, %[[FROM]], %[[TO]])
// CHECK: bufferization.to_tensor %[[OUT]] restrict writable
// CHECK: llvm.mlir.addressof @[[$MX]]
// CHECK: call @prec_round_array_f64
// CHECK: llvm.mlir.addressof @[[$NV]]
// CHECK: call @prec_round_array_f32(%{{.*}}, %[[KEY]],
// Elementwise roundings stay.
// CHECK: prec.round {{.*}} to "e4m3"
// ALONE: call-round-array.mlir:[[#]]:[[#]]: error: format mxfp4 shares scales between elements and is no elementwise rounding, prec-call-round-array has to run first
func.func @f(%x: tensor<4x?xf32>, %y: tensor<8xf64>, %key: i64)
    -> (tensor<4x?xf32>, tensor<8xf64>, tensor<4x?xf32>, tensor<8xf64>) {
  %0 = prec.round %x to "mxfp4" "nearest-even" : tensor<4x?xf32>
  %1 = prec.round %y to "mxfp4" "nearest-even" : tensor<8xf64>
  %2 = prec.round %x to "nvfp4" "stochastic" random(%key : i64) : tensor<4x?xf32>
  %3 = prec.round %y to "e4m3" "nearest-even" : tensor<8xf64>
  return %0, %1, %2, %3 : tensor<4x?xf32>, tensor<8xf64>, tensor<4x?xf32>, tensor<8xf64>
}
