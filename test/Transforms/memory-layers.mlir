// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Buffers at layer granularity: an output that another scope reads crosses a border, one
// that stays in its scope does not; at batch granularity neither does.
// RUN: prec-opt %s --truncate-mantissa=7 --granularity=layer | FileCheck %s --check-prefixes=CHECK,LAYER
// RUN: prec-opt %s --truncate-mantissa=7 --granularity=batch | FileCheck %s --check-prefix=CHECK

// CHECK-LABEL: func @f
func.func @f(%x: memref<4xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  // CHECK: %[[OWN:.*]] = memref.alloc() {prec.name = "own"}
  // CHECK: %[[OUT:.*]] = memref.alloc() {prec.name = "out"}
  // CHECK: %[[READ:.*]] = memref.alloc() {prec.name = "read"}
  %own = memref.alloc() {prec.name = "own"} : memref<4xf32>
  %out = memref.alloc() {prec.name = "out"} : memref<4xf32>
  %read = memref.alloc() {prec.name = "read"} : memref<4xf32>
  // CHECK: linalg.exp {{.*}}outs(%[[OWN]] :
  // CHECK-NEXT: linalg.exp {{.*}}outs(%[[OUT]] :
  linalg.exp {prec.scope = "a"} ins(%x : memref<4xf32>) outs(%own : memref<4xf32>)
  linalg.exp {prec.scope = "a"} ins(%own : memref<4xf32>) outs(%out : memref<4xf32>)
  // LAYER-NEXT: linalg.generic {{.*}}outs(%[[OUT]] :
  // LAYER: prec.round {{.*}}scope = "a"
  // LAYER: }
  // CHECK-NEXT: linalg.exp {{.*}}outs(%[[READ]] :
  linalg.exp {prec.scope = "b"} ins(%out : memref<4xf32>) outs(%read : memref<4xf32>)
  // LAYER-NEXT: linalg.generic {{.*}}outs(%[[READ]] :
  // LAYER: prec.round {{.*}}scope = "b"
  // LAYER: }
  // CHECK-NEXT: memref.load %[[READ]]
  %0 = memref.load %read[%c0] {prec.scope = "c"} : memref<4xf32>
  // CHECK-NEXT: prec.round {{.*}}op = "memref.load"
  return %0 : f32
}
