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

// -----

// Each memref of many arguments is a pointer to its descriptor, loaded before its first use; one that is not used costs nothing.
// CHECK: func.func @many(%[[A:[^:]*]]: !llvm.ptr, %{{[^:]*}}: !llvm.ptr, %[[C:[^:]*]]: !llvm.ptr, %[[X:[^:]*]]: f32, {{.*}}: index) -> f32
// CHECK-NEXT: %[[LA:.*]] = llvm.load %[[A]] : !llvm.ptr -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
// CHECK-NEXT: %[[MA:.*]] = builtin.unrealized_conversion_cast %[[LA]] {{.*}} to memref<4xf32>
// CHECK-NEXT: memref.store %[[X]], %[[MA]]
// CHECK-NEXT: memref.store
// CHECK-NEXT: arith.cmpf
// CHECK-NEXT: %[[LC:.*]] = llvm.load %[[C]]
// CHECK-NEXT: %[[MC:.*]] = builtin.unrealized_conversion_cast %[[LC]]
// CHECK-NEXT: cf.cond_br
// CHECK: memref.load %[[MC]]
// LLVM: llvm.func @many(%{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: f32
// LLVM: llvm.func @_mlir_ciface_many(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: !llvm.ptr, %arg3: f32
func.func @many(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<?x4xf32>, %x: f32, %x1: f32, %x2: f32, %x3: f32, %x4: f32, %i: index) -> f32 attributes {llvm.emit_c_interface} {
  memref.store %x, %a[%i] : memref<4xf32>
  memref.store %x1, %a[%i] : memref<4xf32>
  %t = arith.cmpf olt, %x, %x1 : f32
  cf.cond_br %t, ^first, ^second
^first:
  %r = memref.load %c[%i, %i] : memref<?x4xf32>
  return %r : f32
^second:
  return %x : f32
}
