// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What cannot be rounded is refused where it stands, with what to do instead.
// RUN: prec-opt %s -split-input-file -verify-diagnostics --prec-insert-rounding="truncate-mantissa=3 rounding=stochastic granularity=elementary"

func.func @f(%a: f32) -> f32 {
  // expected-error @+1 {{cannot inline the recursive call of 'f'; write it as a loop}}
  %0 = call @f(%a) : (f32) -> f32
  return %0 : f32
}

// -----

func.func @wide(%a: f80) -> f80 {
  // expected-error @+1 {{'arith.addf' cannot be rounded: it makes f80 values, which no carrier (f32, f64) holds}}
  %0 = arith.addf %a, %a : f80
  return %0 : f80
}

// -----

func.func @complex(%a: complex<f32>) -> complex<f32> {
  // expected-error @+1 {{'complex.exp' cannot be rounded}}
  %0 = complex.exp %a : complex<f32>
  return %0 : complex<f32>
}

// -----

func.func @parts(%a: complex<f32>) -> f32 {
  // expected-error @+1 {{'complex.abs' cannot be rounded: prec-insert-rounding does not know what it computes}}
  %0 = complex.abs %a : complex<f32>
  return %0 : f32
}

// -----

func.func @hidden(%v: vector<8xf32>) -> f32 {
  // expected-error @+1 {{'vector.reduction' hides its partial results}}
  %0 = vector.reduction <add>, %v : vector<8xf32> into f32
  return %0 : f32
}

// -----

func.func @atomic(%x: memref<4xf32>, %v: f32, %i: index) {
  // expected-error @+1 {{'memref.atomic_rmw' cannot be rounded: its result goes to memory unrounded}}
  %0 = memref.atomic_rmw addf %v, %x[%i] : (f32, memref<4xf32>) -> f32
  return
}

// -----

func.func @branches(%a: f32, %c: i1) -> f32 {
  cf.br ^loop(%a : f32)
^loop(%x: f32):
  // expected-error @+1 {{stochastic rounding in a loop of branches has no trip count}}
  %y = arith.mulf %x, %x : f32
  cf.cond_br %c, ^loop(%y : f32), ^end
^end:
  return %y : f32
}

// -----

// expected-error @+1 {{an unranked memref has no shape to round}}
func.func @unranked(%x: memref<*xf32>) -> index {
  %0 = memref.rank %x : memref<*xf32>
  return %0 : index
}

// -----

func.func @narrow(%a: bf16) -> f32 {
  // expected-remark @+1 {{narrow type kept as written: 'arith.addf' makes 'bf16'}}
  %0 = arith.addf %a, %a : bf16
  %1 = arith.extf %0 : bf16 to f32
  return %1 : f32
}

// -----

func.func @override(%a: f32) -> f32 {
  // expected-error @+1 {{'prec.policy': --round=*=m99: }}
  %0 = arith.addf %a, %a {prec.policy = "m99"} : f32
  return %0 : f32
}

// -----

func.func @varying(%x: memref<?xf32>, %n: index) {
  affine.parallel (%i) = (0) to (%n) {
    // expected-error @+1 {{stochastic rounding in an affine.parallel with bounds that vary; lower it to scf.parallel first}}
    %v = affine.load %x[%i] : memref<?xf32>
    %w = arith.mulf %v, %v : f32
    affine.store %w, %x[%i] : memref<?xf32>
  }
  return
}
