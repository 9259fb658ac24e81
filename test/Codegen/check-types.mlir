// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types that no kernel computes with are refused where they are made.
// RUN: prec-opt --prec-check-types --split-input-file --verify-diagnostics %s -o /dev/null

func.func @known(%x: tensor<4xbf16>, %n: tensor<4xi8>, %i: index) -> f64 {
  %c = arith.constant 1.0 : f64
  return %c : f64
}

// -----

func.func @complex(%x: f32) -> f32 {
  // expected-error @below {{found elements of 'complex<f32>', expected f16, bf16, f32, f64 or integers; compute with real and imaginary parts}}
  %z = complex.create %x, %x : complex<f32>
  %r = complex.re %z : complex<f32>
  return %r : f32
}

// -----

func.func @byte(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{found elements of 'f8E4M3FN', expected f16, bf16, f32, f64 or integers; --widen-narrow, or "narrow": "widen" in a policy, keeps them in f32 and rounds}}
  %0 = arith.truncf %x : tensor<4xf32> to tensor<4xf8E4M3FN>
  %1 = arith.extf %0 : tensor<4xf8E4M3FN> to tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// expected-error @below {{found elements of 'complex<f32>'}}
func.func @argument(%z: tensor<2xcomplex<f32>>) {
  return
}
