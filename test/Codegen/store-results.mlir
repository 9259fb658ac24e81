// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An entry of more than eight results stores them behind a pointer, where the struct of its C interface would have them.
// RUN: prec-opt %s --prec-store-results --split-input-file | FileCheck %s
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-store-results,prec-convert-to-llvm)' --split-input-file | FileCheck %s --check-prefix=LLVM

// CHECK: func.func @nine(%[[R:.*]]: !llvm.ptr, %[[M:.*]]: memref<4xf32>, %[[X:.*]]: f32)
// CHECK: %[[FIRST:.*]] = llvm.getelementptr %[[R]][0, 0] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>, f32, f32, f32, f32, f32, f32, f32, f32)>
// CHECK: llvm.store %{{.*}}, %[[FIRST]] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>, !llvm.ptr
// CHECK: llvm.getelementptr %[[R]][0, 8]
// CHECK: return{{$}}
// LLVM: llvm.func @nine(
// LLVM: llvm.func @_mlir_ciface_nine(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: f32)
func.func @nine(%m: memref<4xf32>, %x: f32) -> (memref<4xf32>, f32, f32, f32, f32, f32, f32, f32, f32) attributes {llvm.emit_c_interface} {
  return %m, %x, %x, %x, %x, %x, %x, %x, %x : memref<4xf32>, f32, f32, f32, f32, f32, f32, f32, f32
}

// -----

// Few results, a function without a C interface, and one that is called stay.
// CHECK: func.func @eight(%{{.*}}: f32) -> (f32, f32, f32, f32, f32, f32, f32, f32)
func.func @eight(%x: f32) -> (f32, f32, f32, f32, f32, f32, f32, f32) attributes {llvm.emit_c_interface} {
  return %x, %x, %x, %x, %x, %x, %x, %x : f32, f32, f32, f32, f32, f32, f32, f32
}
// CHECK: func.func @without(%{{.*}}: f32) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32)
func.func @without(%x: f32) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32) {
  return %x, %x, %x, %x, %x, %x, %x, %x, %x : f32, f32, f32, f32, f32, f32, f32, f32, f32
}
// CHECK: func.func @called(%{{.*}}: f32) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32)
func.func @called(%x: f32) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32) attributes {llvm.emit_c_interface} {
  return %x, %x, %x, %x, %x, %x, %x, %x, %x : f32, f32, f32, f32, f32, f32, f32, f32, f32
}
func.func @caller(%x: f32) -> f32 {
  %r:9 = call @called(%x) : (f32) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32)
  return %r#8 : f32
}
