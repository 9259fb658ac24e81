// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a training step cannot be made of.
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-make-training-step)' -split-input-file -verify-diagnostics
// RUN: not prec-opt %s --pass-pipeline='builtin.module(prec-make-training-step{optimizer=sdg})' -split-input-file 2>&1 | FileCheck %s --check-prefix=OPTIMIZER
// RUN: not prec-opt %s --pass-pipeline='builtin.module(prec-make-training-step{loss=none})' -split-input-file 2>&1 | FileCheck %s --check-prefix=LOSS

// RUN: not prec-opt %s --pass-pipeline='builtin.module(prec-make-training-step{targets=value})' -split-input-file 2>&1 | FileCheck %s --check-prefix=TARGETS
// RUN: not prec-opt %s --pass-pipeline='builtin.module(prec-make-training-step{loss=huber})' -split-input-file 2>&1 | FileCheck %s --check-prefix=VALUES

// OPTIMIZER: error: unknown optimizer 'sdg', expected one of: sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad
// LOSS: error: unknown loss 'none', expected one of: softmax-cross-entropy, squared-error, absolute-error, huber, binary-cross-entropy
// TARGETS: error: unknown targets 'value', expected labels or values
// VALUES: error: found labels, but loss huber compares outputs with values (floats)

// expected-error @below {{found no function @forward to make a training step of}}
module {
}

// -----

// expected-error @below {{@forward: expected at least one argument of prec.role "weight"}}
func.func @forward(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  return %x : tensor<4x3xf32>
}

// -----

// expected-error @below {{@forward: input argument 1 is 'f32', expected a tensor whose first dimension is the batch}}
func.func @forward(%w: tensor<4x3xf32> {prec.role = "weight"}, %x: f32, %y: f32) -> tensor<4x3xf32> {
  return %w : tensor<4x3xf32>
}

// -----

// expected-error @below {{@forward: argument 1 has role "label", expected weight, state or input}}
func.func @forward(%w: tensor<4x3xf32> {prec.role = "weight"}, %x: f32 {prec.role = "label"}) -> tensor<4x3xf32> {
  return %w : tensor<4x3xf32>
}

// -----

// expected-error @below {{@forward: expected logits [batch, classes] of f32 or f64 as first result}}
func.func @forward(%w: f32 {prec.role = "weight"}, %x: f32) -> f32 {
  return %w : f32
}

// -----

// expected-error @below {{@forward: found 1 results after the logits, expected 0, one for each argument of role state}}
func.func @forward(%w: tensor<4x3xf32> {prec.role = "weight"}, %x: f32) -> (tensor<4x3xf32>, f32) {
  return %w, %x : tensor<4x3xf32>, f32
}

// -----

// expected-error @below {{the module already has a @step}}
module {
  func.func private @step()
  func.func @forward(%w: tensor<4x3xf32> {prec.role = "weight"}, %x: f32) -> tensor<4x3xf32> {
    return %w : tensor<4x3xf32>
  }
}
