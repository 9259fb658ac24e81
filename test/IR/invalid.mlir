// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each message of the dialect's verifiers.
// RUN: prec-opt %s -split-input-file -verify-diagnostics

func.func @carrier(%a: f16) {
  // expected-error @+1 {{rounds f32 or f64, found 'f16'}}
  %0 = prec.round %a to "m7" "toward-zero" : f16
  return
}

// -----

func.func @fits(%a: f32) {
  // expected-error @+1 {{format e11m7 does not fit 'f32'}}
  %0 = prec.round %a to "e11m7" "toward-zero" : f32
  return
}

// -----

func.func @format(%a: f32) {
  // expected-error @+1 {{format}}
  %0 = prec.round %a to "x7" "toward-zero" : f32
  return
}

// -----

func.func @mode(%a: f32) {
  // expected-error @+1 {{nearest-even}}
  %0 = prec.round %a to "m7" "nearest-evn" : f32
  return
}

// -----

func.func @too_few(%a: f32) {
  // expected-error @+1 {{format m? takes 1 run-time parameters, found 0}}
  %0 = prec.round %a to "m?" "toward-zero" : f32
  return
}

// -----

func.func @too_many(%a: f32, %b: i32) {
  // expected-error @+1 {{format m7 takes 0 run-time parameters, found 1}}
  %0 = prec.round %a to "m7"(%b : i32) "toward-zero" : f32
  return
}

// -----

func.func @no_random(%a: f32) {
  // expected-error @+1 {{mode stochastic needs a random operand}}
  %0 = prec.round %a to "m7" "stochastic" : f32
  return
}

// -----

func.func @random(%a: f32, %w: i32) {
  // expected-error @+1 {{mode up takes no random operand}}
  %0 = prec.round %a to "m7" "up" random(%w : i32) : f32
  return
}

// -----

func.func @tensor_word(%t: tensor<4xf32>, %w: i32) {
  // expected-error @+1 {{on a tensor the random operand is the i64 key, found 'i32'}}
  %0 = prec.round %t to "m7" "stochastic" random(%w : i32) : tensor<4xf32>
  return
}

// -----

func.func @scalar_key(%a: f32, %k: i64) {
  // expected-error @+1 {{on a scalar or vector the random operand is one i32 an element, found 'i64'}}
  %0 = prec.round %a to "m7" "stochastic" random(%k : i64) : f32
  return
}

// -----

func.func @no_random_bits(%a: f32, %w: i32) {
  // expected-error @+1 {{format m7 in mode stochastic<?> takes 1 run-time parameters, found 0}}
  %0 = prec.round %a to "m7" "stochastic<?>" random(%w : i32) : f32
  return
}

// -----

func.func @no_such_axis(%t: tensor<4x3xf32>) {
  // expected-error @+1 {{format mxfp4-axis2 has axis 2, found 2 dimensions}}
  %0 = prec.round %t to "mxfp4-axis2" "nearest-even" : tensor<4x3xf32>
  return
}

// -----

func.func @scale_of_one_word(%a: f32, %p: i32) {
  // expected-error @+1 {{format int8<?> takes 2 run-time parameters, found 1}}
  %0 = prec.round %a to "int8<?>"(%p : i32) "nearest-even" : f32
  return
}

// -----

func.func @vector_random_bits(%v: vector<4xf32>, %w: vector<4xi32>, %r: i32) {
  // expected-error @+1 {{on a vector the number of random bits is one i32 an element, found 'i32'}}
  %0 = prec.round %v to "m7"(%r : i32) "stochastic<?>" random(%w : vector<4xi32>) : vector<4xf32>
  return
}

// -----

func.func @vector_word(%v: vector<4xf32>, %w: i32) {
  // expected-error @+1 {{on a scalar or vector the random operand is one i32 an element, found 'i32'}}
  %0 = prec.round %v to "m7" "stochastic" random(%w : i32) : vector<4xf32>
  return
}

// -----

func.func @undeclared() {
  // expected-error @+1 {{names no prec.declare: @bits}}
  %0 = prec.parameter @bits
  return
}

// -----

// expected-error @+1 {{unknown attribute 'prec.colour' on an operation}}
func.func @attribute() attributes {prec.colour = "red"} {
  return
}

// -----

// expected-error @+1 {{'prec.scope' must be a string}}
func.func @scope() attributes {prec.scope = 3 : i32} {
  return
}

// -----

// expected-error @+1 {{unknown phase "sideways", expected one of forward, backward, update, eval}}
func.func @phase() attributes {prec.phase = "sideways"} {
  return
}

// -----

// expected-error @+1 {{argument 0: unknown role "wheight"}}
func.func @role(%a: f32 {prec.role = "wheight"}) {
  return
}

// -----

// expected-error @+1 {{result 0: unknown role "wheight"}}
func.func @result(%a: f32) -> (f32 {prec.role = "wheight"}) {
  return %a : f32
}

// -----

// expected-error @+1 {{a schedule is pairs of a step and a value, found 1 numbers}}
prec.declare @a = 3 schedule [50]

// -----

// expected-error @+1 {{the steps of a schedule ascend from 1 to 4294967295, found 0}}
prec.declare @a = 3 schedule [0, 5]

// -----

// expected-error @+1 {{the steps of a schedule ascend from 1 to 4294967295, found 7}}
prec.declare @a = 3 schedule [7, 5, 7, 6]

// -----

// expected-error @+1 {{the values of a schedule are numbers of 32 bits, found -2147483649}}
prec.declare @a = 3 schedule [7, -2147483649]

// -----

// expected-error @+1 {{has a schedule, which needs prec.declare @prec.step}}
prec.declare @a = 3 schedule [7, 5]

// -----

prec.declare @prec.step = 0
// expected-error @+1 {{has a schedule, which needs prec.declare @prec.steps_per_epoch}}
prec.declare @a = 3 schedule [7, 5] per_epoch

// -----

func.func @by_value_scalar(%a: f32, %w: i32) {
  // expected-error @+1 {{by_value is for tensors in stochastic modes}}
  %0 = prec.round %a to "m7" "stochastic" random(%w : i32) by_value : f32
  return
}

// -----

func.func @by_value_deterministic(%t: tensor<4xf32>) {
  // expected-error @+1 {{by_value is for tensors in stochastic modes}}
  %0 = prec.round %t to "m7" "up" by_value : tensor<4xf32>
  return
}

// -----

func.func @by_value_shared(%t: tensor<4xf32>, %k: i64) {
  // expected-error @+1 {{whose elements have no scale in common}}
  %0 = prec.round %t to "mxfp4" "stochastic" random(%k : i64) by_value : tensor<4xf32>
  return
}
