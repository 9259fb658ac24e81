// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CIFAR-10 and CIFAR-100 in their binary versions (Krizhevsky 2009).
#include "DataSetFiles.h"
#include "prec/Execution/Files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static constexpr size_t pixels = 3 * 32 * 32;

/// Appends the records of one file.
static Error addFile(StringRef path, bool isHundred, std::vector<uint8_t> &x,
                     std::vector<int32_t> &y) {
  Expected<std::vector<uint8_t>> read = readFile(path);
  if (!read)
    return read.takeError();
  std::vector<uint8_t> bytes = std::move(*read);
  if (isGzip(bytes)) {
    Expected<std::vector<uint8_t>> plain = gunzip(bytes, path);
    if (!plain)
      return plain.takeError();
    bytes = std::move(*plain);
  }
  // CIFAR-100 has a coarse label before the fine one.
  size_t labels = isHundred ? 2 : 1, record = labels + pixels;
  if (bytes.empty() || bytes.size() % record)
    return createStringError("'" + path + "': found " + Twine(bytes.size()) +
                             " bytes, expected a multiple of " + Twine(record) +
                             ", " + Twine(labels) + " for the label" +
                             (isHundred ? "s" : "") +
                             " and 3072 for the image");
  int32_t classes = isHundred ? 100 : 10;
  for (size_t at = 0; at < bytes.size(); at += record) {
    int32_t label = bytes[at + labels - 1];
    if (label >= classes)
      return createStringError("'" + path + "': label " + Twine(at / record) +
                               " is " + Twine(label) + ", expected 0 to " +
                               Twine(classes - 1));
    y.push_back(label);
    auto image = bytes.begin() + ptrdiff_t(at + labels);
    x.insert(x.end(), image, image + pixels);
  }
  return Error::success();
}

Expected<DataSet> mlir::prec::loadCifar(StringRef folder, bool isHundred) {
  llvm::SmallVector<StringRef> training, test;
  if (isHundred) {
    training = {"train.bin"};
    test = {"test.bin"};
  } else {
    training = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                "data_batch_4.bin", "data_batch_5.bin"};
    test = {"test_batch.bin"};
  }
  DataSet set;
  set.name = isHundred ? "cifar-100" : "cifar-10";
  set.classes = isHundred ? 100 : 10;
  if (folder.empty())
    return createStringError(
        "the data set " + set.name +
        " has no default place; give --data-dir=DIR with " + training[0] +
        "[.gz], ... and " + test[0]);
  if (!llvm::sys::fs::is_directory(folder))
    return createStringError("cannot read '" + folder +
                             "': expected a folder with " + training[0] +
                             "[.gz], ... and " + test[0]);
  struct Part {
    llvm::ArrayRef<StringRef> files;
    Samples &samples;
  };
  for (Part part : {Part{training, set.training}, Part{test, set.test}}) {
    std::vector<uint8_t> x;
    std::vector<int32_t> y;
    for (StringRef name : part.files)
      if (Error error = addFile(fileIn(folder, name), isHundred, x, y))
        return error;
    part.samples.x = Tensor(DType::U8, {int64_t(y.size()), 3, 32, 32});
    std::copy(x.begin(), x.end(), part.samples.x.bytes().begin());
    part.samples.y = Tensor::of<int32_t>({int64_t(y.size())}, y);
  }
  return set;
}
