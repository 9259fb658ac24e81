// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding of NumPy arrays, in place of the array and without copies.
#include "Bindings.h"
#include "prec/Numerics/Describe.h"
#include "prec/Numerics/RoundArray.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <stdexcept>

namespace nb = nanobind;
using namespace mlir::prec;

namespace {
template <class T>
using Input = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <class T> using Output = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

template <class T> Format formatFor(const std::string &text) {
  std::string error;
  std::optional<Format> format = Format::parse(text, &error);
  if (format && format->isRuntime())
    error = "format '" + text + "' has a width '?', expected a number";
  else if (format)
    error = format->whyNotIn(sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);
  if (!error.empty())
    throw std::invalid_argument(error);
  return *format;
}

RoundingMode modeFor(const std::string &text) {
  std::string error;
  std::optional<RoundingMode> mode = RoundingMode::parse(text, &error);
  if (mode && mode->isRuntime)
    error = "rounding mode '" + text + "' has a '?', expected a number";
  if (!error.empty())
    throw std::invalid_argument(error);
  return *mode;
}

template <class T> std::span<const T> elements(const Input<T> &array) {
  return {array.data(), array.size()};
}

template <class T>
RoundArray::Extents extentsOf(const Format &format, const Input<T> &array) {
  std::vector<int64_t> shape;
  for (size_t i = 0; i < array.ndim(); ++i)
    shape.push_back(int64_t(array.shape(i)));
  std::optional<RoundArray::Extents> extents =
      RoundArray::extentsOf(format, shape);
  if (!extents)
    throw std::invalid_argument(
        "format '" + format.str() + "' has an axis that an array of " +
        std::to_string(array.ndim()) + " dimensions lacks");
  return *extents;
}

template <class T>
void roundInto(Input<T> in, Output<T> out, const std::string &format,
               const std::string &rounding, uint32_t seed, uint32_t step) {
  if (in.size() != out.size())
    throw std::invalid_argument("input and output differ in size");
  const Format parsed = formatFor<T>(format);
  const auto [axis, inner] = extentsOf<T>(parsed, in);
  RoundArray round(parsed, modeFor(rounding), seed, step);
  nb::gil_scoped_release release;
  round(elements(in), std::span<T>(out.data(), out.size()), axis, inner);
}

template <class T>
void encodeInto(Input<T> in, Output<uint64_t> codes, const std::string &format,
                const std::string &rounding, uint32_t seed, uint32_t step) {
  if (in.size() != codes.size())
    throw std::invalid_argument("input and output differ in size");
  const Format parsed = formatFor<T>(format);
  if (parsed.axis != Format::none)
    throw std::invalid_argument("codes are along the last axis, found '" +
                                format + "'");
  const auto [axis, inner] = extentsOf<T>(parsed, in);
  RoundArray round(parsed, modeFor(rounding), seed, step);
  nb::gil_scoped_release release;
  RoundArray::Encoded encoded = round.encoded(elements(in), axis);
  std::copy(encoded.codes.begin(), encoded.codes.end(), codes.data());
}
} // namespace

void mlir::prec::python::bindNumerics(nb::module_ &module) {
  using namespace nb::literals;
  auto bind = [&]<class T>(T) {
    module.def("round_into", &roundInto<T>, "array"_a.noconvert(),
               "out"_a.noconvert(), "format"_a, "rounding"_a, "seed"_a,
               "step"_a);
    module.def("encode_into", &encodeInto<T>, "array"_a.noconvert(),
               "codes"_a.noconvert(), "format"_a, "rounding"_a, "seed"_a,
               "step"_a);
  };
  bind(float());
  bind(double());
  module.def("code_bytes", [](const std::string &format, bool isDouble) {
    Format parsed =
        isDouble ? formatFor<double>(format) : formatFor<float>(format);
    return bytesOfCode(parsed, isDouble ? Carrier::F64 : Carrier::F32);
  });
  module.def("describe_format", [](const std::string &text) {
    std::string error;
    std::optional<Format> format = Format::parse(text, &error);
    if (!format)
      throw std::invalid_argument(error);
    return describeFormat(*format);
  });
  module.def("list_formats", &listFormats);
}
