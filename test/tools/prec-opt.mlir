// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The precision flags of prec-opt, its stages and its reports.
// RUN: prec-opt %s | FileCheck %s --check-prefix=PLAIN
// RUN: prec-opt %s --truncate-mantissa=7 | FileCheck %s --check-prefix=ROUNDED
// RUN: prec-opt %s --truncate-bits=16 --canonicalize | FileCheck %s --check-prefix=STUDY
// RUN: prec-opt %s --format=bf16 --truncate-mantissa=3 | FileCheck %s --check-prefix=LAST
// RUN: prec-opt %s --truncate-mantissa=7 --emit=graph | FileCheck %s --check-prefix=PLAIN
// RUN: prec-opt %s --truncate-mantissa=7 --emit=lowered | FileCheck %s --check-prefix=LOWERED
// RUN: prec-opt %s --truncate-mantissa=7 --emit=llvm | FileCheck %s --check-prefix=LLVM
// RUN: prec-opt %models/logistic.mlir --emit=llvm 2>&1 | FileCheck %s --check-prefix=NAMES --implicit-check-not=warning
// RUN: prec-opt %s --truncate-mantissa=7 --report-sites | FileCheck %s --check-prefix=SITES
// RUN: prec-opt %s --truncate-mantissa=7 --round='op:arith.addf=e5m2' --explain=2 | FileCheck %s --check-prefix=EXPLAIN
// RUN: not prec-opt %s --truncate-mantissa=7 --explain=99 2>&1 | FileCheck %s --check-prefix=NOSITE
// RUN: not prec-opt %s --granularity=layr --format=bf16 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not prec-opt %s --truncate-mantisa=7 2>&1 | FileCheck %s --check-prefix=FLAG
// RUN: not prec-opt %s --truncate-mantissa=30 2>&1 | FileCheck %s --check-prefix=FIT
// RUN: not prec-opt %s --truncate-mantissa=7 -o /dev/full 2>&1 | FileCheck %s --check-prefix=FULL
// RUN: not prec-opt %s.missing 2>&1 | FileCheck %s --check-prefix=MISSING

// PLAIN-NOT: prec.round
// ROUNDED: prec.round %arg0 to "m7" "toward-zero" at <0,
// LAST: prec.round %arg0 to "m3" "toward-zero"
// LOWERED: llvm.func @f
// NAMES: define {{.*}} @predict
// LLVM: define float @f
// SITES: site {{.*}}location
// SITES-NEXT: 0 {{.*}}input {{.*}}rounded {{.*}}prec-opt.mlir:
// EXPLAIN: site 2: arith.addf
// EXPLAIN-NEXT: decided by: --round=op:arith.addf=e5m2
// EXPLAIN-NEXT: also matches: --truncate-mantissa=7
// NOSITE: error: no site 99
// WORD: layr{{.*}}layer
// FLAG: Did you mean '--truncate-mantissa=7'
// FIT: m30 does not fit 'f32'
// FULL: cannot write '/dev/full': no space left on device
// MISSING: missing
func.func @f(%a: f32) -> f32 {
  // The study's example: 16 bits turn 1.98749995 into 1.984375.
  // STUDY: arith.constant 1.984375{{.*}} : f32
  %c = arith.constant 1.98749995 : f32
  %0 = arith.addf %a, %c : f32
  return %0 : f32
}
