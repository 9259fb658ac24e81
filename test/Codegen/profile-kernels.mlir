// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each kernel stands between two calls of the engine, with its name, operations and bytes:
// 96 x 112 results of 80 multiply-adds; a fill that a kernel begins with is none of its own.
// RUN: prec-opt %s --prec-name-places --prec-profile-kernels | FileCheck %s --check-prefixes=CHECK,FILL
// RUN: prec-opt %s --prec-name-places --prec-profile-kernels --prec-emit-kernels | FileCheck %s --check-prefixes=CHECK,NONE

// CHECK-DAG: llvm.mlir.global internal constant @[[$LOOP:.*]]("others\00{{.*}}profile-kernels.mlir:{{[0-9]+:[0-9]+}}: loop\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[$MATMUL:.*]]("dense\00forward fc1: matmul\00")
// FILL-DAG: llvm.mlir.global internal constant @[[$FILL:.*]]("dense\00forward fc1: fill\00")

// CHECK-LABEL: func.func @dense(
// NONE-NOT: prec_profile_begin
// FILL: llvm.mlir.addressof @[[$FILL]]
// FILL: call @prec_profile_begin(
// FILL: linalg.fill
// FILL: call @prec_profile_end()
// CHECK: %[[FLOPS:.*]] = arith.constant 1720320 : i64
// CHECK: %[[NAME:.*]] = llvm.mlir.addressof @[[$MATMUL]]
// CHECK: %[[BITS:.*]] = arith.constant 32 : i64
// CHECK: call @prec_profile_begin(%[[NAME]], %[[FLOPS]], %{{.*}}, %[[BITS]])
// FILL-NEXT: linalg.matmul
// NONE: scf.for
// CHECK: call @prec_profile_end()
// NONE-NOT: prec_profile_begin
func.func @dense(%a: memref<96x80xf32>, %b: memref<80x112xf32>) -> memref<96x112xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<96x112xf32>
  linalg.fill {prec.scope = "fc1"} ins(%zero : f32) outs(%c : memref<96x112xf32>)
  linalg.matmul {prec.scope = "fc1"} ins(%a, %b : memref<96x80xf32>, memref<80x112xf32>) outs(%c : memref<96x112xf32>)
  return %c : memref<96x112xf32>
}

// A nest of plain loops is a kernel, too: 8 times a multiplication and an addition. Loops
// and choices around kernels are none.
// CHECK-LABEL: func.func @others(
// CHECK: scf.if
// CHECK: %[[SIXTEEN:.*]] = arith.constant 16 : i64
// CHECK: %[[PLACE:.*]] = llvm.mlir.addressof @[[$LOOP]]
// CHECK: call @prec_profile_begin(%[[PLACE]], %[[SIXTEEN]],
// CHECK-NEXT: scf.for
// CHECK: call @prec_profile_end()
// CHECK: scf.for
// CHECK: call @prec_profile_begin(
// CHECK-NEXT: memref.copy
// CHECK-NEXT: call @prec_profile_end()
func.func @others(%a: memref<8xf32>, %b: memref<8xf32>, %choice: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.if %choice {
    scf.for %i = %c0 to %c8 step %c1 {
      %x = memref.load %a[%i] : memref<8xf32>
      %y = arith.mulf %x, %x : f32
      %z = arith.addf %y, %x : f32
      memref.store %z, %a[%i] : memref<8xf32>
    }
  }
  scf.for %i = %c0 to %c8 step %c1 {
    memref.copy %a, %b : memref<8xf32> to memref<8xf32>
    linalg.copy ins(%a : memref<8xf32>) outs(%b : memref<8xf32>)
  }
  return
}
