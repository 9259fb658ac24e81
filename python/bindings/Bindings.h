// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each file of the Python extension registers.
#ifndef PREC_PYTHON_BINDINGS_H
#define PREC_PYTHON_BINDINGS_H

#include <nanobind/nanobind.h>

namespace mlir::prec::python {

/// round_into, encode, describe_format, list_formats.
void bindNumerics(nanobind::module_ &module);

} // namespace mlir::prec::python

#endif // PREC_PYTHON_BINDINGS_H
