// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rule that matches nothing is a warning with near misses, in a strict policy an error.
// RUN: prec-opt %s --format=bf16 --round='fc1=m3' 2>&1 | FileCheck %s --check-prefix=DEEPER
// RUN: prec-opt %s --format=bf16 --round='name:fc.v=m3' 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: prec-opt %s --format=bf16 --round='@contraction.state=m3' 2>&1 | FileCheck %s --check-prefix=ROLE
// RUN: prec-opt %s --format=bf16 --round='@contraction & scope:act=m3' 2>&1 | FileCheck %s --check-prefix=PARTS
// RUN: prec-opt %s --format=bf16 --round='!*=m3' 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: prec-opt %s --format=bf16 --round='zzzzzzzz=m3' 2>&1 | FileCheck %s --check-prefix=FAR
// RUN: prec-opt %s --policy=preset:mixed-bf16 2>&1 | FileCheck %s --check-prefix=QUIET
// RUN: prec-opt %s --policy=preset:mixed-bf16 --strict-policy 2>&1 | FileCheck %s --check-prefix=QUIET
// RUN: not prec-opt %s --strict-policy --round='act=m3' --round='fc1=m3' 2>&1 | FileCheck %s --check-prefix=STRICT
// RUN: not prec-opt %s --prec-insert-rounding="round=fc1=m3 strict-policy" 2>&1 | FileCheck %s --check-prefix=STRICT

// DEEPER: warning: rule '--round=fc1=m3' matches no site; near misses: scope features/fc1{{$}}
// NAME: warning: rule '--round=name:fc.v=m3' matches no site; near misses: name fc.w{{$}}
// ROLE: warning: {{.*}}; 'state' matches nothing, there are: role input, role weight, role activation{{$}}
// PARTS: warning: {{.*}} matches no site; near miss, but for '{{.*}}': scope {{.*}}
// NOTHING: warning: rule '--round=!*=m3' matches no site; it excludes every site
// FAR: warning: {{.*}} matches no site; there are:
// QUIET-NOT: warning
// STRICT-NOT: warning
// STRICT: error: rule '--round=fc1=m3' matches no site
// STRICT-NOT: error
func.func @step(%w: tensor<4x3xf32> {prec.name = "fc.w", prec.role = "weight"}, %x: tensor<2x4xf32> {prec.name = "x"}) -> tensor<2x3xf32> {
  %e = tensor.empty() {prec.scope = "features/fc1"} : tensor<2x3xf32>
  %zero = arith.constant {prec.scope = "features/fc1"} 0.0 : f32
  %i = linalg.fill {prec.scope = "features/fc1"} ins(%zero : f32) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %m = linalg.matmul {prec.scope = "features/fc1"} ins(%x, %w : tensor<2x4xf32>, tensor<4x3xf32>) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32>
  %r = math.exp %m {prec.scope = "act"} : tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}
