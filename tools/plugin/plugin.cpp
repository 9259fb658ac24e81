// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dialect and the passes as a plugin of any mlir-opt of the same version:
//   mlir-opt --load-dialect-plugin=PrecPlugin.so
//   --load-pass-plugin=PrecPlugin.so
#include "prec/Driver/Registration.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"

extern "C" LLVM_ATTRIBUTE_WEAK ::mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "prec", LLVM_VERSION_STRING,
          [](mlir::DialectRegistry *registry) {
            mlir::prec::registerPrecDialect(*registry);
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK ::mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "prec", LLVM_VERSION_STRING,
          [] { mlir::prec::registerPrecPasses(); }};
}
