// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What upstream passes ask of prec.round: elementwise conversion,
// bufferisation, inlining, vectorisation.
// RUN: prec-opt %s --split-input-file --convert-elementwise-to-linalg | FileCheck %s --check-prefix=LINALG
// RUN: prec-opt %s --split-input-file --one-shot-bufferize="bufferize-function-boundaries" | FileCheck %s --check-prefix=BUFFER
// RUN: prec-opt %s --split-input-file --inline | FileCheck %s --check-prefix=INLINE

// LINALG-LABEL: func @deterministic
// LINALG: linalg.generic
// LINALG-NEXT: ^bb0(%[[IN:[a-z0-9]+]]: f32
// LINALG-NEXT: prec.round %[[IN]] to "m7" "toward-zero" at <5{{.*}} : f32
// BUFFER-LABEL: func @deterministic
// BUFFER-SAME: memref<4x?xf32
// BUFFER: memref.alloc
// BUFFER: linalg.generic
// BUFFER: prec.round %{{.*}} to "m7" "toward-zero" at <5{{.*}} : f32
func.func @deterministic(%t: tensor<4x?xf32>) -> tensor<4x?xf32> {
  %0 = prec.round %t to "m7" "toward-zero" at <5, key = 1, entry = "f", phase = "forward", scope = "", op = "x", role = "input", granularity = "op"> : tensor<4x?xf32>
  return %0 : tensor<4x?xf32>
}

// -----

// INLINE-LABEL: func @caller
// INLINE-NEXT: prec.round
// INLINE-NEXT: return
func.func private @callee(%a: f32) -> f32 {
  %0 = prec.round %a to "m7" "toward-zero" : f32
  return %0 : f32
}
func.func @caller(%a: f32) -> f32 {
  %0 = call @callee(%a) : (f32) -> f32
  return %0 : f32
}
