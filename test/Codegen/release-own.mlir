// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Buffers that a function allocated are released one by one, those that it returns are not; what may be a view stays as it is.
// RUN: prec-opt %s --prec-release-own --split-input-file | FileCheck %s
// Upstream's simplification comes to the same releases.
// RUN: prec-opt %s --pass-pipeline='builtin.module(buffer-deallocation-simplification,canonicalize)' --split-input-file | FileCheck %s --check-prefix=UPSTREAM

func.func private @use(memref<4xf32>, memref<8xf32>)
// CHECK-LABEL: func.func @own
// UPSTREAM-LABEL: func.func @own
func.func @own(%m: memref<4xf32>, %c: i1) -> (memref<4xf32>, memref<4xf32>, i1, i1) {
  // CHECK: %[[A:.*]] = memref.alloc
  // CHECK: %[[B:.*]] = memref.alloc
  // CHECK: %[[K:.*]] = memref.alloc
  // UPSTREAM: %[[A:.*]] = memref.alloc
  // UPSTREAM: %[[B:.*]] = memref.alloc
  // UPSTREAM: %[[K:.*]] = memref.alloc
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<8xf32>
  %k = memref.alloc() : memref<4xf32>
  call @use(%a, %b) : (memref<4xf32>, memref<8xf32>) -> ()
  %true = arith.constant true
  // CHECK: %[[NOT:.*]] = arith.constant false
  // CHECK-NEXT: bufferization.dealloc (%[[A]] : memref<4xf32>) if (%{{true.*}}){{$}}
  // CHECK-NEXT: bufferization.dealloc (%[[B]] : memref<8xf32>) if (%[[C:.*]]){{$}}
  // CHECK-NEXT: return %[[K]], %{{.*}}, %{{true.*}}, %[[NOT]]
  // UPSTREAM-DAG: bufferization.dealloc (%[[A]] : memref<4xf32>) if (%{{true.*}}){{$}}
  // UPSTREAM-DAG: bufferization.dealloc (%[[B]] : memref<8xf32>) if (%{{.*}}){{$}}
  // UPSTREAM: return %[[K]], %{{.*}}, %{{true.*}}, %{{false.*}}
  %o:2 = bufferization.dealloc (%a, %b, %k : memref<4xf32>, memref<8xf32>, memref<4xf32>) if (%true, %c, %true) retain (%k, %m : memref<4xf32>, memref<4xf32>)
  return %k, %m, %o#0, %o#1 : memref<4xf32>, memref<4xf32>, i1, i1
}

// -----

// CHECK-LABEL: func.func @view
func.func @view(%c: i1) -> memref<4xf32> {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %either = arith.select %c, %a, %b : memref<4xf32>
  // CHECK: bufferization.dealloc ({{.*}}, {{.*}} : memref<4xf32>, memref<4xf32>) if {{.*}} retain
  %o = bufferization.dealloc (%a, %b : memref<4xf32>, memref<4xf32>) if (%c, %c) retain (%either : memref<4xf32>)
  return %either : memref<4xf32>
}
