// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// R-TWICE beside IEEE's layout: in fixed point, integers, powers of two, posits
// and the rest, rounding the carrier's result is rounding MPFR's where
// exactThroughCarrier says so; where it does not, some operands show why.
#include "Inputs.h"
#include "Operations.h"
#include "prec/Numerics/Codes.h"
#include "prec/Numerics/DoubleRounding.h"
#include "prec/Numerics/Round.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
/// The operands are numbers of the carrier.
template <class T> T inCarrierOf(Operation operation, Operands<double> x) {
  return inCarrier<T>(operation, {T(x.a), T(x.b), T(x.c)});
}

/// MPFR's result, to odd in 53 bits: on the same side as the exact one of every
/// number and middle of a format with fewer than 51.
class Exact {
public:
  double operator()(Operation operation, Operands<double> x) {
    operationOf.setOperands(x);
    int inexact = operationOf.apply(operation, MPFR_RNDZ);
    double towardZero = mpfr_get_d(operationOf.result, MPFR_RNDZ);
    return fromBits<double>(bitsOf(towardZero) | uint64_t(inexact != 0));
  }

private:
  MpfrOperation operationOf{53};
};

/// All finite numbers of the format, by magnitude.
std::vector<double> numbersOf(const Format &format, Carrier carrier) {
  std::vector<double> numbers;
  for (uint64_t code = 0; code >> format.width(carrier) == 0; ++code)
    if (double number = decode(code, format, carrier);
        std::isfinite(number) &&
        round(number, format, RoundingMode()) == number)
      numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end(),
            [](double a, double b) { return std::fabs(a) < std::fabs(b); });
  return numbers;
}

/// Does one of the operands give another result than MPFR's? All of them if
/// they are few.
template <class T>
bool misses(Operation operation, const Format &format, RoundingMode mode,
            const std::vector<double> &numbers) {
  Words words{uint64_t(operation)};
  Exact exact;
  Rounder<T> round(format, mode);
  Rounder<double> wanted(format, mode);
  auto differs = [&](Operands<double> x) {
    if ((operation == Operation::Divide && x.b == 0) ||
        (operation == Operation::SquareRoot && x.a < 0))
      return false;
    const auto random = uint32_t(words());
    const double want = wanted(exact(operation, x), random);
    const auto got = double(round(inCarrierOf<T>(operation, x), random));
    return std::isnan(want) ? !std::isnan(got) : got != want;
  };
  const size_t size = numbers.size();
  if (size <= 256 && operation != Operation::FusedMultiplyAdd) {
    for (double a : numbers)
      for (double b : numbers)
        if (differs({a, b, 0}))
          return true;
    return false;
  }
  // One in eight is of the least or greatest, where few results are numbers.
  auto number = [&] {
    const size_t i = words() % size, end = words() % 16;
    return numbers[words() % 8   ? i
                   : words() & 1 ? end % size
                                 : size - 1 - end % size];
  };
  for (unsigned i = 0; i < 50000; ++i)
    if (differs({number(), number(), number()}))
      return true;
  return false;
}

/// A format, and the operations for which the predicate is only careful, or
/// 50000 operands too few.
struct Case {
  const char *name;
  std::vector<Operation> careful;
};
const Case cases[] = {
    {"fixed<4,12>", {Operation::SquareRoot}},
    {"fixed<4,8>", {Operation::SquareRoot}},
    {"fixed<6,7>", {Operation::Divide, Operation::SquareRoot}},
    {"int8", {}},
    {"uint4", {}},
    {"uint8<0.5,128>", {}},
    {"int12", {Operation::SquareRoot}},
    {"int13", {Operation::Divide, Operation::SquareRoot}},
    {"int18", {Operation::Divide, Operation::SquareRoot}},
    {"ternary", {}},
    {"int8-wrap", {Operation::Divide, Operation::SquareRoot}},
    {"uint4-wrap", {Operation::Divide, Operation::SquareRoot}},
    {"int14-wrap", {Operation::Divide, Operation::SquareRoot}},
    {"fixed<4,12>-wrap", {Operation::Divide, Operation::SquareRoot}},
    {"int11<2>-wrap", {Operation::Divide, Operation::SquareRoot}},
    {"pow2<-8,0>", {}},
    {"pow2<-75,0>", {Operation::FusedMultiplyAdd}},
    {"pow2<0,64>", {Operation::FusedMultiplyAdd}},
    {"pow2<-126,-120>", {Operation::FusedMultiplyAdd}},
    {"pow2<-126,127>", {Operation::FusedMultiplyAdd}},
    {"posit<8,0>", {}},
    {"posit<8,2>", {Operation::FusedMultiplyAdd}},
    {"posit<6,4>", {}},
    {"posit<8,4>", {}},
    {"posit<12,1>", {Operation::FusedMultiplyAdd}},
    {"posit<16,1>",
     {Operation::Add, Operation::Multiply, Operation::Divide,
      Operation::SquareRoot, Operation::FusedMultiplyAdd}},
    {"posit<16,3>", {}},
    {"binary", {}},
    {"f8e8m0fnu", {Operation::Add, Operation::FusedMultiplyAdd}},
    {"f8e8m0fnu-sat",
     {Operation::Add, Operation::Multiply, Operation::Divide,
      Operation::FusedMultiplyAdd}},
    {"e4m3-nosub", {Operation::FusedMultiplyAdd}},
    {"e8m5-ftz", {Operation::Multiply, Operation::Divide}},
    {"e8m3", {}},
    {"e7m2", {Operation::FusedMultiplyAdd}},
    {"e7m3", {Operation::FusedMultiplyAdd}},
    {"e7m3-sat", {Operation::FusedMultiplyAdd}},
    {"e7m3-ftz", {Operation::FusedMultiplyAdd}},
    {"f8e4m3fn", {Operation::FusedMultiplyAdd}},
    {"binary8p3se", {}},
    {"binary6p2ue", {Operation::Add, Operation::FusedMultiplyAdd}},
};

template <class T> void compare(const Case &c) {
  constexpr Carrier carrier = sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
  const Format format = *Format::parse(c.name);
  ASSERT_EQ(format.whyNotIn(carrier), "");
  const std::vector<double> numbers = numbersOf(format, carrier);
  for (Operation operation : operations)
    for (const RoundingMode::Row &row : RoundingMode::table()) {
      const bool isExact =
          exactThroughCarrier(operation, format, carrier, row.kind);
      const bool isMissed = misses<T>(operation, format, row.kind, numbers);
      const bool mayBeCareful =
          row.isStochastic || row.kind == RoundingMode::Kind::TowardZero ||
          std::count(c.careful.begin(), c.careful.end(), operation);
      if (isExact || !mayBeCareful)
        EXPECT_NE(isMissed, isExact)
            << c.name << " in " << nameOf(carrier) << ", operation "
            << int(operation) << ", " << row.word;
    }
}
} // namespace

TEST(DoubleRoundingFamilies, F32) {
  for (const Case &c : cases)
    compare<float>(c);
}
TEST(DoubleRoundingFamilies, F64) {
  for (const Case &c : cases)
    compare<double>(c);
}

// A product has twice the bits: f32 holds that of 12 bits, in every mode.
TEST(DoubleRoundingFamilies, HeldProducts) {
  for (const RoundingMode::Row &row : RoundingMode::table())
    EXPECT_TRUE(exactThroughCarrier(Operation::Multiply, Format::ieee(5, 11),
                                    Carrier::F32, row.kind));
  EXPECT_FALSE(exactThroughCarrier(Operation::Multiply, Format::ieee(5, 12),
                                   Carrier::F32,
                                   RoundingMode::Kind::Stochastic));
}

// Operands whose result f32 moves onto a border. In the first four the product
// of two whole numbers is one beside a multiple of half of the least quantum,
// in units of 2^-150: half of f32's.
TEST(DoubleRoundingFamilies, Missed) {
  using Kind = RoundingMode::Kind;
  const struct {
    const char *name;
    Operation operation;
    Kind kind;
    double a, b, c, unit;
  } rows[] = {
      // 2^15 + 1, 2^14 + 1, 3 * 2^13 - 1 and 2^12 + 1
      {"e8m8", Operation::Multiply, Kind::NearestEven, 99, 331, 0, 0x1p-75},
      {"e8m9", Operation::Multiply, Kind::NearestEven, 145, 113, 0, 0x1p-75},
      {"e8m10", Operation::Multiply, Kind::NearestEven, 25, 983, 0, 0x1p-75},
      {"e8m11", Operation::Multiply, Kind::NearestEven, 17, 241, 0, 0x1p-75},
      // One unit above a number, in more than 24 bits.
      {"uint13<1.52587890625e-05>", Operation::Multiply, Kind::Up, 5071, 4911,
       0, 0x1p-16},
      {"int13<0.000244140625,2000>", Operation::FusedMultiplyAdd, Kind::Up, 1,
       1, -5000, 0x1p-12},
      {"ufixed<1,11>-wrap", Operation::FusedMultiplyAdd, Kind::Up, 4095, 4095,
       4095, 0x1p-11},
      {"f8e4m3b11fnuz", Operation::FusedMultiplyAdd, Kind::Up, 1, 1, 0x1p17,
       0x1p-13},
      // Zero or infinite in f32, the least or the greatest number exactly.
      {"e8m11", Operation::Divide, Kind::Up, 0x1p-126, 0x1p100, 0, 1},
      {"e8m11", Operation::Divide, Kind::Away, -0x1p-126, 0x1p100, 0, 1},
      {"e8m11", Operation::Divide, Kind::ToOdd, 0x1p-126, 0x1p100, 0, 1},
      {"e8m11", Operation::Divide, Kind::TowardZero, 0x1p100, 0x1p-100, 0, 1},
      {"e8m11", Operation::Divide, Kind::Down, 0x1p100, 0x1p-100, 0, 1},
      {"e7m11", Operation::Divide, Kind::TowardZero, 0x1p63, 0x1p-65, 0, 1},
      {"e7m11", Operation::Divide, Kind::Up, 0x1p63, -0x1p-65, 0, 1},
      {"pow2<-75,0>", Operation::Multiply, Kind::Up, 1, 1, 0, 0x1p-75},
  };
  for (const auto &row : rows) {
    const Format format = *Format::parse(row.name);
    const Operands<double> x = {row.a * row.unit, row.b * row.unit,
                                row.c * row.unit};
    Rounder<double> exactly(format, row.kind);
    for (double operand : {x.a, x.b, x.c})
      ASSERT_EQ(exactly(operand), operand) << row.name;
    Rounder<float> twice(format, row.kind);
    EXPECT_NE(double(twice(inCarrierOf<float>(row.operation, x))),
              exactly(Exact()(row.operation, x)))
        << row.name;
    EXPECT_FALSE(
        exactThroughCarrier(row.operation, format, Carrier::F32, row.kind))
        << row.name;
  }
}

// Where f32 has exactly the room that is needed.
TEST(DoubleRoundingFamilies, Held) {
  auto isExact = [](Operation operation, const char *name,
                    RoundingMode::Kind kind) {
    return exactThroughCarrier(operation, *Format::parse(name), Carrier::F32,
                               kind);
  };
  for (const RoundingMode::Row &row : RoundingMode::table()) {
    // Products of powers of two are such, from 2^-124 to 2^126.
    EXPECT_TRUE(isExact(Operation::Multiply, "e7m0", row.kind)) << row.word;
    // Sums of numbers of 23 bits have 24.
    EXPECT_TRUE(isExact(Operation::Add, "fixed<1,22>-wrap", row.kind))
        << row.word;
  }
  // Quotients from 2^-40 to 2^40.
  EXPECT_TRUE(
      isExact(Operation::Divide, "pow2<-100,-60>", RoundingMode::Kind::Up));
  // Products of 8 bits have 16, and 2^16 - 1 = 3 * 5 * 17 * 257 is none: none
  // is one beside a multiple of 2^16 units of 2^-150.
  EXPECT_TRUE(
      isExact(Operation::Multiply, "e8m7", RoundingMode::Kind::NearestEven));
  // The only border below f32's normal numbers is 2^-127. What has 22 bits and
  // is beside it differs by 2^-148.
  for (const char *name : {"e8m8-ftz", "e8m10-ftz"})
    EXPECT_TRUE(
        isExact(Operation::Multiply, name, RoundingMode::Kind::NearestEven))
        << name;
  // Magnitudes up to 2044: 11 bits, of which f32 has two more than twice.
  EXPECT_TRUE(isExact(Operation::SquareRoot, "uint11<1,3>",
                      RoundingMode::Kind::NearestEven));
}

// The quotient of two whole numbers of 12 bits beside an odd multiple of half
// of e8m11's least number, 2^-138, differs from it by more than 2^-150, half of
// f32's least: n / d is one beside if n is.
TEST(DoubleRoundingFamilies, QuotientsBesideSubnormals) {
  const Format format = *Format::parse("e8m11");
  Exact exact;
  for (RoundingMode::Kind kind :
       {RoundingMode::Kind::NearestEven, RoundingMode::Kind::NearestAway,
        RoundingMode::Kind::NearestToZero}) {
    EXPECT_TRUE(
        exactThroughCarrier(Operation::Divide, format, Carrier::F32, kind));
    Rounder<float> twice(format, kind);
    Rounder<double> exactly(format, kind);
    unsigned failures = 0;
    for (int d = 1; d < 4096; ++d)
      for (int border = d; border < 4096; border += 2 * d)
        for (int n : {border - 1, border, border + 1}) {
          if (n == 4096)
            continue;
          const Operands<double> x = {n * 0x1p-130, d * 0x1p8, 0};
          failures += double(twice(inCarrierOf<float>(Operation::Divide, x))) !=
                      exactly(exact(Operation::Divide, x));
        }
    EXPECT_EQ(failures, 0u);
  }
}

// What is not known when compiling, and what is rounded by arrays.
TEST(DoubleRoundingFamilies, Unknown) {
  for (const char *name : {"m?", "e?m3", "fixed<?/8>", "int8<2^?>", "int8<3>",
                           "mxfp4", "int4<max>", "adaptivfloat<8,4>"})
    for (Operation operation : operations)
      EXPECT_FALSE(
          exactThroughCarrier(operation, *Format::parse(name), Carrier::F64))
          << name;
  EXPECT_FALSE(exactThroughCarrier(Operation::Add, *Format::parse("int30"),
                                   Carrier::F32)); // that is no carrier for it
}
