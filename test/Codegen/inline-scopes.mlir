// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A scope that allocates nothing is inlined, one that does stays, and other operations are not touched.
// RUN: prec-opt %s --prec-inline-scopes | FileCheck %s

// CHECK-LABEL: func @empty
// CHECK-NOT: alloca_scope
// CHECK: arith.addf
// CHECK-NEXT: arith.addf
// CHECK: return
func.func @empty(%x: f32) -> f32 {
  %zero = arith.constant 0.0 : f32
  %unused = arith.addf %x, %x : f32
  %y = memref.alloca_scope -> f32 {
    %z = arith.addf %x, %zero : f32
    memref.alloca_scope.return %z : f32
  }
  return %y : f32
}

// CHECK-LABEL: func @holds
// CHECK: scf.for
// CHECK: memref.alloca_scope
// CHECK: memref.alloca()
func.func @holds(%n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    memref.alloca_scope {
      %m = memref.alloca() : memref<f32>
      memref.store %x, %m[] : memref<f32>
      func.call @use(%m) : (memref<f32>) -> ()
    }
    func.call @more() : () -> ()
  }
  return
}
func.func private @use(memref<f32>)
func.func private @more()
