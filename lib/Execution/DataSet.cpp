// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where each data set lies and what its files must agree in.
#include "prec/Execution/DataSet.h"
#include "DataSetFiles.h"

#include "prec/Execution/Idx.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>
#include <limits>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

std::string mlir::prec::fileIn(StringRef folder, StringRef name) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  if (!llvm::sys::fs::exists(path) && llvm::sys::fs::exists(path + ".gz"))
    path += ".gz";
  return path.str().str();
}

static Error loadIdxPair(Samples &samples, int64_t &classes, StringRef folder,
                         StringRef kind) {
  std::string xName = fileIn(folder, kind.str() + "-images-idx3-ubyte");
  std::string yName = fileIn(folder, kind.str() + "-labels-idx1-ubyte");
  Expected<Tensor> x = readIdx(xName);
  if (!x)
    return x.takeError();
  if (x->dtype() != DType::U8 || x->rank() != 3 || x->shape()[1] != 28 ||
      x->shape()[2] != 28)
    return createStringError("'" + xName + "': found " + describe(*x) +
                             ", expected tensor<?x28x28xu8>");
  Expected<Tensor> y = readIdx(yName);
  if (!y)
    return y.takeError();
  if (y->rank() != 1)
    return createStringError("'" + yName + "': found labels as " +
                             describe(*y) + ", expected one dimension");
  return setSamples(samples, std::move(*x), std::move(*y), classes, xName,
                    yName);
}

Expected<DataSet> mlir::prec::loadDataSet(const DataRequest &request) {
  StringRef name = request.name, folder = request.folder;
  if (name.ends_with(".npz"))
    return loadNpz(name, request.ignoredLabel);
  if (request.isText())
    return loadText(name, request.tokens, request.labels);
  if (name == "cifar-10" || name == "cifar-100")
    return loadCifar(folder, name == "cifar-100");
  bool fashion = name == "fashion-mnist";
  if (!fashion && name != "mnist")
    return createStringError("unknown data set '" + name +
                             "', expected fashion-mnist, mnist, cifar-10, "
                             "cifar-100 or a file NAME.npz or NAME.txt");
  if (folder.empty() && !fashion)
    return createStringError("the data set mnist has no default place; give "
                             "--data-dir=DIR with train-images-idx3-ubyte[.gz] "
                             "and its three siblings");
  if (folder.empty()) {
    folder = kFashionMnistFolder;
    if (!llvm::sys::fs::is_directory(folder))
      return createStringError(
          "the data set fashion-mnist is not in '" + folder +
          "'; install Debian's package dataset-fashion-mnist or give "
          "--data-dir=DIR");
  }
  if (!llvm::sys::fs::is_directory(folder))
    return createStringError("cannot read '" + folder +
                             "': expected a folder with "
                             "train-images-idx3-ubyte[.gz] and its siblings");
  DataSet set;
  set.name = name.str();
  set.classes = 10;
  if (Error error = loadIdxPair(set.training, set.classes, folder, "train"))
    return error;
  if (Error error = loadIdxPair(set.test, set.classes, folder, "t10k"))
    return error;
  return set;
}

template <typename To, typename From>
static void gatherRows(const Tensor &x, int64_t size,
                       llvm::ArrayRef<uint32_t> indices, Tensor &batch) {
  const From *from = x.span<From>().data();
  To *to = batch.span<To>().data();
  for (uint32_t index : indices) {
    const From *sample = from + int64_t(index) * size;
    for (int64_t k = 0; k < size; ++k) {
      if constexpr (std::is_same_v<From, uint8_t> &&
                    std::is_floating_point_v<To>)
        to[k] = To(sample[k]) / To(255);
      else
        to[k] = To(sample[k]);
    }
    to += size;
  }
}

static void gatherRows(const Tensor &from, int64_t size,
                       llvm::ArrayRef<uint32_t> indices, Tensor &to) {
  auto dispatch = [&](auto element) {
    using To = decltype(element);
    if (from.dtype() == DType::U8)
      gatherRows<To, uint8_t>(from, size, indices, to);
    else if (from.dtype() == DType::I32)
      gatherRows<To, int32_t>(from, size, indices, to);
    else if constexpr (std::is_integral_v<To>)
      llvm_unreachable("the trainer checks that tokens are integers");
    else if (from.dtype() == DType::F32)
      gatherRows<To, float>(from, size, indices, to);
    else
      gatherRows<To, double>(from, size, indices, to);
  };
  if (to.dtype() == DType::F64)
    dispatch(double());
  else if (to.dtype() == DType::I32)
    dispatch(int32_t());
  else if (to.dtype() == DType::I64)
    dispatch(int64_t());
  else
    dispatch(float());
}

void mlir::prec::gather(const Samples &samples,
                        llvm::ArrayRef<uint32_t> indices,
                        llvm::MutableArrayRef<Tensor> inputs, Tensor &labels) {
  auto take = [&](const Tensor &x, Tensor &batch) {
    int64_t size = samples.count() ? x.size() / samples.count() : 0;
    assert(batch.size() >= int64_t(indices.size()) * size && "batch too small");
    gatherRows(x, size, indices, batch);
  };
  take(samples.x, inputs[0]);
  for (auto [x, batch] : llvm::zip_equal(samples.others, inputs.drop_front()))
    take(x, batch);
  gatherRows(samples.y, samples.labelSize(), indices, labels);
}
