// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random words in loops: row-major positions of rectangular nests, counters of while
// loops, trip counts joined to the key where no rectangle counts them.
// RUN: prec-opt %s --truncate-mantissa=3 --rounding=stochastic | FileCheck %s

// CHECK-LABEL: func @nest
func.func @nest(%a: f32, %x: memref<4x6xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  // Trips of 0..4 and of 2..8 by 2: the second loop makes three.
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to
  scf.for %i = %c0 to %c4 step %c1 {
    // CHECK: scf.for %[[J:.*]] = %{{.*}} to
    scf.for %j = %c2 to %c8 step %c2 {
      // CHECK: %[[OFF:.*]] = arith.subi %[[J]], %{{.*}} : index
      // CHECK: %[[TRIP:.*]] = arith.divui %[[OFF]], %{{.*}} : index
      // CHECK: %[[I32:.*]] = arith.index_castui %[[I]] : index to i32
      // CHECK: %[[J32:.*]] = arith.index_castui %[[TRIP]] : index to i32
      // CHECK: %[[THREE:.*]] = arith.constant 3 : i32
      // CHECK: %[[ROW:.*]] = arith.muli %[[I32]], %[[THREE]] : i32
      // CHECK: %[[POS:.*]] = arith.addi %[[ROW]], %[[J32]] : i32
      // CHECK: %[[WORD:.*]] = prec.random %{{.*}}, %[[POS]] : i64, i32 -> i32
      // CHECK: prec.round %{{.*}} to "m3" "stochastic" random(%[[WORD]] : i32)
      %v = math.absf %a : f32
      %w = arith.addf %v, %a : f32
      memref.store %w, %x[%i, %j] : memref<4x6xf32>
    }
  }
  return
}

// The inner extent varies: the outer trip joins the key.
// CHECK-LABEL: func @triangle
func.func @triangle(%a: f32, %x: memref<4x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to
  scf.for %i = %c0 to %c4 step %c1 {
    // CHECK: scf.for %[[J:.*]] = %{{.*}} to %[[I]]
    scf.for %j = %c0 to %i step %c1 {
      // CHECK: %[[KEY:.*]] = prec.join %{{.*}}, %[[I]] : index
      // CHECK: %[[POS:.*]] = arith.index_castui %[[J]]
      // CHECK: prec.random %[[KEY]], %[[POS]]
      %w = arith.addf %a, %a : f32
      memref.store %w, %x[%i, %j] : memref<4x4xf32>
    }
  }
  return
}

// A tensor in a loop: its own positions, the trip joins the key.
// CHECK-LABEL: func @tensor
func.func @tensor(%t: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to
  // CHECK: arith.addf
  // CHECK: %[[KEY:.*]] = prec.join %{{.*}}, %[[I]] : index
  // CHECK: prec.round %{{.*}} to "m3" "stochastic" random(%[[KEY]] : i64) {{.*}} : tensor<4xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %t) -> tensor<4xf32> {
    %s = arith.addf %acc, %acc : tensor<4xf32>
    scf.yield %s : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// CHECK-LABEL: func @counter
func.func @counter(%a: f32, %n: i32) -> f32 {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  // CHECK: scf.while {{.*}} : (f32, i32, index) -> (f32, i32, index)
  %r:2 = scf.while (%x = %a, %k = %n) : (f32, i32) -> (f32, i32) {
    %c = arith.cmpi sgt, %k, %zero : i32
    scf.condition(%c) %x, %k : f32, i32
  } do {
  // CHECK: ^bb0(%{{.*}}: f32, %{{.*}}: i32, %[[TRIP:.*]]: index):
  ^bb0(%x: f32, %k: i32):
    // CHECK: %[[POS:.*]] = arith.index_castui %[[TRIP]] : index to i64
    // CHECK: prec.random %{{.*}}, %[[POS]] : i64, i64 -> i32
    // CHECK: %[[NEXT:.*]] = arith.addi %[[TRIP]], %{{.*}} : index
    // CHECK: scf.yield %{{.*}}, %{{.*}}, %[[NEXT]]
    %y = arith.mulf %x, %x : f32
    %k2 = arith.subi %k, %one : i32
    scf.yield %y, %k2 : f32, i32
  }
  return %r#0 : f32
}

// Each lane of a vector has a position.
// CHECK-LABEL: func @lanes
func.func @lanes(%v: vector<2x2xf32>) -> vector<2x2xf32> {
  // CHECK: arith.constant dense<{{\[\[}}0, 1], [2, 3]]> : vector<2x2xi32>
  // CHECK: prec.random %{{.*}}, %{{.*}} : i64, vector<2x2xi32> -> vector<2x2xi32>
  %0 = arith.addf %v, %v : vector<2x2xf32>
  return %0 : vector<2x2xf32>
}

// Affine bounds are the greatest lower and the least upper one.
// CHECK-LABEL: func @affine
func.func @affine(%x: memref<?xf32>, %n: index, %m: index) {
  // CHECK: %[[TWO:.*]] = arith.constant 2 : index
  // CHECK: %[[LOWER:.*]] = arith.maxsi %arg1, %[[TWO]]
  // CHECK: %[[NINE:.*]] = arith.constant 9 : index
  // CHECK: arith.minsi %arg2, %[[NINE]]
  // CHECK: affine.for %[[I:.*]] = max
  affine.for %i = max affine_map<(d0) -> (d0, 2)>(%n) to min affine_map<(d0) -> (d0, 9)>(%m) step 3 {
    // CHECK: affine.for %[[J:.*]] = 0 to 5
    affine.for %j = 0 to 5 {
      // CHECK: %[[OFF:.*]] = arith.subi %[[I]], %[[LOWER]]
      // CHECK: %[[TRIP:.*]] = arith.divui %[[OFF]], %c3
      // CHECK: %[[I64:.*]] = arith.index_castui %[[TRIP]]
      // CHECK: %[[J64:.*]] = arith.index_castui %[[J]]
      // CHECK: %[[FIVE:.*]] = arith.constant 5 : i64
      // CHECK: %[[ROW:.*]] = arith.muli %[[I64]], %[[FIVE]]
      // CHECK: %[[POS:.*]] = arith.addi %[[ROW]], %[[J64]]
      // CHECK: prec.random %{{.*}}, %[[POS]]
      %v = affine.load %x[%i] : memref<?xf32>
      %w = arith.mulf %v, %v : f32
      affine.store %w, %x[%i] : memref<?xf32>
    }
  }
  return
}

// An affine.parallel is a rectangle: columns 2, 4, 6 of rows 1..4.
// CHECK-LABEL: func @affine_parallel
func.func @affine_parallel(%x: memref<8x8xf32>) {
  // CHECK: affine.parallel (%[[I:.*]], %[[J:.*]]) =
  affine.parallel (%i, %j) = (1, 2) to (5, 8) step (1, 2) {
    // CHECK-DAG: %[[J0:.*]] = arith.subi %[[J]], %c2
    // CHECK-DAG: %[[TRIP:.*]] = arith.divui %[[J0]], %c2
    // CHECK-DAG: %[[I0:.*]] = arith.subi %[[I]], %c1
    // CHECK: %[[I32:.*]] = arith.index_castui %[[I0]] : index to i32
    // CHECK: %[[J32:.*]] = arith.index_castui %[[TRIP]] : index to i32
    // CHECK: %[[THREE:.*]] = arith.constant 3 : i32
    // CHECK: %[[ROW:.*]] = arith.muli %[[I32]], %[[THREE]]
    // CHECK: %[[POS:.*]] = arith.addi %[[ROW]], %[[J32]]
    // CHECK: prec.random %{{.*}}, %[[POS]]
    %v = affine.load %x[%i, %j] : memref<8x8xf32>
    %w = arith.mulf %v, %v : f32
    affine.store %w, %x[%i, %j] : memref<8x8xf32>
  }
  return
}
