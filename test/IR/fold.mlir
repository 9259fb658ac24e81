// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the folder does, and what it must leave alone. The folded numbers are
// exact in binary: 0.1f = 0x3DCCCCCD keeps 7 fraction bits as 0x3DCC0000
// (toward zero) and 0x3DCD0000 (nearest, up).
// RUN: prec-opt %s --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func @constants
func.func @constants() -> (f32, f32, f64, tensor<2xf32>) {
  %c = arith.constant 0x3DCCCCCD : f32
  %d = arith.constant 0.1 : f64
  %t = arith.constant dense<[0x3DCCCCCD, 1.5]> : tensor<2xf32>
  // CHECK-DAG: %[[DOWN:.*]] = arith.constant 0.099609375 : f32
  %0 = prec.round %c to "m7" "toward-zero" : f32
  // CHECK-DAG: %[[UP:.*]] = arith.constant 0.100097656 : f32
  %1 = prec.round %c to "m7" "nearest-even" : f32
  // CHECK-DAG: %[[D:.*]] = arith.constant 0.099609375 : f64
  %2 = prec.round %d to "m7" "toward-zero" : f64
  // CHECK-DAG: %[[T:.*]] = arith.constant dense<[0.099609375, 1.500000e+00]> : tensor<2xf32>
  %3 = prec.round %t to "m7" "toward-zero" : tensor<2xf32>
  // CHECK: return %[[DOWN]], %[[UP]], %[[D]], %[[T]]
  return %0, %1, %2, %3 : f32, f32, f64, tensor<2xf32>
}

// CHECK-LABEL: func @twice
func.func @twice(%a: f32) -> (f32, f32) {
  // CHECK: %[[ONCE:.*]] = prec.round %{{.*}} to "m7" "toward-zero"
  %0 = prec.round %a to "m7" "toward-zero" : f32
  %1 = prec.round %0 to "m7" "nearest-even" : f32
  // Another format is another rounding.
  // CHECK: %[[OTHER:.*]] = prec.round %[[ONCE]] to "m5"
  %2 = prec.round %0 to "m5" "toward-zero" : f32
  // CHECK: return %[[ONCE]], %[[OTHER]]
  return %1, %2 : f32, f32
}

// Run-time numbers and random bits are not known: nothing folds.
// CHECK-LABEL: func @unknown
func.func @unknown(%bits: i32, %word: i32) -> (f32, f32) {
  %c = arith.constant 0.1 : f32
  // CHECK: prec.round {{.*}} "m?"
  %0 = prec.round %c to "m?"(%bits : i32) "toward-zero" : f32
  // CHECK: prec.round {{.*}} "stochastic"
  %1 = prec.round %c to "m7" "stochastic" random(%word : i32) : f32
  return %0, %1 : f32, f32
}

// Equal roundings of one value at two sites stay two; at one site they merge.
// CHECK-LABEL: func @sites
func.func @sites(%a: f32) -> (f32, f32, f32) {
  // CHECK: %[[A:.*]] = prec.round {{.*}} at <0
  %0 = prec.round %a to "m7" "toward-zero" at <0, key = 1, entry = "f", phase = "forward", scope = "", op = "x", role = "input", granularity = "op"> : f32
  // CHECK: %[[B:.*]] = prec.round {{.*}} at <1
  %1 = prec.round %a to "m7" "toward-zero" at <1, key = 2, entry = "f", phase = "forward", scope = "", op = "x", role = "input", granularity = "op"> : f32
  // CHECK-NOT: prec.round
  %2 = prec.round %a to "m7" "toward-zero" at <1, key = 2, entry = "f", phase = "forward", scope = "", op = "x", role = "input", granularity = "op"> : f32
  // CHECK: return %[[A]], %[[B]], %[[B]]
  return %0, %1, %2 : f32, f32, f32
}
