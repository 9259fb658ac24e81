// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an engine and its functions share.
#ifndef PREC_EXECUTION_ENGINESTATE_H
#define PREC_EXECUTION_ENGINESTATE_H

#include "prec/Execution/Engine.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

namespace mlir::prec {

struct Engine::State {
  std::vector<Signature> entries;
  std::vector<void (*)(void **)> invoke; // one for each entry
  unsigned threads = 1;
  EngineReport report;
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_ENGINESTATE_H
