// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Granularity layer where there are no layers is a mistake that says so; other
// granularities, kept values and modules with scopes say nothing.
// RUN: prec-opt %s --format=bf16 --granularity=layer -o /dev/null 2>&1 | FileCheck %s
// RUN: prec-opt %s --format=bf16 --granularity=batch -o /dev/null 2>&1 | FileCheck %s --check-prefix=SILENT --allow-empty
// RUN: prec-opt %S/granularity.mlir --format=bf16 --granularity=layer -o /dev/null 2>&1 | FileCheck %s --check-prefix=SILENT --allow-empty

// CHECK: layers-without-scopes.mlir:[[#]]:[[#]]: warning: granularity layer in a module without scopes: no value crosses a layer's border; only arguments and results are rounded
// SILENT-NOT: without scopes
func.func @f(%x: f32) -> f32 {
  %0 = arith.addf %x, %x : f32
  return %0 : f32
}
