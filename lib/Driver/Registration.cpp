// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of dialects, interfaces and passes.
#include "prec/Driver/Registration.h"
#include "prec/Autodiff/Passes.h"
#include "prec/Codegen/Pipelines.h"
#include "prec/IR/Bufferization.h"
#include "prec/Import/Passes.h"
#include "prec/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void mlir::prec::registerPrecDialect(DialectRegistry &registry) {
  registry.insert<PrecDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

void mlir::prec::registerDialects(DialectRegistry &registry) {
  registerPrecDialect(registry);
  registerCodegen(registry);
}

void mlir::prec::registerPrecPasses() {
  registerAutodiffPasses();
  registerPrecImportPasses();
  registerPrecTransformsPasses();
  registerCodegenPasses();
}

void mlir::prec::registerPasses() {
  registerPrecPasses();
  registerTransformsPasses();
  registerLinalgPasses();
  bufferization::registerBufferizationPasses();
}
