// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arrays as files hold them and compiled code takes them.
//
// A Tensor is a dtype, a shape and a block of elements in row-major order
// without gaps, little-endian as the machine is, aligned to 64 bytes. It owns
// its block alone: it can be moved, and copied only by clone(). A shape without
// dimensions is a scalar (one element); a dimension of 0 is allowed.
#ifndef PREC_EXECUTION_TENSOR_H
#define PREC_EXECUTION_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace mlir::prec {

/// Element types. I1 takes one byte that is 0 or 1. F16 and BF16 are handled
/// as their bits (uint16_t).
enum class DType : uint8_t {
  F16,
  BF16,
  F32,
  F64,
  I1,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64
};

/// Bytes of one element.
size_t byteWidth(DType dtype);
/// "f32", "bf16", "i1", "u8", ...
llvm::StringRef toString(DType dtype);
/// The inverse of toString.
std::optional<DType> parseDType(llvm::StringRef word);
bool isFloat(DType dtype);
/// Whether code for `expected` may take `found`: equal, or integers of one
/// width, since MLIR's integers carry no sign.
bool isCompatible(DType found, DType expected);

/// The C++ type that spans of a dtype use.
template <typename T> struct DTypeOf;
template <> struct DTypeOf<float> {
  static constexpr DType value = DType::F32;
};
template <> struct DTypeOf<double> {
  static constexpr DType value = DType::F64;
};
template <> struct DTypeOf<int8_t> {
  static constexpr DType value = DType::I8;
};
template <> struct DTypeOf<int16_t> {
  static constexpr DType value = DType::I16;
};
template <> struct DTypeOf<int32_t> {
  static constexpr DType value = DType::I32;
};
template <> struct DTypeOf<int64_t> {
  static constexpr DType value = DType::I64;
};
template <> struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::U8;
};
template <> struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::U16;
};
template <> struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::U32;
};
template <> struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::U64;
};

/// Elements of a shape, or nothing if the product does not fit in 63 bits or a
/// dimension is negative.
std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

class Tensor {
public:
  /// An empty handle: F32, shape [0], no block.
  Tensor() = default;
  /// A tensor with any content. The shape must have a count (countElements).
  Tensor(DType dtype, llvm::ArrayRef<int64_t> shape);
  /// A tensor with these values.
  template <typename T>
  static Tensor of(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<T> values) {
    Tensor result(DTypeOf<T>::value, shape);
    assert(int64_t(values.size()) == result.size() && "one value per element");
    std::copy(values.begin(), values.end(), result.span<T>().begin());
    return result;
  }
  /// A scalar.
  template <typename T> static Tensor scalar(T value) {
    return of<T>({}, llvm::ArrayRef<T>(value));
  }
  /// Takes over a block of buffers::allocate.
  static Tensor adopt(DType dtype, llvm::ArrayRef<int64_t> shape, void *block,
                      void *data);
  /// Elements that somebody else owns and keeps while the tensor lives.
  static Tensor view(DType dtype, llvm::ArrayRef<int64_t> shape, void *data);

  Tensor(Tensor &&other) noexcept { swap(other); }
  Tensor &operator=(Tensor &&other) noexcept {
    swap(other);
    return *this;
  }
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;
  ~Tensor();

  Tensor clone() const;
  /// The same elements under another shape of the same count.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) &&;

  DType dtype() const { return type; }
  llvm::ArrayRef<int64_t> shape() const { return dims; }
  int64_t rank() const { return dims.size(); }
  /// Number of elements.
  int64_t size() const { return count; }
  size_t byteSize() const { return size_t(count) * byteWidth(type); }

  void *data() { return elements; }
  const void *data() const { return elements; }
  llvm::ArrayRef<uint8_t> bytes() const {
    return {static_cast<const uint8_t *>(elements), byteSize()};
  }
  llvm::MutableArrayRef<uint8_t> bytes() {
    return {static_cast<uint8_t *>(elements), byteSize()};
  }
  /// The elements as C++ numbers of the dtype's width.
  template <typename T> llvm::ArrayRef<T> span() const {
    assert(sizeof(T) == byteWidth(type) && "span of another width");
    return {static_cast<const T *>(elements), size_t(count)};
  }
  template <typename T> llvm::MutableArrayRef<T> span() {
    assert(sizeof(T) == byteWidth(type) && "span of another width");
    return {static_cast<T *>(elements), size_t(count)};
  }

  void swap(Tensor &other) noexcept;

private:
  DType type = DType::F32;
  llvm::SmallVector<int64_t, 4> dims = {0};
  int64_t count = 0;
  void *block = nullptr;    // what is released
  void *elements = nullptr; // the first element, inside the block
};

/// "tensor<2x?x4xf32>"; negative dimensions print as ?, the scalar as "f32".
std::string describe(DType dtype, llvm::ArrayRef<int64_t> shape);
inline std::string describe(const Tensor &tensor) {
  return describe(tensor.dtype(), tensor.shape());
}

} // namespace mlir::prec

#endif // PREC_EXECUTION_TENSOR_H
