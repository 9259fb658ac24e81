// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MLIR in, MLIR out: rounding inserted by flags, passes by name.
#include "prec/Driver/Registration.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::prec::registerDialects(registry);
  mlir::prec::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "prec-opt: precision as a flag\n", registry));
}
