// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Encoding and decoding, family by family, in exact doubles.
#include "prec/Numerics/Codes.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir::prec;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double quietNaN = std::numeric_limits<double>::quiet_NaN();

uint64_t ones(unsigned bits) {
  return bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
}

/// A float's layout with its special codes.
struct FloatCodes {
  FloatCodes(const Format &format, Carrier carrier)
      : format(format), fraction(format.fractionBits),
        exponent(format.exponentBits) {
    if (format.family == Format::Family::Mantissa)
      exponent = int(layoutOf(carrier).exponentBits);
    bias = (1 << (exponent - 1)) - 1 + format.biasOffset;
    magnitude = ones(unsigned(exponent + fraction));
    sign = format.isSigned ? magnitude + 1 : 0;
    uint64_t lastExponent = magnitude ^ ones(unsigned(fraction));
    if (format.reservesLastExponent) {
      infinityCode = lastExponent;
      nanCode = lastExponent | (fraction ? uint64_t(1) << (fraction - 1) : 0);
    } else {
      infinityCode = magnitude - !format.isSigned;
      nanCode = format.isSigned && !format.hasNegativeZero ? sign : magnitude;
    }
  }

  uint64_t encode(double number) const {
    if (std::isnan(number))
      return nanCode;
    uint64_t signOf = std::signbit(number) ? sign : 0;
    if (std::isinf(number))
      return signOf | infinityCode;
    number = std::fabs(number);
    if (number == 0)
      return signOf;
    int e = std::max(std::ilogb(number), 1 - bias);
    auto code = static_cast<uint64_t>(std::ldexp(number, fraction - e));
    // The implied bit carries into the exponent; subnormals lack both.
    return signOf | (code + (uint64_t(e + bias - 1) << fraction));
  }

  double decode(uint64_t code) const {
    bool isNegative = code & sign;
    uint64_t rest = code & magnitude;
    bool isNaN = rest == nanCode;
    if (format.reservesLastExponent)
      isNaN = rest > infinityCode;
    else if (format.isSigned && !format.hasNegativeZero)
      isNaN = code == nanCode;
    if (isNaN && format.nans == Format::NaNs::Yes)
      return quietNaN;
    double number = 0;
    if (rest == infinityCode && format.infinities == Format::Infinities::Yes) {
      number = infinity;
    } else {
      auto field = int(rest >> fraction);
      uint64_t low = rest & ones(unsigned(fraction));
      if (field > 0)
        low |= uint64_t(1) << fraction;
      number = std::ldexp(static_cast<double>(low),
                          std::max(field, 1) - bias - fraction);
    }
    return isNegative ? -number : number;
  }

  const Format &format;
  int fraction, exponent, bias = 0;
  uint64_t magnitude = 0, sign = 0, infinityCode = 0, nanCode = 0;
};

uint64_t encodePosit(double number, int width, int es) {
  if (std::isnan(number))
    return uint64_t(1) << (width - 1);
  double magnitude = std::fabs(number);
  if (magnitude == 0)
    return 0;
  int exponent = std::ilogb(magnitude);
  int regime = exponent >> es;
  uint64_t code = 0;
  int left = width - 1;
  auto put = [&](uint64_t bit) {
    if (left-- > 0)
      code = code << 1 | bit;
  };
  for (int i = 0, n = regime >= 0 ? regime + 1 : -regime; i < n; ++i)
    put(regime >= 0);
  put(regime < 0);
  for (int i = es - 1; i >= 0; --i)
    put((exponent >> i) & 1);
  double rest = std::ldexp(magnitude, -exponent) - 1;
  while (left > 0) {
    rest *= 2;
    put(rest >= 1);
    rest -= rest >= 1;
  }
  return (number < 0 ? 0 - code : code) & ones(unsigned(width));
}

/// Of a code or, for magnitudes, what is one modulo 2^width.
double decodePosit(uint64_t code, int width, int es) {
  uint64_t nar = uint64_t(1) << (width - 1);
  if (code == 0)
    return 0;
  if (code == nar)
    return quietNaN;
  if (code & nar)
    return -decodePosit(0 - code, width, es);
  // The bits after the sign, at the top of a word, zeros behind.
  uint64_t bits = code << (65 - width);
  bool isHigh = bits >> 63;
  int run = isHigh ? std::countl_one(bits) : std::countl_zero(bits);
  int regime = isHigh ? run - 1 : -run;
  bits <<= run + 1;
  int exponent = es ? int(bits >> (64 - es)) : 0;
  bits <<= es;
  double significand = 1 + std::ldexp(static_cast<double>(bits >> 11), -53);
  return std::ldexp(significand, regime * (1 << es) + exponent);
}
} // namespace

uint64_t mlir::prec::encode(double number, const Format &format,
                            Carrier carrier) {
  auto width = unsigned(format.width(carrier));
  switch (format.family) {
  case Format::Family::Fixed:
  case Format::Family::Integer: {
    // Of a whole number of steps, in any carrier, this is so near.
    double step = std::ldexp(format.scale, -format.fractionBits);
    int64_t code = std::llround(number / step) + format.zeroPoint;
    return static_cast<uint64_t>(code) & ones(width);
  }
  case Format::Family::Power: {
    if (number == 0)
      return 0;
    auto place = uint64_t(std::ilogb(number) - format.low + 1);
    return place | uint64_t(number < 0) << (width - 1);
  }
  case Format::Family::Posit:
    return encodePosit(number, int(width), format.exponentBits);
  case Format::Family::Sign:
    return number > 0;
  case Format::Family::Exponent:
    return std::isnan(number) ? 255 : uint64_t(std::ilogb(number) + 127);
  default:
    return FloatCodes(format, carrier).encode(number);
  }
}

double mlir::prec::decode(uint64_t code, const Format &format,
                          Carrier carrier) {
  auto width = unsigned(format.width(carrier));
  code &= ones(width);
  switch (format.family) {
  case Format::Family::Fixed:
  case Format::Family::Integer: {
    auto number = static_cast<int64_t>(code);
    if (format.low < 0 && code >> (width - 1))
      number -= int64_t(1) << width;
    number -= format.zeroPoint;
    if (carrier == Carrier::F32)
      return std::ldexp(static_cast<float>(number) *
                            static_cast<float>(format.scale),
                        -format.fractionBits);
    return std::ldexp(static_cast<double>(number) * format.scale,
                      -format.fractionBits);
  }
  case Format::Family::Power: {
    uint64_t place = code & ones(width - 1);
    if (place == 0)
      return 0;
    double number = std::ldexp(1.0, int(int64_t(place) - 1 + format.low));
    return code >> (width - 1) ? -number : number;
  }
  case Format::Family::Posit:
    return decodePosit(code, int(width), format.exponentBits);
  case Format::Family::Sign:
    return code ? 1 : -1;
  case Format::Family::Exponent:
    return code == 255 ? quietNaN : std::ldexp(1.0, int(code) - 127);
  default:
    return FloatCodes(format, carrier).decode(code);
  }
}

unsigned mlir::prec::bytesOfCode(const Format &format, Carrier carrier) {
  return std::bit_ceil(unsigned(format.width(carrier) + 7) / 8);
}

std::vector<uint8_t> mlir::prec::packCodes(std::span<const uint64_t> codes,
                                           unsigned width) {
  std::vector<uint8_t> bytes((codes.size() * width + 7) / 8);
  size_t at = 0;
  for (uint64_t code : codes)
    for (unsigned i = 0; i < width; ++i, ++at)
      bytes[at / 8] |= uint8_t((code >> i & 1) << (at % 8));
  return bytes;
}

std::vector<uint64_t> mlir::prec::unpackCodes(std::span<const uint8_t> bytes,
                                              unsigned width, size_t count) {
  std::vector<uint64_t> codes(count);
  size_t at = 0;
  for (uint64_t &code : codes)
    for (unsigned i = 0; i < width; ++i, ++at)
      code |= uint64_t(bytes[at / 8] >> (at % 8) & 1) << i;
  return codes;
}
