// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words of a rounding's format and run-time numbers as arith operations.
#include "RoundWords.h"

using namespace mlir;
using namespace mlir::prec;

RoundWords mlir::prec::roundWordsOf(ArithOps &ops, RoundOp round) {
  SmallVector<ArithOps::Word> words;
  for (Value value : round.getParameters())
    words.push_back(ops.word(value));
  return makeRoundParameters(
      ops, round.getFormat().getValue(), *carrierOf(round.getType()),
      std::span<const ArithOps::Word>(words.data(), words.size()),
      round.getMode().getValue().randomBits);
}
