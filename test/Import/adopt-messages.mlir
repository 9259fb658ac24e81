// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What prec-adopt-model says of islands and leftovers.
// RUN: prec-opt --prec-adopt-model --split-input-file --verify-diagnostics --allow-unregistered-dialect %s
// RUN: not prec-opt --pass-pipeline='builtin.module(prec-adopt-model{keep-f64})' --split-input-file %s -o /dev/null --allow-unregistered-dialect 2>&1 | FileCheck %s
// CHECK: computes in f64 in a model of f32; kept

func.func @island(%x: f32) -> f32 {
  %c = arith.constant 1.0e-5 : f64
  // expected-warning @below {{layer 'ln1': computes in f64 in a model of f32; changed to f32}}
  %0 = arith.extf %x {prec.scope = "ln1"} : f32 to f64
  %1 = arith.addf %0, %c {prec.scope = "ln1"} : f64
  %2 = arith.truncf %1 {prec.scope = "ln1"} : f64 to f32
  return %2 : f32
}

// -----

func.func @narrow(%x: f32) -> f32 {
  // expected-warning @below {{layer 'q': has floats narrower than f32 in a model of f32; kept}}
  %0 = arith.truncf %x {prec.scope = "q"} : f32 to f16
  %1 = arith.extf %0 {prec.scope = "q"} : f16 to f32
  return %1 : f32
}

// -----

func.func @leftover(%x: f32) -> f32 {
  // expected-error @below {{'foreign.op' of layer 'fc1' is left by the importer and not supported}}
  %0 = "foreign.op"(%x) {prec.scope = "fc1"} : (f32) -> f32
  return %0 : f32
}

// -----

// expected-error @below {{argument 0: random words are 'tensor<?xi32>', expected a tensor of i32 with static sizes}}
func.func @drawn(%w: tensor<?xi32> {prec.random = "drop 0"}) -> tensor<?xi32> {
  return %w : tensor<?xi32>
}

// -----

// expected-error @below {{argument 1: random words are 'tensor<?xi32>', expected a tensor of i32 with static sizes, or multiples of the batch by prec.batches}}
func.func @drawn_by_no_batch(%x: tensor<?xf32>, %w: tensor<?xi32> {prec.random = "drop 0", prec.batches = "0"}) -> tensor<?xi32> {
  return %w : tensor<?xi32>
}
