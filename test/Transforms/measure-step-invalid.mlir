// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps that cannot be measured.
// RUN: prec-opt %s -split-input-file -verify-diagnostics "--prec-measure-step=gradients=true"

// expected-error @below {{found no @step of one block to measure}}
module {
}

// -----

// expected-error @below {{@step: weight 'w' (argument 0) is updated without a gradient that can be found; expected an operation of prec.role "weight-gradient" on the way to its new value}}
func.func @step(%w: f32 {prec.name = "w", prec.role = "weight"}, %x: f32, %labels: i32, %lr: f32) -> (f32, f32) {
  %g = arith.mulf %w, %x : f32
  %w1 = arith.subf %w, %g : f32
  return %w1, %g : f32, f32
}

// -----

// expected-error @below {{@step: found no argument of prec.role "weight" that is updated, expected one to measure gradients of}}
func.func @step(%w: f32 {prec.role = "weight"}, %x: f32, %labels: i32, %lr: f32) -> (f32, f32) {
  return %w, %lr : f32, f32
}

// -----

// expected-error @below {{@step: weight '' (argument 0) has no result of the same number and type, its new value}}
func.func @step(%w: f32 {prec.role = "weight"}, %x: f64, %labels: i32, %lr: f32) -> (f64, f32) {
  return %x, %lr : f64, f32
}
