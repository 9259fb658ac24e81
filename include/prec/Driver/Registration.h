// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Everything that the tools and the plugin know: dialects, interfaces, passes.
#ifndef PREC_DRIVER_REGISTRATION_H
#define PREC_DRIVER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
}

namespace mlir::prec {

/// The prec dialect with the interfaces that upstream passes ask for.
void registerPrecDialect(DialectRegistry &registry);

/// prec and all dialects that a model may come in or be lowered to, with their
/// interfaces and translations to LLVM IR.
void registerDialects(DialectRegistry &registry);

/// The passes of this project.
void registerPrecPasses();

/// Those, and the upstream passes that are useful beside them.
void registerPasses();

} // namespace mlir::prec

#endif // PREC_DRIVER_REGISTRATION_H
