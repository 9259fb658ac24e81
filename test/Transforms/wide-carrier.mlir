// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations on f32 whose results are rounded, in f64.
// RUN: prec-opt %s --format=m12 --carrier=f64 --granularity=elementary | FileCheck %s
// RUN: prec-opt %s --prec-insert-rounding="format=m12 carrier=f64 granularity=elementary" | FileCheck %s
// RUN: %python -c "open('carrier.json','w').write('{\"version\": 1, \"carrier\": \"f64\", \"rules\": []}')"
// RUN: prec-opt %s --policy=carrier.json --format=m12 --granularity=elementary | FileCheck %s
// RUN: prec-opt %s --policy=carrier.json --format=m12 --carrier=f32 | FileCheck %s --check-prefix=NARROW
// RUN: prec-opt %s --policy=carrier.json --print-policy | FileCheck %s --check-prefix=PRINT
// RUN: prec-opt %s --format=m12 --carrier=f64 | FileCheck %s --check-prefix=OP
// RUN: not prec-opt %s --carrier=f16 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: prec-opt %s --format=m12 --carrier=f64 --rounding=stochastic --random=values --granularity=elementary | FileCheck %s --check-prefix=VALUES
// Words of values are those of the value that is rounded.
// VALUES-LABEL: func @scalars
// VALUES-NOT: = arith.mulf {{.*}} : f32{{$}}
// VALUES: %[[P:.*]] = arith.mulf {{.*}} : f64
// VALUES-NEXT: %[[BITS:.*]] = arith.bitcast %[[P]] : f64 to i64
// VALUES-NEXT: %[[H:.*]] = prec.random %{{.*}}, %[[BITS]]
// VALUES-NEXT: prec.round %[[P]] to "e8m12" "stochastic" random(%[[H]] : i32)
// VALUES-NOT: = arith.mulf {{.*}} : f32{{$}}
// NARROW-NOT: truncf
// PRINT: "carrier": "f64"
// WORD: --carrier=f16: unknown carrier 'f16'{{.*}}f32, f64

// CHECK-LABEL: func @scalars(%arg0: f32, %arg1: f32) -> f32
// CHECK: %[[A:.*]] = prec.round %arg0 to "m12" "nearest-even" {{.*}} : f32
// CHECK: %[[B:.*]] = prec.round %arg1 to "m12" "nearest-even" {{.*}} : f32
// CHECK: %[[WA:.*]] = arith.extf %[[A]] : f32 to f64
// CHECK: %[[WB:.*]] = arith.extf %[[B]] : f32 to f64
// CHECK: %[[P:.*]] = arith.mulf %[[WA]], %[[WB]] : f64
// CHECK: %[[R:.*]] = prec.round %[[P]] to "e8m12" "nearest-even" {{.*}}op = "arith.mulf"{{.*}} : f64
// A number that was just rounded needs no conversion.
// CHECK: %[[S:.*]] = math.sqrt %[[R]] : f64
// CHECK: %[[T:.*]] = prec.round %[[S]] to "e8m12"
// CHECK: %[[N:.*]] = arith.truncf %[[T]] : f64 to f32
// Other functions stay as they are.
// CHECK: %[[X:.*]] = math.exp %[[N]] : f32
// CHECK: %[[Y:.*]] = prec.round %[[X]] to "m12" "nearest-even" {{.*}} : f32
// CHECK: return %[[Y]]
func.func @scalars(%a: f32, %b: f32) -> f32 {
  %0 = arith.mulf %a, %b : f32
  %1 = math.sqrt %0 : f32
  %2 = math.exp %1 : f32
  return %2 : f32
}

// f64 has no wider carrier.
// CHECK-LABEL: func @wide
// CHECK: %[[S:.*]] = arith.addf %{{.*}}, %{{.*}} : f64
// CHECK: prec.round %[[S]] to "m12"
func.func @wide(%a: f64, %b: f64) -> f64 {
  %0 = arith.addf %a, %b : f64
  return %0 : f64
}

// Accumulators stay f64 until the end of the sum.
// CHECK-LABEL: func @matmul
// CHECK: %[[F:.*]] = linalg.fill ins(%{{.*}} : f64)
// CHECK: linalg.generic {{.*}} outs(%[[F]] : tensor<2x4xf64>)
// CHECK: arith.mulf {{.*}} : f64
// CHECK: prec.round {{.*}} "e8m12" {{.*}} : f64
// CHECK: arith.addf {{.*}} : f64
// CHECK: %[[R:.*]] = prec.round {{.*}} "e8m12" {{.*}} : f64
// CHECK: linalg.yield %[[R]] : f64
// CHECK: arith.truncf %{{.*}} : tensor<2x4xf64> to tensor<2x4xf32>
// Whole sums are f32's.
// OP-LABEL: func @matmul
// OP: linalg.matmul {{.*}} -> tensor<2x4xf32>
// OP: prec.round {{.*}} to "m12" {{.*}} : tensor<2x4xf32>
func.func @matmul(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4xf32>
  %c = linalg.fill ins(%z : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %r = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}

// The last operation of a body, whose result the rounding outside rounds; an
// output that the body reads becomes an input.
// OP-LABEL: func @body
// OP: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<5xf32>, tensor<5xf32>) outs(%{{.*}} : tensor<5xf64>)
// OP: ^bb0(%[[X:.*]]: f32, %[[O:.*]]: f32, %{{.*}}: f64)
// OP: %[[E:.*]] = arith.mulf %[[X]], %[[X]] : f32
// OP: %[[WE:.*]] = arith.extf %[[E]] : f32 to f64
// OP: %[[WO:.*]] = arith.extf %[[O]] : f32 to f64
// OP: %[[S:.*]] = arith.addf %[[WE]], %[[WO]] : f64
// OP: linalg.yield %[[S]] : f64
// OP: prec.round %{{.*}} to "e8m12" {{.*}} : tensor<5xf64>
// OP: arith.truncf {{.*}} : tensor<5xf64> to tensor<5xf32>
#id = affine_map<(d0) -> (d0)>
func.func @body(%a: tensor<5xf32>, %b: tensor<5xf32>) -> tensor<5xf32> {
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<5xf32>) outs(%b : tensor<5xf32>) {
  ^bb0(%x: f32, %o: f32):
    %0 = arith.mulf %x, %x : f32
    %1 = arith.addf %0, %o : f32
    linalg.yield %1 : f32
  } -> tensor<5xf32>
  return %r : tensor<5xf32>
}
