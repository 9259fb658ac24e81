// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rounding algorithm on machine integers.
#include "prec/Numerics/Round.h"
#include "prec/Numerics/Rounding.h"

#include <limits>

using namespace mlir::prec;

template <class T>
Rounder<T>::Rounder(const Format &format, RoundingMode mode,
                    std::span<const Word> runtime)
    : parameters([&] {
        MachineOps<Word> ops;
        return makeRoundParameters(ops, format,
                                   sizeof(T) == 4 ? Carrier::F32 : Carrier::F64,
                                   runtime, mode.randomBits);
      }()),
      mode(mode) {}

template <class T> T Rounder<T>::operator()(T value, uint32_t random) const {
  MachineOps<Word> ops;
  return std::bit_cast<T>(roundWord(ops, std::bit_cast<Word>(value), parameters,
                                    mode, Word(random)));
}

double mlir::prec::outermost(const Format &format, Carrier carrier,
                             bool isLowest) {
  auto of = [&](auto limit) {
    return double(round(isLowest ? -limit : limit, format,
                        RoundingMode::Kind::TowardZero));
  };
  return carrier == Carrier::F32 ? of(std::numeric_limits<float>::max())
                                 : of(std::numeric_limits<double>::max());
}

template class mlir::prec::Rounder<float>;
template class mlir::prec::Rounder<double>;
