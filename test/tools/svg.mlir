// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pictures by graphviz: XML with the layers' names as they are, whatever characters they have.
// REQUIRES: graphviz
// RUN: prec-translate --to-svg %s --format=bf16 -o %t.svg
// RUN: %python -c "import sys, xml.etree.ElementTree as e; texts = [t.text for t in e.parse(sys.argv[1]).iter('{http://www.w3.org/2000/svg}text')]; assert texts.count('16 bits') == 1, texts; assert 'a \"b\" \\\\N <c> &lt; \\\\n {d|e}' in texts, texts; assert 'argument 0' in texts and '2x3xf64' in texts, texts" %t.svg
// RUN: prec-translate --to-svg lenet5 | FileCheck %s
// CHECK: <svg
// CHECK: conv1
func.func @f(%x: tensor<2x3xf64>) -> tensor<2x3xf64> {
  %r = math.exp %x {prec.scope = "a \22b\22 \\N <c> &lt; \0A {d|e}"} : tensor<2x3xf64>
  return %r : tensor<2x3xf64>
}
