// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The object cache: a second run skips all of the compiler; whatever changes the
// code (a policy's format, a constant's data, the entry) is another object.
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %python -c "import numpy as np; np.save('x.npy', np.float32([1.2345679, 2]))"
// RUN: prec-run %s --entry=f --input x.npy --cache-dir=c --print-timing=1.json | FileCheck %s --check-prefix=PLAIN
// RUN: prec-run %s --entry=f --input x.npy --cache-dir=c --print-timing=2.json | FileCheck %s --check-prefix=PLAIN
// RUN: prec-run %s --entry=f --input x.npy --cache-dir=c --truncate-mantissa=1 --print-timing=3.json | FileCheck %s --check-prefix=ROUNDED
// RUN: prec-run %s --entry=g --input x.npy --cache-dir=c --print-timing=4.json | FileCheck %s --check-prefix=OTHER
// RUN: sed s/0000803f00000040/0000804000000041/ %s > changed.mlir
// RUN: prec-run changed.mlir --entry=f --input x.npy --cache-dir=c --print-timing=5.json | FileCheck %s --check-prefix=CHANGED
// RUN: prec-run %s --entry=f --input x.npy --cache-dir=c --no-cache --print-timing=6.json | FileCheck %s --check-prefix=PLAIN
// RUN: %python -c "import json; t=[json.load(open(f'{i}.json')) for i in range(1,7)]; assert [x['cache_hit'] for x in t]==[False,True,False,False,False,False], t; assert ['lower' in x['phases'] for x in t]==[True,False,True,True,True,True], t"

// PLAIN: 2.23456{{[78]}}
// ROUNDED: [2, 4]
// OTHER: 1.23456{{[78]}}
// CHANGED: 5.23456{{[78]}}
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = arith.constant dense_resource<weights> : tensor<2xf32>
  %y = arith.addf %x, %c : tensor<2xf32>
  return %y : tensor<2xf32>
}
func.func @g(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = arith.constant dense_resource<weights> : tensor<2xf32>
  %y = arith.mulf %x, %c : tensor<2xf32>
  return %y : tensor<2xf32>
}
{-#
  dialect_resources: {
    builtin: {
      weights: "0x040000000000803f00000040"
    }
  }
#-}
