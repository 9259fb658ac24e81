// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Labelled samples, or samples with values to fit, to train on and to test
// with.
//
// `loadDataSet(name, folder)` knows
//   fashion-mnist   from Debian's package dataset-fashion-mnist, or from a
//   folder
//   mnist           from a folder
//   cifar-10        from a folder with data_batch_1.bin, ..., data_batch_5.bin,
//                   test_batch.bin: records of a label and 3 x 32 x 32 bytes
//   cifar-100       from a folder with train.bin, test.bin: a coarse label and
//                   the fine one, which counts, before the image
//   NAME.npz        arrays x_train, y_train, x_test, y_test (the last two may
//   be
//                   absent; x and y are taken for the first two); integers y
//                   are labels, floats are values; a model's inputs behind
//                   the first are arrays of their names
//   NAME.txt        any text: samples of as many bytes as the model takes
//   tokens,
//                   each with the byte that follows, or with what follows each
//                   of its bytes; the last tenth is the test set
// MNIST's folder holds train-images-idx3-ubyte, train-labels-idx1-ubyte,
// t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each plain or with .gz.
//
// Errors: a file that is missing or wrong (Idx.h, Npz.h), images and labels of
// different number, a label out of range, a set without images or without a
// label that counts.
#ifndef PREC_EXECUTION_DATASET_H
#define PREC_EXECUTION_DATASET_H

#include "prec/Execution/Npz.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>

namespace mlir::prec {

/// Samples of one kind: x has one sample per first index and is u8, i32
/// (tokens), f32 or f64; y has one or more labels per sample (sizes after the
/// first), i32 or u8, or values to fit, f32 or f64.
struct Samples {
  Tensor x = Tensor(DType::U8, {0});
  /// Of a model's inputs behind x, in their order.
  std::vector<Tensor> others = {};
  Tensor y = Tensor(DType::I32, {0});

  int64_t count() const { return y.shape()[0]; }
  /// Elements of one sample.
  int64_t sampleSize() const { return count() ? x.size() / count() : 0; }
  /// Labels or values of one sample.
  int64_t labelSize() const { return count() ? y.size() / count() : 1; }
};

/// What messages say to those who stored labels as floats.
inline constexpr llvm::StringLiteral kValuesAreFloats =
    " (floats are values to fit, labels are integers)";

struct DataSet {
  std::string name;
  int64_t classes = 0; ///< labels are 0 .. classes-1; 0: values
  Samples training, test;
  /// Arrays of a file that may be further inputs (takeInputs).
  std::vector<NamedTensor> more;

  bool hasValues() const { return isFloat(training.y.dtype()); }
};

/// The folder of Debian's package.
inline constexpr llvm::StringLiteral kFashionMnistFolder =
    "/usr/share/datasets/fashion-mnist";

/// Which data set, and what the model makes of it.
struct DataRequest {
  std::string name;
  std::string folder = ""; ///< empty where the set has a default
  /// What a sample of a text has, 0 if the model takes none, and 1 or `tokens`.
  int64_t tokens = 0, labels = 1;
  /// A label that stands for none and is in no class (PyTorch's ignore_index).
  std::optional<int64_t> ignoredLabel = std::nullopt;

  /// Whether `tokens` and `labels` decide what the samples are.
  bool isText() const { return llvm::StringRef(name).ends_with(".txt"); }
};

llvm::Expected<DataSet> loadDataSet(const DataRequest &request);

/// Gives a model's inputs behind x, by name, their samples: arrays NAME_train
/// and NAME_test of a .npz, or NAME. Errors: there is none, or not one row for
/// each label.
llvm::Error takeInputs(DataSet &set, llvm::ArrayRef<llvm::StringRef> names);

/// Writes the samples with these indices into the inputs of a batch, f32 or f64
/// tensors of indices.size() samples, and their labels (i32) or values (f32 or
/// f64) into
/// `labels`. u8 pixels are
/// divided by 255 in the batch's type, as NumPy's astype(...) / 255 does;
/// floating-point samples are converted. A batch of i32 takes integers as they
/// are. What `batch` holds beyond the indices
/// is left alone.
void gather(const Samples &samples, llvm::ArrayRef<uint32_t> indices,
            llvm::MutableArrayRef<Tensor> inputs, Tensor &labels);

} // namespace mlir::prec

#endif // PREC_EXECUTION_DATASET_H
