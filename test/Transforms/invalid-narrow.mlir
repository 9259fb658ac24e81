// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Narrow types that cannot be widened.
// RUN: prec-opt %s -split-input-file -verify-diagnostics --widen-narrow

func.func @bits(%a: bf16) -> i16 {
  // expected-error @+1 {{'arith.bitcast' looks at a narrow type, so it cannot be widened; expected arithmetic on it, or --keep-narrow}}
  %0 = arith.bitcast %a : bf16 to i16
  return %0 : i16
}

// -----

func.func private @other(bf16) -> bf16
func.func @outside(%a: bf16) -> bf16 {
  // expected-error @+1 {{'func.call' looks at a narrow type}}
  %0 = func.call @other(%a) : (bf16) -> bf16
  return %0 : bf16
}
