// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formats whose numbers depend on the carrier cannot be computed in another.
// RUN: prec-opt %s -split-input-file -verify-diagnostics --prec-insert-rounding=carrier=f64

func.func @scale(%a: f32, %b: f32) -> f32 {
  // expected-error @+1 {{the numbers of int8<0.1> are f32's products of a whole number and the scale; --carrier=f64 expects a scale that is a power of two}}
  %0 = arith.addf %a, %b {prec.policy = "int8<0.1>"} : f32
  return %0 : f32
}

// -----

func.func @shared(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{format mxfp8e4m3 shares scales, which are numbers of the carrier; --carrier=f64 expects formats that round each element by itself}}
  %0 = arith.mulf %a, %b {prec.policy = "mxfp8"} : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// What is not computed in f64 may have them.
func.func @argument(%a: f32) -> f32 {
  %0 = math.exp %a {prec.policy = "int8<0.1>"} : f32
  return %0 : f32
}
