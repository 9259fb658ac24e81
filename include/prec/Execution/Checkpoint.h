// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A training run on disk, from which it goes on as if it had never stopped.
//
// A checkpoint is an .npz archive (Npz.h): its first array, `checkpoint`, is
// JSON text as bytes, the others are parameters and state, `state/N/NAME` in
// the order of @step. Zip's checksums guard every byte of them. The file is
// written under another name, brought to the disk by fsync and renamed, so that
// there is always one whole checkpoint: the old one or the new one.
//
// There is no generator whose state would have to be stored: random bits follow
// from seed and step, and so does the order of the samples.
#ifndef PREC_EXECUTION_CHECKPOINT_H
#define PREC_EXECUTION_CHECKPOINT_H

#include "prec/Execution/Npz.h"
#include "prec/Execution/Trainer.h"
#include "llvm/Support/Error.h"
#include <string>
#include <utility>
#include <vector>

namespace mlir::prec {

/// What a run must have in common with the one it goes on from: a name ("batch
/// size") and a value as messages show it.
using RunFacts = std::vector<std::pair<std::string, std::string>>;

struct Checkpoint {
  RunFacts facts;
  /// Which run of a sweep.
  uint64_t run = 0;
  LogMark log;
  TrainingState state;
};

/// Errors: the file cannot be written.
llvm::Error writeCheckpoint(llvm::StringRef path, const RunFacts &facts,
                            uint64_t run, const LogMark &log,
                            const TrainingState &state);

/// Errors: no .npz file or one that is truncated or corrupt; one that is no
/// checkpoint, or of another version.
llvm::Expected<Checkpoint> readCheckpoint(llvm::StringRef path);

/// Whether an archive that begins with this array is a checkpoint.
bool isCheckpoint(const NamedTensor &first);

/// Errors: every fact whose value is not the expected one, in one message. The
/// last fact is a digest of the model: it stands for what the others do not
/// say, and is reported if they agree.
llvm::Error checkFacts(llvm::StringRef path, const RunFacts &found,
                       const RunFacts &expected);

} // namespace mlir::prec

#endif // PREC_EXECUTION_CHECKPOINT_H
