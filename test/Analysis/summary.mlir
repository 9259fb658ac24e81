// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of layers. Numbers by hand, from the shapes, for one sample:
//
//   conv1  32 filters of 1x5x5 and 32 biases        32*25 + 32      = 832 parameters
//          28x28 places (padding 2)                 28*28*32*25     = 627200 multiply-adds
//   conv2  64 filters of 32x5x5 and 64 biases       64*32*25 + 64   = 51264
//          14x14 places after the first pooling     14*14*64*32*25  = 10035200
//   fc1    64 channels of 7x7 are 3136 inputs       3136*128 + 128  = 401536
//                                                   3136*128        = 401408
//   fc2                                             128*10 + 10     = 1290
//                                                   128*10          = 1280
//   conv: pad, fill, conv, add of the bias; pool: fill, pooling; fc: fill, matmul, add.
// RUN: prec-opt --summary lenet5 | FileCheck %s --check-prefix=LENET --match-full-lines --strict-whitespace
// RUN: prec-opt --summary lenet5 | awk 'length > 80 { exit 1 }'
// RUN: prec-opt --summary %s | FileCheck %s --check-prefix=HERE
// RUN: prec-opt --summary %s | awk 'length > 80 { exit 1 }'
// RUN: prec-opt --summary - < %s | FileCheck %s --check-prefix=HERE
// RUN: not prec-opt --summary %s.missing 2>&1 | FileCheck %s --check-prefix=MISSING
// Sites are those of the site report.
// RUN: prec-opt --summary lenet5 > %t.summary
// RUN: prec-translate --import-json lenet5 | prec-opt --format=bf16 --report-sites=csv > %t.csv
// RUN: %python -c "import csv, collections, sys; rows = list(csv.DictReader(open(sys.argv[2]))); want = collections.Counter('(arguments)' if r['op'].endswith(('weight', 'bias')) or r['op'] == 'x' else r['scope'] for r in rows); got = {w[0]: int(w[-1]) for w in (l.split() for l in open(sys.argv[1])) if len(w) == 6 and w[-1].isdigit()}; assert got.pop('total') == len({r['site'] for r in rows}); assert got == dict(want), (got, want)" %t.summary %t.csv
// RUN: not prec-opt --summary --format=bf16 %s 2>&1 | FileCheck %s --check-prefix=FLAGS
// FLAGS: error: precision flags have no effect on --summary

//      LENET:@forward, forward
// LENET-NEXT:layer        output      ops  parameters  multiply-adds  sites
// LENET-NEXT:(arguments)  -             0           0              0      9
// LENET-NEXT:conv1        ?x32x28x28    4         832         627200     11
// LENET-NEXT:relu1        ?x32x28x28    1           0              0      4
// LENET-NEXT:pool1        ?x32x14x14    2           0              0      5
// LENET-NEXT:conv2        ?x64x14x14    4       51264       10035200     11
// LENET-NEXT:relu2        ?x64x14x14    1           0              0      4
// LENET-NEXT:pool2        ?x64x7x7      2           0              0      5
// LENET-NEXT:flatten      ?x3136        1           0              0      1
// LENET-NEXT:fc1          ?x128         3      401536         401408      9
// LENET-NEXT:relu3        ?x128         1           0              0      4
// LENET-NEXT:fc2          ?x10          3        1290           1280      9
// LENET-NEXT:total        -            22      454922       11065088     72
// LENET-NEXT:multiply-adds are counted with 1 for each size that is not known
// MISSING: error: {{.*}}missing

// Two phases, a call, a loop of 3 rounds with an fma of 8 elements, a long scope, two outputs.
// HERE: {{^}}@step, forward{{$}}
// HERE: {{^}}(arguments) {{.*}} 0 {{ *}}5 {{ *}}0 {{ *}}3{{$}}
// HERE-NEXT: {{^}}..layers.10/attention/query/a {{ *}}4x4xf64 +1 {{ *}}2 {{ *}}0 {{ *}}0 {{ *}}2{{$}}
// HERE-NEXT: {{^}}loop {{ *}}8xf64 {{ *}}2 {{ *}}8 {{ *}}24 {{ *}}2{{$}}
// HERE-NEXT: {{^}}total {{ *}}- {{ *}}4 {{ *}}13 {{ *}}24 {{ *}}7{{$}}
// HERE-NEXT: {{^}}@step, backward{{$}}
// HERE: {{^}}loop {{ *}}8xf64 {{ *}}1 {{ *}}0 {{ *}}0 {{ *}}1{{$}}
// HERE-NEXT: {{^}}total {{ *}}- {{ *}}1 {{ *}}0 {{ *}}0 {{ *}}1{{$}}
// HERE-NEXT: {{^}}@step, all phases: 13 parameters, 24 multiply-adds, 8 sites{{$}}
// HERE-NOT: not known
// HERE-NOT: @inner
func.func private @inner(%x: tensor<4x4xf64>) -> (tensor<4x4xf64>, tensor<4x4xf64>) {
  %0 = math.exp %x {prec.scope = "a"} : tensor<4x4xf64>
  %1 = math.sin %x {prec.scope = "a"} : tensor<4x4xf64>
  return %0, %1 : tensor<4x4xf64>, tensor<4x4xf64>
}

func.func @step(%x: tensor<4x4xf64>, %w: tensor<8xf64> {prec.role = "weight"},
                %unused: tensor<5xf64> {prec.role = "weight"})
    -> (tensor<4x4xf64>, tensor<4x4xf64>, tensor<8xf64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %y:2 = func.call @inner(%x) {prec.scope = "model/transformer/encoder/layers.10/attention/query"} : (tensor<4x4xf64>) -> (tensor<4x4xf64>, tensor<4x4xf64>)
  %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %w) -> tensor<8xf64> {
    %f = math.fma %a, %w, %w : tensor<8xf64>
    scf.yield %f : tensor<8xf64>
  } {prec.scope = "loop"}
  %g = arith.negf %r {prec.scope = "loop", prec.phase = "backward"} : tensor<8xf64>
  return %y#0, %y#1, %g : tensor<4x4xf64>, tensor<4x4xf64>, tensor<8xf64>
}
