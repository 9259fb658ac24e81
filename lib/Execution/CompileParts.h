// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A module's functions compiled on several threads, and the objects that they
// become as one text for the cache.
#ifndef PREC_EXECUTION_COMPILEPARTS_H
#define PREC_EXECUTION_COMPILEPARTS_H

#include "prec/Execution/Engine.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::prec {

using Buffer = std::unique_ptr<llvm::MemoryBuffer>;

/// Optimises and emits `module`, of which this leaves nothing of use. At level
/// 2, whose passes look at one function at a time, `most` parts of it are
/// compiled at once if it is large enough; each becomes an object. The code
/// does not depend on the parts.
llvm::Expected<std::vector<Buffer>>
compileParts(llvm::Module &module, llvm::TargetMachine &target,
             llvm::orc::JITTargetMachineBuilder builder, int optLevel,
             unsigned most, EngineReport &report);

std::string joinObjects(llvm::ArrayRef<Buffer> objects);

/// What joinObjects joined; nothing if it was not joined by it.
std::vector<Buffer> splitObjects(llvm::StringRef text);

} // namespace mlir::prec

#endif // PREC_EXECUTION_COMPILEPARTS_H
