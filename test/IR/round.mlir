// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What prec.round parses, prints and keeps in text and bytecode.
// RUN: prec-opt %s | prec-opt | FileCheck %s
// RUN: prec-opt %s --emit-bytecode | prec-opt | FileCheck %s

// CHECK: prec.declare @bits = 7
prec.declare @bits = 7

// CHECK-LABEL: func @scalars
func.func @scalars(%a: f32, %d: f64, %word: i32, %bits: i32) {
  // CHECK: prec.round %{{.*}} to "m7" "toward-zero" : f32
  %0 = prec.round %a to "m7" "toward-zero" : f32
  // CHECK: prec.round %{{.*}} to "e11m52" "up" : f64
  %1 = prec.round %d to "e11m52" "up" : f64
  // An alias prints as what it stands for.
  // CHECK: prec.round %{{.*}} to "e8m7" "nearest-even" : f32
  %2 = prec.round %a to "bf16" "nearest-even" : f32
  // CHECK: prec.round %{{.*}} to "m?"(%{{.*}} : i32) "down" : f32
  %3 = prec.round %a to "m?"(%bits : i32) "down" : f32
  // CHECK: prec.round %{{.*}} to "e?m?"(%{{.*}}, %{{.*}} : i32, i32) "nearest-away" : f32
  %4 = prec.round %a to "e?m?"(%bits, %bits : i32, i32) "nearest-away" : f32
  // CHECK: prec.round %{{.*}} to "m3" "stochastic<8>" random(%{{.*}} : i32) : f32
  %5 = prec.round %a to "m3" "stochastic<8>" random(%word : i32) : f32
  // CHECK: prec.round %{{.*}} to "m?"(%{{.*}}, %{{.*}} : i32, i32) "stochastic<?>" random(%{{.*}} : i32) : f32
  %6 = prec.round %a to "m?"(%bits, %bits : i32, i32) "stochastic<?>" random(%word : i32) : f32
  // CHECK: prec.round %{{.*}} to "int8<2^?>"(%{{.*}} : i32) "nearest-even" : f32
  %7 = prec.round %a to "int8<2^?>"(%bits : i32) "nearest-even" : f32
  return
}

// CHECK-LABEL: func @shaped
func.func @shaped(%v: vector<8xf32>, %t: tensor<4x?xf64>, %words: vector<8xi32>,
                  %key: i64) {
  // CHECK: prec.round %{{.*}} to "m7" "toward-zero" : vector<8xf32>
  %0 = prec.round %v to "m7" "toward-zero" : vector<8xf32>
  // CHECK: prec.round %{{.*}} to "m7" "stochastic" random(%{{.*}} : vector<8xi32>) : vector<8xf32>
  %1 = prec.round %v to "m7" "stochastic" random(%words : vector<8xi32>) : vector<8xf32>
  // CHECK: prec.round %{{.*}} to "m7" "stochastic" random(%{{.*}} : i64) : tensor<4x?xf64>
  %2 = prec.round %t to "m7" "stochastic<16>" random(%key : i64) : tensor<4x?xf64>
  // CHECK: prec.round %{{.*}} to "m7" "stochastic" random(%{{.*}} : i64) by_value : tensor<4x?xf64>
  %3 = prec.round %t to "m7" "stochastic" random(%key : i64) by_value : tensor<4x?xf64>
  return
}

// CHECK-LABEL: func @site
func.func @site(%a: f32) {
  // CHECK: at <3, key = 17, entry = "step", phase = "forward", scope = "fc1", op = "arith.addf", role = "activation", granularity = "op"> : f32
  %0 = prec.round %a to "m7" "toward-zero" at <3, key = 17, entry = "step", phase = "forward", scope = "fc1", op = "arith.addf", role = "activation", granularity = "op"> : f32
  return
}

// CHECK-LABEL: func @randomness
func.func @randomness(%seed: i32, %step: i32, %trip: index, %p: vector<4xi32>) {
  // CHECK: %[[KEY:.*]] = prec.key %{{.*}}, %{{.*}} of 42
  %key = prec.key %seed, %step of 42
  // CHECK: prec.join %[[KEY]], %{{.*}} : index
  %inner = prec.join %key, %trip : index
  // CHECK: prec.random %{{.*}}, %{{.*}} : i64, vector<4xi32> -> vector<4xi32>
  %w = prec.random %inner, %p : i64, vector<4xi32> -> vector<4xi32>
  // CHECK: prec.parameter @bits
  %b = prec.parameter @bits
  return
}
