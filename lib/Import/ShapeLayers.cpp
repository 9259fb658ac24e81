// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layers that rearrange, join or condense what they are given.
#include "LayerBuilder.h"
#include "Layers.h"

using namespace mlir;
using namespace mlir::prec;

static int64_t elements(ArrayRef<int64_t> sizes) {
  return llvm::product_of(sizes);
}

const LayerType mlir::prec::flattenLayer = {
    "flatten",
    "each sample as a vector, last dimension fastest",
    {},
    {},
    1,
    1,
    [](LayerChecker &c) { c.output({elements(c.input())}); },
    [](LayerBuilder &b) { return b.reshape(b.input(), b.layer.output.sizes); }};

static void checkReshape(LayerChecker &c) {
  Sizes sizes = c.layer.sizes("sizes");
  int64_t have = elements(c.input()), product = 1, *open = nullptr;
  for (int64_t &size : sizes) {
    if (size == 0 || (size < 0 && open))
      return c.fail("expected positive sizes, one of them at most -1, found " +
                        str(c.layer.sizes("sizes")),
                    "sizes");
    if (size < 0) {
      open = &size;
      continue;
    }
    product *= size;
    if (product > maxElements)
      break;
  }
  if (open && product <= have && have % product == 0)
    *open = have / product;
  if (product > maxElements || elements(sizes) != have)
    return c.fail("sizes " + str(c.layer.sizes("sizes")) + " do not hold the " +
                      Twine(have) + " elements of " + c.describeInput(),
                  "sizes");
  c.output(sizes);
}

static constexpr OptionSpec reshapeOptions[] = {
    {.key = "sizes",
     .meaning = "sizes of a sample; -1 once, for what is left",
     .kind = OptionSpec::Kind::List,
     .isRequired = true,
     .low = -1}};

const LayerType mlir::prec::reshapeLayer = {
    "reshape",
    "the same elements with other sizes",
    reshapeOptions,
    {},
    1,
    1,
    checkReshape,
    [](LayerBuilder &b) { return b.reshape(b.input(), b.layer.output.sizes); }};

static void checkTranspose(LayerChecker &c) {
  Sizes order = c.layer.sizes("order"), sizes;
  if (!std::is_permutation(order.begin(), order.end(),
                           llvm::seq<int64_t>(0, c.input().size()).begin(),
                           llvm::seq<int64_t>(0, c.input().size()).end()))
    return c.fail("expected each of the " + Twine(c.input().size()) +
                      " dimensions of " + c.describeInput() + " once, from 0",
                  "order");
  for (int64_t dimension : order)
    sizes.push_back(c.input()[dimension]);
  c.output(sizes);
}

static Value buildTranspose(LayerBuilder &b) {
  SmallVector<int64_t> order = {0};
  for (int64_t dimension : b.layer.sizes("order"))
    order.push_back(dimension + 1);
  return b.transpose(b.input(), order);
}

static constexpr OptionSpec transposeOptions[] = {
    {.key = "order",
     .meaning = "the sample's dimensions in their new order, from 0",
     .kind = OptionSpec::Kind::List,
     .isRequired = true,
     .low = 0}};

const LayerType mlir::prec::transposeLayer = {"transpose",
                                              "dimensions in another order",
                                              transposeOptions,
                                              {},
                                              1,
                                              1,
                                              checkTranspose,
                                              buildTranspose};

static void checkEqual(LayerChecker &c) {
  for (unsigned i = 1; i < c.numInputs(); ++i)
    if (c.input(i) != c.input())
      return c.fail("expected inputs of the same sizes, found " +
                        c.describeInput() + " and " + c.describeInput(i),
                    "inputs");
  c.output(Sizes(c.input()));
}

template <typename Op> static Value combine(LayerBuilder &b) {
  Value result = b.input();
  for (Value next : llvm::drop_begin(b.inputs))
    result = b.map({result, next},
                   [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                     return Op::create(n, in[0], in[1]);
                   });
  return result;
}

static constexpr unsigned anyNumber = 64;

const LayerType mlir::prec::addLayer = {
    "add",      "the sum of its inputs, from the first",
    {},         {},
    2,          anyNumber,
    checkEqual, combine<arith::AddFOp>};

const LayerType mlir::prec::multiplyLayer = {
    "multiply", "the product of its inputs, element by element",
    {},         {},
    2,          anyNumber,
    checkEqual, combine<arith::MulFOp>};

static void checkConcat(LayerChecker &c) {
  size_t axis = c.layer.count("axis");
  Sizes sizes(c.input());
  if (axis >= sizes.size())
    return c.fail("expected an axis below " + Twine(sizes.size()) +
                      ", the dimensions of " + c.describeInput(),
                  "axis");
  for (unsigned i = 1; i < c.numInputs(); ++i) {
    Sizes other(c.input(i));
    bool fits = other.size() == sizes.size();
    if (fits) {
      sizes[axis] += std::exchange(other[axis], 0);
      for (size_t d = 0; d < sizes.size(); ++d)
        fits &= d == axis || sizes[d] == other[d];
    }
    if (!fits)
      return c.fail("expected inputs that differ along axis " + Twine(axis) +
                        " only, found " + c.describeInput() + " and " +
                        c.describeInput(i),
                    "inputs");
  }
  c.output(sizes);
}

/// Insertion into an empty tensor, which every later pass knows.
static Value buildConcat(LayerBuilder &b) {
  int64_t axis = b.layer.count("axis") + 1, offset = 0;
  Value result = b.empty(b.samples(b.layer.output.sizes));
  for (Value part : b.inputs) {
    int64_t size = cast<RankedTensorType>(part.getType()).getDimSize(axis);
    result = b.insert(part, result, axis, b.getIndexAttr(offset));
    offset += size;
  }
  return result;
}

static constexpr OptionSpec concatOptions[] = {
    {.key = "axis",
     .meaning = "the sample's dimension along which inputs follow each other",
     .fallback = 0,
     .low = 0,
     .high = 7}};

const LayerType mlir::prec::concatLayer = {"concat",
                                           "its inputs one after the other",
                                           concatOptions,
                                           {},
                                           2,
                                           anyNumber,
                                           checkConcat,
                                           buildConcat};

static void checkAxis(LayerChecker &c) {
  Sizes sizes(c.input());
  size_t axis = c.layer.count("axis");
  if (axis >= sizes.size())
    return c.fail("expected an axis below " + Twine(sizes.size()) +
                      ", the dimensions of " + c.describeInput(),
                  "axis");
  sizes.erase(sizes.begin() + axis);
  c.output(sizes);
}

static constexpr OptionSpec axisOptions[] = {
    {.key = "axis",
     .meaning = "the sample's dimension that goes",
     .fallback = 0,
     .low = 0,
     .high = 7}};

const LayerType mlir::prec::meanLayer = {
    "mean",
    "the mean along one dimension",
    axisOptions,
    {},
    1,
    1,
    checkAxis,
    [](LayerBuilder &b) {
      return b.mean(b.input(), {b.layer.count("axis") + 1});
    }};

const LayerType mlir::prec::lastLayer = {
    "last",
    "the last element along one dimension, such as the last step",
    axisOptions,
    {},
    1,
    1,
    checkAxis,
    [](LayerBuilder &b) {
      int64_t axis = b.layer.count("axis") + 1;
      auto type = cast<RankedTensorType>(b.input().getType());
      return b.element(b.input(), axis,
                       b.getIndexAttr(type.getDimSize(axis) - 1));
    }};
