// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values on which rounding can go wrong, and a plain generator of random words.
#ifndef PREC_TEST_NUMERICS_INPUTS_H
#define PREC_TEST_NUMERICS_INPUTS_H

#include "prec/Numerics/RoundParameters.h"

#include "Oracle.h"

#include <ostream>
#include <vector>

namespace mlir::prec::oracle {

/// Marsaglia's xorshift64*: nothing of the product's.
class Words {
public:
  explicit Words(uint64_t seed) : state(seed * 2 + 1) {}
  uint64_t operator()() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1d;
  }

private:
  uint64_t state;
};

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
template <class T> BitsOf<T> bitsOf(T x) { return std::bit_cast<BitsOf<T>>(x); }
template <class T> T fromBits(BitsOf<T> bits) { return std::bit_cast<T>(bits); }

/// All modes but nearest-even; with few and with many random bits.
inline constexpr const char *otherModes[] = {"toward-zero",
                                             "up",
                                             "down",
                                             "away",
                                             "to-odd",
                                             "nearest-away",
                                             "nearest-to-zero",
                                             "stochastic",
                                             "stochastic<1>",
                                             "stochastic<7>",
                                             "stochastic<22>",
                                             "stochastic-equal"};

/// Both zeros, infinities, quiet and signalling NaNs of both signs, the
/// carrier's subnormal borders and largest numbers.
template <class T> std::vector<T> specials() {
  using Bits = BitsOf<T>;
  using Limits = std::numeric_limits<T>;
  Bits infinity = bitsOf(Limits::infinity());
  std::vector<T> values;
  for (Bits bits :
       {Bits(0), Bits(1), Bits(2), Bits(3), Bits(bitsOf(Limits::min()) - 1),
        bitsOf(Limits::min()), Bits(bitsOf(Limits::min()) + 1),
        Bits(bitsOf(Limits::max()) - 1), bitsOf(Limits::max()), infinity,
        Bits(infinity + 1), bitsOf(Limits::quiet_NaN()),
        Bits(bitsOf(Limits::quiet_NaN()) + 1), Bits(~Bits(0) >> 1)}) {
    values.push_back(fromBits<T>(bits));
    values.push_back(-fromBits<T>(bits));
  }
  return values;
}

/// Appends x, its two carrier neighbours, and their negatives.
template <class T> void around(std::vector<T> &values, double x) {
  T value = static_cast<T>(x);
  for (T y : {value, std::nextafter(value, T(0)),
              std::nextafter(value, std::numeric_limits<T>::infinity())}) {
    values.push_back(y);
    values.push_back(-y);
  }
}

/// Representable numbers, midpoints and quarter points of one format with their
/// neighbours: at both ends of its range, around its quantum and in between.
template <class T>
std::vector<T> borders(const Ieee &format, Words &words, unsigned count) {
  std::vector<T> values = specials<T>();
  double quantum = format.quantum(), largest = format.largest();
  double lastStep = std::ldexp(1.0, format.greatest - format.fraction);
  for (double units : {0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 3.5})
    around(values, units * quantum);
  for (double units : {0.0, 0.25, 0.5, 0.75, 1.0, 2.0})
    around(values, largest + units * lastStep);
  around(values, std::ldexp(1.0, format.least));
  around(values, std::ldexp(1.0, format.least) - quantum / 2);
  for (unsigned i = 0; i < count; ++i) {
    // A random code's number, plus 0, 1/4, 1/2 or 3/4 of a step.
    int exponent =
        format.least +
        static_cast<int>(words() % (format.greatest - format.least + 1));
    double step = std::ldexp(1.0, exponent - format.fraction);
    uint64_t kept = words() & ((uint64_t(1) << format.fraction) - 1);
    if (words() % 4) // normal, else below the least normal number
      kept += uint64_t(1) << format.fraction;
    else
      step = quantum;
    around(values, static_cast<double>(kept) * step +
                       static_cast<double>(words() % 4) / 4 * step);
  }
  return values;
}

/// Every binade of the carrier with random and with extreme fractions.
template <class T>
std::vector<T> everyBinade(Words &words, unsigned perBinade, unsigned stride) {
  using Bits = BitsOf<T>;
  constexpr unsigned fraction = std::numeric_limits<T>::digits - 1;
  const Bits last = bitsOf(std::numeric_limits<T>::infinity()) >> fraction;
  const Bits mask = (Bits(1) << fraction) - 1;
  std::vector<T> values;
  for (Bits exponent = words() % stride; exponent <= last; exponent += stride)
    for (unsigned i = 0; i < perBinade; ++i) {
      Bits bits = words();
      if (i % 4 == 1)
        bits |= mask >> (words() % fraction); // a run of ones
      if (i % 4 == 2)
        bits &= ~(mask >> (words() % fraction)); // a run of zeros
      Bits sign = Bits(words() & 1) << (sizeof(T) * 8 - 1);
      values.push_back(
          fromBits<T>(sign | (exponent << fraction) | (bits & mask)));
    }
  return values;
}

/// The words that a caller gives for the numbers of a format's `?`.
template <class T>
std::vector<BitsOf<T>> wordsOf(const Format &format,
                               const std::vector<double> &numbers) {
  std::vector<BitsOf<T>> words;
  for (size_t i = 0; i < numbers.size(); ++i) {
    auto bits = std::bit_cast<uint64_t>(numbers[i]);
    if (format.runtimeNumbers()[i].isReal)
      words.insert(words.end(), {uint32_t(bits >> 32), uint32_t(bits)});
    else
      words.push_back(uint32_t(int32_t(numbers[i])));
  }
  return words;
}

/// A format by its text, and the numbers of its `?`, as test parameters.
struct FormatCase {
  const char *name;
  std::vector<int> numbers = {};

  RoundParameters<uint32_t> parameters() const {
    MachineOps<uint32_t> ops;
    const std::vector<uint32_t> words(numbers.begin(), numbers.end());
    return makeRoundParameters(ops, *Format::parse(name), Carrier::F32,
                               std::span<const uint32_t>(words));
  }
};
inline std::ostream &operator<<(std::ostream &out, const FormatCase &c) {
  out << c.name;
  for (int number : c.numbers)
    out << " " << number;
  return out;
}

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_INPUTS_H
