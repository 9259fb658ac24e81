// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Calls that cannot be inlined, and names that are taken.
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-differentiate{function=f})' -split-input-file -verify-diagnostics

func.func @f(%a: f32) -> f32 {
  %r = func.call @g(%a) : (f32) -> f32
  return %r : f32
}
func.func private @g(%a: f32) -> f32 {
  // expected-error @below {{cannot inline the recursive call of 'g'}}
  %r = func.call @g(%a) : (f32) -> f32
  return %r : f32
}

// -----

func.func @f(%a: f32) -> f32 {
  // expected-error @below {{cannot differentiate 'func.call': it has no derivative rule}}
  %r = func.call @outside(%a) : (f32) -> f32
  return %r : f32
}
func.func private @outside(%a: f32) -> f32

// -----

// expected-error @below {{the module already has a 'f_grad'}}
func.func @f(%a: f32) -> f32 {
  return %a : f32
}
func.func private @f_grad(f32) -> f32
