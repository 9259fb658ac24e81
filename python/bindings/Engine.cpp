// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A module compiled and called in Python's process. Arrays of any framework
// come and go by DLPack or the buffer protocol, without copies.
//
// Diagnostics with a place in the module go to standard error. Several threads
// may call one engine: the GIL is released while it compiles and runs.
#include "prec/Driver/Compile.h"
#include "prec/Driver/Run.h"
#include "prec/Policy/PolicyBuilder.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

namespace nb = nanobind;
using namespace mlir::prec;

namespace {
using Flags = std::vector<std::pair<std::string, std::string>>;
using Argument = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<nb::array_api>;

/// prec.engine.EngineError.
struct EngineError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void translate(const std::exception_ptr &thrown, void *) {
  try {
    std::rethrow_exception(thrown);
  } catch (const EngineError &error) {
    nb::object type = nb::module_::import_("prec.engine").attr("EngineError");
    PyErr_SetString(type.ptr(), error.what());
  }
}

/// The value, or its error as Python's.
template <class T> T get(llvm::Expected<T> value) {
  if (!value)
    throw EngineError(llvm::toString(value.takeError()));
  return std::move(*value);
}

nb::dlpack::dtype toDLPack(DType dtype) {
  using Code = nb::dlpack::dtype_code;
  Code code = dtype == DType::BF16 ? Code::Bfloat
              : dtype == DType::I1 ? Code::Bool
              : isFloat(dtype)     ? Code::Float
              : dtype >= DType::U8 ? Code::UInt
                                   : Code::Int;
  return {uint8_t(code), uint8_t(8 * byteWidth(dtype)), 1};
}

std::optional<DType> fromDLPack(nb::dlpack::dtype found) {
  for (uint8_t i = 0; i <= uint8_t(DType::U64); ++i)
    if (toDLPack(DType(i)) == found)
      return DType(i);
  return std::nullopt;
}

Function compileOnly(const std::string &text, const Flags &flags,
                     const std::string &name, unsigned threads, bool cache) {
  PolicyBuilder builder;
  for (const auto &[flag, value] : flags)
    if (llvm::Error failure = builder.apply(flag, value))
      throw EngineError(llvm::toString(std::move(failure)));
  Policy policy = get(builder.finish());
  Model model = get(Model::parse(text, name));
  CompileOptions options;
  options.engine.threads = threads;
  options.engine.useCache = cache;
  Timing timing;
  // The first error, for whom standard error does not reach.
  std::string first;
  mlir::ScopedDiagnosticHandler keep(
      model.module()->getContext(), [&](mlir::Diagnostic &diagnostic) {
        if (first.empty() &&
            diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          first = ": " + diagnostic.str();
        return mlir::failure();
      });
  llvm::Expected<Engine> engine =
      compile(model.module(), policy, std::move(options), timing);
  if (!engine)
    throw EngineError(llvm::toString(engine.takeError()) + first);
  std::vector<std::string> entries = engine->entryNames();
  if (entries.size() != 1)
    throw EngineError("found " + std::to_string(entries.size()) +
                      " public functions, expected one");
  Function function = get(engine->lookup(entries.front()));
  const Signature &signature = function.signature();
  for (auto [i, argument] : llvm::enumerate(signature.arguments))
    if (argument.kind == ValueKind::Memref)
      throw EngineError(describeArgument(signature, i) +
                        " is a memref, which a call writes, expected a tensor");
  return function;
}

/// [(dtype, sizes)], -1 where any is.
nb::list typesOf(const std::vector<ValueInfo> &values) {
  nb::list types;
  for (const ValueInfo &value : values) {
    nb::list sizes;
    for (int64_t size : value.shape)
      sizes.append(std::max<int64_t>(size, -1));
    types.append(nb::make_tuple(toString(value.dtype).str(), nb::tuple(sizes)));
  }
  return types;
}

/// An array that frees its elements with its last reference.
nb::object owned(Tensor made) {
  auto *kept = new Tensor(std::move(made));
  nb::capsule owner(kept, [](void *tensor) noexcept {
    delete static_cast<Tensor *>(tensor);
  });
  llvm::SmallVector<size_t> sizes(kept->shape());
  return nb::cast(Result(kept->data(), sizes.size(), sizes.data(), owner,
                         nullptr, toDLPack(kept->dtype()),
                         nb::device::cpu::value));
}

class CompiledModule {
public:
  CompiledModule(const std::string &text, const Flags &flags,
                 const std::string &name, unsigned threads, bool cache)
      : function(compileOnly(text, flags, name, threads, cache)) {}

  nb::list arguments() const { return typesOf(function.signature().arguments); }
  nb::list results() const { return typesOf(function.signature().results); }

  nb::list call(nb::sequence given, uint32_t step) const {
    const Signature &signature = function.signature();
    size_t count = nb::len(given);
    if (count != signature.arguments.size())
      throw EngineError("found " + std::to_string(count) +
                        " arguments, expected " +
                        std::to_string(signature.arguments.size()));
    std::vector<Argument> kept(count);
    std::vector<Tensor> views(count);
    std::vector<Tensor *> pointers(count);
    for (size_t i = 0; i < count; ++i) {
      views[i] = view(i, given[i], kept[i]);
      pointers[i] = &views[i];
    }
    llvm::Expected<std::vector<Tensor>> made = [&] {
      nb::gil_scoped_release release;
      return function.call(pointers, contextFor(function, step));
    }();
    nb::list results;
    for (Tensor &tensor : get(std::move(made)))
      results.append(owned(std::move(tensor)));
    return results;
  }

private:
  Function function;

  /// Argument i as it lies, which `kept` keeps there.
  Tensor view(size_t i, nb::handle given, Argument &kept) const {
    const Signature &signature = function.signature();
    std::string expected = ", expected " + describe(signature.arguments[i]) +
                           " in row-major order in the processor's memory";
    if (!nb::try_cast(given, kept, false))
      throw EngineError(describeArgument(signature, i) + " is " +
                        nb::repr(given.type()).c_str() +
                        " in another order or place, or no array" + expected);
    std::optional<DType> dtype = fromDLPack(kept.dtype());
    // NumPy has no bf16: its bits.
    DType declared = signature.arguments[i].dtype;
    if (declared == DType::BF16 && dtype == DType::U16)
      dtype = declared;
    if (!dtype)
      throw EngineError(describeArgument(signature, i) +
                        " has elements that nothing compiled has" + expected);
    llvm::ArrayRef shape(kept.shape_ptr(), kept.ndim());
    return Tensor::view(*dtype, shape, const_cast<void *>(kept.data()));
  }
};
} // namespace

NB_MODULE(_engine, module) {
  using namespace nb::literals;
  module.doc() = "The compiler and what it makes: use prec.engine.";
  nb::register_exception_translator(translate);
  // TorchDynamo's caches hold engines when Python ends.
  nb::set_leak_warnings(false);
  nb::class_<CompiledModule>(module, "Engine")
      .def(nb::init<const std::string &, const Flags &, const std::string &,
                    unsigned, bool>(),
           "text"_a, "flags"_a, "name"_a, "threads"_a, "cache"_a,
           nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("arguments", &CompiledModule::arguments)
      .def_prop_ro("results", &CompiledModule::results)
      .def("call", &CompiledModule::call, "arguments"_a, "step"_a = 0);
}
