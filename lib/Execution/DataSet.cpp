// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where each data set lies and what its files must agree in.
#include "prec/Execution/DataSet.h"
#include "DataSetFiles.h"

#include "prec/Execution/Idx.h"
#include "prec/Execution/Npz.h"
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

/// Token numbers as NumPy has them, in 32 bits.
static Expected<Tensor> narrowTokens(const Tensor &x, StringRef name) {
  Tensor narrow(DType::I32, x.shape());
  for (auto [from, to] :
       llvm::zip_equal(x.span<int64_t>(), narrow.span<int32_t>())) {
    if (from < std::numeric_limits<int32_t>::min() ||
        from > std::numeric_limits<int32_t>::max())
      return createStringError("'" + name + "': found " + Twine(from) +
                               ", expected numbers of 32 bits");
    to = int32_t(from);
  }
  return narrow;
}

/// An element of a tensor of integers; what is larger is the largest of 64
/// bits.
static int64_t integerAt(const Tensor &tensor, int64_t i) {
  uint64_t bits = 0;
  size_t width = byteWidth(tensor.dtype());
  std::memcpy(&bits, tensor.bytes().data() + size_t(i) * width, width);
  constexpr int64_t largest = std::numeric_limits<int64_t>::max();
  if (llvm::is_contained({DType::U8, DType::U16, DType::U32, DType::U64},
                         tensor.dtype()))
    return int64_t(std::min<uint64_t>(bits, largest));
  unsigned unused = unsigned(64 - 8 * width);
  return int64_t(bits << unused) >> unused;
}

/// Checks x and y of one kind against each other and converts the labels.
/// `classes` 0: any label is allowed, and it grows to what is found.
static Error setSamples(Samples &samples, Tensor x, Tensor y, int64_t &classes,
                        StringRef xName, StringRef yName,
                        std::optional<int64_t> ignored = std::nullopt) {
  if (x.dtype() == DType::I64) {
    Expected<Tensor> tokens = narrowTokens(x, xName);
    if (!tokens)
      return tokens.takeError();
    x = std::move(*tokens);
  }
  if (x.dtype() != DType::U8 && x.dtype() != DType::I32 &&
      x.dtype() != DType::F32 && x.dtype() != DType::F64)
    return createStringError("'" + xName + "': found samples of type " +
                             toString(x.dtype()) +
                             ", expected u8, i32, i64, f32 or f64");
  bool isValues = y.dtype() == DType::F32 || y.dtype() == DType::F64;
  if (y.rank() == 0 || (isFloat(y.dtype()) && !isValues) ||
      y.dtype() == DType::I1)
    return createStringError("'" + yName + "': found labels as " + describe(y) +
                             ", expected integers, or f32 or f64 for values to "
                             "fit, one or more for each sample");
  int64_t images = x.rank() ? x.shape()[0] : 0, labelled = y.shape()[0];
  if (x.rank() < 2 || images != labelled)
    return createStringError("found samples as " + describe(x) + " in '" +
                             xName + "', but labels for " + Twine(labelled) +
                             " in '" + yName + "'");
  if (images == 0 || x.size() == 0 || y.size() == 0)
    return createStringError("'" + xName + "': found no samples");
  if (isValues) {
    samples.x = std::move(x);
    samples.y = std::move(y);
    return Error::success();
  }
  bool fixed = classes != 0, counts = false;
  Tensor labels(DType::I32, y.shape());
  for (int64_t i = 0; i < y.size(); ++i) {
    int64_t label = integerAt(y, i), limit = fixed ? classes : 1 << 30;
    labels.span<int32_t>()[i] = int32_t(label);
    if (label == ignored)
      continue;
    if (label < 0 || label >= limit)
      return createStringError("'" + yName + "': label " + Twine(i) + " is " +
                               Twine(label) + ", expected 0 to " +
                               Twine(limit - 1) +
                               " (--ignore-label says which stands for none)");
    counts = true;
    if (!fixed)
      classes = std::max(classes, label + 1);
  }
  if (!counts)
    return createStringError("'" + yName + "': found only labels " +
                             Twine(*ignored) + ", which stand for none");
  samples.x = std::move(x);
  samples.y = std::move(labels);
  return Error::success();
}

static Expected<DataSet> loadNpz(StringRef path,
                                 std::optional<int64_t> ignored) {
  Expected<std::vector<NamedTensor>> arrays = readNpz(path);
  if (!arrays)
    return arrays.takeError();
  std::string found;
  auto take = [&](StringRef name, StringRef other = "") -> Tensor * {
    for (NamedTensor &array : *arrays)
      if (array.name == name || (!other.empty() && array.name == other))
        return &array.tensor;
    return nullptr;
  };
  for (NamedTensor &array : *arrays)
    found += (found.empty() ? "" : ", ") + array.name;
  Tensor *x = take("x_train", "x"), *y = take("y_train", "y");
  Tensor *testX = take("x_test"), *testY = take("y_test");
  if (!x || !y || !testX != !testY)
    return createStringError("'" + path + "': found the arrays " + found +
                             ", expected x_train, y_train, x_test, y_test");
  DataSet set;
  set.name = llvm::sys::path::stem(path).str();
  std::string name = path.str() + ":";
  if (Error error =
          setSamples(set.training, std::move(*x), std::move(*y), set.classes,
                     name + "x_train", name + "y_train", ignored))
    return error;
  if (!testX)
    return set;
  if (isFloat(testY->dtype()) != set.hasValues())
    return createStringError("'" + path + "': found y_test as " +
                             describe(*testY) + ", but y_train as " +
                             describe(set.training.y) +
                             "; expected labels in both, or values in both");
  if (Error error =
          setSamples(set.test, std::move(*testX), std::move(*testY),
                     set.classes, name + "x_test", name + "y_test", ignored))
    return error;
  if (set.test.sampleSize() != set.training.sampleSize())
    return createStringError("'" + path + "': found test samples of " +
                             Twine(set.test.sampleSize()) +
                             " elements, but training samples of " +
                             Twine(set.training.sampleSize()));
  if (set.test.labelSize() != set.training.labelSize())
    return createStringError(
        "'" + path + "': found test samples of " + Twine(set.test.labelSize()) +
        " labels, but training samples of " + Twine(set.training.labelSize()));
  return set;
}

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
                        llvm::ArrayRef<uint32_t> indices, Tensor &batch,
                        Tensor &labels) {
  assert(batch.size() >= int64_t(indices.size()) * samples.sampleSize() &&
         "batch too small");
  gatherRows(samples.x, samples.sampleSize(), indices, batch);
  gatherRows(samples.y, samples.labelSize(), indices, labels);
}
