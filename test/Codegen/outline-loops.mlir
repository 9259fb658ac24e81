// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loop nests at the top of functions become functions; nests that differ only in their
// values, scopes and places become one, constants decide.
// RUN: prec-opt %s --prec-outline-loops | FileCheck %s

// CHECK-LABEL: func.func @layers(
// CHECK-SAME: %[[A:.*]]: memref<8xf32>, %[[B:.*]]: memref<8xf32>, %[[S:.*]]: f32
// CHECK-NOT: scf.for
// CHECK: %[[A0:[^ ,]+]], %{{.*}} = memref.extract_strided_metadata %[[A]]
// CHECK: call @[[$SCALE:.*]](%[[A0]], %[[S]]) : (memref<f32>, f32) -> ()
// CHECK: %[[B0:[^ ,]+]], %{{.*}} = memref.extract_strided_metadata %[[B]]
// CHECK: call @[[$SCALE]](%[[B0]], %[[S]]) : (memref<f32>, f32) -> ()
// CHECK: call @[[$HALF:.*]](%{{.*}}, %[[S]]) : (memref<f32>, f32) -> ()
func.func @layers(%a: memref<8xf32>, %b: memref<8xf32>, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %x = memref.load %a[%i] : memref<8xf32>
    %y = arith.mulf %x, %s {prec.scope = "one"} : f32
    memref.store %y, %a[%i] : memref<8xf32>
  }
  scf.for %i = %c0 to %c8 step %c1 {
    %x = memref.load %b[%i] : memref<8xf32>
    %y = arith.mulf %x, %s {prec.scope = "two"} : f32
    memref.store %y, %b[%i] : memref<8xf32>
  }
  scf.for %i = %c0 to %c4 step %c1 {
    %x = memref.load %b[%i] : memref<8xf32>
    %y = arith.mulf %x, %s : f32
    memref.store %y, %b[%i] : memref<8xf32>
  }
  return
}

// A loop over a whole program keeps its nests as calls, a nest of few loops is one function.
// CHECK-LABEL: func.func @parts(
// CHECK-SAME: %{{.*}}: memref<8xf32>, %[[S:.*]]: f32
// CHECK: scf.for
// CHECK-COUNT-16: func.call @loops{{.*}}(%[[S]], %{{.*}}) : (f32, memref<f32>) -> ()
// CHECK: }
// CHECK-NOT: scf.for
// CHECK: call @
// CHECK-NEXT: return
func.func @parts(%a: memref<8xf32>, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %part = %c0 to %c8 step %c1 {
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
  }
  scf.for %part = %c0 to %c8 step %c1 {
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
    scf.for %i = %c0 to %c8 step %c1 { memref.store %s, %a[%i] : memref<8xf32> }
  }
  return
}

// What gives a value stays; bounds that are no constants are arguments; a nest in a block
// of its own moves, too.
// CHECK-LABEL: func.func @others(
// CHECK-SAME: %[[M:.*]]: memref<8xf32>, %[[N:.*]]: index, %[[P:.*]]: i1
// CHECK: cf.cond_br %[[P]]
// CHECK: call @[[$SCALE]](%{{.*}},
// CHECK: call @[[$FILL:.*]](%{{.*}}, %[[N]])
// CHECK: call @[[$FILL]](%{{.*}}, %[[N]])
// CHECK: %[[SUM:.*]] = scf.for
// CHECK: return %[[SUM]]
func.func @others(%m: memref<8xf32>, %n: index, %p: i1) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %s = memref.load %m[%c0] : memref<8xf32>
  cf.cond_br %p, ^then, ^else
^then:
  scf.for %i = %c0 to %c8 step %c1 {
    %x = memref.load %m[%i] : memref<8xf32>
    %y = arith.mulf %x, %s : f32
    memref.store %y, %m[%i] : memref<8xf32>
  }
  cf.br ^else
^else:
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %zero, %m[%i] : memref<8xf32>
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %zero, %m[%i] : memref<8xf32>
  }
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%t = %zero) -> f32 {
    %x = memref.load %m[%i] : memref<8xf32>
    %u = arith.addf %t, %x : f32
    scf.yield %u : f32
  }
  return %sum : f32
}

// Nests in the branches of a choice at the top move, too.
// CHECK-LABEL: func.func @choice(
// CHECK-SAME: %[[M:.*]]: memref<8xf32>, %[[S:.*]]: f32, %[[P:.*]]: i1
// CHECK: scf.if %[[P]] {
// CHECK: call @[[$SCALE]](%{{.*}}, %[[S]])
// CHECK-NEXT: } else {
// CHECK: call @[[$HALF]](%{{.*}}, %[[S]])
// CHECK-NEXT: }
func.func @choice(%m: memref<8xf32>, %s: f32, %p: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  scf.if %p {
    scf.for %i = %c0 to %c8 step %c1 {
      %x = memref.load %m[%i] : memref<8xf32>
      %y = arith.mulf %x, %s : f32
      memref.store %y, %m[%i] : memref<8xf32>
    }
  } else {
    scf.for %i = %c0 to %c4 step %c1 {
      %x = memref.load %m[%i] : memref<8xf32>
      %y = arith.mulf %x, %s : f32
      memref.store %y, %m[%i] : memref<8xf32>
    }
  }
  return
}

// A memref is passed as a pointer and those of its numbers that its type leaves open; what has
// no strides is passed as it is, and so are the others then.
// CHECK-LABEL: func.func @views(
// CHECK-SAME: %[[M:.*]]: memref<4x8xf32, strided<[8, 1], offset: ?>>, %[[N:.*]]: memref<?x8xf32, strided<[?, 1]>>
// CHECK: %[[N0:[^ ,]+]], %{{.*}}, %[[SIZES:.*]]:2, %[[STRIDES:.*]]:2 = memref.extract_strided_metadata %[[N]]
// CHECK: %[[M0:[^ ,]+]], %[[OFFSET:[^ ,]+]], %{{.*}}:2, %{{.*}}:2 = memref.extract_strided_metadata %[[M]]
// CHECK: call @[[$COPY:.*]](%[[N0]], %[[SIZES]]#0, %[[STRIDES]]#0, %[[M0]], %[[OFFSET]]) : (memref<f32>, index, index, memref<f32>, index) -> ()
// CHECK: call @[[$ODD:.*]](%{{.*}}) : (memref<8xf32, #{{.*}}>)
func.func @views(%m: memref<4x8xf32, strided<[8, 1], offset: ?>>, %n: memref<?x8xf32, strided<[?, 1]>>,
                 %odd: memref<8xf32, affine_map<(d0) -> (d0 mod 4)>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c4 step %c1 {
    %x = memref.load %n[%i, %i] : memref<?x8xf32, strided<[?, 1]>>
    memref.store %x, %m[%i, %i] : memref<4x8xf32, strided<[8, 1], offset: ?>>
  }
  scf.for %i = %c0 to %c4 step %c1 {
    memref.store %zero, %odd[%i] : memref<8xf32, affine_map<(d0) -> (d0 mod 4)>>
  }
  return
}

// CHECK: func.func private @[[$SCALE]](%[[X:.*]]: memref<f32>, %[[F:.*]]: f32) attributes {llvm.bareptr}
// CHECK: %[[WHOLE:.*]] = memref.reinterpret_cast %[[X]] to offset: [0], sizes: [8], strides: [1] : memref<f32> to memref<8xf32>
// CHECK: %[[LAST:.*]] = arith.constant 8 : index
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[LAST]]
// CHECK: memref.load %[[WHOLE]]
// CHECK-NOT: prec.scope
// CHECK: arith.mulf %{{.*}}, %[[F]] : f32
// CHECK: func.func private @[[$HALF]](
// CHECK: arith.constant 4 : index
// CHECK: func.func private @[[$FILL]](
// CHECK: scf.parallel
// CHECK: func.func private @[[$COPY]](%[[FROM:.*]]: memref<f32>, %[[SIZE:.*]]: index, %[[STRIDE:.*]]: index, %[[TO:.*]]: memref<f32>, %[[AT:.*]]: index) attributes {llvm.bareptr}
// CHECK: memref.reinterpret_cast %[[FROM]] to offset: [0], sizes: [%[[SIZE]], 8], strides: [%[[STRIDE]], 1]
// CHECK: memref.reinterpret_cast %[[TO]] to offset: [%[[AT]]], sizes: [4, 8], strides: [8, 1]
// CHECK: func.func private @[[$ODD]](%{{.*}}: memref<8xf32, #{{.*}}>) {
