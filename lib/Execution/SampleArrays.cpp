// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arrays as samples and labels: what they must agree in, and .npz files.
#include "DataSetFiles.h"

#include "prec/Execution/Npz.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"
#include <cstring>
#include <limits>
#include <utility>

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

/// An input's samples, of which y has as many.
static Expected<Tensor> checkInput(Tensor x, StringRef xName, const Tensor &y,
                                   StringRef yName) {
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
  int64_t images = x.rank() ? x.shape()[0] : 0;
  int64_t labelled = y.rank() ? y.shape()[0] : 0;
  if (x.rank() < 2 || images != labelled)
    return createStringError("found samples as " + describe(x) + " in '" +
                             xName + "', but labels for " + Twine(labelled) +
                             " in '" + yName + "'");
  if (images == 0 || x.size() == 0)
    return createStringError("'" + xName + "': found no samples");
  return x;
}

Error mlir::prec::setSamples(Samples &samples, Tensor x, Tensor y,
                             int64_t &classes, StringRef xName, StringRef yName,
                             std::optional<int64_t> ignored) {
  Expected<Tensor> usable = checkInput(std::move(x), xName, y, yName);
  if (!usable)
    return usable.takeError();
  samples.x = std::move(*usable);
  bool isValues = y.dtype() == DType::F32 || y.dtype() == DType::F64;
  if (y.rank() == 0 || (isFloat(y.dtype()) && !isValues) ||
      y.dtype() == DType::I1)
    return createStringError("'" + yName + "': found labels as " + describe(y) +
                             ", expected integers, or f32 or f64 for values to "
                             "fit, one or more for each sample");
  if (y.size() == 0)
    return createStringError("'" + yName + "': found no samples");
  if (isValues) {
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
  samples.y = std::move(labels);
  return Error::success();
}

/// Takes "NAME_train" or "NAME", or "NAME_test", out of a file's arrays.
static std::optional<Tensor> take(std::vector<NamedTensor> &arrays,
                                  StringRef name, StringRef ending) {
  for (bool isBare : {false, true}) {
    if (isBare && ending != "_train")
      break;
    auto found = llvm::find_if(arrays, [&](const NamedTensor &array) {
      return array.name == (isBare ? name : name.str() + ending.str());
    });
    if (found == arrays.end())
      continue;
    Tensor tensor = std::move(found->tensor);
    arrays.erase(found);
    return std::optional<Tensor>(std::move(tensor));
  }
  return std::nullopt;
}

Expected<DataSet> mlir::prec::loadNpz(StringRef path,
                                      std::optional<int64_t> ignored) {
  Expected<std::vector<NamedTensor>> arrays = readNpz(path);
  if (!arrays)
    return arrays.takeError();
  std::string found = llvm::join(
      llvm::map_range(*arrays, [](const NamedTensor &a) { return a.name; }),
      ", ");
  std::optional<Tensor> x = take(*arrays, "x", "_train");
  std::optional<Tensor> y = take(*arrays, "y", "_train");
  std::optional<Tensor> testX = take(*arrays, "x", "_test");
  std::optional<Tensor> testY = take(*arrays, "y", "_test");
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
  set.more = std::move(*arrays);
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

Error mlir::prec::takeInputs(DataSet &set, llvm::ArrayRef<StringRef> names) {
  std::vector<NamedTensor> arrays = std::exchange(set.more, {});
  for (StringRef name : names)
    for (auto [samples, ending] :
         {std::pair(&set.training, "_train"), std::pair(&set.test, "_test")}) {
      if (samples->count() == 0)
        continue;
      std::string wanted = name.str() + ending;
      std::optional<Tensor> array = take(arrays, name, ending);
      if (!array)
        return createStringError("the model has an input '" + name +
                                 "' beside x; expected an array " + wanted +
                                 " in the data set " + set.name);
      Expected<Tensor> usable =
          checkInput(std::move(*array), wanted, samples->y, "y");
      if (!usable)
        return usable.takeError();
      samples->others.push_back(std::move(*usable));
    }
  return Error::success();
}
