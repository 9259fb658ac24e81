// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values each granularity rounds; each set contains the next.
// RUN: prec-opt %s --prec-insert-rounding="truncate-mantissa=7 granularity=elementary" | FileCheck %s --check-prefixes=ALL,ELEMENTARY
// RUN: prec-opt %s --prec-insert-rounding="truncate-mantissa=7 granularity=op" | FileCheck %s --check-prefixes=ALL,OP
// RUN: prec-opt %s --prec-insert-rounding="truncate-mantissa=7" | FileCheck %s --check-prefixes=ALL,OP
// RUN: prec-opt %s --prec-insert-rounding="truncate-mantissa=7 granularity=layer" | FileCheck %s --check-prefixes=ALL,LAYER
// RUN: prec-opt %s --prec-insert-rounding="truncate-mantissa=7 granularity=batch" | FileCheck %s --check-prefixes=ALL,BATCH

// Two layers: x*w in fc1, then relu and a scale in act.
// ALL-LABEL: func @net
// ALL-SAME: %[[X:arg0]]: tensor<2x3xf32>
// ALL: %[[RX:.*]] = prec.round %[[X]] to "m7" "toward-zero" at <{{.*}}role = "input"
// ALL: %[[RW:.*]] = prec.round %arg1 to "m7" "toward-zero" at <{{.*}}role = "weight"
func.func @net(%x: tensor<2x3xf32>, %w: tensor<3x4xf32> {prec.name = "w", prec.role = "weight"}) -> tensor<2x4xf32> {
  %zero = arith.constant {prec.scope = "act"} 0.0 : f32
  %tenth = arith.constant {prec.scope = "act"} 0x3DCCCCCD : f32
  %e = tensor.empty() {prec.scope = "fc1"} : tensor<2x4xf32>
  %i = linalg.fill {prec.scope = "fc1"} ins(%zero : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>

  // A named operation becomes generic where its inside is rounded, and only there.
  // ELEMENTARY: %[[MM:.*]] = linalg.generic {{.*}} ins(%[[RX]], %[[RW]] :
  // ELEMENTARY-NEXT: ^bb0(%[[A:[a-z0-9_]+]]: f32, %[[B:[a-z0-9_]+]]: f32, %[[ACC:[a-z0-9_]+]]: f32):
  // ELEMENTARY-NEXT: %[[P:.*]] = arith.mulf %[[A]], %[[B]]
  // ELEMENTARY-NEXT: %[[RP:.*]] = prec.round %[[P]] {{.*}}scope = "fc1", op = "arith.mulf", role = "product", granularity = "elementary"
  // ELEMENTARY-NEXT: %[[S:.*]] = arith.addf %[[ACC]], %[[RP]]
  // ELEMENTARY-NEXT: %[[RS:.*]] = prec.round %[[S]] {{.*}}role = "accumulator"
  // ELEMENTARY-NEXT: linalg.yield %[[RS]]
  // ELEMENTARY-NEXT: }
  // ELEMENTARY-NEXT: linalg.max
  // OP: %[[MM:.*]] = linalg.matmul {{.*}}ins(%[[RX]], %[[RW]] :
  // OP-NEXT: %[[RMM:.*]] = prec.round %[[MM]] {{.*}}scope = "fc1", op = "linalg.matmul", role = "activation", granularity = "op"
  // OP-NEXT: linalg.max {{.*}}ins(%[[RMM]],
  // LAYER: %[[MM:.*]] = linalg.matmul {{.*}}ins(%[[RX]], %[[RW]] :
  // LAYER-NEXT: %[[RMM:.*]] = prec.round %[[MM]] {{.*}}scope = "fc1"{{.*}}granularity = "layer"
  // LAYER-NEXT: linalg.max {{.*}}ins(%[[RMM]],
  // BATCH: %[[MM:.*]] = linalg.matmul {{.*}}ins(%[[RX]], %[[RW]] :
  // BATCH-NEXT: linalg.max {{.*}}ins(%[[MM]],
  %mm = linalg.matmul {prec.scope = "fc1"} ins(%x, %w : tensor<2x3xf32>, tensor<3x4xf32>) outs(%i : tensor<2x4xf32>) -> tensor<2x4xf32>

  // A maximum of rounded values is rounded: no site at op granularity. It
  // stays inside its layer, so the coarser ones do not look at it.
  // ALL-NOT: prec.round
  %relu = linalg.max {prec.scope = "act"} ins(%mm, %i : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>

  // The constant 0.1 is rounded at elementary and op granularity only; zero is
  // in every format.
  // ELEMENTARY: linalg.generic
  // ELEMENTARY: arith.mulf %{{.*}}, %[[TENTH:.*]] : f32
  // ELEMENTARY-NEXT: prec.round
  // OP: arith.mulf
  // OP-NEXT: linalg.yield
  // OP-NEXT: }
  // OP-NEXT: %[[R:.*]] = prec.round
  // OP-NEXT: return %[[R]]
  // LAYER: arith.mulf
  // LAYER: } -> tensor<2x4xf32>
  // LAYER-NEXT: %[[R:.*]] = prec.round
  // LAYER-NEXT: return %[[R]]
  // BATCH: arith.mulf
  // BATCH: } -> tensor<2x4xf32>
  // BATCH-NEXT: %[[R:.*]] = prec.round {{.*}}granularity = "batch"
  // BATCH-NEXT: return %[[R]]
  %scaled = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%relu : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) attrs = {prec.scope = "act"} {
  ^bb0(%v: f32, %o: f32):
    %m = arith.mulf %v, %tenth : f32
    linalg.yield %m : f32
  } -> tensor<2x4xf32>
  return %scaled : tensor<2x4xf32>
}
