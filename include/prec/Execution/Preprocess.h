// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What happens to samples on their way into a batch.
//
// Samples of bytes are divided by 255 and that is all unless asked. In this
// order, each on the sample's last two dimensions, which are height and width:
//
//   crop P     the sample is surrounded by P zeros on each side, and a window
//   of
//              its own size is cut out of that at a random place
//   flip       left and right are exchanged in one of two cases
//   normalise  the channel's mean is subtracted, then it is divided by the
//              channel's deviation (dimension 0 of samples of three dimensions
//              is the channel; others have one); the zeros of crop came before
//
// Random numbers: for sample i (its place in the set) in epoch e the words
// h32(key, 3i), h32(key, 3i + 1), h32(key, 3i + 2) with
// key = mix64(seed, hash64("augment"), e) give the window's row
// (w (2P + 1)) >> 32, its column, and the flip by the highest bit. So they do
// not depend on batches, threads or steps. Evaluation neither crops nor flips.
#ifndef PREC_EXECUTION_PREPROCESS_H
#define PREC_EXECUTION_PREPROCESS_H

#include "prec/Execution/DataSet.h"
#include <optional>
#include <vector>

namespace mlir::prec {

struct Preprocess {
  /// One for each channel, or none.
  std::vector<double> mean, deviation;
  int64_t crop = 0;
  bool flip = false;
  uint32_t seed = 0;

  bool isNothing() const { return mean.empty() && crop == 0 && !flip; }
  /// "normalize crop=4 flip", for messages; "none".
  std::string str() const;
};

/// Mean and deviation of each channel of the training samples (of bytes, after
/// division by 255): in f64, ascending. Errors: a channel that is constant.
llvm::Error setNormalisation(Preprocess &preprocess, const DataSet &data);

/// Errors: samples without height and width, a crop that is negative or larger
/// than the sample.
llvm::Error checkPreprocess(const Preprocess &preprocess, const DataSet &data);

/// As gather of DataSet.h, then this, to the first input. `epoch` unset: no
/// crop, no flip.
void gather(const Samples &samples, llvm::ArrayRef<uint32_t> indices,
            const Preprocess &preprocess, std::optional<uint64_t> epoch,
            llvm::MutableArrayRef<Tensor> inputs, Tensor &labels);

} // namespace mlir::prec

#endif // PREC_EXECUTION_PREPROCESS_H
