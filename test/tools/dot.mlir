// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pictures of a model's layers: what is drawn, how names are written, bits and colours.
// RUN: prec-translate --to-dot %s | FileCheck %s
// RUN: prec-translate --to-dot %s | FileCheck %s --check-prefix=PLAIN
// RUN: prec-translate --to-dot - < %s | FileCheck %s
// RUN: prec-translate --to-dot %s --format=bf16 --round='weight=e2m1' --round='op:math.exp=keep' | FileCheck %s --check-prefix=BITS
// RUN: prec-translate --to-dot %s --format=bf16 --granularity=elementary --round='fc.product=m3' | FileCheck %s --check-prefix=BITS2
// RUN: not prec-translate --to-dot %s --format=bf17 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not prec-translate --to-dot %s --batch=2 2>&1 | FileCheck %s --check-prefix=BATCH
// RUN: not prec-translate --import-json lenet5 --format=bf16 2>&1 | FileCheck %s --check-prefix=FLAGS
// RUN: not prec-translate --to-dot %s.missing 2>&1 | FileCheck %s --check-prefix=MISSING
// FORMAT: bf17
// BATCH: --batch has no effect on pictures
// FLAGS: precision flags are for --to-dot and --to-svg
// MISSING: missing
//
// Without graphviz --to-svg says what to install. A program called dot gets the text and its
// output is taken; one that fails, or prints nothing, is an error with what it said.
// RUN: not env PATH=%t.nothing %build/bin/prec-translate --to-svg %s -o %t.none 2>&1 | FileCheck %s --check-prefix=INSTALL
// RUN: not ls %t.none
// RUN: rm -rf %t.bin && mkdir %t.bin
// RUN: printf '#!/bin/sh\n[ "$*" = -Tsvg ] && exec /bin/cat\n' > %t.bin/dot && chmod +x %t.bin/dot
// RUN: env PATH=%t.bin %build/bin/prec-translate --to-svg %s | FileCheck %s
// RUN: printf '#!/bin/sh\necho broken >&2; exit 3\n' > %t.bin/dot
// RUN: not env PATH=%t.bin %build/bin/prec-translate --to-svg %s 2>&1 | FileCheck %s --check-prefix=BROKEN
// RUN: printf '#!/bin/sh\n' > %t.bin/dot
// RUN: not env PATH=%t.bin %build/bin/prec-translate --to-svg %s 2>&1 | FileCheck %s --check-prefix=SILENT
// INSTALL: needs graphviz's program 'dot', which is not on the PATH; install it (apt-get install graphviz)
// BROKEN: /dot -Tsvg' failed: broken
// SILENT: /dot -Tsvg' failed

// CHECK: digraph model {
// Weights are no arrows; constants, sizes and empty tensors neither.
// CHECK: label="@step";
// CHECK: label="forward";
// CHECK-NEXT: [[FC:f0_n[0-9]+]] [label="fc\n12 parameters"];
// CHECK-NEXT: [[ACT:f0_n[0-9]+]] [label="a \"b\" \\N \\\\c\\nd &amp;lt; \\x01"];
// CHECK-NEXT: }
// CHECK: label="backward";
// CHECK-NEXT: [[BACK:f0_n[0-9]+]] [label="fc"];
// CHECK-NEXT: }
// CHECK: [shape=ellipse, label="x\"\\"];
// CHECK-NEXT: f0_a1 -> [[FC]] [label="?x4"];
// CHECK-NEXT: [[FC]] -> [[ACT]] [label="?x3"];
// CHECK-NEXT: [[ACT]] -> [[BACK]] [label="?x3"];
// CHECK-NEXT: f0_r0 [shape=ellipse, label="result 0"];
// CHECK-NEXT: [[ACT]] -> f0_r0 [label="?x3"];
// CHECK-NEXT: f0_r1 [shape=ellipse, label="dx"];
// CHECK-NEXT: [[BACK]] -> f0_r1 [label="?x3"];
// CHECK-NEXT: }
// CHECK-NEXT: }
// CHECK-NOT: f0_
// PLAIN-NOT: bits
// PLAIN-NOT: label="{{[^"]*}}fillcolor
//
// The weights of fc have 4 bits: sign, 2, 1; the colour is that of the fewest. exp is kept.
// BITS: [label="fc\n12 parameters\n4..16 bits", fillcolor="#f4a582"];
// BITS-NEXT: {{.*}}c{{.*}}\n32 bits", fillcolor="#ffffff"];
// BITS: [label="fc\n16 bits", fillcolor="#fff7bc"];
// BITS2: [label="fc\n12 parameters\n16 bits", fillcolor="#fff7bc"];
func.func @step(%w: tensor<4x3xf32> {prec.role = "weight"}, %x: tensor<?x4xf32> {prec.name = "x\22\\"}) -> (tensor<?x3xf32>, tensor<?x3xf32> {prec.name = "dx"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim {prec.scope = "fc"} %x, %c0 : tensor<?x4xf32>
  %zero = arith.constant {prec.scope = "fc"} 0.0 : f32
  %e = tensor.empty(%n) {prec.scope = "fc"} : tensor<?x3xf32>
  %i = linalg.fill {prec.scope = "fc"} ins(%zero : f32) outs(%e : tensor<?x3xf32>) -> tensor<?x3xf32>
  %m = linalg.matmul {prec.scope = "fc"} ins(%x, %w : tensor<?x4xf32>, tensor<4x3xf32>) outs(%i : tensor<?x3xf32>) -> tensor<?x3xf32>
  %r = math.exp %m {prec.scope = "a \22b\22 \\N \\\\c\0Ad &lt; \01"} : tensor<?x3xf32>
  %d = linalg.elementwise kind=#linalg.elementwise_kind<negf> ins(%r : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) {prec.scope = "fc", prec.phase = "backward"} -> tensor<?x3xf32>
  return %r, %d : tensor<?x3xf32>, tensor<?x3xf32>
}
