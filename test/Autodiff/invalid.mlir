// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What cannot be differentiated is an error that says what, where, and why it matters.
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-differentiate)' -split-input-file -verify-diagnostics
// RUN: not prec-opt %s --pass-pipeline='builtin.module(prec-differentiate{function=g})' -split-input-file 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not prec-opt %s --pass-pipeline='builtin.module(prec-differentiate{wrt=3})' -split-input-file 2>&1 | FileCheck %s --check-prefix=WRT
// RUN: not prec-opt %s --pass-pipeline='builtin.module(prec-differentiate{wrt=0,0})' -split-input-file 2>&1 | FileCheck %s --check-prefix=TWICE

// NAME: error: no function 'g' to differentiate, expected one of: no_rule
// WRT: error: 'no_rule' has no argument 3, expected 0 to 0
// TWICE: error: argument 0 is named twice in wrt
func.func @no_rule(%a: f64) -> f64 {
  %c = arith.constant 1 : i64
  // expected-error @below {{cannot differentiate 'scf.while': it has no derivative rule}}
  %w = scf.while (%x = %a) : (f64) -> f64 {
    %t = arith.cmpf olt, %x, %a : f64
    scf.condition(%t) %x : f64
  } do {
  ^body(%x: f64):
    scf.yield %x : f64
  }
  // expected-note @below {{the result depends on it through 'math.exp' in scope "fc"}}
  %e = math.exp %w {prec.scope = "fc"} : f64
  // expected-note @below {{the result depends on it through 'arith.mulf'}}
  %r = arith.mulf %e, %a : f64
  return %r : f64
}

// -----

// The operation in a body is named, and what holds the body.
#id = affine_map<(i) -> (i)>
#none = affine_map<(i) -> ()>
func.func @in_a_body(%a: tensor<4xf64>, %z: tensor<f64>) -> tensor<f64> {
  // expected-note @below {{the result depends on it through 'linalg.generic'}}
  %r = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]}
      ins(%a : tensor<4xf64>) outs(%z : tensor<f64>) {
  ^body(%v: f64, %acc: f64):
    // expected-error @below {{cannot differentiate 'arith.bitcast': it has no derivative rule}}
    %f = arith.bitcast %v : f64 to f64
    // expected-note @below {{the result depends on it through 'arith.addf'}}
    %s = arith.addf %acc, %f : f64
    linalg.yield %s : f64
  } -> tensor<f64>
  return %r : tensor<f64>
}

// -----

#id = affine_map<(i) -> (i)>
#none = affine_map<(i) -> ()>
func.func @no_known_reduction(%a: tensor<4xf64>, %z: tensor<f64>) -> tensor<f64> {
  // expected-error @below {{cannot differentiate 'linalg.generic': its body is no sum, product, maximum or minimum over the reduction loops}}
  %r = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]}
      ins(%a : tensor<4xf64>) outs(%z : tensor<f64>) {
  ^body(%v: f64, %acc: f64):
    %s = arith.addf %acc, %v : f64
    %q = math.sin %s : f64
    linalg.yield %q : f64
  } -> tensor<f64>
  return %r : tensor<f64>
}

// -----

// expected-error @below {{cannot differentiate 'no_scalar': its first result must be a float or a tensor of rank 0, found 'tensor<2xf64>'}}
func.func @no_scalar(%a: tensor<2xf64>) -> tensor<2xf64> {
  return %a : tensor<2xf64>
}

// -----

// expected-error @below {{cannot differentiate 'no_result': it has no result}}
func.func @no_result(%a: f64) {
  return
}

// -----

// expected-error @below {{'integers' has no argument of floats to differentiate with respect to}}
func.func @integers(%a: i32) -> f32 {
  %r = arith.sitofp %a : i32 to f32
  return %r : f32
}

// -----

// expected-error @below {{cannot differentiate 'declared': expected a body of one block}}
func.func private @declared(%a: f32) -> f32

// -----

// expected-error @below {{which function to differentiate? expected function=NAME, one of: first, second}}
module {
  func.func private @first(%a: f32) -> f32
  func.func private @second(%a: f32) -> f32
}
