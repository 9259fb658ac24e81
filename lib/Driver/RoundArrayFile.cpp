// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The policy's answer for one array, and the array rounded so.
#include "prec/Driver/RoundArrayFile.h"
#include "prec/Execution/Npy.h"
#include "prec/Numerics/RoundArray.h"

using namespace mlir::prec;

/// What the policy says of the argument of @round, which returns it.
static std::optional<Action> actionFor(const Policy &policy) {
  SiteView site;
  site.function = "round";
  site.phase = "forward";
  site.role = "input";
  site.op = "func.return";
  site.opClass = "other";
  std::optional<size_t> rule = policy.match(site);
  if (!rule || policy.rules[*rule].action.keep)
    return std::nullopt;
  return policy.rules[*rule].action;
}

template <class T> static std::span<const T> elementsOf(const Tensor &tensor) {
  llvm::ArrayRef<T> span = tensor.span<T>();
  return {span.data(), span.size()};
}

/// Codes as a tensor of the smallest unsigned integers.
static Tensor codeTensor(llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<uint64_t> codes, unsigned bytes) {
  DType dtype = bytes == 1   ? DType::U8
                : bytes == 2 ? DType::U16
                : bytes == 4 ? DType::U32
                             : DType::U64;
  Tensor tensor(dtype, shape);
  for (auto [i, code] : llvm::enumerate(codes))
    switch (bytes) {
    case 1:
      tensor.span<uint8_t>()[i] = static_cast<uint8_t>(code);
      break;
    case 2:
      tensor.span<uint16_t>()[i] = static_cast<uint16_t>(code);
      break;
    case 4:
      tensor.span<uint32_t>()[i] = static_cast<uint32_t>(code);
      break;
    default:
      tensor.span<uint64_t>()[i] = code;
    }
  return tensor;
}

template <class T>
static llvm::Error roundTensor(const RoundArrayOptions &options,
                               const RoundArray &round, const Format &format,
                               Tensor array) {
  std::optional<RoundArray::Extents> extents = RoundArray::extentsOf(
      format, {array.shape().data(), array.shape().size()});
  if (!extents)
    return llvm::createStringError(
        "'%s' has %zu dimensions, which lack the axis of %s",
        options.input.c_str(), array.shape().size(), format.str().c_str());
  std::span<const T> in = elementsOf<T>(array);
  if (!options.encode) {
    std::span<T> out(array.span<T>().data(), in.size());
    round(in, out, extents->axis, extents->inner);
    return writeNpy(options.output, array);
  }
  RoundArray::Encoded encoded = round.encoded(in, extents->axis);
  Carrier carrier = sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
  if (!options.scales.empty()) {
    Tensor scales(DType::F64, {int64_t(encoded.scales.size())});
    std::copy(encoded.scales.begin(), encoded.scales.end(),
              scales.span<double>().begin());
    if (llvm::Error error = writeNpy(options.scales, scales))
      return error;
  }
  return writeNpy(options.output, codeTensor(array.shape(), encoded.codes,
                                             bytesOfCode(format, carrier)));
}

llvm::Error mlir::prec::roundArrayFile(const RoundArrayOptions &options) {
  llvm::Expected<Tensor> array = readNpy(options.input);
  if (!array)
    return array.takeError();
  DType dtype = array->dtype();
  if (dtype != DType::F32 && dtype != DType::F64)
    return llvm::createStringError(
        "'%s' has dtype %s; --round-array rounds f32 and f64",
        options.input.c_str(), toString(dtype).str().c_str());
  std::optional<Action> action = actionFor(options.policy);
  if (!action) {
    if (options.encode)
      return llvm::createStringError(
          "--encode needs a format, but the policy keeps the array");
    return writeNpy(options.output, *array);
  }
  Carrier carrier = dtype == DType::F32 ? Carrier::F32 : Carrier::F64;
  if (std::string why = options.policy.whyNotIn(*action, carrier); !why.empty())
    return llvm::createStringError("'%s': %s", options.input.c_str(),
                                   why.c_str());
  if (options.encode && action->format.axis != Format::none)
    return llvm::createStringError(
        "--encode writes scales along the last axis, found '%s'",
        action->format.str().c_str());
  if (options.encode && action->format.isRuntime())
    return llvm::createStringError(
        "--encode needs a format whose widths are known, found '%s'",
        action->format.str().c_str());
  std::vector<uint32_t> runtime;
  auto names = llvm::ArrayRef<std::string>(action->parameters)
                   .take_front(action->format.numRuntimeParameters() +
                               action->mode.numRuntimeParameters());
  for (auto [name, number] : llvm::zip(names, action->runtimeNumbers())) {
    const Schedule &schedule = options.policy.parameter(name)->schedule;
    if (!number.isReal) {
      runtime.push_back(uint32_t(schedule.at(options.step)));
      continue;
    }
    auto bits = llvm::bit_cast<uint64_t>(schedule.realAt(options.step));
    runtime.insert(runtime.end(), {uint32_t(bits >> 32), uint32_t(bits)});
  }
  RoundArray round(action->format, action->mode, options.policy.seed,
                   options.step, runtime);
  return dtype == DType::F32
             ? roundTensor<float>(options, round, action->format,
                                  std::move(*array))
             : roundTensor<double>(options, round, action->format,
                                   std::move(*array));
}
