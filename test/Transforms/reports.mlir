// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of sites in its forms, explanations by number and scope, and what two policies
// do differently. Counts by hand: a matmul of 2x4 by 4x3 is 24 products and 24 sums.
// RUN: prec-opt %s --format=bf16 --round='name:logits=e4m3' --round='function:g=keep' --report-sites | FileCheck %s --check-prefix=TEXT
// RUN: prec-opt %s --format=bf16 --report-sites=csv | FileCheck %s --check-prefix=CSV
// RUN: prec-opt %s --report-sites=csv | FileCheck %s --check-prefix=PLAIN
// RUN: prec-opt %s --format=bf16 --round='"odd, \"scope\""=m3' --report-sites=csv | FileCheck %s --check-prefix=QUOTED
// RUN: prec-opt %s --format=bf16 --round='**/fc1.product=m3' --report-sites=summary | FileCheck %s --check-prefix=SUMMARY
// RUN: prec-opt %s --format=bf16 --report-sites=json | %python -c "import json, sys; rows = json.load(sys.stdin); assert [r['site'] for r in rows] == list(range(len(rows))); by = {r['op']: r for r in rows if r['entry'] == 'step'}; assert by['arith.mulf']['elements'] == by['arith.mulf']['flops'] == 24 and by['linalg.matmul']['flops'] == 48; assert by['linalg.matmul']['flops_share'] == 48 / 54 and by['math.exp']['flops_share'] == 6 / 54; assert by['arith.mulf']['status'] == 'uncovered' and by['linalg.matmul']['status'] == 'rounded'; unknown = [r for r in rows if r['op'] == 'math.sin']; assert unknown[0]['elements'] is None and unknown[0]['flops_share'] is None"
// RUN: prec-opt %s --format=bf16 --round='@contraction=e4m3' --round='weight=m3' --explain=0 | FileCheck %s --check-prefix=NUMBER
// RUN: prec-opt %s --format=bf16 --round='@contraction=e4m3' --explain='features/*' | FileCheck %s --check-prefix=SCOPE
// RUN: not prec-opt %s --format=bf16 --explain=99 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not prec-opt %s --format=bf16 --explain='[' 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: echo '{"version": 1, "rules": [{"select": "*", "format": "bf16"}]}' > %t.a.json
// RUN: echo '{"version": 1, "rules": [{"select": "*", "format": "bf16"}, {"select": "@contraction.weight", "format": "e4m3"}, {"select": "act", "keep": true}]}' > %t.b.json
// RUN: prec-opt --diff-policy %t.a.json %t.b.json %s | FileCheck %s --check-prefix=DIFF
// RUN: prec-opt --diff-policy %t.a.json %t.a.json %s | FileCheck %s --check-prefix=SAME
// RUN: not prec-opt --diff-policy %t.a.json %t.missing.json %s 2>&1 | FileCheck %s --check-prefix=MISSING

// TEXT: {{^}}site {{.*}} elements  flops  flops_share  origin
// TEXT-NEXT: {{^}}0 {{.*}}features/fc1 {{.*}}fc.w {{.*}}weight {{.*}}rounded {{.*}}12 {{.*}}--format=bf16
// TEXT: linalg.matmul {{.*}}e4m3 {{.*}}rounded {{.*}}0.8889 {{.*}}--round=name:logits=e4m3
// TEXT: {{^}}9 {{.*}}argument 0 {{.*}}kept {{.*}}--round=function:g=keep
// TEXT: math.sin {{.*}}kept {{.*}} -  {{.*}}--round=function:g=keep
// CSV: {{^}}site,entry,phase,scope,op,role,granularity,format,mode,extra,status,elements,flops,flops_share,origin,location{{$}}
// CSV: {{^}}5,step,forward,features/fc1,linalg.matmul,activation,op,e8m7,nearest-even,,rounded,6,48,0.8889,--format=bf16,logits{{$}}
// PLAIN: {{^}}5,step,forward,features/fc1,linalg.matmul,activation,,,,,kept,6,48,0.8889,,logits{{$}}
// QUOTED: g,forward,"odd, ""scope""",math.sin,activation,op,m3,{{.*}},"--round=""odd, \""scope\""""=m3",
// SUMMARY: {{^}}layer                flops    in    wt   act  prod   acc  grad wgrad state  loss{{$}}
// SUMMARY-NEXT: {{^}}features/fc1         88.9%    16    16    16    12    32     -     -     -     -{{$}}
// SUMMARY: {{^}}odd, "scope"
// NUMBER: site 0: fc.w, role weight, phase forward, scope "features/fc1", rounded, m3:nearest-even@op
// NUMBER-NEXT: decided by: --round=weight=m3
// NUMBER-NEXT: also matches: --round=@contraction=e4m3
// NUMBER-NEXT: also matches: --format=bf16
// NUMBER-NOT: site
// SCOPE-COUNT-8: site {{[0-7]}}: {{.*}} scope "features/fc1"
// SCOPE-NOT: site
// NONE: error: no site {{.*}}; --report-sites lists them
// DIFF: site 0: @step fc.w, role weight, phase forward, scope "features/fc1"
// DIFF-NEXT:   - e8m7:nearest-even@op ({{.*}}a.json:1: rules[0])
// DIFF-NEXT:   + e4m3:nearest-even@op ({{.*}}b.json:1: rules[1])
// DIFF-NEXT: site 8: @step math.exp
// DIFF-NEXT:   - e8m7:nearest-even@op
// DIFF-NEXT:   + kept ({{.*}}b.json:1: rules[2])
// DIFF-NEXT: 2 of 11 sites differ
// SAME-NOT: site {{[0-9]}}
// SAME: 0 of 11 sites differ
// MISSING: error: cannot read policy
func.func @step(%w: tensor<4x3xf32> {prec.name = "fc.w", prec.role = "weight"}, %x: tensor<2x4xf32> {prec.name = "x"}) -> tensor<2x3xf32> {
  %e = tensor.empty() {prec.scope = "features/fc1"} : tensor<2x3xf32>
  %zero = arith.constant {prec.scope = "features/fc1"} 0.0 : f32
  %i = linalg.fill {prec.scope = "features/fc1"} ins(%zero : f32) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %m = linalg.matmul {prec.scope = "features/fc1"} ins(%x, %w : tensor<2x4xf32>, tensor<4x3xf32>) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32> loc("logits")
  %r = math.exp %m {prec.scope = "act"} : tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

func.func @g(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = math.sin %x {prec.scope = "odd, \"scope\""} : tensor<?xf32>
  return %0 : tensor<?xf32>
}
