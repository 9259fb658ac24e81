// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The Python extension module.
#include "Bindings.h"

NB_MODULE(_prec, module) {
  module.doc() = "The compiled half of the package: use prec.round and others.";
  mlir::prec::python::bindNumerics(module);
}
